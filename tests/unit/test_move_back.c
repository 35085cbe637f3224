/* test_move_back.c - the way back from a version, taken up where a kill has left it. systemctl is a script of the
 * test's that does what the units would. */
#include "fake_manager.h"

#include <sys/stat.h>
#include <unistd.h>

#include "move/look.h"
#include "move/move.h"
#include "steps/hold.h"

#define OURS "update of t3 from 0.0.24 to 0.0.28, run 7\n"
#define POINTER "opt/devvm/t3/people/emo"
#define GROUP "sys/fs/cgroup/system.slice/system-t3\\x2dserve.slice/t3-serve@emo.service/"
#define COPY "20251009-085320"

/* Their database is at level 40; what was asked is in "asked". */
static void set_systemctl(struct scratch *scratch)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncd %s\necho \"$*\" >>asked\n"
		       "[ \"$1 $2\" = 'restart devvm-look@emo.service' ] || exit 0\n"
		       "echo '{\"state\":\"ok\",\"level\":40,\"turns\":0,\"worked_usec\":1}' "
		       ">" LOOK_FOLDER "/emo.result\n",
		       scratch->folder);
	scratch_put_program(scratch, "systemctl", text);
}

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);
	struct scratch *scratch = *state;

	fake_manager_reset();
	set_systemctl(scratch);
	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_make_folder(scratch, HOLD_FOLDER, 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/0.0.24", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/people", 0755);
	return r;
}

/* They were on the way back when it was killed, with a copy of `level`; -1: they had no database. */
static void recover(struct scratch *scratch, const char *points_to, const char *hold, int64_t level)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = scratch_person(scratch, "emo");
	const struct mover mover = { .env = &scratch->env,
				     .config = &scratch->config,
				     .ledger = scratch->ledger,
				     .run = 7 };
	struct move_row row = { .name = "emo",
				.run = 7,
				.from = "0.0.24",
				.to = "0.0.28",
				.state = UPDATE_STATE_UNDOING,
				.level = level,
				.was_running = true };

	(void)snprintf(row.copy, sizeof(row.copy), "%s", level < 0 ? "" : COPY);
	assert_int_equal(symlinkat(points_to, scratch->env.root_dirfd, POINTER), 0);
	if (hold)
		scratch_write(scratch, HOLD_FOLDER "/emo", hold, 0644);
	assert_ok(scratch, moves_enter(scratch->ledger, &row, 1, &scratch->err));
	DV_IGNORE(move_recover(&mover, &person, &row, &scratch->err)); /* the row says it */
}

static void assert_state(struct scratch *scratch, enum update_state expected)
{
	DV_AUTO_MOVES struct moves moves = { 0 };

	assert_ok(scratch, moves_list(scratch->ledger, MOVES_ALL_RUNS, &moves, &scratch->err));
	assert_int_equal(moves.n_rows, 1);
	assert_string_equal(update_state_word(moves.rows[0].state), update_state_word(expected));
}

static bool was_stopped(struct scratch *scratch)
{
	DV_AUTO_FREE char *asked = scratch_read(scratch, "asked");

	return asked && strstr(asked, "stop --quiet t3-serve@emo.service");
}

/* Killed behind the release of the hold: what runs by then is the old version, with what they did in it. */
static void who_is_back_already_goes_on(void **state)
{
	static const int64_t levels[] = { 40, -1 };

	for (size_t i = 0; i < DV_COUNT(levels); i++) {
		struct scratch *scratch = *state;

		recover(scratch, "../versions/0.0.24", NULL, levels[i]);
		assert_false(was_stopped(scratch));
		assert_state(scratch, UPDATE_STATE_BACK);
		(void)scratch_teardown(state);
		(void)setup(state);
	}
}

/* Their hold is another's then, and stays. */
static void anothers_hold_is_none_of_the_move(void **state)
{
	struct scratch *scratch = *state;

	recover(scratch, "../versions/0.0.24", "by hand\n", 40);
	assert_false(was_stopped(scratch));
	assert_state(scratch, UPDATE_STATE_BACK);
	assert_file(scratch, HOLD_FOLDER "/emo", "by hand\n");
}

static void who_is_not_back_is_stopped_and_brought_back(void **state)
{
	static const struct {
		const char *points_to, *hold;
		int64_t level;
	} cases[] = {
		{ "../versions/0.0.24", OURS, 40 }, /* before the release */
		{ "../versions/0.0.28", OURS, 40 }, /* before the pointer */
		{ "../versions/0.0.28", NULL, 40 }, /* before the hold */
	};

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		struct scratch *scratch = *state;

		recover(scratch, cases[i].points_to, cases[i].hold, cases[i].level);
		assert_true(was_stopped(scratch));
		assert_state(scratch, UPDATE_STATE_BACK);
		assert_false(hold_is_set(&scratch->env, "emo"));
		(void)scratch_teardown(state);
		(void)setup(state);
	}
}

/* The hold was removed by hand before their copy was in its place: there is none here, so they stay held. */
static void a_newer_database_is_not_left_to_the_old_version(void **state)
{
	struct scratch *scratch = *state;

	recover(scratch, "../versions/0.0.24", NULL, 30);
	assert_true(was_stopped(scratch));
	assert_state(scratch, UPDATE_STATE_UNDOING);
	assert_file(scratch, HOLD_FOLDER "/emo", OURS);
}

/* The killed run was asking for their agents while all of it stood still; one is at work. */
static void who_stood_still_goes_on(void **state)
{
	struct scratch *scratch = *state;
	const struct mover mover = { .env = &scratch->env,
				     .config = &scratch->config,
				     .ledger = scratch->ledger,
				     .run = 7 };
	struct move_row row = { .name = "emo",
				.run = 7,
				.from = "0.0.24",
				.to = "0.0.28",
				.state = UPDATE_STATE_MOVED };
	enum worked worked = WORKED_UNSET;
	char keeps[TURN_WHY_BYTES] = "";

	scratch_write(scratch, GROUP "cgroup.procs", "", 0644);
	scratch_write(scratch, GROUP "cgroup.freeze", "1\n", 0644);
	assert_ok(scratch,
		  move_back_idle(&mover, &row, "it is bad", &worked, keeps, &scratch->err));
	assert_string_equal(keeps, "they have worked with it since");
	assert_asked("thaw t3-serve@emo.service; ");
	scratch_write(scratch, GROUP "cgroup.freeze", "0\n", 0644);
	assert_ok(scratch,
		  move_back_idle(&mover, &row, "it is bad", &worked, keeps, &scratch->err));
	assert_asked("");
}

static void process(struct scratch *scratch, int pid, const char *comm)
{
	char path[64], text[256];

	(void)snprintf(path, sizeof(path), "proc/%d/stat", pid);
	(void)snprintf(text, sizeof(text),
		       "%d (%s) S 1 2 3 4 5 6 7 8 9 10 1 1 1 1 20 0 1 0 %d 1000 10 18446\n", pid,
		       comm, pid);
	scratch_write(scratch, path, text, 0644);
	(void)snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	scratch_write(scratch, path, comm, 0644);
}

/* All that they do since is from before the move, by the clock. */
static void who_may_be_at_work_stays_where_the_clock_was_set_back(void **state)
{
	struct scratch *scratch = *state;
	const struct mover mover = { .env = &scratch->env,
				     .config = &scratch->config,
				     .ledger = scratch->ledger,
				     .run = 7 };
	struct move_row row = { .name = "emo",
				.run = 7,
				.from = "0.0.24",
				.to = "0.0.28",
				.moved_usec = SCRATCH_NOW_USEC + 1,
				.state = UPDATE_STATE_MOVED };
	enum worked worked = WORKED_UNSET;
	char keeps[TURN_WHY_BYTES] = "";

	scratch_write(scratch, GROUP "cgroup.procs", "100\n110\n", 0644);
	process(scratch, 100, "MainThread");
	process(scratch, 110, "claude");
	assert_ok(scratch,
		  move_back_idle(&mover, &row, "it is bad", &worked, keeps, &scratch->err));
	assert_string_equal(keeps, "whether they work with it cannot be told, and an agent of "
				   "theirs is there: the clock was set back");
	assert_false(was_stopped(scratch));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(who_is_back_already_goes_on),
		TEST(anothers_hold_is_none_of_the_move),
		TEST(who_is_not_back_is_stopped_and_brought_back),
		TEST(who_stood_still_goes_on),
		TEST(who_may_be_at_work_stays_where_the_clock_was_set_back),
		TEST(a_newer_database_is_not_left_to_the_old_version),
	};

	return cmocka_run_group_tests_name("move_back", tests, NULL, NULL);
}
