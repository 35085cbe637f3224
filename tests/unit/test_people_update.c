/* test_people_update.c - update-now and not-before: what a person says to the updater, and what they hear of it. */
#include "fake_daemon.h"

#include "ledger/deferrals.h"
#include "ledger/update_notes.h"

#define UNIT "devvm-drain@anna.service"
#define DAY (24 * 3600 * INT64_C(1000000))
#define ANNA 1001
#define BEN 1002

static int say(const struct fake *fake, uid_t uid, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, uid);

	fake_say(fake, fd, packet);
	return fd;
}

static int set_up(void **state)
{
	int r = fake_setup(state);
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "ben", 1, "power-user");
	return r;
}

static void note(const struct fake *fake, const char *outcome, const char *text)
{
	assert_ok(fake->scratch, update_put_result(fake->scratch->ledger, "drain-anna", outcome,
						   text, &fake->scratch->err));
}

static struct deferral row_of(const struct fake *fake, const char *name)
{
	struct deferral row = { 0 };

	assert_ok(fake->scratch,
		  deferrals_get(fake->scratch->ledger, name, &row, &fake->scratch->err));
	return row;
}

static int64_t now(const struct fake *fake)
{
	return daemon_now_usec(fake->daemon);
}

static const char *not_before(const struct fake *fake, uid_t uid, int64_t until)
{
	char packet[100];

	(void)snprintf(packet, sizeof(packet), "not-before\nv=1\nuser=anna\nuntil=%" PRId64 "\n",
		       until);
	return fake_ask(fake, uid, packet);
}

static void now_is_a_drain_of_one_and_ends_with_its_outcome(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int own_fd = say(fake, ANNA, "update-now\nv=1\nuser=anna\n");
	DV_AUTO_CLOSE int root_fd = say(fake, 0, "update-now\nv=1\nuser=anna\n");

	assert_int_equal(fake_starts(UNIT), 1);
	assert_heard(fake, own_fd, "(nothing)");
	note(fake, "deferred", "an agent is at work");
	fake_end(fake, UNIT, "failed");
	assert_heard(fake, own_fd, "done outcome=deferred text=an agent is at work");
	assert_heard(fake, root_fd, "done outcome=deferred text=an agent is at work");
}

static void a_killed_one_left_no_word(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, ANNA, "update-now\nv=1\nuser=anna\n");

	fake_end(fake, UNIT, "signal");
	assert_heard(fake, fd, "error code=failed text=" UNIT ": signal; see journalctl -u " UNIT);
}

static void others_may_not(void **state)
{
	const struct fake *fake = *state;

	assert_string_equal(fake_ask(fake, BEN, "update-now\nv=1\nuser=anna\n"),
			    "error code=denied text=update-now is only for root, admins, the "
			    "person it is about");
	assert_string_equal(not_before(fake, BEN, 0),
			    "error code=denied text=not-before is only for root, admins, the "
			    "person it is about");
	assert_string_equal(fake_ask(fake, 0, "update-now\nv=1\nuser=nobody-here\n"),
			    "error code=not-found text=nobody-here is not on the roster");
	assert_int_equal(fake_starts(UNIT), 0);
}

static void a_parked_person_is_left_alone(void **state)
{
	const struct fake *fake = *state;

	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("anna", 0);

	row.parked = true;
	assert_ok(fake->scratch,
		  people_put_wanted(fake->scratch->ledger, &row, &fake->scratch->err));
	assert_string_equal(fake_ask(fake, 0, "update-now\nv=1\nuser=anna\n"),
			    "error code=denied text=anna is parked: nothing of theirs is moved "
			    "before they are back");
	assert_int_equal(fake_starts(UNIT), 0);
}

static void later_is_kept_and_lifted(void **state)
{
	const struct fake *fake = *state;
	int64_t at = now(fake) + 2 * DAY;
	const char *said = not_before(fake, ANNA, at);

	assert_non_null(strstr(said, "done text=anna gets no other t3 before 2"));
	assert_int_equal(row_of(fake, "anna").not_before_usec, at);
	assert_string_equal(not_before(fake, ANNA, 0),
			    "done text=anna gets the next t3 with everybody else");
	assert_int_equal(row_of(fake, "anna").not_before_usec, 0);
}

static void later_has_its_bounds(void **state)
{
	const struct fake *fake = *state;
	const char *said = not_before(fake, ANNA, now(fake) + 8 * DAY);

	assert_non_null(strstr(said, "error code=bad-request text=an update waits for at most 7 "
				     "days (update.defer_max), so until 2"));
	assert_string_equal(not_before(fake, ANNA, 1),
			    "error code=bad-request text=that time is over already");
	assert_string_equal(fake_ask(fake, 0, "not-before\nv=1\nuser=anna\nuntil=soon\n"),
			    "error code=bad-request text=that is no time");
	assert_string_equal(row_of(fake, "anna").name, "");
	fake->daemon->config.update_defer_max_days = 0;
	said = not_before(fake, ANNA, now(fake) + 800 * DAY);
	assert_non_null(strstr(said, "done text=anna gets no other t3 before 2"));
}

static void who_waits_too_long_hears_of_it(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	const char *said;

	assert_string_equal(fake_ask(fake, ANNA, "wait\nv=1\nuser=anna\n"), "done");
	assert_ok(scratch, deferrals_put(scratch->ledger, "anna", "0.0.28", now(fake) - 6 * DAY,
					 "an agent is in the midst of a turn", &scratch->err));
	assert_string_equal(fake_ask(fake, ANNA, "wait\nv=1\nuser=anna\n"), "done");
	fake->daemon->config.update_defer_max_days = 5;
	said = fake_ask(fake, ANNA, "wait\nv=1\nuser=anna\n");
	assert_non_null(strstr(said, "done text=t3 0.0.28 waits for you since 2"));
	assert_non_null(
		strstr(said, ": an agent is in the midst of a turn. devvmctl update --now "));
	assert_non_null(strstr(said, "devvmctl update --not-before +2d"));
	fake->daemon->config.update_defer_max_days = 0; /* never */
	assert_string_equal(fake_ask(fake, ANNA, "wait\nv=1\nuser=anna\n"), "done");
}

static void what_waits_is_in_the_status(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	const char *said = fake_ask(fake, ANNA, "status\nv=1\nuser=anna\n");

	assert_null(strstr(said, "waiting="));
	assert_ok(scratch, deferrals_put(scratch->ledger, "anna", "0.0.28", now(fake) - DAY,
					 "a turn", &scratch->err));
	said = fake_ask(fake, ANNA, "status\nv=1\nuser=anna\n");
	assert_non_null(strstr(said, " waiting=t3 0.0.28 waits for anna since 2"));
	assert_ok(scratch, deferrals_end(scratch->ledger, "anna", INT64_MAX, &scratch->err));
	assert_ok(scratch, deferrals_set_not_before(scratch->ledger, "anna", now(fake) + DAY,
						    &scratch->err));
	said = fake_ask(fake, ANNA, "status\nv=1\nuser=anna\n");
	assert_non_null(strstr(said, " waiting=anna gets no other t3 before 2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define AT(test) cmocka_unit_test_setup_teardown(test, set_up, fake_teardown)
		AT(now_is_a_drain_of_one_and_ends_with_its_outcome),
		AT(a_killed_one_left_no_word),
		AT(others_may_not),
		AT(a_parked_person_is_left_alone),
		AT(later_is_kept_and_lifted),
		AT(later_has_its_bounds),
		AT(who_waits_too_long_hears_of_it),
		AT(what_waits_is_in_the_status),
	};

	return cmocka_run_group_tests_name("people_update", tests, NULL, NULL);
}
