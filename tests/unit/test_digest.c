/* test_digest.c - SHA-256 by the vectors of FIPS 180-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/digest.h"

static void assert_digest(const void *data, size_t n_bytes, const char *expected)
{
	char hex[DIGEST_HEX_BYTES];
	struct dv_error err = { 0 };

	assert_int_equal(digest_sha256(data, n_bytes, hex, &err), 0);
	assert_string_equal(hex, expected);
}

static void published_vectors(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *million = malloc(1000000);

	assert_digest("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_digest("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_non_null(million);
	memset(million, 'a', 1000000);
	assert_digest(million, 1000000,
		      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void nul_bytes_count(void **state DV_UNUSED)
{
	char one[DIGEST_HEX_BYTES], two[DIGEST_HEX_BYTES];

	assert_int_equal(digest_sha256("a\0b", 3, one, NULL), 0);
	assert_int_equal(digest_sha256("a\0c", 3, two, NULL), 0);
	assert_string_not_equal(one, two);
}

static void parts_and_files_come_to_the_same(void **state DV_UNUSED)
{
	static const char abc[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	DV_AUTO_DIGEST struct digest *digest = NULL;
	char hex[DIGEST_HEX_BYTES];
	int fds[2];

	assert_int_equal(digest_new(&digest, NULL), 0);
	assert_int_equal(digest_add(digest, "a", 1, NULL), 0);
	assert_int_equal(digest_add(digest, "", 0, NULL), 0);
	assert_int_equal(digest_add(digest, "bc", 2, NULL), 0);
	assert_int_equal(digest_end(digest, hex, NULL), 0);
	assert_string_equal(hex, abc);

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	(void)close(fds[1]);
	assert_int_equal(digest_sha256_fd(fds[0], hex, NULL), 0);
	(void)close(fds[0]);
	assert_string_equal(hex, abc);
	assert_int_equal(digest_sha256_fd(-1, hex, NULL), -EBADF);
}

static void a_digest_is_known_when_seen(void **state DV_UNUSED)
{
	char hex[DIGEST_HEX_BYTES + 1] = { 0 };

	assert_int_equal(digest_sha256("x", 1, hex, NULL), 0);
	assert_true(digest_is_hex(hex));
	hex[DIGEST_HEX_BYTES - 1] = '0';
	assert_false(digest_is_hex(hex));
	hex[DIGEST_HEX_BYTES - 2] = '\0';
	assert_false(digest_is_hex(hex));
	assert_false(digest_is_hex(""));
	assert_false(
		digest_is_hex("BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_and_files_come_to_the_same),
		cmocka_unit_test(a_digest_is_known_when_seen),
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(nul_bytes_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
