/* test_version.c - the order of versions: the example of semver.org, and nightlies as t3 has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "update/version.h"

/* Each before the next. */
static const char *const ORDER[] = {
	"0.0.1",
	"0.0.9",
	"0.0.10",
	"0.0.27-nightly.20260601.9",
	"0.0.27-nightly.20260601.10",
	"0.0.27",
	"0.0.28-alpha",
	"0.0.28-alpha.1",
	"0.0.28-alpha.beta",
	"0.0.28-beta",
	"0.0.28-beta.2",
	"0.0.28-beta.11",
	"0.0.28-nightly",
	"0.0.28-nightly.571",
	"0.0.28-nightly.20260616.99",
	"0.0.28-nightly.20260616.571",
	"0.0.28-nightly.20260617.1",
	"0.0.28-nightly.20270101.1",
	"0.0.28-nightly.100000000000000000000000000000.1",
	"0.0.28-nightly.x",
	"0.0.28-rc.1",
	"0.0.28",
	"0.0.29-nightly.20250101.1",
	"0.1.0",
	"1.0.0",
	"99999999999999999999999999.0.0",
};

static void the_order_holds_for_every_pair(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(ORDER); i++) {
		assert_true(version_is_valid(ORDER[i]));
		for (size_t k = 0; k < DV_COUNT(ORDER); k++) {
			int order = version_compare(ORDER[i], ORDER[k]);
			int expected = i < k ? -1 : i > k ? 1 : 0;

			if ((order > 0) - (order < 0) != expected)
				print_error("%s and %s: %d\n", ORDER[i], ORDER[k], order);
			assert_int_equal((order > 0) - (order < 0), expected);
		}
	}
}

static void a_build_does_not_count(void **state DV_UNUSED)
{
	assert_int_equal(version_compare("1.0.0+a", "1.0.0+b.1"), 0);
	assert_int_equal(version_compare("1.0.0-a.1+x", "1.0.0-a.1"), 0);
	assert_true(version_compare("1.0.0-a+z", "1.0.0+a") < 0);
}

static void what_is_no_version_is_none(void **state DV_UNUSED)
{
	static const char *const bad[] = { "",	      "1",	    "1.0",	   "1.0.0.0",
					   "v1.0.0",  "01.0.0",	    "1.00.0",	   "1.0.01",
					   "1.0.0-",  "1.0.0-a..b", "1.0.0-01",	   "1.0.0-a.",
					   "1.0.0+",  "1.0.0 ",	    "1.0.0-a_b",   "-1.0.0",
					   "1.0.0\n", "latest",	    "1.0.0-a+b+c", "1.-1.0" };

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		if (version_is_valid(bad[i]))
			print_error("%s\n", bad[i]);
		assert_false(version_is_valid(bad[i]));
	}
	assert_true(version_is_valid("1.0.0-0"));
	assert_true(version_is_valid("1.0.0--"));
	assert_true(version_is_valid("1.0.0+01"));
}

static void assert_channel(const char *version, const char *expected)
{
	char channel[VERSION_CHANNEL_BYTES];

	version_channel(version, channel);
	assert_string_equal(channel, expected);
}

static void the_channel_is_the_first_word(void **state DV_UNUSED)
{
	assert_channel("0.0.28-nightly.20260616.571", "nightly");
	assert_channel("0.0.28-beta", "beta");
	assert_channel("0.0.28", "stable");
	assert_channel("0.0.28+nightly-1", "stable");
	assert_channel("0.0.28-20260616", "");
	assert_channel("0.0.28-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_holds_for_every_pair),
		cmocka_unit_test(a_build_does_not_count),
		cmocka_unit_test(what_is_no_version_is_none),
		cmocka_unit_test(the_channel_is_the_first_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
