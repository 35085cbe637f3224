/* test_curl.c - libcurl is found, once. */
#include "scratch.h"

#include "fetch/curl.h"

static void the_library_is_loaded_once(void **state DV_UNUSED)
{
	const struct curl_library *first = NULL;
	const struct curl_library *second = NULL;
	struct dv_error err = { "" };

	if (curl_load(&first, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(curl_load(&second, &err), 0);
	assert_ptr_equal(first, second);
	assert_string_equal(first->easy_strerror(CURLE_OK), "No error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_is_loaded_once),
	};

	return cmocka_run_group_tests_name("curl", tests, NULL, NULL);
}
