/* test_turn.c - whether an agent is in the midst of a turn, told from systemd, the person's own process and the
 * cgroup; whatever is unclear is busy. systemctl is a script of the test's that does what the unit would. */
#include "fake_manager.h"

#include "move/look.h"
#include "move/turn.h"

#define UNIT "t3-serve@emo.service"
#define GROUP "sys/fs/cgroup/system.slice/system-t3\\x2dserve.slice/" UNIT "/"
#define MIDST "an agent is in the midst of a turn"

static void set_answer(struct scratch *scratch, const char *answer)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncd %s/" LOOK_FOLDER "\ncat emo.env >../seen\n"
		       "echo '%s' >emo.result\n",
		       scratch->folder, answer);
	scratch_put_program(scratch, "systemctl", text);
}

static void set_turns(struct scratch *scratch, int n)
{
	char text[128];

	(void)snprintf(text, sizeof(text),
		       "{\"state\":\"ok\",\"level\":40,\"turns\":%d,\"worked_usec\":1}", n);
	set_answer(scratch, text);
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

/* A server that has been up since 1769860800, and an agent. */
static int setup(void **state)
{
	int r = scratch_setup(state);
	struct scratch *scratch = *state;

	fake_manager_reset();
	fake_manager.loaded = UNIT " active\nt3-serve@ben.service failed\n";
	fake_manager.active_since_usec = INT64_C(1769860800000000);
	scratch->env.fixed_usec = fake_manager.active_since_usec + 1;
	scratch_write(scratch, GROUP "cgroup.procs", "100\n110\n", 0644);
	process(scratch, 100, "MainThread");
	process(scratch, 110, "claude");
	set_turns(scratch, 1);
	return r;
}

static void assert_turn(struct scratch *scratch, enum turn_verdict expected,
			const char *expected_why)
{
	enum turn_verdict verdict = TURN_UNSET;
	char why[TURN_WHY_BYTES] = "unset";

	assert_ok(scratch, turn_look(&scratch->env, NULL, "emo", &verdict, why, &scratch->err));
	assert_string_equal(why, expected_why);
	assert_int_equal(verdict, expected);
}

static void a_turn_and_an_agent_is_busy(void **state)
{
	struct scratch *scratch = *state;

	assert_turn(scratch, TURN_BUSY, MIDST);
	assert_file(scratch, "run/devvm/seen", "DEVVM_SINCE_USEC=1769860800000000\n");
	set_turns(scratch, 0);
	assert_turn(scratch, TURN_IDLE, "");
}

static void a_turn_without_an_agent_is_idle(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, GROUP "cgroup.procs", "100\n", 0644);
	assert_turn(scratch, TURN_IDLE, "");
}

static void one_that_does_not_run_is_down(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.loaded = UNIT " inactive\n";
	assert_turn(scratch, TURN_DOWN, "");
	fake_manager.loaded = UNIT " failed\n";
	assert_turn(scratch, TURN_DOWN, "");
	fake_manager.loaded = "t3-serve@ben.service active\n";
	assert_turn(scratch, TURN_DOWN, "");
	assert_false(scratch_has(scratch, "run/devvm/seen"));
}

static void one_that_comes_or_goes_is_busy(void **state)
{
	struct scratch *scratch = *state;

	set_turns(scratch, 0);
	fake_manager.loaded = UNIT " activating\n";
	assert_turn(scratch, TURN_BUSY, UNIT " is activating");
	fake_manager.loaded = UNIT " deactivating\n";
	assert_turn(scratch, TURN_BUSY, UNIT " is deactivating");
	fake_manager.loaded = UNIT " in-a-new-state\n";
	assert_turn(scratch, TURN_BUSY, UNIT " is in-a-new-state");
}

/* What an agent has written since is older than the start then, and looks like what was left of an earlier one. */
static void a_clock_that_was_set_back_is_busy(void **state)
{
	struct scratch *scratch = *state;

	scratch->env.fixed_usec = fake_manager.active_since_usec - 1;
	set_turns(scratch, 0);
	assert_turn(scratch, TURN_BUSY, UNIT " started later than now: the clock was set back");
	scratch->env.fixed_usec = fake_manager.active_since_usec;
	assert_turn(scratch, TURN_IDLE, "");
}

static void whatever_is_unclear_is_busy(void **state)
{
	struct scratch *scratch = *state;

	set_answer(scratch, "{\"state\":\"failed\",\"error\":\"it is damaged\"}");
	assert_turn(scratch, TURN_BUSY, "it is damaged");
	set_answer(scratch, "all is well");
	assert_turn(scratch, TURN_BUSY, "what their process said is not what it should be");
	set_answer(scratch, "{\"state\":\"none\"}");
	assert_turn(scratch, TURN_BUSY, UNIT " runs without a database");
	set_turns(scratch, 1);
	scratch_write(scratch, "proc/110/stat", "nonsense", 0644);
	assert_turn(scratch, TURN_BUSY, "Invalid argument");
	scratch_write(scratch, GROUP "cgroup.procs", "", 0644);
	assert_turn(scratch, TURN_BUSY, "its cgroup is empty");
	fake_manager.active_since_usec = 0;
	assert_turn(scratch, TURN_BUSY, "when " UNIT " started is not known");
	fake_manager.is_down = true;
	assert_turn(scratch, TURN_BUSY, "the bus is down");
}

static void a_long_sentence_is_cut(void **state)
{
	struct scratch *scratch = *state;
	char answer[400], why[TURN_WHY_BYTES];

	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	(void)snprintf(answer, sizeof(answer), "{\"state\":\"failed\",\"error\":\"%sxyz\"}", why);
	set_answer(scratch, answer);
	assert_turn(scratch, TURN_BUSY, why);
}

static void whose_must_be_a_name(void **state)
{
	struct scratch *scratch = *state;
	enum turn_verdict verdict = TURN_UNSET;
	char why[TURN_WHY_BYTES] = "";

	assert_int_equal(turn_look(&scratch->env, NULL, "*", &verdict, why, &scratch->err),
			 -EINVAL);
	assert_int_equal(verdict, TURN_UNSET);
	assert_int_equal(fake_manager.n_lists, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_turn_and_an_agent_is_busy),
		TEST(a_turn_without_an_agent_is_idle),
		TEST(one_that_does_not_run_is_down),
		TEST(one_that_comes_or_goes_is_busy),
		TEST(a_clock_that_was_set_back_is_busy),
		TEST(whatever_is_unclear_is_busy),
		TEST(a_long_sentence_is_cut),
		TEST(whose_must_be_a_name),
	};

	return cmocka_run_group_tests_name("turn", tests, NULL, NULL);
}
