/* test_secret.c - secrets are read whole, compared, and gone after use. */
#include "folder.h"

#include "base/secret.h"

static void secret_is_read_and_emptied(void **state)
{
	const struct folder *folder = *state;
	struct secret secret = { 0 };
	struct dv_error err = { 0 };

	folder_write(folder, "f", "sk-ant-oat01", 0600);
	assert_int_equal(secret_read(folder->dirfd, "f", 64, &secret, &err), 0);
	assert_string_equal(secret.text, "sk-ant-oat01");
	assert_int_equal(secret.n_bytes, 12);
	secret_done(&secret);
	assert_null(secret.text);
	assert_int_equal(secret.n_bytes, 0);
	secret_done(&secret); /* of nothing */
	assert_int_equal(secret_read(folder->dirfd, "f", 4, &secret, &err), -EFBIG);
	assert_null(strstr(err.text, "sk-ant")); /* an error never quotes */
}

static void equality_is_of_all_bytes(void **state DV_UNUSED)
{
	char a[] = "same", b[] = "same", c[] = "sama";
	const struct secret one = { .text = a, .n_bytes = 4 };
	const struct secret two = { .text = b, .n_bytes = 4 };
	const struct secret other = { .text = c, .n_bytes = 4 };
	const struct secret shorter = { .text = c, .n_bytes = 3 };
	const struct secret none = { 0 };

	assert_true(secret_equal(&one, &two));
	assert_false(secret_equal(&one, &other));
	assert_false(secret_equal(&one, &shorter));
	assert_false(secret_equal(&one, &none));
	assert_true(secret_equal(&none, &none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(secret_is_read_and_emptied, folder_setup,
						folder_teardown),
		cmocka_unit_test(equality_is_of_all_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
