/* test_log.c - what somebody at a terminal, or reading a redirected stderr, sees. */
#include "folder.h"

#include "base/file.h"
#include "base/log.h"

/* Write with stderr in a file of the folder; what came of it. Owned by the caller. */
static char *written(const struct folder *folder, int max_priority, void (*write_lines)(void))
{
	char *text = NULL;
	size_t n_bytes = 0;
	DV_AUTO_CLOSE int saved_fd = dup(STDERR_FILENO);
	DV_AUTO_CLOSE int fd =
		openat(folder->dirfd, "err", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(saved_fd >= 0 && fd >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	log_init("devvm-test", max_priority);
	write_lines();
	(void)fflush(stderr);
	assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
	assert_int_equal(file_read(folder->dirfd, "err", 65536, &text, &n_bytes, NULL, NULL), 0);
	return text;
}

static void write_each(void)
{
	log_error("e %d", 1);
	log_warning("w");
	log_notice("n");
	log_info("i");
	log_debug("d");
	log_write(LOG_ERR, &(struct log_fields){ .user = "emo", .step = "token" }, "fields");
}

static void lines_are_named_and_end(void **state)
{
	DV_AUTO_FREE char *text = NULL;

	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	text = written(*state, LOG_INFO, write_each);
	assert_string_equal(text, "devvm-test: e 1\ndevvm-test: w\ndevvm-test: n\ndevvm-test: i\n"
				  "devvm-test: fields\n");
}

static void priority_is_a_limit(void **state)
{
	DV_AUTO_FREE char *text = written(*state, LOG_WARNING, write_each);

	assert_string_equal(text, "devvm-test: e 1\ndevvm-test: w\ndevvm-test: fields\n");
}

static void write_newlines(void)
{
	char large[4096];

	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	log_error("one\ntwo\r\nthree");
	log_error("%s", large);
}

static void one_failure_is_one_line(void **state)
{
	DV_AUTO_FREE char *text = written(*state, LOG_INFO, write_newlines);
	const char *second = strchr(text, '\n');

	assert_int_equal(strncmp(text, "devvm-test: one two  three\n", 27), 0);
	assert_non_null(second);
	assert_ptr_equal(strchr(second + 1, '\n'), text + strlen(text) - 1);
}

/* systemd.exec(5), $JOURNAL_STREAM: it is inherited by programs whose stderr has long
 * been redirected, so it must be held against what stderr is. */
static void redirected_stderr_gets_the_lines_under_a_service_too(void **state)
{
	DV_AUTO_FREE char *text = NULL;

	assert_int_equal(setenv("JOURNAL_STREAM", "1:1", 1), 0);
	text = written(*state, LOG_ERR, write_each);
	assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
	assert_string_equal(text, "devvm-test: e 1\ndevvm-test: fields\n");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(lines_are_named_and_end),
		WITH_FOLDER(priority_is_a_limit),
		WITH_FOLDER(one_failure_is_one_line),
		WITH_FOLDER(redirected_stderr_gets_the_lines_under_a_service_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
