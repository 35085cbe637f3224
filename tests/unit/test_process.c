/* test_process.c - a program is run, ended at its deadline with all it started, and told
 * of in one sentence. */
#include "folder.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/str.h"

#define LONG_MS 30000 /* never reached where all is well */

static struct process_result *run(const struct process_spec *spec)
{
	struct process_result *result = malloc(sizeof(*result));
	struct dv_error err = { 0 };

	assert_non_null(result);
	assert_int_equal(process_run(spec, result, &err), 0);
	return result;
}

static struct process_result *run_shell(const char *script, int64_t timeout_ms)
{
	return run(&(struct process_spec){
		.argv = (const char *const[]){ "sh", "-c", script, NULL },
		.deadline_ms = clock_deadline_ms(timeout_ms),
	});
}

static void output_of_both_streams_is_kept(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result = run_shell("echo out; echo err >&2", LONG_MS);

	assert_string_equal(result->output, "out\nerr\n");
	assert_int_equal(result->exit_status, 0);
	assert_int_equal(result->signal, 0);
	assert_false(result->timed_out);
}

static void add_output(void *context, const char *bytes, size_t n_bytes)
{
	struct str_list *list = context;
	DV_AUTO_FREE char *text = strndup(bytes, n_bytes);

	assert_int_equal(str_list_add(list, text), 0);
}

static void output_is_handed_on_and_input_is_a_file(void **state DV_UNUSED)
{
	DV_AUTO_STR_LIST struct str_list list = { 0 };
	DV_AUTO_FREE char *text = NULL;
	char path[] = "/tmp/devvm-test-XXXXXX";
	DV_AUTO_CLOSE int fd = mkstemp(path);

	assert_int_equal(write(fd, "from a file\n", 12), 12);
	DV_AUTO_FREE struct process_result *result = run(&(struct process_spec){
		.argv = (const char *const[]){ "cat", NULL },
		.input_path = path,
		.on_output = add_output,
		.context = &list,
		.deadline_ms = clock_deadline_ms(LONG_MS),
	});
	assert_int_equal(unlink(path), 0);
	text = str_list_join(&list, "");
	assert_string_equal(text, "from a file\n");
	assert_string_equal(result->output, "");
	assert_int_equal(result->exit_status, 0);
}

static void end_is_told_by_status_or_signal(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *status = run_shell("exit 42", LONG_MS);
	DV_AUTO_FREE struct process_result *killed = run_shell("kill -TERM $$", LONG_MS);

	assert_int_equal(status->exit_status, 42);
	assert_int_equal(killed->exit_status, -1);
	assert_int_equal(killed->signal, SIGTERM);
	assert_false(killed->timed_out);
}

static void missing_program_is_status_127(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result = run(&(struct process_spec){
		.argv = (const char *const[]){ "/nonexistent/program", NULL },
		.deadline_ms = clock_deadline_ms(LONG_MS),
	});

	assert_int_equal(result->exit_status, 127);
	assert_string_equal(result->output, "/nonexistent/program: No such file or directory\n");
}

static void input_is_empty(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result = run_shell("cat; echo end", LONG_MS);

	assert_string_equal(result->output, "end\n");
}

static void environment_and_folder_are_as_asked(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result = run(&(struct process_spec){
		.argv = (const char *const[]){ "sh", "-c", "echo $ONLY; pwd; echo ${HOME-none}",
					       NULL },
		.envp = (const char *const[]){ "ONLY=this", "PATH=/bin:/usr/bin", NULL },
		.working_folder = "/usr",
		.deadline_ms = clock_deadline_ms(LONG_MS),
	});
	DV_AUTO_FREE struct process_result *nowhere = run(&(struct process_spec){
		.argv = (const char *const[]){ "true", NULL },
		.working_folder = "/nonexistent",
		.deadline_ms = clock_deadline_ms(LONG_MS),
	});

	assert_string_equal(result->output, "this\n/usr\nnone\n");
	assert_int_equal(nowhere->exit_status, 127);
	assert_string_equal(nowhere->output, "chdir /nonexistent: No such file or directory\n");
}

static void program_gets_three_descriptors_and_no_blocked_signals(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result = NULL;
	int leaked_fd = dup(STDERR_FILENO); /* without CLOEXEC, as a library might */
	sigset_t blocked, before;

	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
	result = run_shell("grep SigBlk /proc/self/status; exec ls /proc/self/fd", LONG_MS);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	/* 3 is the folder that ls reads */
	assert_string_equal(result->output, "SigBlk:\t0000000000000000\n0\n1\n2\n3\n");
	assert_int_equal(close(leaked_fd), 0);
}

static void output_is_cut_and_the_rest_is_read(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result =
		run_shell("head -c 200000 /dev/zero | tr '\\0' x; echo end >&2", LONG_MS);

	assert_int_equal(strlen(result->output), PROCESS_OUTPUT_MAX);
	assert_int_equal(result->exit_status, 0); /* it was not stopped by a full pipe */
}

static bool is_alive(pid_t pid)
{
	char path[64], text[256] = "";
	DV_AUTO_FCLOSE FILE *file = NULL;
	const char *behind_name;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		return false;
	behind_name = strrchr(text, ')');
	return behind_name && behind_name[2] != 'Z' && behind_name[2] != 'X';
}

static void deadline_ends_the_whole_group(void **state DV_UNUSED)
{
	int64_t started_ms = clock_now_ms();
	DV_AUTO_FREE struct process_result *result =
		run_shell("sleep 60 & echo $!; echo $$; sleep 60", 100);
	int grandchild = 0, child = 0;
	int64_t deadline_ms = clock_deadline_ms(5000);

	assert_true(clock_now_ms() - started_ms < 20000);
	assert_true(result->timed_out);
	assert_int_equal(result->signal, SIGKILL);
	assert_int_equal(sscanf(result->output, "%d %d", &grandchild, &child), 2);
	assert_false(is_alive(child));
	/* SIGKILL was sent to it before process_run() returned; the kernel may take its time */
	while (is_alive(grandchild) && clock_left_ms(deadline_ms) > 0)
		(void)poll(NULL, 0, 5);
	assert_false(is_alive(grandchild));
}

static void deadline_holds_where_the_output_is_closed(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result =
		run_shell("exec >/dev/null 2>&1; sleep 60", 100);

	assert_true(result->timed_out);
	assert_int_equal(result->signal, SIGKILL);
}

static void deadline_that_has_passed_ends_it_at_once(void **state DV_UNUSED)
{
	DV_AUTO_FREE struct process_result *result = run_shell("sleep 60", -1);

	assert_true(result->timed_out);
}

static void assert_sentence(const char *script, int64_t timeout_ms, int r, const char *sentence)
{
	struct dv_error err = { 0 };
	const struct process_spec spec = {
		.argv = (const char *const[]){ "sh", "-c", script, NULL },
		.deadline_ms = clock_deadline_ms(timeout_ms),
	};

	assert_int_equal(process_run_ok(&spec, &err), r);
	assert_string_equal(err.text, sentence);
}

static void failure_is_told_with_the_last_words(void **state DV_UNUSED)
{
	assert_sentence("echo fine", LONG_MS, 0, "");
	assert_sentence("exit 3", LONG_MS, -EIO, "sh exited with status 3");
	assert_sentence("echo one; echo two; echo; exit 3", LONG_MS, -EIO,
			"sh exited with status 3: two");
	assert_sentence("echo dying; kill -KILL $$", LONG_MS, -EIO,
			"sh was ended by signal 9: dying");
	assert_sentence("echo waiting; exec sleep 60", 200, -ETIMEDOUT,
			"sh did not end in time; its last words: waiting");
	assert_sentence("printf '\\033[31mred'; exit 1", LONG_MS, -EIO,
			"sh exited with status 1:  [31mred");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_of_both_streams_is_kept),
		cmocka_unit_test(output_is_handed_on_and_input_is_a_file),
		cmocka_unit_test(end_is_told_by_status_or_signal),
		cmocka_unit_test(missing_program_is_status_127),
		cmocka_unit_test(input_is_empty),
		cmocka_unit_test(environment_and_folder_are_as_asked),
		cmocka_unit_test(program_gets_three_descriptors_and_no_blocked_signals),
		cmocka_unit_test(output_is_cut_and_the_rest_is_read),
		cmocka_unit_test(deadline_ends_the_whole_group),
		cmocka_unit_test(deadline_holds_where_the_output_is_closed),
		cmocka_unit_test(deadline_that_has_passed_ends_it_at_once),
		cmocka_unit_test(failure_is_told_with_the_last_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
