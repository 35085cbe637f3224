/* fetch.c - see fetch.h. */
#include "fetch/fetch.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/digest.h"
#include "fetch/curl.h"

#define CONNECT_MS 10000L
#define LOW_SPEED_BYTES 1000L
#define LOW_SPEED_S 30L
#define MAX_HEADER_LINES 256
#define FIRST_ROOM 16384 /* of a body in memory */

/* A transfer under way. A callback that ends it leaves its sentence in `failure`. */
struct transfer {
	const struct fetch_request *request;
	const struct curl_library *library;
	CURL *curl;
	struct curl_slist *headers;
	char words[CURL_ERROR_SIZE];
	char shown[FETCH_SHOWN_BYTES];

	uint64_t n_bytes;
	int failure; /* -errno of our own, 0 when libcurl's words are all there is */
	struct dv_error failure_err;

	int fd; /* of fetch_file(), borrowed; -1 otherwise */
	struct digest *digest;
	struct fetch_answer *answer; /* of fetch_memory(), borrowed */
	size_t n_room;
};

static void transfer_done(struct transfer *transfer)
{
	for (struct curl_slist *item = transfer->headers; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	if (transfer->library) {
		transfer->library->slist_free_all(transfer->headers);
		transfer->library->easy_cleanup(transfer->curl);
	}
	digest_free(&transfer->digest);
}

const char *fetch_show_url(const char *url, char ret_shown[static FETCH_SHOWN_BYTES])
{
	const char *scheme_end = strstr(url, "://");
	const char *host = scheme_end ? scheme_end + 3 : url;
	size_t n_path = strcspn(host, "?#");
	size_t n_authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', n_authority);
	int n_scheme = (int)(host - url);

	if (at) {
		n_path -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	(void)snprintf(ret_shown, FETCH_SHOWN_BYTES, "%.*s%.*s", n_scheme, url,
		       (int)(n_path < FETCH_SHOWN_BYTES ? n_path : FETCH_SHOWN_BYTES), host);
	for (char *c = ret_shown; *c; c++) {
		if (*c <= ' ' || *c > '~')
			*c = '?';
	}
	return ret_shown;
}

/* ---- what comes in -------------------------------------------------------------------- */

static int write_to_file(struct transfer *transfer, const char *data, size_t n_bytes)
{
	struct dv_error *err = &transfer->failure_err;
	int r = digest_add(transfer->digest, data, n_bytes, err);

	while (r == 0 && n_bytes > 0) {
		ssize_t n = write(transfer->fd, data, n_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail(err, -errno, "write what came");
		data += n;
		n_bytes -= (size_t)n;
	}
	return r;
}

/* realloc(3) could leave a copy of a secret behind. */
static int write_to_memory(struct transfer *transfer, const char *data, size_t n_bytes)
{
	struct secret *body = &transfer->answer->body;
	size_t n_wanted = body->n_bytes + n_bytes + 1;

	if (n_wanted > transfer->n_room) {
		size_t n_room = transfer->n_room * 2 > n_wanted ? transfer->n_room * 2 : n_wanted;
		char *grown = malloc(n_room < FIRST_ROOM ? FIRST_ROOM : n_room);

		if (!grown)
			return dv_fail(&transfer->failure_err, -ENOMEM, "keep what came");
		if (body->n_bytes > 0)
			memcpy(grown, body->text, body->n_bytes);
		n_wanted = body->n_bytes;
		secret_done(body);
		*body = (struct secret){ .text = grown, .n_bytes = n_wanted };
		transfer->n_room = n_room < FIRST_ROOM ? FIRST_ROOM : n_room;
	}
	memcpy(body->text + body->n_bytes, data, n_bytes);
	body->n_bytes += n_bytes;
	body->text[body->n_bytes] = '\0';
	return 0;
}

static size_t on_body(char *data, size_t size, size_t n_items, void *context)
{
	struct transfer *transfer = context;
	size_t n_bytes = size * n_items;
	uint64_t max_bytes = transfer->request->max_bytes;

	if (n_bytes > max_bytes - transfer->n_bytes)
		transfer->failure = dv_refuse(&transfer->failure_err, -EFBIG,
					      "it is larger than the %llu bytes allowed",
					      (unsigned long long)max_bytes);
	else if (transfer->fd >= 0)
		transfer->failure = write_to_file(transfer, data, n_bytes);
	else
		transfer->failure = write_to_memory(transfer, data, n_bytes);
	transfer->n_bytes += n_bytes;
	return transfer->failure < 0 ? CURL_WRITEFUNC_ERROR : n_bytes;
}

/* There may be the cookies of a session among them. */
static void wipe_headers(struct str_list *headers)
{
	for (size_t i = 0; i < headers->n_items; i++)
		explicit_bzero(headers->items[i], strlen(headers->items[i]));
	str_list_done(headers);
}

/* Called with one line each; a status line begins the headers of another answer. */
static size_t on_header(char *data, size_t size, size_t n_items, void *context)
{
	struct transfer *transfer = context;
	struct str_list *headers = &transfer->answer->headers;
	size_t n_bytes = size * n_items;
	size_t n_line = n_bytes;
	DV_AUTO_FREE char *line = NULL;

	while (n_line > 0 && (data[n_line - 1] == '\n' || data[n_line - 1] == '\r'))
		n_line--;
	if (n_line == 0 || headers->n_items >= MAX_HEADER_LINES)
		return n_bytes;
	line = strndup(data, n_line);
	if (line && str_starts_with(line, "HTTP/")) {
		wipe_headers(headers);
	} else if (!line || str_list_add(headers, line) < 0) {
		transfer->failure = dv_fail(&transfer->failure_err, -ENOMEM, "keep the headers");
		return 0;
	}
	explicit_bzero(line, strlen(line));
	return n_bytes;
}

/* ---- asking --------------------------------------------------------------------------- */

static const char *protocol_words(unsigned int protocols)
{
	static const char *const words[] = {
		[FETCH_HTTP] = "http",
		[FETCH_HTTPS] = "https",
		[FETCH_HTTP | FETCH_HTTPS] = "http,https",
		[FETCH_FILE] = "file",
		[FETCH_FILE | FETCH_HTTP] = "file,http",
		[FETCH_FILE | FETCH_HTTPS] = "file,https",
		[FETCH_FILE | FETCH_HTTP | FETCH_HTTPS] = "file,http,https",
	};

	return words[protocols];
}

static const struct {
	const char *beginning;
	unsigned int protocol;
} SCHEMES[] = {
	{ "http://", FETCH_HTTP },
	{ "https://", FETCH_HTTPS },
	{ "file:///", FETCH_FILE },
};

static int check_request(const struct transfer *transfer, struct dv_error *err)
{
	const struct fetch_request *request = transfer->request;

	assert(request->max_bytes > 0);
	assert(request->protocols > 0 &&
	       request->protocols <= (FETCH_HTTP | FETCH_HTTPS | FETCH_FILE));
	for (size_t i = 0; i < DV_COUNT(SCHEMES); i++) {
		if (strncasecmp(request->url, SCHEMES[i].beginning, strlen(SCHEMES[i].beginning)) ==
			    0 &&
		    request->protocols & SCHEMES[i].protocol)
			return 0;
	}
	return dv_refuse(err, -EPROTONOSUPPORT, "%s: only %s is allowed here", transfer->shown,
			 protocol_words(request->protocols));
}

static int set_headers(struct transfer *transfer)
{
	const struct fetch_request *request = transfer->request;

	for (size_t i = 0; i < request->n_headers + (request->post ? 1 : 0); i++) {
		const char *line = i < request->n_headers ? request->headers[i].text
							  : "Content-Type: application/json";
		struct curl_slist *longer;

		/* A second header, or a second request, in what was to be one value. */
		if (!line || strpbrk(line, "\r\n"))
			return -EINVAL;
		longer = transfer->library->slist_append(transfer->headers, line);
		if (!longer)
			return -ENOMEM;
		transfer->headers = longer;
	}
	return 0;
}

static const char *redirect_protocols(const struct fetch_request *request)
{
	bool is_https = strncasecmp(request->url, "https://", strlen("https://")) == 0;
	unsigned int allowed =
		request->protocols & (is_https ? FETCH_HTTPS : FETCH_HTTP | FETCH_HTTPS);

	return allowed ? protocol_words(allowed) : "https";
}

static CURLcode set_limits(const struct transfer *transfer)
{
	const struct fetch_request *request = transfer->request;
	__typeof__(transfer->library->easy_setopt) set = transfer->library->easy_setopt;
	CURL *curl = transfer->curl;
	long connect_ms = request->connect_ms ? (long)request->connect_ms : CONNECT_MS;
	bool has_speed = request->low_speed_s > 0;
	CURLcode code = set(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);

	if (code == CURLE_OK)
		code = set(curl, CURLOPT_TIMEOUT_MS, (long)clock_left_ms(request->deadline_ms));
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_LOW_SPEED_LIMIT,
			   has_speed ? (long)request->low_speed_bytes : LOW_SPEED_BYTES);
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_LOW_SPEED_TIME,
			   has_speed ? (long)request->low_speed_s : LOW_SPEED_S);
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)request->max_bytes);
	return code;
}

/* A proxy that the environment names is on the way to other machines, and hears nothing of this one. */
static bool is_here(const struct fetch_request *request)
{
	return request->unix_socket || str_starts_with(request->url, "http://127.0.0.1:") ||
	       str_starts_with(request->url, "http://[::1]:");
}

static CURLcode set_where(const struct transfer *transfer)
{
	const struct fetch_request *request = transfer->request;
	__typeof__(transfer->library->easy_setopt) set = transfer->library->easy_setopt;
	CURL *curl = transfer->curl;
	bool follows = request->max_redirects > 0 && request->n_headers == 0;
	CURLcode code = set(curl, CURLOPT_URL, request->url);

	if (code == CURLE_OK)
		code = set(curl, CURLOPT_PROTOCOLS_STR, protocol_words(request->protocols));
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_REDIR_PROTOCOLS_STR, redirect_protocols(request));
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_FOLLOWLOCATION, follows ? 1L : 0L);
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_MAXREDIRS, (long)request->max_redirects);
	if (code == CURLE_OK && is_here(request))
		code = set(curl, CURLOPT_PROXY, "");
	if (code == CURLE_OK && request->unix_socket)
		code = set(curl, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	if (code == CURLE_OK && request->ca_file)
		code = set(curl, CURLOPT_CAINFO, request->ca_file);
	if (code == CURLE_OK && request->post)
		code = set(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->post->n_bytes);
	if (code == CURLE_OK && request->post)
		code = set(curl, CURLOPT_POSTFIELDS,
			   request->post->text ? request->post->text : "");
	return code;
}

static CURLcode set_callbacks(struct transfer *transfer)
{
	__typeof__(transfer->library->easy_setopt) set = transfer->library->easy_setopt;
	CURL *curl = transfer->curl;
	CURLcode code = set(curl, CURLOPT_WRITEFUNCTION, on_body);

	if (code == CURLE_OK)
		code = set(curl, CURLOPT_WRITEDATA, transfer);
	if (code == CURLE_OK && transfer->answer)
		code = set(curl, CURLOPT_HEADERFUNCTION, on_header);
	if (code == CURLE_OK && transfer->answer)
		code = set(curl, CURLOPT_HEADERDATA, transfer);
	/* The page that comes with a 404 is no file: not a byte of it is written. */
	if (code == CURLE_OK && !transfer->answer)
		code = set(curl, CURLOPT_FAILONERROR, 1L);
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_ERRORBUFFER, transfer->words);
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_HTTPHEADER, transfer->headers);
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_USERAGENT, "devvm/" DEVVM_VERSION);
	/* No SIGALRM in a process that has signals of its own. */
	if (code == CURLE_OK)
		code = set(curl, CURLOPT_NOSIGNAL, 1L);
	return code;
}

static int explain(const struct transfer *transfer, CURLcode code, struct dv_error *err)
{
	const char *shown = transfer->shown;
	const char *words =
		*transfer->words ? transfer->words : transfer->library->easy_strerror(code);
	const struct fetch_request *request = transfer->request;
	long status = 0;

	(void)transfer->library->easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (transfer->failure < 0)
		return dv_refuse(err, transfer->failure, "%s: %s", shown,
				 transfer->failure_err.text);
	/* Few of libcurl's hundred codes have a sentence of their own. */
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return dv_refuse(err, -ENODATA, "%s: the server answered %ld", shown, status);
	if (code == CURLE_TOO_MANY_REDIRECTS)
		return dv_refuse(err, -ELOOP, "%s: more than %u redirects", shown,
				 request->max_redirects);
	if (code == CURLE_FILESIZE_EXCEEDED)
		return dv_refuse(err, -EFBIG, "%s: it is larger than the %llu bytes allowed", shown,
				 (unsigned long long)request->max_bytes);
	if (code == CURLE_PARTIAL_FILE)
		return dv_refuse(err, -EIO, "%s: it was cut off: %s", shown, words);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return dv_refuse(err, -ETIMEDOUT, "%s: it did not come in time: %s", shown, words);
	if (code == CURLE_FILE_COULDNT_READ_FILE)
		return dv_refuse(err, -ENOENT, "%s: there is no such file, or it cannot be read",
				 shown);
	return dv_refuse(err, -EIO, "%s: %s", shown, words);
}

static int transfer_run(struct transfer *transfer, struct dv_error *err)
{
	CURLcode code;
	int r;

	(void)fetch_show_url(transfer->request->url, transfer->shown);
	r = check_request(transfer, err);
	if (r < 0)
		return r;
	/* libcurl would take 0 for "no limit". */
	if (clock_left_ms(transfer->request->deadline_ms) == 0)
		return dv_refuse(err, -ETIMEDOUT, "%s: no time is left to ask", transfer->shown);
	r = curl_load(&transfer->library, err);
	if (r < 0)
		return dv_prefix(err, r, "%s", transfer->shown);
	transfer->curl = transfer->library->easy_init();
	r = transfer->curl ? set_headers(transfer) : -ENOMEM;
	if (r < 0)
		return dv_fail(err, r, "%s: prepare the request", transfer->shown);
	code = set_limits(transfer);
	if (code == CURLE_OK)
		code = set_where(transfer);
	if (code == CURLE_OK)
		code = set_callbacks(transfer);
	if (code == CURLE_OK)
		code = transfer->library->easy_perform(transfer->curl);
	return code == CURLE_OK ? 0 : explain(transfer, code, err);
}

static unsigned int status_of(const struct transfer *transfer)
{
	long status = 0;

	(void)transfer->library->easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	/* file:// has none. */
	return status ? (unsigned int)status : 200;
}

/* ---- a file --------------------------------------------------------------------------- */

static int check_whole(struct transfer *transfer, const struct fetch_target *target,
		       struct dv_error *err)
{
	char hex[DIGEST_HEX_BYTES];
	int r;

	if (status_of(transfer) != 200)
		return dv_refuse(err, -ENODATA, "%s: the server answered %u", transfer->shown,
				 status_of(transfer));
	r = digest_end(transfer->digest, hex, err);
	if (r == 0 && target->sha256 && strcmp(hex, target->sha256) != 0)
		return dv_refuse(err, -EBADMSG, "%s: its sha256 is %s, pinned is %s (%llu bytes)",
				 transfer->shown, hex, target->sha256,
				 (unsigned long long)transfer->n_bytes);
	return r;
}

static int fill(int fd, const struct fetch_request *request, const struct fetch_target *target,
		struct dv_error *err)
{
	DV_CLEANUP(transfer_done) struct transfer transfer = { .request = request, .fd = fd };
	int r = digest_new(&transfer.digest, err);

	if (r == 0)
		r = transfer_run(&transfer, err);
	if (r == 0)
		r = check_whole(&transfer, target, err);
	if (r == 0 && fchmod(fd, target->mode) < 0)
		r = dv_fail(err, -errno, "change the mode of %s", target->name);
	if (r == 0 && fsync(fd) < 0)
		r = dv_fail(err, -errno, "sync %s", target->name);
	return r;
}

int fetch_file(const struct fetch_request *request, const struct fetch_target *target,
	       struct dv_error *err)
{
	char temporary[FILE_TEMPORARY_BYTES];
	DV_AUTO_CLOSE int fd = file_create_temporary(target->dirfd, target->name, temporary, err);
	int r;

	if (fd < 0)
		return fd;
	r = fill(fd, request, target, err);
	if (r == 0 && renameat(target->dirfd, temporary, target->dirfd, target->name) < 0)
		r = dv_fail(err, -errno, "rename to %s", target->name);
	if (r < 0) {
		(void)unlinkat(target->dirfd, temporary, 0); /* the failure is the one to tell */
		return r;
	}
	return fsync(target->dirfd) < 0
		       ? dv_fail(err, -errno, "sync the folder of %s", target->name)
		       : 0;
}

/* ---- an answer ------------------------------------------------------------------------ */

void fetch_answer_done(struct fetch_answer *answer)
{
	secret_done(&answer->body);
	wipe_headers(&answer->headers);
	*answer = (struct fetch_answer){ 0 };
}

int fetch_memory(const struct fetch_request *request, struct fetch_answer *ret_answer,
		 struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	DV_CLEANUP(transfer_done)
	struct transfer transfer = { .request = request, .fd = -1, .answer = &answer };
	int r = transfer_run(&transfer, err);

	if (r == 0 && !answer.body.text)
		r = write_to_memory(&transfer, "", 0);
	if (r < 0)
		return r;
	answer.status = status_of(&transfer);
	*ret_answer = answer;
	answer = (struct fetch_answer){ 0 }; /* handed over */
	return 0;
}

const char *fetch_header(const struct fetch_answer *answer, const char *name)
{
	size_t n_name = strlen(name);

	for (size_t i = 0; i < answer->headers.n_items; i++) {
		const char *line = answer->headers.items[i];

		if (strncasecmp(line, name, n_name) == 0 && line[n_name] == ':')
			return line + n_name + 1 + strspn(line + n_name + 1, " \t");
	}
	return NULL;
}
