/* test_curl.c - libcurl is found, once; where it is not, one sentence says what to install. */
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

static void without_it_one_knows_what_to_install(void **state DV_UNUSED)
{
	struct curl_library library = { 0 };
	struct dv_error err = { "" };

	assert_int_equal(curl_open("libnowhere.so.4", &library, &err), -ENOENT);
	assert_contains(err.text, "libcurl is not there, an administrator types: apt install "
				  "libcurl4 (libnowhere.so.4: ");
	assert_int_equal(curl_open("libc.so.6", &library, &err), -ENOENT);
	assert_string_equal(err.text,
			    "libc.so.6 is not libcurl, or too old: it has no curl_easy_init");
	assert_null(library.easy_init);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_library_is_loaded_once),
		cmocka_unit_test(without_it_one_knows_what_to_install),
	};

	return cmocka_run_group_tests_name("curl", tests, NULL, NULL);
}
