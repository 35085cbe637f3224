/* test_guard.c - one home step in a child: what it says comes back whole, and whatever it
 * does - hang, crash, leave children - the caller has an answer in time. */
#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "job/guard.h"

#define HOME_FILE "home/emo/made"
#define SHORT_MS 80
#define LONG_MS 20000
#define LAST_RESORT_S 10 /* a child that nobody kills ends itself, and the test fails */

static int left_open[2] = { -1, -1 }; /* a pipe that children of a step hold open */

static int check_made(struct step_context *context, enum step_verdict *ret_verdict,
		      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err DV_UNUSED)
{
	bool there = faccessat(context->home->home_fd, "made", F_OK, 0) == 0;

	*ret_verdict = there ? STEP_FINE : STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "make it");
	return 0;
}

static int apply_make(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd =
		openat(context->home->home_fd, "made", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 ? dv_fail(err, -errno, "make it") : 0;
}

static int apply_nothing(struct step_context *context DV_UNUSED, struct dv_error *err DV_UNUSED)
{
	return 0;
}

static int apply_refuse(struct step_context *context DV_UNUSED, struct dv_error *err)
{
	return dv_refuse(err, -EIO, "the disk says no");
}

static int apply_hang(struct step_context *context DV_UNUSED, struct dv_error *err DV_UNUSED)
{
	(void)alarm(LAST_RESORT_S);
	while (pause() < 0) /* always: pause(2) */
		continue;
	return 0;
}

static int check_skip(struct step_context *context DV_UNUSED, enum step_verdict *ret_verdict,
		      char ret_what[static STEP_WHAT_BYTES] DV_UNUSED,
		      struct dv_error *err DV_UNUSED)
{
	*ret_verdict = STEP_SKIPPED;
	return 0;
}

static int check_fail_silently(struct step_context *context DV_UNUSED,
			       enum step_verdict *ret_verdict DV_UNUSED,
			       char ret_what[static STEP_WHAT_BYTES] DV_UNUSED,
			       struct dv_error *err DV_UNUSED)
{
	return -EIO;
}

static int check_crash(struct step_context *context DV_UNUSED,
		       enum step_verdict *ret_verdict DV_UNUSED,
		       char ret_what[static STEP_WHAT_BYTES] DV_UNUSED,
		       struct dv_error *err DV_UNUSED)
{
	(void)raise(SIGKILL);
	return 0;
}

/* A stopped child does not even die of SIGTERM. */
static int check_stop(struct step_context *context DV_UNUSED,
		      enum step_verdict *ret_verdict DV_UNUSED,
		      char ret_what[static STEP_WHAT_BYTES] DV_UNUSED,
		      struct dv_error *err DV_UNUSED)
{
	(void)raise(SIGSTOP);
	return 0;
}

/* As a clone does that has git and ssh under it. */
static int check_leave_child(struct step_context *context, enum step_verdict *ret_verdict,
			     char ret_what[static STEP_WHAT_BYTES] DV_UNUSED, struct dv_error *err)
{
	if (fork() == 0) {
		(void)apply_hang(context, err);
		_exit(0);
	}
	*ret_verdict = STEP_FINE;
	return 0;
}

static int check_hang_with_child(struct step_context *context, enum step_verdict *ret_verdict,
				 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	int r = check_leave_child(context, ret_verdict, ret_what, err);

	return r < 0 ? r : apply_hang(context, err);
}

static void on_apply(void *context, const struct step *step)
{
	assert_non_null(step);
	(*(unsigned int *)context)++;
}

/* Run a step of these functions; the number of on_apply calls. */
static unsigned int run(struct scratch *scratch, const struct step *step,
			struct guard_result *ret_result)
{
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	unsigned int n_applying = 0;

	guard_run(&scratch->env, &work, step, on_apply, &n_applying, ret_result);
	return n_applying;
}

static void one_that_applies_says_what_it_did(void **state)
{
	const struct step step = {
		.name = "make", .deadline_ms = LONG_MS, .check = check_made, .apply = apply_make
	};
	struct guard_result result;

	assert_int_equal(run(*state, &step, &result), 1);
	assert_string_equal(result.err.text, "");
	assert_int_equal(result.verdict, STEP_FINE);
	assert_int_equal(result.applied, true);
	assert_string_equal(result.what, "make it");
	assert_true(scratch_has(*state, HOME_FILE));
}

static void one_that_is_fine_applies_nothing(void **state)
{
	const struct step step = {
		.name = "make", .deadline_ms = LONG_MS, .check = check_made, .apply = apply_refuse
	};
	struct guard_result result;

	scratch_write(*state, HOME_FILE, "", 0600);
	assert_int_equal(run(*state, &step, &result), 0);
	assert_string_equal(result.err.text, "");
	assert_int_equal(result.verdict, STEP_FINE);
	assert_int_equal(result.applied, false);
	assert_string_equal(result.what, "");
}

static void one_that_is_not_for_them_applies_nothing(void **state)
{
	const struct step step = {
		.name = "skip", .deadline_ms = LONG_MS, .check = check_skip, .apply = apply_refuse
	};
	struct guard_result result;

	assert_int_equal(run(*state, &step, &result), 0);
	assert_string_equal(result.err.text, "");
	assert_int_equal(result.verdict, STEP_SKIPPED);
}

static void one_that_fails_says_why(void **state)
{
	const struct step step = {
		.name = "make", .deadline_ms = LONG_MS, .check = check_made, .apply = apply_refuse
	};
	struct guard_result result;

	assert_int_equal(run(*state, &step, &result), 1);
	assert_string_equal(result.err.text, "the disk says no");
}

static void one_that_did_nothing_is_found_out(void **state)
{
	const struct step step = {
		.name = "make", .deadline_ms = LONG_MS, .check = check_made, .apply = apply_nothing
	};
	struct guard_result result;

	assert_int_equal(run(*state, &step, &result), 1);
	assert_string_equal(result.err.text, "it was done and still differs: make it");
}

static void a_failure_without_words_gets_some(void **state)
{
	const struct step step = { .name = "code",
				   .deadline_ms = LONG_MS,
				   .check = check_fail_silently };
	struct guard_result result;

	assert_int_equal(run(*state, &step, &result), 0);
	assert_string_equal(result.err.text, "code: Input/output error");
}

static void assert_killed_in_time(struct scratch *scratch, const struct step *step,
				  unsigned int n_applying)
{
	int64_t began_ms = clock_now_ms();
	struct guard_result result;
	int status = 0;
	pid_t pid;

	assert_int_equal(run(scratch, step, &result), n_applying);
	assert_in_range(clock_now_ms() - began_ms, SHORT_MS, 9000);
	assert_contains(result.err.text, "it did not end within 0 seconds");
	pid = wait(&status); /* where guard_run() was too early to reap it */
	assert_int_equal(pid < 0 ? SIGKILL : WTERMSIG(status), SIGKILL);
}

static void one_that_hangs_is_killed_at_its_deadline(void **state)
{
	const struct step step = {
		.name = "make", .deadline_ms = SHORT_MS, .check = check_made, .apply = apply_hang
	};

	assert_killed_in_time(*state, &step, 1);
}

static void one_that_is_stopped_is_killed_at_its_deadline(void **state)
{
	const struct step step = { .name = "stop", .deadline_ms = SHORT_MS, .check = check_stop };

	assert_killed_in_time(*state, &step, 0);
}

static void one_that_crashes_has_an_answer(void **state)
{
	const struct step step = { .name = "crash", .deadline_ms = LONG_MS, .check = check_crash };
	struct guard_result result;

	assert_int_equal(run(*state, &step, &result), 0);
	assert_string_equal(result.err.text, "it ended without a result");
	assert_int_equal(result.verdict, STEP_UNSET);
}

/* All ends of the pipe but the test's own are closed once nobody is left. */
static void assert_nobody_left(struct scratch *scratch, const struct step *step)
{
	struct pollfd end = { .events = POLLIN };
	struct guard_result result;

	assert_int_equal(pipe2(left_open, O_CLOEXEC), 0);
	(void)run(scratch, step, &result);
	(void)close(left_open[1]);
	end.fd = left_open[0];
	assert_int_equal(poll(&end, 1, 8000), 1);
	assert_int_equal(end.revents & POLLHUP, POLLHUP);
	(void)close(left_open[0]);
}

static void what_a_step_leaves_behind_is_killed(void **state)
{
	const struct step step = { .name = "leave",
				   .deadline_ms = LONG_MS,
				   .check = check_leave_child };

	assert_nobody_left(*state, &step);
}

static void what_hangs_below_a_step_is_killed(void **state)
{
	const struct step step = { .name = "leave",
				   .deadline_ms = SHORT_MS,
				   .check = check_hang_with_child };

	assert_nobody_left(*state, &step);
}

static void a_home_that_is_gone_is_named(void **state)
{
	struct scratch *scratch = *state;
	const struct step step = {
		.name = "make", .deadline_ms = LONG_MS, .check = check_made, .apply = apply_make
	};
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	DV_AUTO_FREE char *expected = NULL;
	unsigned int n_applying = 0;
	struct guard_result result;

	assert_int_equal(unlinkat(scratch->env.root_dirfd, "home/emo", AT_REMOVEDIR), 0);
	assert_true(asprintf(&expected, "open the home %s: No such file or directory", work.home) >
		    0);
	guard_run(&scratch->env, &work, &step, on_apply, &n_applying, &result);
	assert_string_equal(result.err.text, expected);
}

static void the_facts_come_with_the_result(void **state)
{
	struct guard_result result;

	assert_int_equal(run(*state, step_find("facts"), &result), 0);
	assert_string_equal(result.err.text, "");
	assert_string_equal(people_login_name(result.login), "none");
	scratch_write(*state, "home/emo/.claude/.credentials.json", "{}", 0600);
	assert_int_equal(run(*state, step_find("facts"), &result), 0);
	assert_string_equal(people_login_name(result.login), "own");
}

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

static void nothing_stays_open(void **state)
{
	const struct step fine = { .name = "skip", .deadline_ms = LONG_MS, .check = check_skip };
	const struct step crash = { .name = "crash", .deadline_ms = LONG_MS, .check = check_crash };
	unsigned int before = count_fds();
	struct guard_result result;

	(void)run(*state, &fine, &result);
	(void)run(*state, &crash, &result);
	assert_int_equal(count_fds(), before);
}

/* guard_run() does not wait for what it has killed. */
static int reap_and_teardown(void **state)
{
	while (wait(NULL) > 0)
		continue;
	return scratch_teardown(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, reap_and_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_that_applies_says_what_it_did),
		TEST(one_that_is_fine_applies_nothing),
		TEST(one_that_is_not_for_them_applies_nothing),
		TEST(one_that_fails_says_why),
		TEST(one_that_did_nothing_is_found_out),
		TEST(a_failure_without_words_gets_some),
		TEST(one_that_hangs_is_killed_at_its_deadline),
		TEST(one_that_is_stopped_is_killed_at_its_deadline),
		TEST(one_that_crashes_has_an_answer),
		TEST(what_a_step_leaves_behind_is_killed),
		TEST(what_hangs_below_a_step_is_killed),
		TEST(a_home_that_is_gone_is_named),
		TEST(the_facts_come_with_the_result),
		TEST(nothing_stays_open),
	};

	return cmocka_run_group_tests_name("guard", tests, NULL, NULL);
}
