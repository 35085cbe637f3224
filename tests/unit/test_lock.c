/* test_lock.c - one job at a time for a person, and nothing left of a job that was killed. */
#include "scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "steps/lock.h"

static int take(struct scratch *scratch, const char *name, int64_t wait_ms)
{
	return lock_take(&scratch->env, name, clock_deadline_ms(wait_ms), &scratch->err);
}

static void one_has_it_at_a_time(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int first = take(scratch, "emo", 0);
	int64_t began_ms = clock_now_ms();
	int again;

	assert_true(first >= 0);
	assert_int_equal(take(scratch, "emo", 30), -ETIMEDOUT);
	assert_string_equal(scratch->err.text,
			    "another job holds /run/devvm/locks/emo for too long");
	assert_in_range(clock_now_ms() - began_ms, 30, 10000);
	dv_closep(&first);
	first = -1;
	again = take(scratch, "emo", 0);
	assert_true(again >= 0);
	(void)close(again);
}

static void people_do_not_wait_for_each_other(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int emo = take(scratch, "emo", 0);
	DV_AUTO_CLOSE int wizard = take(scratch, "wizard", 0);
	DV_AUTO_CLOSE int all = take(scratch, LOCK_RECONCILE, 0);

	assert_true(emo >= 0);
	assert_true(wizard >= 0);
	assert_true(all >= 0);
}

static void who_is_killed_holds_nothing(void **state)
{
	struct scratch *scratch = *state;
	int ready[2];
	char byte = 0;
	pid_t pid;
	int fd;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		if (take(scratch, "emo", 0) >= 0)
			(void)write(ready[1], "x", 1);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(take(scratch, "emo", 0), -ETIMEDOUT);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fd = take(scratch, "emo", 0);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void the_folder_is_roots_alone(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int fd = take(scratch, "emo", 0);

	assert_true(fd >= 0);
	assert_int_equal(scratch_mode(scratch, "run/devvm/locks"), 0700);
	assert_int_equal(scratch_mode(scratch, "run/devvm/locks/emo") & 077, 0);
}

static void a_link_in_its_place_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, "run/devvm/locks", 0700);
	assert_int_equal(symlinkat("../victim", scratch->env.root_dirfd, "run/devvm/locks/emo"), 0);
	assert_int_equal(take(scratch, "emo", 0), -ELOOP);
	assert_false(scratch_has(scratch, "run/devvm/victim"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_has_it_at_a_time),	      TEST(people_do_not_wait_for_each_other),
		TEST(who_is_killed_holds_nothing),    TEST(the_folder_is_roots_alone),
		TEST(a_link_in_its_place_is_refused),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
