/* test_steps.c - the table holds what those who walk over it rely on. A new row that breaks
 * a rule fails here and not on somebody's machine; so does one that devvm-job(8) does not have.
 * Runs in the folder of the sources. */
#include "scratch.h"

#include "base/file.h"
#include "steps/work.h"

/* job/pass.c keeps a bit per row, and results of one place in an array of so many. */
#define MAX_ROWS 64 /* bits of a mask */
#define MAX_OF_A_PLACE 12

#define MANUAL "docs/man/devvm-job.8"
#define MANUAL_HEADING ".It Sy step Ta Sy job Ta Sy what it does\n"

static void every_row_is_whole(void **state DV_UNUSED)
{
	for (const struct step *step = STEPS; step->name; step++) {
		assert_non_null(step->check);
		assert_non_null(step->apply);
		assert_non_null(step->doing);
		/* A row of the ledger, a field of a report, a hold of home_work. */
		assert_in_range(strlen(step->name), 1,
				sizeof(((struct home_work *)NULL)->holds[0].step) - 1);
	}
}

static void no_name_is_there_twice(void **state DV_UNUSED)
{
	for (const struct step *one = STEPS; one->name; one++)
		assert_ptr_equal(step_find(one->name), one);
}

static void needs_are_matched_by_whole_words(void **state DV_UNUSED)
{
	const struct step step = { .needs = "claude-cache t3  code" };
	const struct step none = { 0 };

	assert_true(step_needs(&step, "claude-cache"));
	assert_true(step_needs(&step, "t3"));
	assert_true(step_needs(&step, "code"));
	assert_false(step_needs(&step, "claude"));
	assert_false(step_needs(&step, "cache"));
	assert_false(step_needs(&step, ""));
	assert_false(step_needs(&none, "code"));
}

static void needs_are_steps_that_ran_before(void **state DV_UNUSED)
{
	for (const struct step *step = STEPS; step->name; step++) {
		DV_AUTO_FREE char *needs = strdup(step->needs ? step->needs : "");
		char *rest = needs;
		const char *need;

		while ((need = strsep(&rest, " "))) {
			const struct step *other = step_find(need);

			if (!*need)
				continue;
			if (!other || other >= step || other->place != step->place)
				fail_msg("%s needs %s, which does not run before it", step->name,
					 need);
		}
	}
}

/* A step that was left out because of a need is not failed itself: what needs it must name
 * what it needs too. */
static void needs_of_needs_are_needs(void **state DV_UNUSED)
{
	for (const struct step *step = STEPS; step->name; step++) {
		for (const struct step *need = STEPS; need->name; need++) {
			for (const struct step *far = STEPS; far->name; far++) {
				if (!step_needs(step, need->name) || !step_needs(need, far->name) ||
				    step_needs(step, far->name))
					continue;
				fail_msg("%s needs %s, which needs %s", step->name, need->name,
					 far->name);
			}
		}
	}
}

static void home_steps_alone_have_a_deadline(void **state DV_UNUSED)
{
	for (const struct step *step = STEPS; step->name; step++) {
		if (step->place == STEP_HOME)
			assert_in_range(step->deadline_ms, 1, 3600000);
		else
			assert_int_equal(step->deadline_ms, 0);
	}
}

static void the_table_fits_those_who_walk_over_it(void **state DV_UNUSED)
{
	size_t n_of[] = { [STEP_RECONCILE] = 0,
			  [STEP_SYSTEM] = 0,
			  [STEP_SETTLE] = 0,
			  [STEP_MACHINE] = 0,
			  [STEP_HOME] = 0 };
	size_t n = 0;

	for (; STEPS[n].name; n++)
		n_of[STEPS[n].place]++;
	assert_in_range(n, 1, MAX_ROWS);
	for (size_t i = 0; i < DV_COUNT(n_of); i++)
		assert_in_range(n_of[i], i == STEP_MACHINE ? 0 : 1, MAX_OF_A_PLACE);
	assert_in_range(n_of[STEP_HOME], 1, WORK_MAX_HOLDS);
}

/* Written last: it says that all the rest is as it should be. */
static void the_ticket_is_the_last_of_the_reconcile(void **state DV_UNUSED)
{
	const struct step *ticket = step_find("ticket");

	assert_null(step_next(STEP_RECONCILE, ticket));
}

static void walking_gives_every_row_once_in_order(void **state DV_UNUSED)
{
	static const enum step_place places[] = { STEP_RECONCILE, STEP_LEAVE,  STEP_SYSTEM,
						  STEP_MAPS,	  STEP_SETTLE, STEP_MACHINE,
						  STEP_HOME };
	size_t n_walked = 0, n_rows = 0;

	for (size_t i = 0; i < DV_COUNT(places); i++) {
		const struct step *previous = NULL;

		for (const struct step *step = step_next(places[i], NULL); step;
		     step = step_next(places[i], step)) {
			assert_int_equal(step->place, places[i]);
			assert_true(!previous || previous < step);
			previous = step;
			n_walked++;
		}
	}
	while (STEPS[n_rows].name)
		n_rows++;
	assert_int_equal(n_walked, n_rows);
	assert_true(n_rows <= 64); /* a bit each in job/pass.c and job/home.c */
}

static void an_unknown_step_is_not_found(void **state DV_UNUSED)
{
	assert_null(step_find("tick"));
	assert_null(step_find(""));
	assert_string_equal(step_find("code")->name, "code");
}

/* The table of devvm-job(8): "STEP JOB" of each of its rows, in their order. */
static char *read_manual(void)
{
	DV_AUTO_FREE char *page = NULL;
	size_t n_bytes = 0, n_rows = 0;
	FILE *stream;
	char *rows = NULL, *rest;
	const char *line;

	assert_int_equal(file_read(AT_FDCWD, MANUAL, 1 << 20, &page, &n_bytes, NULL, NULL), 0);
	rest = strstr(page, MANUAL_HEADING);
	assert_non_null(rest);
	rest += strlen(MANUAL_HEADING);
	stream = open_memstream(&rows, &n_rows);
	while ((line = strsep(&rest, "\n")) && strncmp(line, ".It ", 4) == 0) {
		char step[32], job[32];

		if (sscanf(line, ".It %31s Ta %31s Ta ", step, job) != 2)
			fail_msg("%s: no row of the table: %s", MANUAL, line);
		(void)fprintf(stream, "%s %s\n", step, job);
	}
	(void)fclose(stream);
	return rows;
}

static void the_manual_has_each_in_its_order(void **state DV_UNUSED)
{
	static const char *const jobs[] = {
		[STEP_RECONCILE] = "reconcile", [STEP_LEAVE] = "reconcile",
		[STEP_SYSTEM] = "reconcile",	[STEP_MAPS] = "reconcile",
		[STEP_SETTLE] = "settle",	[STEP_MACHINE] = "machine",
		[STEP_HOME] = "home",
	};
	DV_AUTO_FREE char *manual = read_manual();
	DV_AUTO_FREE char *table = NULL;
	size_t n_bytes = 0;
	FILE *stream = open_memstream(&table, &n_bytes);

	for (const struct step *step = STEPS; step->name; step++)
		(void)fprintf(stream, "%s %s\n", step->name, jobs[step->place]);
	(void)fclose(stream);
	assert_string_equal(manual, table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(no_name_is_there_twice),
		cmocka_unit_test(needs_are_matched_by_whole_words),
		cmocka_unit_test(needs_are_steps_that_ran_before),
		cmocka_unit_test(needs_of_needs_are_needs),
		cmocka_unit_test(home_steps_alone_have_a_deadline),
		cmocka_unit_test(the_table_fits_those_who_walk_over_it),
		cmocka_unit_test(the_ticket_is_the_last_of_the_reconcile),
		cmocka_unit_test(walking_gives_every_row_once_in_order),
		cmocka_unit_test(an_unknown_step_is_not_found),
		cmocka_unit_test(the_manual_has_each_in_its_order),
	};

	return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
