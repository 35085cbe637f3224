/* test_order.c - what a run is asked for, to the name of a unit's instance and back. */
#include "scratch.h"

#include "update/order.h"

static void there_and_back(void **state DV_UNUSED)
{
	static const char *const names[] = { "run",	     "dry",
					     "stage",	     "run-0.0.28",
					     "stage-0.0.29", "dry-0.0.28-nightly.20260616.571" };

	for (size_t i = 0; i < DV_COUNT(names); i++) {
		struct order order = { 0 };
		char name[ORDER_BYTES];

		assert_int_equal(order_parse(names[i], &order, NULL), 0);
		assert_int_equal(order.dry_run, names[i][0] == 'd');
		assert_int_equal(order.stage_only, names[i][0] == 's');
		order_name(&order, name);
		assert_string_equal(name, names[i]);
	}
}

static void anything_else_is_refused(void **state DV_UNUSED)
{
	static const char *const bad[] = { "",	    "r",	   "runs",	  "run-",
					   "run-x", "run-nightly", "dry-1.0.0+a", "run-../x",
					   "ru",    "run 1.0.0",   "Run" };
	struct order order = { 0 };

	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_int_equal(order_parse(bad[i], &order, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(anything_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
