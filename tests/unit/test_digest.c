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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors),
		cmocka_unit_test(nul_bytes_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
