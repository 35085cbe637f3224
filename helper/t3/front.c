/* front.c - see front.h. */
#include "t3/front.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "t3/listener.h"
#include "t3/pairing.h"

#define CONF_MAX_BYTES 65536
#define SECRET_MAX_BYTES 4096
#define ANSWER_MAX_BYTES (1U << 20)
#define MAX_HEADERS 4

void front_done(struct front *front)
{
	secret_done(&front->secret);
	*front = (struct front){ 0 };
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
	front_listen_read(conf, &front.at);
	if (secret_read(env->root_dirfd, FRONT_SECRET, SECRET_MAX_BYTES, &front.secret, NULL) == 0)
		front.secret.text[strcspn(front.secret.text, "\n")] = '\0';
	if (front.secret.text && !*front.secret.text)
		secret_done(&front.secret);
	*ret_front = front;
	return 0;
}

enum front_way front_way(const struct front *front)
{
	if (front->is_on && *front->at.address && front->secret.text)
		return FRONT_WAY_PORT;
	return front->is_on && *front->at.socket ? FRONT_WAY_SOCKET : FRONT_WAY_NONE;
}

const char *front_show(const struct front *front, enum front_way way,
		       char ret_shown[static FRONT_SHOWN_BYTES])
{
	static const char *const kinds[] = { [FRONT_WAY_NONE] = "no place",
					     [FRONT_WAY_PORT] = "address ",
					     [FRONT_WAY_SOCKET] = "socket " };

	(void)snprintf(ret_shown, FRONT_SHOWN_BYTES, "%s%s", kinds[way],
		       way == FRONT_WAY_PORT	 ? front->at.address
		       : way == FRONT_WAY_SOCKET ? front->at.socket
						 : "");
	return ret_shown;
}

void front_aim(const struct front *front, enum front_way way, const char *path,
	       char ret_url[static FRONT_URL_BYTES], struct fetch_request *request)
{
	(void)snprintf(ret_url, FRONT_URL_BYTES, "http://%s%s",
		       way == FRONT_WAY_PORT ? front->at.address : "localhost", path);
	request->url = ret_url;
	request->protocols = FETCH_HTTP;
	request->unix_socket = way == FRONT_WAY_SOCKET ? front->at.socket : NULL;
}

static int look(const struct front *front, enum front_way way, uid_t uid,
		enum listener *ret_listener, struct dv_error *err)
{
	const char *address = front->at.address;
	uint64_t port = 0;

	if (way == FRONT_WAY_SOCKET)
		return listener_look_socket(front->at.socket, uid, ret_listener, err);
	if (!*address || str_to_uint(strrchr(address, ':') + 1, UINT16_MAX, &port) < 0)
		return dv_refuse(err, -EINVAL, "the front door has no address to ask");
	return *address == '[' ? listener_look_six((uint16_t)port, uid, ret_listener, err)
			       : listener_look((uint16_t)port, uid, ret_listener, err);
}

int front_require(const struct front *front, enum front_way way, struct dv_error *err)
{
	enum listener listener = LISTENER_UNSET;
	char shown[FRONT_SHOWN_BYTES];
	int r = look(front, way, 0, &listener, err);

	if (r == 0 && listener == LISTENER_FOREIGN)
		r = look(front, way, geteuid(), &listener, err);
	if (r < 0)
		return r;
	return listener == LISTENER_OWN
		       ? 0
		       : dv_refuse(err, -ECONNREFUSED,
				   "%s at the front door's %s: systemctl status nginx",
				   listener == LISTENER_NONE ? "nobody listens"
							     : "somebody else than root listens",
				   front_show(front, way, shown));
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
	const enum front_way way = front_way(front);
	char url[FRONT_URL_BYTES];
	struct fetch_request request = { .max_bytes = ANSWER_MAX_BYTES,
					 .deadline_ms = deadline_ms,
					 .headers = headers };
	int r = add_header(&request, headers, "X-Authentik-Username", identity);

	front_aim(front, way, path, url, &request);
	if (r == 0 && way == FRONT_WAY_PORT)
		r = add_header(&request, headers, "X-Devvm-Proxy-Secret", front->secret.text);
	if (r == 0)
		r = add_header(&request, headers, header, value);
	if (r < 0)
		r = dv_fail(err, r, "ask the front door");
	if (r == 0)
		r = front_require(front, way, err);
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
	int r = front_way(front) == FRONT_WAY_NONE
			? dv_refuse(err, -EOPNOTSUPP, "the front door believes nobody from here")
			: ask(front, identity, "/", "Sec-Fetch-Dest", "document", deadline_ms,
			      &page, err);

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
