/* test_mirrors.c - which mirrors are due, and what the step's plan says. */
#include "scratch.h"

#include "steps/mirrors.h"

#define ROUTE "/srv/a -> /srv/b"
#define MINUTE INT64_C(60000000)

static char name[] = "docs", source[] = "/srv/a", destination[] = "/srv/b", route[] = ROUTE;
static struct config_mirror mirror = { .head.name = name,
				       .source = source,
				       .destination = destination,
				       .interval_minutes = 60,
				       .max_delete = 25 };

static bool is_due(enum mirrors_log_state how, char *last_route, int64_t minutes_ago)
{
	struct mirrors_log_row last = { .name = name,
					.route = last_route,
					.state = how,
					.started_usec = SCRATCH_NOW_USEC - minutes_ago * MINUTE };

	return mirrors_is_due(&mirror, ROUTE, &last, SCRATCH_NOW_USEC);
}

static void due_or_not(void **state DV_UNUSED)
{
	char other[] = "/srv/x -> /srv/b";

	assert_true(mirrors_is_due(&mirror, ROUTE, NULL, SCRATCH_NOW_USEC));
	assert_false(is_due(MIRRORS_LOG_OK, route, 0));
	assert_false(is_due(MIRRORS_LOG_OK, route, 49));
	/* The timer's hour is not exact. */
	assert_true(is_due(MIRRORS_LOG_OK, route, 50));
	assert_true(is_due(MIRRORS_LOG_OK, route, -1));
	assert_true(is_due(MIRRORS_LOG_REFUSED, route, 0));
	assert_true(is_due(MIRRORS_LOG_FAILED, route, 0));
	assert_true(is_due(MIRRORS_LOG_OK, other, 0));
	mirror.interval_minutes = 1440;
	assert_false(is_due(MIRRORS_LOG_OK, route, 1429));
	assert_true(is_due(MIRRORS_LOG_OK, route, 1430));
	mirror.interval_minutes = 60;
}

static void add(struct scratch *scratch, char *of)
{
	struct mirrors_log_row row = { .name = of,
				       .route = route,
				       .state = MIRRORS_LOG_OK,
				       .started_usec = SCRATCH_NOW_USEC,
				       .ended_usec = SCRATCH_NOW_USEC };

	assert_ok(scratch, mirrors_log_add(scratch->ledger, &row, &scratch->err));
}

static void the_plan_names_them(void **state)
{
	struct scratch *scratch = *state;
	const struct step *step = step_find("mirrors");
	DV_AUTO_MIRRORS_LOG struct mirrors_log log = { 0 };
	char what[STEP_WHAT_BYTES], gone[] = "gone";

	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_FINE);
	scratch->config.mirrors = (struct config_mirrors){ .rows = &mirror, .n_rows = 1 };
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_DIFFERS);
	assert_string_equal(what, "run docs");
	add(scratch, name);
	add(scratch, name);
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_FINE);
	add(scratch, gone);
	add(scratch, gone);
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_DIFFERS);
	assert_string_equal(what, "forget gone");
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_FINE);
	assert_ok(scratch, mirrors_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, 2);
	scratch->config.mirrors = (struct config_mirrors){ 0 }; /* its parts are static */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_or_not),
		cmocka_unit_test_setup_teardown(the_plan_names_them, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests_name("mirrors", tests, NULL, NULL);
}
