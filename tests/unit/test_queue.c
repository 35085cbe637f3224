/* test_queue.c - what runs when: order, one at a time, the cap, joining, and what happens
 * to a reconcile that did not run to its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/job_unit.h"
#include "daemon/queue.h"

static struct queue *queue;
static char said[4096];	 /* "+unit" for each start, "-unit(outcome)" for each end */
static bool starts_fail; /* systemd cannot be reached */
static int64_t now_ms;

static void say(const char *mark, const struct queue_job *job, const char *behind)
{
	char unit[JOB_UNIT_MAX] = "";
	size_t n = strlen(said);

	job_unit_name(job, unit);
	*strrchr(unit, '.') = '\0';
	(void)snprintf(said + n, sizeof(said) - n, "%s%s%s%s", n ? " " : "", mark,
		       unit + strlen("devvm-"), behind);
}

static int on_start(void *context DV_UNUSED, const struct queue_job *job, struct dv_error *err)
{
	if (starts_fail)
		return dv_refuse(err, -ENOTCONN, "no bus");
	say("+", job, "");
	return 0;
}

static const char *const OUTCOMES[] = { "", "(ok)", "(failed)", "(broken)" };

static void on_end(void *context DV_UNUSED, const struct queue_job *job, enum queue_outcome outcome,
		   const char *text DV_UNUSED)
{
	say("-", job, OUTCOMES[outcome]);
}

static int setup(void **state DV_UNUSED)
{
	static const struct queue_ops OPS = { .start = on_start, .on_end = on_end };

	*said = '\0';
	starts_fail = false;
	now_ms = 1000000;
	return queue_new(&queue, &OPS, NULL, NULL);
}

static int teardown(void **state DV_UNUSED)
{
	queue_free(queue);
	return 0;
}

static void dispatch(void)
{
	queue_dispatch(queue, now_ms);
}

static void end(enum queue_kind kind, const char *user, enum queue_outcome outcome)
{
	queue_end(queue, kind, user, outcome, "why", now_ms);
	dispatch();
}

/* What was started and what ended since the last time. */
static void assert_said(const char *expected)
{
	dispatch();
	assert_string_equal(said, expected);
	*said = '\0';
}

static void want_home(const char *user, enum queue_priority priority)
{
	assert_int_equal(queue_request_home(queue, user, priority), 0);
}

static void nothing_is_asked_nothing_runs(void **state DV_UNUSED)
{
	assert_said("");
	assert_int_equal(queue_next_ms(queue), -1);
	assert_int_equal(queue_lane_state(queue), QUEUE_LANE_IDLE);
}

static void what_comes_while_one_runs_waits_for_the_next(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	(void)queue_request_reconcile(queue, NULL);
	(void)queue_request_reconcile(queue, NULL);
	assert_said("");
	assert_int_equal(queue_lane_state(queue), QUEUE_LANE_RUNNING);
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok) +reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok)");
}

static void a_name_runs_once(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, "anna");
	(void)queue_request_reconcile(queue, "anna");
	assert_said("+reconcile@anna");
	(void)queue_request_reconcile(queue, "anna"); /* the running one may be past it */
	end(QUEUE_RECONCILE, "anna", QUEUE_OK);
	assert_said("-reconcile@anna(ok) +reconcile@anna");
	end(QUEUE_RECONCILE, "anna", QUEUE_OK);
	assert_said("-reconcile@anna(ok)");
}

static void everybody_absorbs_names(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, "anna");
	(void)queue_request_reconcile(queue, NULL);
	(void)queue_request_reconcile(queue, "bob");
	assert_said("+reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok)");
}

static void nobody_waits_behind_more_than_one_run(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, "anna");
	assert_said("+reconcile@anna");
	(void)queue_request_reconcile(queue, "bob");
	(void)queue_request_reconcile(queue, "carl");
	(void)queue_request_reconcile(queue, "dora");
	end(QUEUE_RECONCILE, "anna", QUEUE_OK);
	assert_said("-reconcile@anna(ok) +reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok)");
}

static void a_plan_waits_for_its_turn(void **state DV_UNUSED)
{
	uint64_t seq = queue_request_plan(queue);

	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	assert_int_equal(queue_plan_seq(queue), 0);
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok) +plan");
	assert_true(queue_plan_seq(queue) > seq);
	(void)queue_request_reconcile(queue, "anna");
	assert_said("");
	end(QUEUE_PLAN, "", QUEUE_FAILED);
	assert_said("-plan(failed) +reconcile@anna");
}

static void a_broken_reconcile_is_tried_again_ever_later(void **state DV_UNUSED)
{
	static const int64_t waits_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	for (size_t i = 0; i < DV_COUNT(waits_ms); i++) {
		end(QUEUE_RECONCILE, "", QUEUE_BROKEN);
		assert_said("-reconcile(broken)");
		assert_true(queue_reconcile_stuck(queue));
		assert_int_equal(queue_next_ms(queue), now_ms + waits_ms[i]);
		now_ms += waits_ms[i] - 1;
		assert_said("");
		now_ms++;
		assert_said("+reconcile");
	}
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok)");
	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_BROKEN); /* the pause is short again */
	assert_int_equal(queue_next_ms(queue), now_ms + 1000);
}

static void a_refused_roster_is_not_tried_again(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_FAILED);
	now_ms += 3600000;
	assert_said("-reconcile(failed)");
	assert_int_equal(queue_next_ms(queue), -1);
}

static void a_request_shortens_the_pause(void **state DV_UNUSED)
{
	starts_fail = true;
	(void)queue_request_reconcile(queue, NULL);
	for (int i = 0; i < 6; i++) { /* pauses of 1 to 32 seconds */
		dispatch();
		now_ms = queue_next_ms(queue);
	}
	dispatch();
	starts_fail = false;
	assert_int_equal(queue_next_ms(queue), now_ms + 60000);
	*said = '\0';
	(void)queue_request_reconcile(queue, "anna");
	assert_int_equal(queue_next_ms(queue), now_ms + 1000);
	now_ms += 1000;
	assert_said("+reconcile");
}

/* Whoever came while it ran has asked for it as much as one who comes behind its end. */
static void what_came_meanwhile_does_not_wait_for_a_long_pause(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	for (int i = 0; i < 6; i++) { /* pauses of 1 to 32 seconds */
		end(QUEUE_RECONCILE, "", QUEUE_BROKEN);
		now_ms = queue_next_ms(queue);
		dispatch();
	}
	*said = '\0';
	assert_int_equal(queue_request_ensure(queue, "bob"), 0);
	end(QUEUE_RECONCILE, "", QUEUE_BROKEN);
	assert_said("-reconcile(broken)");
	assert_int_equal(queue_next_ms(queue), now_ms + 1000);
	now_ms += 1000;
	assert_said("+reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok) +home@bob");
}

static void a_start_that_fails_ends_broken(void **state DV_UNUSED)
{
	starts_fail = true;
	(void)queue_request_reconcile(queue, "anna");
	want_home("bob", QUEUE_LOGIN);
	assert_said("-reconcile@anna(broken) -home@bob(broken)");
	assert_int_equal(queue_home_state(queue, "bob"), QUEUE_HOME_NONE);
	starts_fail = false;
	now_ms += 1000;
	assert_said("+reconcile@anna");
}

static void one_broken_name_does_not_hold_up_others(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, "anna");
	assert_said("+reconcile@anna");
	end(QUEUE_RECONCILE, "anna", QUEUE_BROKEN);
	(void)queue_request_reconcile(queue, "bob"); /* alone: hers is for later */
	assert_said("-reconcile@anna(broken) +reconcile@bob");
	(void)queue_request_reconcile(queue, "carl");
	(void)queue_request_reconcile(queue, "dora");
	end(QUEUE_RECONCILE, "bob", QUEUE_BROKEN); /* everybody comes now, and covers him */
	assert_said("-reconcile@bob(broken) +reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok)");
	assert_int_equal(queue_next_ms(queue), -1);
}

static void many_broken_names_become_everybody(void **state DV_UNUSED)
{
	char name[16];

	for (int i = 0; i < QUEUE_MAX_NAMES; i++) {
		(void)snprintf(name, sizeof(name), "user%d", i);
		(void)queue_request_reconcile(queue, name);
		dispatch();
		end(QUEUE_RECONCILE, name, QUEUE_BROKEN);
	}
	*said = '\0';
	(void)queue_request_reconcile(queue, "anna"); /* no room for her name */
	assert_said("+reconcile");
}

static void homes_run_up_to_the_cap_in_order(void **state DV_UNUSED)
{
	queue_set_home_cap(queue, 2);
	want_home("anna", QUEUE_LOGIN);
	want_home("bob", QUEUE_LOGIN);
	want_home("carl", QUEUE_LOGIN);
	want_home("dora", QUEUE_LOGIN);
	assert_said("+home@anna +home@bob");
	assert_int_equal(queue_n_running(queue), 2);
	assert_int_equal(queue_n_queued(queue), 2);
	end(QUEUE_HOME, "bob", QUEUE_OK);
	assert_said("-home@bob(ok) +home@carl");
	end(QUEUE_HOME, "anna", QUEUE_FAILED); /* nobody tries again by themselves */
	assert_said("-home@anna(failed) +home@dora");
}

static void twenty_requests_for_one_person_are_one_job(void **state DV_UNUSED)
{
	queue_set_home_cap(queue, 4);
	for (int i = 0; i < 10; i++)
		want_home("anna", QUEUE_LOGIN);
	assert_said("+home@anna");
	for (int i = 0; i < 10; i++)
		want_home("anna", QUEUE_LOGIN);
	assert_said("");
	end(QUEUE_HOME, "anna", QUEUE_OK);
	assert_said("-home@anna(ok)");
	want_home("anna", QUEUE_LOGIN);
	assert_said("+home@anna");
}

static void logins_come_before_the_schedule(void **state DV_UNUSED)
{
	queue_set_home_cap(queue, 1);
	want_home("zoe", QUEUE_LOGIN);
	assert_said("+home@zoe");
	want_home("sched1", QUEUE_SCHEDULED);
	want_home("sched2", QUEUE_SCHEDULED);
	want_home("login1", QUEUE_LOGIN);
	want_home("urgent", QUEUE_URGENT);
	want_home("sched2", QUEUE_LOGIN);     /* moves up */
	want_home("login1", QUEUE_SCHEDULED); /* and never down */
	end(QUEUE_HOME, "zoe", QUEUE_OK);
	end(QUEUE_HOME, "urgent", QUEUE_OK);
	end(QUEUE_HOME, "login1", QUEUE_OK);
	end(QUEUE_HOME, "sched2", QUEUE_OK);
	assert_said("-home@zoe(ok) +home@urgent -home@urgent(ok) +home@login1 -home@login1(ok) "
		    "+home@sched2 -home@sched2(ok) +home@sched1");
}

static void the_home_queue_is_bounded(void **state DV_UNUSED)
{
	char name[16];

	for (int i = 0; i < QUEUE_MAX_HOMES; i++) {
		(void)snprintf(name, sizeof(name), "u%d", i);
		want_home(name, QUEUE_SCHEDULED);
	}
	assert_int_equal(queue_request_home(queue, "late", QUEUE_LOGIN), -ENOSPC);
	assert_int_equal(queue_request_ensure(queue, "late"), -ENOSPC);
	assert_int_equal(queue_lane_state(queue), QUEUE_LANE_IDLE);
	want_home("u7", QUEUE_LOGIN); /* who is in it still joins */
	assert_said("+home@u7");
	want_home("late", QUEUE_SCHEDULED);
}

static void an_ensure_waits_for_its_reconcile(void **state DV_UNUSED)
{
	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	assert_int_equal(queue_request_ensure(queue, "anna"), 0);
	assert_int_equal(queue_home_state(queue, "anna"), QUEUE_HOME_HELD);
	assert_true(queue_home_forced(queue, "anna"));
	end(QUEUE_RECONCILE, "", QUEUE_OK); /* had started before the request */
	assert_said("-reconcile(ok) +reconcile@anna");
	assert_int_equal(queue_home_state(queue, "anna"), QUEUE_HOME_HELD);
	end(QUEUE_RECONCILE, "anna", QUEUE_BROKEN); /* the home may be well all the same */
	assert_said("-reconcile@anna(broken) +home@anna");
	assert_true(queue_home_forced(queue, "anna"));
	end(QUEUE_HOME, "anna", QUEUE_OK);
	assert_false(queue_home_forced(queue, "anna"));
}

static void a_run_of_everybody_releases_an_ensure(void **state DV_UNUSED)
{
	assert_int_equal(queue_request_ensure(queue, "anna"), 0);
	(void)queue_request_reconcile(queue, NULL);
	assert_said("+reconcile");
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	assert_said("-reconcile(ok) +home@anna");
}

static void a_login_that_waits_does_not_wait_for_an_ensure(void **state DV_UNUSED)
{
	assert_int_equal(queue_request_ensure(queue, "anna"), 0);
	want_home("anna", QUEUE_LOGIN);
	assert_said("+reconcile@anna");
	want_home("anna", QUEUE_URGENT);
	assert_said("+home@anna");
}

static void an_end_of_what_does_not_run_is_ignored(void **state DV_UNUSED)
{
	end(QUEUE_HOME, "anna", QUEUE_OK);
	end(QUEUE_RECONCILE, "", QUEUE_OK);
	want_home("anna", QUEUE_LOGIN);
	end(QUEUE_HOME, "anna", QUEUE_OK); /* started by the dispatch, after this end */
	assert_said("+home@anna");
	end(QUEUE_RECONCILE, "anna", QUEUE_OK);
	assert_said("");
}

static void a_run_covers_what_was_asked_before_it(void **state DV_UNUSED)
{
	const struct queue_job all = { QUEUE_RECONCILE, "", 5 };
	const struct queue_job one = { QUEUE_RECONCILE, "anna", 5 };

	assert_true(queue_covers(&all, QUEUE_RECONCILE, "anna", 4));
	assert_true(queue_covers(&all, QUEUE_RECONCILE, NULL, 4));
	assert_false(queue_covers(&all, QUEUE_RECONCILE, NULL, 5));
	assert_true(queue_covers(&one, QUEUE_RECONCILE, "anna", 4));
	assert_false(queue_covers(&one, QUEUE_RECONCILE, "bob", 4));
	assert_false(queue_covers(&one, QUEUE_RECONCILE, "", 4));
	assert_false(queue_covers(&all, QUEUE_PLAN, NULL, 4));
}

static void what_is_on_its_way_for_a_person(void **state DV_UNUSED)
{
	assert_false(queue_reconcile_coming(queue, "anna"));
	(void)queue_request_reconcile(queue, "bob");
	assert_false(queue_reconcile_coming(queue, "anna"));
	assert_true(queue_reconcile_coming(queue, "bob"));
	(void)queue_request_reconcile(queue, NULL);
	assert_true(queue_reconcile_coming(queue, "anna"));
	assert_said("+reconcile");
	assert_true(queue_reconcile_coming(queue, "anna"));
	end(QUEUE_RECONCILE, "", QUEUE_BROKEN);
	assert_false(queue_reconcile_coming(queue, "anna")); /* a retry may be a minute away */
}

static void progress_belongs_to_a_running_job(void **state DV_UNUSED)
{
	const struct queue_progress progress = { .step = "code", .n = 2, .of = 3 };

	queue_note_progress(queue, "anna", &progress);
	assert_null(queue_get_progress(queue, "anna"));
	want_home("anna", QUEUE_LOGIN);
	queue_note_progress(queue, "anna", &progress);
	assert_null(queue_get_progress(queue, "anna"));
	assert_said("+home@anna");
	queue_note_progress(queue, "anna", &progress);
	assert_string_equal(queue_get_progress(queue, "anna")->step, "code");
	end(QUEUE_HOME, "anna", QUEUE_OK);
	assert_null(queue_get_progress(queue, "anna"));
}

static void a_job_is_known_by_its_unit(void **state DV_UNUSED)
{
	static const struct {
		struct queue_job job;
		const char *unit;
	} units[] = {
		{ { QUEUE_RECONCILE, "", 1 }, "devvm-reconcile.service" },
		{ { QUEUE_RECONCILE, "a-b.c_d", 1 }, "devvm-reconcile@a-b.c_d.service" },
		{ { QUEUE_PLAN, "", 1 }, "devvm-plan.service" },
		{ { QUEUE_HOME, "x23456789012345678901234567890ab", 1 },
		  "devvm-home@x23456789012345678901234567890ab.service" },
	};
	char unit[JOB_UNIT_MAX], user[STR_USER_NAME_MAX + 1];
	enum queue_kind kind;

	for (size_t i = 0; i < DV_COUNT(units); i++) {
		job_unit_name(&units[i].job, unit);
		assert_string_equal(unit, units[i].unit);
		assert_int_equal(job_unit_parse(unit, &kind, user), 0);
		assert_int_equal(kind, units[i].job.kind);
		assert_string_equal(user, units[i].job.user);
	}
	assert_int_equal(job_unit_parse("devvm-home@.service", &kind, user), -EINVAL);
	assert_int_equal(job_unit_parse("devvm-home.service", &kind, user), -EINVAL);
	assert_int_equal(job_unit_parse("devvm-plan@anna.service", &kind, user), -EINVAL);
	assert_int_equal(job_unit_parse("devvm-home@x23456789012345678901234567890abc.service",
					&kind, user),
			 -EINVAL);
	assert_int_equal(job_unit_parse("ssh.service", &kind, user), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_asked_nothing_runs),
		TEST(what_comes_while_one_runs_waits_for_the_next),
		TEST(a_name_runs_once),
		TEST(everybody_absorbs_names),
		TEST(nobody_waits_behind_more_than_one_run),
		TEST(a_plan_waits_for_its_turn),
		TEST(a_broken_reconcile_is_tried_again_ever_later),
		TEST(a_refused_roster_is_not_tried_again),
		TEST(a_request_shortens_the_pause),
		TEST(what_came_meanwhile_does_not_wait_for_a_long_pause),
		TEST(a_start_that_fails_ends_broken),
		TEST(one_broken_name_does_not_hold_up_others),
		TEST(many_broken_names_become_everybody),
		TEST(homes_run_up_to_the_cap_in_order),
		TEST(twenty_requests_for_one_person_are_one_job),
		TEST(logins_come_before_the_schedule),
		TEST(the_home_queue_is_bounded),
		TEST(an_ensure_waits_for_its_reconcile),
		TEST(a_run_of_everybody_releases_an_ensure),
		TEST(a_login_that_waits_does_not_wait_for_an_ensure),
		TEST(an_end_of_what_does_not_run_is_ignored),
		TEST(a_run_covers_what_was_asked_before_it),
		TEST(what_is_on_its_way_for_a_person),
		TEST(progress_belongs_to_a_running_job),
		TEST(a_job_is_known_by_its_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
