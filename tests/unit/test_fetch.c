/* test_fetch.c - downloads from a server in a child process: what arrives, what is refused,
 * and that nothing is left behind. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "fake_web.h"
#include "fetch/fetch.h"

#define OK_TEXT "hello, world\n"
#define OK_SHA256 "853ff93762a06ddbf722c4ebe9ddd66d8f63ddaea97f521c3ecc20da7c976020"
#define OK(extra) "HTTP/1.1 200 OK\r\n" extra "Content-Length: 13\r\n\r\n" OK_TEXT
#define MOVED(where) "HTTP/1.1 302 Found\r\nLocation: " where "\r\nContent-Length: 0\r\n\r\n"

static const struct fake_web_page PAGES[] = {
	{ "/ok", OK("X-Version: 3\r\n") },
	{ "/ok?token=s3cret", OK("") },
	{ "/500", "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nbad\n" },
	{ "/cookie", OK("Set-Cookie: t3_session=s3cret; Path=/\r\n") },
	{ "/empty", "HTTP/1.1 204 No Content\r\n\r\n" },
	{ "/truncated", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello" },
	{ "/chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
		     "8\r\n, world\n\r\n0\r\n\r\n" },
	{ "/chunks-cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" },
	{ "/until-closed", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" OK_TEXT },
	{ "/moved", MOVED("/ok") },
	{ "/loop", MOVED("/loop") },
	{ "/to-a-file", MOVED("file:///etc/hostname") },
	{ "/nonsense", "SSH-2.0-OpenSSH_9.2\r\n" },
	{ "/echo", FAKE_WEB_ECHO },
	{ "/hang", NULL },
	{ 0 },
};

/* What is wiped, instead of libc's. */
static size_t n_wiped_cookies;

void explicit_bzero(void *bytes, size_t n_bytes)
{
	const char *volatile was = bytes;

	n_wiped_cookies += n_bytes > 11 && memcmp(was, "Set-Cookie:", 11) == 0;
	memset(bytes, 0, n_bytes);
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

static struct fake_web web;
static struct dv_error err;

static struct fetch_request request_for(const char *url)
{
	err = (struct dv_error){ "" };
	return (struct fetch_request){ .url = url,
				       .protocols = FETCH_HTTP,
				       .max_bytes = 1000,
				       .deadline_ms = clock_deadline_ms(10000),
				       .max_redirects = 3 };
}

static int fetch_with(struct scratch *scratch, const char *path, const char *sha256,
		      struct fetch_request request)
{
	struct fetch_target target = { .dirfd = -1, .name = "got", .mode = 0555, .sha256 = sha256 };
	char url[160];
	int r;

	(void)snprintf(url, sizeof(url), "%s%s", *path == '/' ? web.url : "", path);
	request.url = url;
	target.dirfd = open(scratch->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(target.dirfd >= 0);
	r = fetch_file(&request, &target, &err);
	(void)close(target.dirfd);
	return r;
}

static int fetch(struct scratch *scratch, const char *path, const char *sha256)
{
	return fetch_with(scratch, path, sha256, request_for(NULL));
}

/* Refused, with these words, and the folder as it was. */
static void assert_refused(struct scratch *scratch, const char *path, int expected,
			   const char *words)
{
	DV_AUTO_FREE char *before = scratch_dump_tree(scratch);
	DV_AUTO_FREE char *after = NULL;

	assert_int_equal(fetch(scratch, path, OK_SHA256), expected);
	assert_contains(err.text, words);
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void a_file_arrives_whole(void **state)
{
	static const char *const paths[] = { "/ok", "/chunks", "/until-closed", "/moved" };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(paths); i++) {
		DV_AUTO_FREE char *dump = NULL;

		scratch_write(scratch, "got", "old", 0600);
		if (fetch(scratch, paths[i], OK_SHA256) != 0)
			fail_msg("%s", err.text);
		dump = scratch_dump_tree(scratch);
		assert_string_equal(dump, "./got 100555 13 <hello, world\\n>\n");
		assert_int_equal(unlinkat(scratch->env.root_dirfd, "got", 0), 0);
	}
	assert_int_equal(fetch(scratch, "/ok", NULL), 0);
}

static void what_is_wrong_leaves_nothing(void **state)
{
	struct scratch *scratch = *state;

	assert_refused(scratch, "/none", -ENODATA, "/none: the server answered 404");
	scratch_write(scratch, "got", "old", 0600);
	assert_refused(scratch, "/500", -ENODATA, "/500: the server answered 500");
	assert_refused(scratch, "/empty", -ENODATA, "/empty: the server answered 204");
	assert_refused(scratch, "/truncated", -EIO, "/truncated: it was cut off: ");
	assert_refused(scratch, "/chunks-cut", -EIO, "/chunks-cut: ");
	assert_refused(scratch, "/loop", -ELOOP, "/loop: more than 3 redirects");
	assert_refused(scratch, "/nonsense", -EIO, "/nonsense: ");
	assert_refused(scratch, "/to-a-file", -EIO, "/to-a-file: Protocol \"file\"");
	assert_refused(scratch, "https://127.0.0.1:1/x", -EPROTONOSUPPORT,
		       "https://127.0.0.1:1/x: only http is allowed here");
	assert_refused(scratch, "file:///etc/hostname", -EPROTONOSUPPORT, "only http is allowed");
	assert_refused(scratch, "ftp://127.0.0.1/x", -EPROTONOSUPPORT, "only http is allowed");
}

static void another_digest_is_named_with_the_pinned_one(void **state)
{
	static const char pinned[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	struct scratch *scratch = *state;

	assert_int_equal(fetch(scratch, "/ok", pinned), -EBADMSG);
	assert_contains(err.text,
			"/ok: its sha256 is " OK_SHA256
			", pinned is 00000000000000000000000000000000000000000000000000000000000000"
			"00 (13 bytes)");
	assert_false(scratch_has(scratch, "got"));
}

static void too_large_is_refused_told_or_not(void **state)
{
	static const char *const paths[] = { "/ok", "/chunks", "/until-closed" };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(paths); i++) {
		DV_AUTO_FREE char *dump = NULL;
		struct fetch_request request = request_for(NULL);

		request.max_bytes = 12;
		assert_int_equal(fetch_with(scratch, paths[i], NULL, request), -EFBIG);
		assert_contains(err.text, "it is larger than the 12 bytes allowed");
		dump = scratch_dump_tree(scratch);
		assert_string_equal(dump, "");
		request.max_bytes = 13;
		assert_int_equal(fetch_with(scratch, paths[i], NULL, request), 0);
		assert_int_equal(unlinkat(scratch->env.root_dirfd, "got", 0), 0);
	}
}

static void silence_ends_at_the_deadline(void **state)
{
	struct scratch *scratch = *state;
	struct fetch_request request = request_for(NULL);

	request.deadline_ms = clock_deadline_ms(100);
	assert_int_equal(fetch_with(scratch, "/hang", NULL, request), -ETIMEDOUT);
	assert_contains(err.text, "/hang: it did not come in time: ");
	assert_int_equal(fetch_with(scratch, "/ok", NULL, request), -ETIMEDOUT);
	assert_contains(err.text, "/ok: no time is left to ask");
	assert_false(scratch_has(scratch, "got"));
}

static void nobody_there_is_said(void **state)
{
	struct scratch *scratch = *state;
	char url[64];
	int fd = -1;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/x", fake_web_listen(&fd));
	assert_refused(scratch, url, -EIO, "/x: Failed to connect to 127.0.0.1 port ");
	(void)close(fd);
}

static void a_file_url_is_read_where_allowed(void **state)
{
	struct scratch *scratch = *state;
	struct fetch_request request = request_for(NULL);
	char url[160];

	scratch_write(scratch, "source", OK_TEXT, 0644);
	request.protocols = FETCH_HTTPS | FETCH_FILE;
	(void)snprintf(url, sizeof(url), "file://%s/source", scratch->folder);
	assert_int_equal(fetch_with(scratch, url, OK_SHA256, request), 0);
	assert_file(scratch, "got", OK_TEXT);
	(void)snprintf(url, sizeof(url), "file://%s/none", scratch->folder);
	assert_int_equal(fetch_with(scratch, url, OK_SHA256, request), -ENOENT);
	assert_contains(err.text, "/none: there is no such file");
}

static void ask(struct fetch_request request, const char *path, struct fetch_answer *ret_answer)
{
	char url[160];

	(void)snprintf(url, sizeof(url), "%s%s", web.url, path);
	request.url = url;
	if (fetch_memory(&request, ret_answer, &err) != 0)
		fail_msg("%s", err.text);
}

static void an_answer_of_any_status_is_one(void **state DV_UNUSED)
{
	static const struct {
		const char *path;
		unsigned int status;
		const char *body;
	} cases[] = {
		{ "/ok", 200, OK_TEXT },
		{ "/500", 500, "bad\n" },
		{ "/none", 404, "none" },
		{ "/empty", 204, "" },
	};

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };

		ask(request_for(NULL), cases[i].path, &answer);
		assert_int_equal(answer.status, cases[i].status);
		assert_string_equal(answer.body.text, cases[i].body);
		assert_int_equal(answer.body.n_bytes, strlen(cases[i].body));
		assert_true(str_equal(fetch_header(&answer, "x-version"), i == 0 ? "3" : NULL));
	}
}

static void headers_and_a_body_are_sent(void **state DV_UNUSED)
{
	const struct secret headers[] = { { .text = (char *)"X-Vault-Token: s3cret",
					    .n_bytes = 21 },
					  { .text = (char *)"X-Other: 1", .n_bytes = 10 } };
	const struct secret post = { .text = (char *)"{\"a\":1}", .n_bytes = 7 };
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	struct fetch_request request = request_for(NULL);

	request.headers = headers;
	request.n_headers = 2;
	request.post = &post;
	ask(request, "/echo", &answer);
	assert_contains(answer.body.text, "POST /echo HTTP/1.1\r\n");
	assert_contains(answer.body.text, "\r\nX-Vault-Token: s3cret\r\nX-Other: 1\r\n");
	assert_contains(answer.body.text, "\r\nContent-Type: application/json\r\n");
	assert_contains(answer.body.text, "\r\nContent-Length: 7\r\n");
}

static void a_session_is_wiped(void **state DV_UNUSED)
{
	struct fetch_answer answer = { 0 };
	struct fetch_request request = request_for(NULL);
	char url[160];

	(void)snprintf(url, sizeof(url), "%s/cookie", web.url);
	request.url = url;
	assert_int_equal(fetch_memory(&request, &answer, &err), 0);
	assert_string_equal(fetch_header(&answer, "Set-Cookie"), "t3_session=s3cret; Path=/");
	fetch_answer_done(&answer);
	/* The line as it came, and as it was kept. */
	assert_int_equal(n_wiped_cookies, 2);
}

static void a_secret_is_taken_nowhere_else(void **state DV_UNUSED)
{
	const struct secret header = { .text = (char *)"X-Vault-Token: s3cret", .n_bytes = 21 };
	const struct secret two = { .text = (char *)"X-A: 1\r\nX-B: 2", .n_bytes = 14 };
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	struct fetch_request request = request_for(NULL);

	request.headers = &header;
	request.n_headers = 1;
	ask(request, "/moved", &answer);
	assert_int_equal(answer.status, 302);
	assert_string_equal(fetch_header(&answer, "Location"), "/ok");

	request.headers = &two;
	request.url = web.url;
	assert_int_equal(fetch_memory(&request, &answer, &err), -EINVAL);
}

static void a_unix_socket_is_asked_whatever_the_url_names(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	struct fetch_request request = request_for("http://example.invalid/echo");
	struct fake_web behind;
	char path[100];
	int r;

	(void)snprintf(path, sizeof(path), "%s/web.sock", scratch->folder);
	request.unix_socket = path;
	assert_int_equal(fetch_memory(&request, &answer, &err), -EIO);
	assert_contains(err.text, "http://example.invalid/echo: ");
	assert_true(fake_web_start_at(&behind, path, PAGES));
	r = fetch_memory(&request, &answer, &err);
	fake_web_stop(&behind);
	if (r < 0)
		fail_msg("%s", err.text);
	assert_int_equal(answer.status, 200);
	assert_contains(answer.body.text, "GET /echo HTTP/1.1");
	assert_contains(answer.body.text, "Host: example.invalid");
}

static void no_proxy_hears_what_is_asked_of_this_machine(void **state DV_UNUSED)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	struct fetch_request request = request_for("http://example.invalid/echo");

	(void)unsetenv("no_proxy");
	(void)setenv("http_proxy", web.url, 1);
	ask(request, "/echo", &answer);
	assert_contains(answer.body.text, "GET /echo HTTP/1.1\r\n");
	fetch_answer_done(&answer);
	assert_int_equal(fetch_memory(&request, &answer, &err), 0);
	assert_int_equal(answer.status, 404); /* of the proxy, for another machine */
	(void)unsetenv("http_proxy");
	(void)setenv("no_proxy", "*", 1);
}

static void urls_are_shown_without_secrets(void **state)
{
	static const struct {
		const char *url, *shown;
	} cases[] = {
		{ "https://example.org/a/b", "https://example.org/a/b" },
		{ "https://me:pass@example.org/a@b", "https://example.org/a@b" },
		{ "https://me:p/w@example.org/", "https://me:p/w@example.org/" },
		{ "https://example.org/a?token=1#x", "https://example.org/a" },
		{ "https://u@example.org?a@b", "https://example.org" },
		{ "https://example.org/a\nb\033", "https://example.org/a?b?" },
		{ "nonsense", "nonsense" },
	};
	struct scratch *scratch = *state;
	char shown[FETCH_SHOWN_BYTES];
	char long_url[400];

	for (size_t i = 0; i < DV_COUNT(cases); i++)
		assert_string_equal(fetch_show_url(cases[i].url, shown), cases[i].shown);
	memset(long_url, 'a', sizeof(long_url) - 1);
	long_url[sizeof(long_url) - 1] = '\0';
	assert_int_equal(strlen(fetch_show_url(long_url, shown)), FETCH_SHOWN_BYTES - 1);
	assert_int_equal(fetch(scratch, "/ok?token=s3cret", "x"), -EBADMSG);
	assert_null(strstr(err.text, "s3cret"));
}

static int start(void **state DV_UNUSED)
{
	/* A proxy of whoever runs the tests is not to be asked. */
	(void)setenv("no_proxy", "*", 1);
	return fake_web_start(&web, PAGES) ? 0 : -1;
}

static int stop(void **state DV_UNUSED)
{
	fake_web_stop(&web);
	return 0;
}

#define SCRATCH_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_file_arrives_whole),
		SCRATCH_TEST(what_is_wrong_leaves_nothing),
		SCRATCH_TEST(another_digest_is_named_with_the_pinned_one),
		SCRATCH_TEST(too_large_is_refused_told_or_not),
		SCRATCH_TEST(silence_ends_at_the_deadline),
		SCRATCH_TEST(nobody_there_is_said),
		SCRATCH_TEST(a_file_url_is_read_where_allowed),
		SCRATCH_TEST(an_answer_of_any_status_is_one),
		SCRATCH_TEST(headers_and_a_body_are_sent),
		cmocka_unit_test(a_session_is_wiped),
		SCRATCH_TEST(a_secret_is_taken_nowhere_else),
		SCRATCH_TEST(a_unix_socket_is_asked_whatever_the_url_names),
		cmocka_unit_test(no_proxy_hears_what_is_asked_of_this_machine),
		SCRATCH_TEST(urls_are_shown_without_secrets),
	};

	return cmocka_run_group_tests_name("fetch", tests, start, stop);
}
