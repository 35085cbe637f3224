/* front.c - see front.h. */
#include "t3/front.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "fetch/fetch.h"
#include "t3/listener.h"
#include "t3/pairing.h"

#define CONF_MAX_BYTES 65536
#define SECRET "etc/devvm/door-secret"
#define SECRET_MAX_BYTES 4096
#define ANSWER_MAX_BYTES (1U << 20)
#define MAX_HEADERS 4

void front_done(struct front *front)
{
	secret_done(&front->secret);
	*front = (struct front){ 0 };
}

/* The first `listen` of an address and a port. */
static void find_address(char *conf, char ret_address[static FRONT_ADDRESS_BYTES])
{
	for (char *save = NULL, *line = strtok_r(conf, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		size_t n;

		line += strspn(line, " \t");
		if (strncmp(line, "listen", 6) != 0 || !strchr(" \t", line[6]))
			continue;
		line += 6 + strspn(line + 6, " \t");
		n = strcspn(line, " \t;");
		if (strncmp(line, "unix:", 5) == 0 || !memchr(line, ':', n) ||
		    n >= FRONT_ADDRESS_BYTES)
			continue;
		(void)snprintf(ret_address, FRONT_ADDRESS_BYTES, "%.*s", (int)n, line);
		return;
	}
}

int front_find(const struct env *env, struct front *ret_front, struct dv_error *err)
{
	DV_AUTO_FREE char *conf = NULL;
	/* It is a link to what the package brings. */
	DV_AUTO_CLOSE int fd = openat(env->root_dirfd, FRONT_CONF, FILE_READ_FLAGS & ~O_NOFOLLOW);
	struct front front = { .is_on = true };
	size_t n = 0;
	int r;

	*ret_front = (struct front){ 0 };
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return dv_fail(err, -errno, "open /" FRONT_CONF);
	r = file_read_fd(fd, FRONT_CONF, CONF_MAX_BYTES, &conf, &n, NULL, err);
	if (r < 0)
		return r;
	find_address(conf, front.address);
	if (secret_read(env->root_dirfd, SECRET, SECRET_MAX_BYTES, &front.secret, NULL) == 0)
		front.secret.text[strcspn(front.secret.text, "\n")] = '\0';
	*ret_front = front;
	return 0;
}

int front_require(const struct front *front, struct dv_error *err)
{
	const char *colon = strrchr(front->address, ':');
	enum listener listener = LISTENER_UNSET;
	uint64_t port = 0;
	int r;

	if (!colon || str_to_uint(colon + 1, UINT16_MAX, &port) < 0)
		return dv_refuse(err, -EINVAL, "the front door's address %s has no port",
				 front->address);
	r = listener_look((uint16_t)port, 0, &listener, err);
	if (r == 0 && listener == LISTENER_FOREIGN)
		r = listener_look((uint16_t)port, geteuid(), &listener, err);
	if (r < 0)
		return r;
	return listener == LISTENER_OWN
		       ? 0
		       : dv_refuse(err, -ECONNREFUSED,
				   "%s at the front door's address %s: systemctl status nginx",
				   listener == LISTENER_NONE ? "nobody listens"
							     : "somebody else than root listens",
				   front->address);
}

static int add_header(struct fetch_request *request, struct secret *headers, const char *name,
		      const char *value)
{
	struct secret *header = &headers[request->n_headers];
	int n = asprintf(&header->text, "%s: %s", name, value);

	if (n < 0) {
		header->text = NULL; /* asprintf(3): undefined then */
		return -ENOMEM;
	}
	header->n_bytes = (size_t)n;
	request->n_headers++;
	return 0;
}

static int ask(const struct front *front, const char *identity, const char *path,
	       const char *header, const char *value, int64_t deadline_ms,
	       struct fetch_answer *ret_answer, struct dv_error *err)
{
	struct secret headers[MAX_HEADERS] = { 0 };
	char url[FRONT_ADDRESS_BYTES + 64];
	struct fetch_request request = { .url = url,
					 .protocols = FETCH_HTTP,
					 .max_bytes = ANSWER_MAX_BYTES,
					 .deadline_ms = deadline_ms,
					 .headers = headers };
	int r = add_header(&request, headers, "X-Authentik-Username", identity);

	(void)snprintf(url, sizeof(url), "http://%s%s", front->address, path);
	if (r == 0 && front->secret.text)
		r = add_header(&request, headers, "X-Devvm-Proxy-Secret", front->secret.text);
	if (r == 0)
		r = add_header(&request, headers, header, value);
	if (r < 0)
		r = dv_fail(err, r, "ask the front door");
	if (r == 0)
		r = front_require(front, err);
	if (r == 0)
		r = fetch_memory(&request, ret_answer, err);
	for (size_t i = 0; i < request.n_headers; i++)
		secret_done(&headers[i]);
	return r;
}

static int take_cookies(const struct fetch_answer *answer, struct secret *ret_cookies,
			struct dv_error *err)
{
	static const char name[] = "set-cookie:";
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < answer->headers.n_items; i++) {
		const char *line = answer->headers.items[i];

		if (strncasecmp(line, name, sizeof(name) - 1) != 0)
			continue;
		line += sizeof(name) - 1;
		r = str_list_add(&cookies, line + strspn(line, " "));
	}
	if (r < 0)
		return dv_fail(err, r, "keep the cookies of the front door");
	r = t3_cookie_header(&cookies, ret_cookies, err);
	for (size_t i = 0; i < cookies.n_items; i++)
		explicit_bzero(cookies.items[i], strlen(cookies.items[i]));
	return r;
}

static bool is_authenticated(const struct fetch_answer *answer)
{
	json_t *body = answer->body.text
			       ? json_loadb(answer->body.text, answer->body.n_bytes, 0, NULL)
			       : NULL;
	bool is = json_is_true(json_object_get(body, "authenticated"));

	json_decref(body);
	return is;
}

int front_pair(const struct front *front, const char *identity, int64_t deadline_ms,
	       struct secret *ret_cookies, struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer page = { 0 };
	DV_AUTO_FETCH_ANSWER struct fetch_answer session = { 0 };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int r = ask(front, identity, "/", "Sec-Fetch-Dest", "document", deadline_ms, &page, err);

	if (r == 0 && page.status != 302)
		r = dv_refuse(err, -EACCES, "the front door answered %u instead of pairing",
			      page.status);
	if (r == 0)
		r = take_cookies(&page, &cookies, err);
	if (r == 0)
		r = ask(front, identity, "/api/auth/session", "Cookie", cookies.text, deadline_ms,
			&session, err);
	if (r == 0 && !is_authenticated(&session))
		r = dv_refuse(err, -EACCES,
			      "the front door paired, and behind it nobody is authenticated");
	if (r == 0)
		*ret_cookies = cookies;
	if (r == 0)
		cookies = (struct secret){ 0 }; /* handed over */
	return r;
}
