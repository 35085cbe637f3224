/* web.c - see web.h; https://curl.se/libcurl/c/. */
#include "agent/web.h"

#include <curl/curl.h>

#include "base/clock.h"

#define CONNECT_MS 10000L

struct web_body {
	struct secret text;
	size_t n_room, max_bytes;
	bool is_too_large;
};

static void curl_cleanup(CURL **curl)
{
	if (*curl)
		curl_easy_cleanup(*curl);
}

static void headers_cleanup(struct curl_slist **headers)
{
	for (struct curl_slist *item = *headers; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	curl_slist_free_all(*headers);
}

static void body_cleanup(struct web_body *body)
{
	secret_done(&body->text);
}

/* libcurl's: anything but n * size ends the transfer. */
static size_t on_data(char *data, size_t size, size_t n, void *context)
{
	struct web_body *body = context;
	size_t n_bytes = size * n, n_wanted = body->text.n_bytes + n_bytes;

	if (n_wanted > body->max_bytes) {
		body->is_too_large = true;
		return 0;
	}
	if (n_wanted + 1 > body->n_room) {
		size_t n_room = 2 * n_wanted + 4096;
		char *grown = realloc(body->text.text, n_room);

		if (!grown)
			return 0;
		body->text.text = grown;
		body->n_room = n_room;
	}
	memcpy(body->text.text + body->text.n_bytes, data, n_bytes);
	body->text.n_bytes = n_wanted;
	body->text.text[n_wanted] = '\0';
	return n_bytes;
}

static int make_headers(const struct secret *bearer, struct curl_slist **ret_headers)
{
	static const char begin[] = "Authorization: Bearer ";
	DV_AUTO_SECRET struct secret line = { .n_bytes = sizeof(begin) + bearer->n_bytes };
	struct curl_slist *headers;

	line.text = malloc(line.n_bytes);
	if (!line.text)
		return -ENOMEM;
	(void)snprintf(line.text, line.n_bytes, "%s%s", begin, bearer->text);
	headers = curl_slist_append(NULL, line.text);
	if (!headers)
		return -ENOMEM;
	*ret_headers = headers;
	return 0;
}

static int set_up(CURL *curl, const char *url, const struct curl_slist *headers,
		  int64_t deadline_ms, struct web_body *body)
{
	long left_ms = clock_left_ms(deadline_ms);
	CURLcode bad = curl_easy_setopt(curl, CURLOPT_URL, url);

	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* 0 would be no limit. */
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, left_ms > 0 ? left_ms : 1L);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	return bad == CURLE_OK ? 0 : -EINVAL;
}

int web_get(const char *url, const struct secret *bearer, size_t max_bytes, int64_t deadline_ms,
	    struct secret *ret_body, struct dv_error *err)
{
	DV_CLEANUP(curl_cleanup) CURL *curl = curl_easy_init();
	DV_CLEANUP(headers_cleanup) struct curl_slist *headers = NULL;
	DV_CLEANUP(body_cleanup) struct web_body body = { .max_bytes = max_bytes };
	long status = 0;
	CURLcode code;

	if (!curl || make_headers(bearer, &headers) < 0)
		return dv_fail(err, -ENOMEM, "ask %s", url);
	if (set_up(curl, url, headers, deadline_ms, &body) < 0)
		return dv_refuse(err, -EINVAL, "%s is no address libcurl knows", url);
	code = curl_easy_perform(curl);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (body.is_too_large)
		return dv_refuse(err, -EFBIG, "%s answers more than %zu bytes", url, max_bytes);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return dv_refuse(err, -ETIMEDOUT, "%s does not answer in time", url);
	if (code != CURLE_OK)
		return dv_refuse(err, -EIO, "%s: %s", url, curl_easy_strerror(code));
	if (status >= 300 && status < 400)
		return dv_refuse(
			err, -ENODATA,
			"%s answers %ld and points elsewhere; the token is not sent on: name "
			"the final address in /etc/devvm/devvm.yaml",
			url, status);
	if (status != 200)
		return dv_refuse(err, -ENODATA, "%s answers %ld", url, status);
	*ret_body = body.text;
	body.text = (struct secret){ 0 }; /* handed over */
	return 0;
}
