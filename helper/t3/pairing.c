/* pairing.c - see pairing.h. */
#include "t3/pairing.h"

#include <jansson.h>
#include <strings.h>

#include "fetch/fetch.h"

#define MAX_BODY_BYTES 65536
#define URL_BYTES 96

static const char *const EXCHANGES[] = { "/api/auth/browser-session", "/api/auth/bootstrap" };

static int ask(const struct t3_server *server, const char *path, const struct secret *header,
	       const struct secret *post, int64_t deadline_ms, struct fetch_answer *ret_answer,
	       struct dv_error *err)
{
	char url[URL_BYTES];
	struct fetch_request request = { .url = url,
					 .protocols = FETCH_HTTP,
					 .max_bytes = MAX_BODY_BYTES,
					 .deadline_ms = deadline_ms,
					 .headers = header,
					 .n_headers = header ? 1 : 0,
					 .post = post };
	int r = server->may_ask ? server->may_ask(server->context, err) : 0;

	if (r < 0)
		return r;
	(void)snprintf(url, sizeof(url), "http://%s:%u%s", server->host, server->port, path);
	return fetch_memory(&request, ret_answer, err);
}

static json_t *body_of(const struct fetch_answer *answer)
{
	return answer->body.text ? json_loadb(answer->body.text, answer->body.n_bytes, 0, NULL)
				 : NULL;
}

static bool is_printable(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~')
			return false;
	}
	return true;
}

int t3_ask_version(const struct t3_server *server, int64_t deadline_ms,
		   char ret_version[static T3_VERSION_SAID_BYTES], struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	const char *said;
	json_t *body;
	int r = ask(server, "/.well-known/t3/environment", NULL, NULL, deadline_ms, &answer, err);

	if (r < 0)
		return r;
	body = body_of(&answer);
	said = json_string_value(json_object_get(body, "serverVersion"));
	(void)snprintf(ret_version, T3_VERSION_SAID_BYTES, "%.64s",
		       answer.status == 200 && said && is_printable(said) ? said : "");
	json_decref(body);
	return 0;
}

enum t3_session t3_read_session(const char *body, size_t n_bytes)
{
	json_t *root = body ? json_loadb(body, n_bytes, 0, NULL) : NULL;
	const json_t *said = json_object_get(root, "authenticated");
	enum t3_session session = json_is_true(said)	? T3_SESSION_ALIVE
				  : json_is_false(said) ? T3_SESSION_DEAD
							: T3_SESSION_UNSET;

	json_decref(root);
	return session;
}

int t3_ask_session(const struct t3_server *server, const char *cookies, int64_t deadline_ms,
		   enum t3_session *ret_session, struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	DV_AUTO_SECRET struct secret header = { 0 };
	int n = asprintf(&header.text, "Cookie: %s", cookies);
	int r;

	if (n < 0) {
		header.text = NULL;
		return dv_fail(err, -ENOMEM, "ask for the session");
	}
	header.n_bytes = (size_t)n;
	r = ask(server, T3_SESSION_PATH, &header, NULL, deadline_ms, &answer, err);
	if (r == 0)
		*ret_session = t3_read_session(answer.body.text, answer.body.n_bytes);
	return r;
}

static int write_credential(const char *credential, struct secret *ret_post)
{
	json_t *body = json_pack("{s:s}", "credential", credential);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	if (!text)
		return -ENOMEM;
	*ret_post = (struct secret){ .text = text, .n_bytes = strlen(text) };
	return 0;
}

static int take_cookies(const struct fetch_answer *answer, struct str_list *ret_cookies)
{
	static const char name[] = "set-cookie:";

	for (size_t i = 0; i < answer->headers.n_items; i++) {
		const char *line = answer->headers.items[i];

		if (strncasecmp(line, name, strlen(name)) != 0)
			continue;
		line += strlen(name);
		if (str_list_add(ret_cookies, line + strspn(line, " \t")) < 0)
			return -ENOMEM;
	}
	return 0;
}

int t3_exchange(const struct t3_server *server, const char *credential, int64_t deadline_ms,
		struct str_list *ret_cookies, const char **ret_path, bool *ret_fallback,
		struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	DV_AUTO_SECRET struct secret post = { 0 };
	size_t at = 0;
	int r = write_credential(credential, &post);

	if (r < 0)
		return dv_fail(err, r, "write the credential");
	for (;; at++) {
		r = ask(server, EXCHANGES[at], NULL, &post, deadline_ms, &answer, err);
		if (r < 0 || answer.status != 404 || at + 1 == DV_COUNT(EXCHANGES))
			break;
		fetch_answer_done(&answer);
		answer = (struct fetch_answer){ 0 };
	}
	if (r < 0)
		return r;
	if (answer.status != 200)
		return dv_refuse(err, -EACCES, "their server answered %u to a new credential (%s)",
				 answer.status, EXCHANGES[at]);
	if (take_cookies(&answer, ret_cookies) < 0)
		return dv_fail(err, -ENOMEM, "keep the cookies");
	if (ret_cookies->n_items == 0)
		return dv_refuse(err, -EBADMSG, "their server gave no cookie (%s)", EXCHANGES[at]);
	*ret_path = EXCHANGES[at];
	*ret_fallback = at > 0;
	return 0;
}

int t3_cookie_header(const struct str_list *set_cookies, struct secret *ret_cookies,
		     struct dv_error *err)
{
	DV_AUTO_SECRET struct secret made = { 0 };
	size_t n_room = 1;

	for (size_t i = 0; i < set_cookies->n_items; i++)
		n_room += strlen(set_cookies->items[i]) + 2;
	made.text = calloc(1, n_room);
	if (!made.text)
		return dv_fail(err, -ENOMEM, "keep the cookies");
	for (size_t i = 0; i < set_cookies->n_items; i++) {
		const char *line = set_cookies->items[i];
		size_t n_pair = strcspn(line, ";");

		if (strcspn(line, "=") == 0 || strcspn(line, "=") >= n_pair)
			return dv_refuse(err, -EBADMSG,
					 "their server gave a cookie without a name");
		made.n_bytes += (size_t)snprintf(made.text + made.n_bytes, n_room - made.n_bytes,
						 "%s%.*s", i > 0 ? "; " : "", (int)n_pair, line);
	}
	*ret_cookies = made;
	made = (struct secret){ 0 };
	return 0;
}
