/* test_due.c - whether a home job has anything to do. */
#include "scratch.h"

#include "steps/due.h"

#define MINUTE INT64_C(60000000)
#define NOW SCRATCH_NOW_USEC
#define MAX_STEPS 16

/* A log in which every home step went well a minute ago, for generation 3. */
struct fixture {
	struct config config;
	struct people_row person;
	struct steps_log_row rows[MAX_STEPS];
	struct steps_log log;
};

static void fill(struct fixture *fixture)
{
	*fixture = (struct fixture){
		.config.home_refresh_minutes = 60,
		.person = { .name = (char *)"emo", .state = PEOPLE_PRESENT, .generation = 3 },
		.log.rows = fixture->rows,
	};
	for (const struct step *step = step_next(STEP_HOME, NULL); step;
	     step = step_next(STEP_HOME, step)) {
		assert_in_range(fixture->log.n_rows, 0, MAX_STEPS - 1);
		fixture->rows[fixture->log.n_rows++] =
			(struct steps_log_row){ .name = (char *)"emo",
						.step = (char *)step->name,
						.status = STEPS_LOG_OK,
						.generation = 3,
						.updated_usec = NOW - MINUTE };
	}
}

static void assert_due(const struct fixture *fixture, bool expected)
{
	assert_int_equal(due_home(&fixture->person, &fixture->log, &fixture->config, NOW),
			 expected);
}

static void all_done_lately_is_not_due(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	assert_due(&fixture, false);
}

static void nothing_ever_done_is_due(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.log.n_rows = 0;
	assert_due(&fixture, true);
}

static void a_new_step_of_a_new_version_is_due(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.log.n_rows--;
	assert_due(&fixture, true);
}

static void a_changed_roster_line_is_due(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.person.generation = 4;
	assert_due(&fixture, true);
}

static void what_was_confirmed_long_ago_is_due(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.rows[0].updated_usec = NOW - 60 * MINUTE + 1;
	assert_due(&fixture, false);
	fixture.rows[0].updated_usec = NOW - 60 * MINUTE;
	assert_due(&fixture, true);
}

static void a_failed_one_waits_for_its_retry(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.rows[0].status = STEPS_LOG_FAILED;
	fixture.rows[0].next_retry_usec = NOW + 1;
	assert_due(&fixture, false);
	fixture.rows[0].next_retry_usec = NOW;
	assert_due(&fixture, true);
}

static void a_failed_one_does_not_hide_another(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.rows[0].status = STEPS_LOG_FAILED;
	fixture.rows[0].next_retry_usec = NOW + MINUTE;
	fixture.rows[fixture.log.n_rows - 1].updated_usec = 0;
	assert_due(&fixture, true);
}

static void who_left_is_never_due(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.log.n_rows = 0;
	fixture.person.state = PEOPLE_LEFT;
	assert_due(&fixture, false);
}

/* Rows of the reconcile stand in the same log. */
static void steps_of_other_places_do_not_count(void **state DV_UNUSED)
{
	struct fixture fixture;

	fill(&fixture);
	fixture.rows[fixture.log.n_rows++] = (struct steps_log_row){ .name = (char *)"emo",
								     .step = (char *)"ports",
								     .status = STEPS_LOG_FAILED,
								     .generation = 1 };
	assert_due(&fixture, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_done_lately_is_not_due),
		cmocka_unit_test(nothing_ever_done_is_due),
		cmocka_unit_test(a_new_step_of_a_new_version_is_due),
		cmocka_unit_test(a_changed_roster_line_is_due),
		cmocka_unit_test(what_was_confirmed_long_ago_is_due),
		cmocka_unit_test(a_failed_one_waits_for_its_retry),
		cmocka_unit_test(a_failed_one_does_not_hide_another),
		cmocka_unit_test(who_left_is_never_due),
		cmocka_unit_test(steps_of_other_places_do_not_count),
	};

	return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
