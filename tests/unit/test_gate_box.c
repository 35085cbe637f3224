/* test_gate_box.c - processes are started, ended and told apart as the caller's own account, or as one
 * that is nobody's where the test runs as root. */
#include "scratch.h"

#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "gate/box.h"

/* Everything of the account is killed, so it is one that nobody has: between systemd's ranges (UIDS-GIDS.md). */
#define FREE_UID (60706 + (uid_t)(getpid() % 470))
#define LONG_MS 20000

static const char *const ENVP[] = { "PATH=/usr/bin:/bin", "MARK=here", NULL };

static struct box make_box(void)
{
	uid_t uid = geteuid() == 0 ? FREE_UID : geteuid();
	struct box box = { .uid = uid,
			   .gid = geteuid() == 0 ? (gid_t)FREE_UID : getegid(),
			   .envp = ENVP,
			   .folder = "/" };
	struct dv_error err = { "" };

	assert_int_equal(box_init(&box, &err), 0);
	return box;
}

static void nothing_is_run_as_root(void **state DV_UNUSED)
{
	struct box box = { .uid = 0, .envp = ENVP, .folder = "/" };
	struct dv_error err = { "" };

	assert_int_equal(box_init(&box, &err), -EPERM);
}

static void what_it_prints_is_kept_however_it_exits(void **state DV_UNUSED)
{
	const char *const argv[] = { "/bin/sh", "-c", "echo $MARK; id -u; exit 3", NULL };
	const struct box box = make_box();
	struct dv_error err = { "" };
	char output[64], expected[64];

	assert_int_equal(box_run(&box, argv, clock_deadline_ms(LONG_MS), output, sizeof(output),
				 &err),
			 0);
	(void)snprintf(expected, sizeof(expected), "here\n%u\n", box.uid);
	assert_string_equal(output, expected);
}

static void more_than_fits_is_dropped(void **state DV_UNUSED)
{
	const char *const argv[] = { "/bin/sh", "-c", "printf 0123456789; printf abcdef", NULL };
	const struct box box = make_box();
	struct dv_error err = { "" };
	char output[8];

	assert_int_equal(box_run(&box, argv, clock_deadline_ms(LONG_MS), output, sizeof(output),
				 &err),
			 0);
	assert_string_equal(output, "0123456");
}

static void a_command_has_a_deadline(void **state DV_UNUSED)
{
	const char *const argv[] = { "/bin/sleep", "600", NULL };
	const struct box box = make_box();
	struct dv_error err = { "" };
	char output[8];

	assert_int_equal(box_run(&box, argv, clock_deadline_ms(50), output, sizeof(output), &err),
			 -ETIMEDOUT);
}

static void an_end_is_told(void **state DV_UNUSED)
{
	static const struct {
		const char *script, *words;
	} rows[] = {
		{ "exit 0", "exited with status 0" },
		{ "exit 7", "exited with status 7" },
		{ "kill -9 $$", "was ended by signal 9" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const char *const argv[] = { "/bin/sh", "-c", rows[i].script, NULL };
		struct box box = make_box();
		struct dv_error err = { "" };
		char words[BOX_END_BYTES];
		bool in_time = false;

		assert_int_equal(box_start(&box, argv, &err), 0);
		while (box_is_running(&box))
			;
		box_describe_end(&box, words);
		assert_string_equal(words, rows[i].words);
		assert_true(box.memory_kib > 0);
		box_stop(&box, clock_deadline_ms(LONG_MS), &in_time);
		assert_true(in_time);
	}
}

static void a_server_is_asked_and_then_made_to_end(void **state DV_UNUSED)
{
	const char *const willing[] = { "/bin/sleep", "600", NULL };
	const char *const deaf[] = { "/bin/sh", "-c",
				     "trap '' TERM; while :; do sleep 600 & wait; done", NULL };
	struct box box = make_box();
	struct dv_error err = { "" };
	bool in_time = false;

	assert_int_equal(box_start(&box, willing, &err), 0);
	assert_true(box_is_running(&box));
	box_stop(&box, clock_deadline_ms(LONG_MS), &in_time);
	assert_true(in_time);
	assert_int_equal(box_start(&box, deaf, &err), 0);
	(void)poll(NULL, 0, 0);
	assert_true(box_is_running(&box));
	/* A TERM before its trap ends it too; either way it is gone then. */
	box_stop(&box, clock_deadline_ms(100), &in_time);
	assert_false(box_is_running(&box));
	if (box.uid != geteuid())
		DV_IGNORE(box_sweep(&box));
}

/* Only where the account is another: as its own it must not kill what it did not start. */
static void who_outlives_a_server_is_counted_and_killed(void **state DV_UNUSED)
{
	const char *const argv[] = { "/bin/sh", "-c",
				     "setsid sleep 600 & setsid sleep 600 & exit 0", NULL };
	struct box box = make_box();
	struct dv_error err = { "" };

	if (box.uid == geteuid())
		skip();
	assert_int_equal(box_start(&box, argv, &err), 0);
	while (box_is_running(&box))
		;
	assert_int_equal(box_sweep(&box), 2);
	assert_int_equal(box_sweep(&box), 0);
}

static int add_one(void *shared, const void *input, struct dv_error *err DV_UNUSED)
{
	*(int *)shared += *(const int *)input;
	return 0;
}

static int refuse(void *shared DV_UNUSED, const void *input DV_UNUSED, struct dv_error *err)
{
	return dv_refuse(err, -EBADMSG, "no such thing, says uid %u", geteuid());
}

static int crash(void *shared DV_UNUSED, const void *input DV_UNUSED,
		 struct dv_error *err DV_UNUSED)
{
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static void a_call_brings_back_what_it_wrote(void **state DV_UNUSED)
{
	const struct box box = make_box();
	struct dv_error err = { "" };
	int input = 1, value = 41;
	char expected[64];
	int64_t deadline_ms = clock_deadline_ms(LONG_MS);

	assert_int_equal(box_call(&box, add_one, &input, &value, sizeof(value), deadline_ms, &err),
			 0);
	assert_int_equal(value, 42);
	assert_int_equal(box_call(&box, refuse, NULL, NULL, 0, deadline_ms, &err), -EBADMSG);
	(void)snprintf(expected, sizeof(expected), "no such thing, says uid %u", box.uid);
	assert_string_equal(err.text, expected);
	assert_int_equal(box_call(&box, crash, NULL, &value, sizeof(value), deadline_ms, &err),
			 -EIO);
	assert_int_equal(value, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_run_as_root),
		cmocka_unit_test(what_it_prints_is_kept_however_it_exits),
		cmocka_unit_test(more_than_fits_is_dropped),
		cmocka_unit_test(a_command_has_a_deadline),
		cmocka_unit_test(an_end_is_told),
		cmocka_unit_test(a_server_is_asked_and_then_made_to_end),
		cmocka_unit_test(who_outlives_a_server_is_counted_and_killed),
		cmocka_unit_test(a_call_brings_back_what_it_wrote),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
