/* test_fcgi.c - a request in any pieces is read, each bound holds, and answers are whole records. */
#include "scratch.h"

#include "dispatch/fcgi.h"

struct wire {
	uint8_t bytes[400000];
	size_t n;
};

static void put(struct wire *wire, unsigned int type, unsigned int id, const void *bytes, size_t n,
		uint8_t n_padding)
{
	const uint8_t header[8] = { 1,		 (uint8_t)type,	    (uint8_t)(id >> 8),
				    (uint8_t)id, (uint8_t)(n >> 8), (uint8_t)n,
				    n_padding };

	assert_true(wire->n + sizeof(header) + n + n_padding <= sizeof(wire->bytes));
	memcpy(wire->bytes + wire->n, header, sizeof(header));
	if (n > 0)
		memcpy(wire->bytes + wire->n + sizeof(header), bytes, n);
	memset(wire->bytes + wire->n + sizeof(header) + n, 0, n_padding);
	wire->n += sizeof(header) + n + n_padding;
}

static void put_begin(struct wire *wire, uint8_t role)
{
	put(wire, 1, 1, (const uint8_t[8]){ 0, role, 1 }, 8, 0);
}

static const char PARAMS[] = "\x0e\x03REQUEST_METHODGET\x0b\x02REQUEST_URI/x\x01\x01"
			     "Ab\x01\x01"
			     "Ac";

static struct wire *request(void)
{
	static struct wire wire;

	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 4, 1, PARAMS, sizeof(PARAMS) - 1, 5);
	put(&wire, 4, 1, NULL, 0, 0);
	put(&wire, 5, 1, "body", 4, 0);
	put(&wire, 5, 1, NULL, 0, 0);
	return &wire;
}

static int feed(const struct wire *wire, size_t n_piece, struct fcgi *fcgi, struct dv_error *err)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < wire->n;) {
		size_t n = wire->n - at < n_piece ? wire->n - at : n_piece, n_used = 0;

		r = fcgi_feed(fcgi, wire->bytes + at, n, &n_used, err);
		at += n_used;
	}
	return r;
}

static void a_request_in_any_pieces(void **state DV_UNUSED)
{
	const struct wire *wire = request();

	for (size_t n_piece = 1; n_piece <= wire->n; n_piece++) {
		struct fcgi fcgi = { 0 };
		struct dv_error err = { "" };

		assert_int_equal(feed(wire, n_piece, &fcgi, &err), 1);
		assert_string_equal(fcgi_get(&fcgi, "REQUEST_METHOD"), "GET");
		assert_string_equal(fcgi_get(&fcgi, "REQUEST_URI"), "/x");
		assert_int_equal(fcgi_count(&fcgi, "A"), 2);
		assert_int_equal(fcgi_count(&fcgi, "REQUEST_URI"), 1);
		assert_null(fcgi_get(&fcgi, "a"));
		assert_true(fcgi.keeps);
		fcgi_done(&fcgi);
	}
}

static void one_behind_another(void **state DV_UNUSED)
{
	const struct wire *wire = request();
	struct fcgi fcgi = { 0 };
	struct dv_error err = { "" };

	for (int i = 0; i < 3; i++) {
		assert_int_equal(feed(wire, 1000, &fcgi, &err), 1);
		assert_int_equal(fcgi.n_params, 4);
		fcgi_next(&fcgi);
	}
	fcgi_done(&fcgi);
}

static void refuse(struct wire *wire, const char *why)
{
	struct fcgi fcgi = { 0 };
	struct dv_error err = { "" };

	assert_int_equal(feed(wire, 1000, &fcgi, &err), -EBADMSG);
	assert_non_null(strstr(err.text, why));
	fcgi_done(&fcgi);
}

static void what_nginx_does_not_send(void **state DV_UNUSED)
{
	static struct wire wire;
	static uint8_t big[60000];

	wire.n = 0;
	put(&wire, 4, 1, NULL, 0, 0);
	refuse(&wire, "parameters of no request");
	wire.n = 0;
	put_begin(&wire, 1);
	put_begin(&wire, 1);
	refuse(&wire, "begins inside another");
	wire.n = 0;
	put_begin(&wire, 2);
	refuse(&wire, "another role");
	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 5, 1, "x", 1, 0);
	refuse(&wire, "a body before");
	wire.n = 0;
	put(&wire, 9, 1, NULL, 0, 0);
	refuse(&wire, "of type 9");
	wire.n = 0;
	put(&wire, 1, 0, (const uint8_t[8]){ 0, 1 }, 8, 0);
	refuse(&wire, "no FastCGI");
	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 4, 1, big, sizeof(big), 0);
	put(&wire, 4, 1, big, sizeof(big), 0);
	refuse(&wire, "bytes of parameters");
	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 4, 1,
	    "\x01\x01"
	    "A\0",
	    4, 0);
	put(&wire, 4, 1, NULL, 0, 0);
	put(&wire, 5, 1, NULL, 0, 0);
	refuse(&wire, "a NUL");
	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 4, 1, "\xff\xff\xff\xff\x01", 5, 0);
	put(&wire, 4, 1, NULL, 0, 0);
	put(&wire, 5, 1, NULL, 0, 0);
	refuse(&wire, "do not end");
	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 4, 1, big, 2000, 0); /* a thousand empty ones */
	put(&wire, 4, 1, NULL, 0, 0);
	put(&wire, 5, 1, NULL, 0, 0);
	refuse(&wire, "parameters");
	wire.n = 0;
	put_begin(&wire, 1);
	put(&wire, 4, 1, NULL, 0, 0);
	put(&wire, 5, 1, big, sizeof(big), 0);
	put(&wire, 5, 1, big, sizeof(big), 0);
	refuse(&wire, "a body, which");
}

static void an_answer_is_whole_records(void **state DV_UNUSED)
{
	struct fcgi fcgi = { .id = 1 };
	static char text[150000];
	uint8_t *records = NULL;
	size_t n = 0, n_text = 0, n_records = 0, at = 0;

	memset(text, 'x', sizeof(text));
	assert_int_equal(fcgi_answer(&fcgi, text, sizeof(text), &records, &n), 0);
	while (at < n) {
		size_t n_content = (size_t)(records[at + 4] << 8 | records[at + 5]);

		n_text += records[at + 1] == 6 ? n_content : 0;
		n_records++;
		at += 8 + n_content;
	}
	assert_int_equal(at, n);
	assert_int_equal(n_text, sizeof(text));
	assert_int_equal(n_records, 5);
	assert_int_equal(records[n - 15], 3); /* the end of the request */
	free(records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_in_any_pieces),
		cmocka_unit_test(one_behind_another),
		cmocka_unit_test(what_nginx_does_not_send),
		cmocka_unit_test(an_answer_is_whole_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
