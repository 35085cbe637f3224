/* test_answer.c - an HTTP answer, whole and in pieces of each size, and what is none. */
#include "scratch.h"

#include "dispatch/answer.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

struct row {
	const char *text;
	const char *body; /* NULL: refused */
	bool keeps, needs_end;
};

static const struct row ROWS[] = {
	{ HEAD "Content-Length: 2\r\n\r\n{}", "{}", true, false },
	{ HEAD "content-length:2 \r\nConnection: Keep-Alive\r\n\r\n{}", "{}", true, false },
	{ HEAD "Content-Length: 0\r\n\r\n", "", true, false },
	{ HEAD "Content-Length: 2\r\nConnection: close\r\n\r\n{}", "{}", false, false },
	{ "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", "{}", false, false },
	{ "HTTP/1.1 204 No Content\r\n\r\n", "", true, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
	  "abc0123456789", true, false },
	{ HEAD "\r\nuntil its end", "until its end", false, true },
	{ HEAD "Connection: close\r\n\r\n", "", false, true },
	/* ended too early */
	{ HEAD "Content-Length: 3\r\n\r\n{}", NULL, false, true },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nab", NULL, false, true },
	{ HEAD, NULL, false, true },
	{ "", NULL, false, true },
	/* none */
	{ "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", NULL, false, false },
	{ "HTTP/1.1 100 Continue\r\n\r\n", NULL, false, false },
	{ "HTTP/1.1 2000 OK\r\n\r\n", NULL, false, false },
	{ "SSH-2.0-OpenSSH_9.2\r\n\r\n", NULL, false, false },
	{ "\r\n\r\n", NULL, false, false },
	{ HEAD " folded: x\r\n\r\n", NULL, false, false },
	{ HEAD "no colon\r\n\r\n", NULL, false, false },
	{ HEAD "Content-Length: -1\r\n\r\n", NULL, false, false },
	{ HEAD "Content-Length: 2x\r\n\r\n{}", NULL, false, false },
	{ HEAD "Content-Length: 99999999999999999999\r\n\r\n", NULL, false, false },
	{ HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", NULL, false, false },
	{ HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", NULL, false, false },
	{ HEAD "Transfer-Encoding: gzip\r\n\r\n", NULL, false, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", NULL, false, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n", NULL, false, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", NULL, false, false },
	{ HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n", NULL, false, false },
};

static void check(const struct row *row, size_t n_piece)
{
	size_t n_all = strlen(row->text), n = 0;
	DV_AUTO_FREE char *bytes = malloc(n_all + 1);
	struct answer answer = { 0 };
	struct dv_error err = { "" };
	int r = 0;

	assert_non_null(bytes);
	while (r == 0 && n < n_all) {
		size_t n_more = n_piece < n_all - n ? n_piece : n_all - n;

		memcpy(bytes + n, row->text + n, n_more);
		n += n_more;
		r = answer_read(&answer, bytes, n, false, &err);
	}
	if (row->needs_end) {
		if (r != 0)
			fail_msg("by %zu, %s: %d before its end", n_piece, row->text, r);
		r = answer_read(&answer, bytes, n, true, &err);
	}
	if (r != (row->body ? 1 : -EBADMSG))
		fail_msg("by %zu, %s: %d, %s", n_piece, row->text, r, err.text);
	if (!row->body) {
		assert_true(*err.text);
		return;
	}
	assert_int_equal(n, n_all);
	assert_int_equal(answer.n_body, strlen(row->body));
	assert_memory_equal(bytes + answer.at_body, row->body, answer.n_body);
	if (answer.keeps != row->keeps)
		fail_msg("%s: keeps %d", row->text, answer.keeps);
}

static void each_in_pieces(void **state DV_UNUSED)
{
	static const size_t pieces[] = { 1, 2, 3, 7, 4096 };

	for (size_t i = 0; i < DV_COUNT(ROWS); i++) {
		for (size_t at = 0; at < DV_COUNT(pieces); at++)
			check(&ROWS[i], pieces[at]);
	}
}

static void what_comes_behind_it_is_not_kept(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		HEAD "Content-Length: 2\r\n\r\n{}H",
		HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nH",
	};

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		DV_AUTO_FREE char *bytes = strdup(texts[i]);
		struct answer answer = { 0 };
		struct dv_error err = { "" };

		assert_int_equal(answer_read(&answer, bytes, strlen(bytes), false, &err), 1);
		assert_int_equal(answer.n_body, 2);
		assert_false(answer.keeps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_in_pieces),
		cmocka_unit_test(what_comes_behind_it_is_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
