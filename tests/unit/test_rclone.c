/* test_rclone.c - what rclone 1.60 prints, line by line as it was seen, and what it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "job/rclone.h"

#define STATS                                                                                      \
	"{\"level\":\"error\",\"msg\":\"\\nTransferred: "                                          \
	"...\\n\",\"source\":\"accounting/stats.go:482\","                                         \
	"\"stats\":{\"bytes\":4,\"checks\":7,\"deletedDirs\":0,\"deletes\":6,"                     \
	"\"elapsedTime\":0.046639346,\"errors\":5,\"eta\":null,\"fatalError\":false,\"renames\":"  \
	"0,"                                                                                       \
	"\"retryError\":false,\"speed\":0,\"totalBytes\":4,\"totalChecks\":7,\"totalTransfers\":"  \
	"2,"                                                                                       \
	"\"transferTime\":0,\"transfers\":2},\"time\":\"2026-01-31T18:14:07.614697+00:00\"}\n"
#define FAULT                                                                                      \
	"{\"level\":\"error\",\"msg\":\"failed to open directory \\\"u\\\": permission denied\","  \
	"\"object\":\"u\",\"objectType\":\"string\",\"source\":\"local/local.go:460\"}\n"
#define FAULT_2 "{\"level\":\"error\",\"msg\":\"not deleting files as there were IO errors\"}\n"
#define PLAIN "2026/01/31 18:14:07 Failed to size: failed to open directory\n"

static void feed(struct rclone_log *log, const char *text, size_t n_step)
{
	size_t n = strlen(text);

	*log = (struct rclone_log){ 0 };
	for (size_t i = 0; i < n; i += n_step)
		rclone_log_feed(log, text + i, n - i < n_step ? n - i : n_step);
	rclone_log_end(log);
}

static void counts_are_taken_however_they_come(void **state DV_UNUSED)
{
	static const size_t steps[] = { 1, 7, 100000 };
	static struct rclone_log log;

	for (size_t i = 0; i < DV_COUNT(steps); i++) {
		feed(&log, FAULT STATS, steps[i]);
		assert_true(log.has_stats);
		assert_int_equal(log.bytes, 4);
		assert_int_equal(log.checked, 7);
		assert_int_equal(log.deleted, 6);
		assert_int_equal(log.errors, 5);
		assert_int_equal(log.copied, 2);
		assert_false(log.has_size);
	}
}

static void the_first_error_is_why(void **state DV_UNUSED)
{
	static struct rclone_log log;

	feed(&log, FAULT FAULT_2 STATS PLAIN, 50);
	assert_string_equal(rclone_log_why(&log),
			    "u: failed to open directory \"u\": permission denied");
	feed(&log, STATS PLAIN, 50);
	assert_string_equal(rclone_log_why(&log), "Failed to size: failed to open directory");
	feed(&log, "without an end", 50);
	assert_string_equal(rclone_log_why(&log), "without an end");
	feed(&log, "", 1);
	assert_string_equal(rclone_log_why(&log), "rclone does not say why");
}

static void a_size_is_taken(void **state DV_UNUSED)
{
	static struct rclone_log log;

	feed(&log, "{\"count\":3,\"bytes\":6,\"sizeless\":0}\n" STATS, 50);
	assert_true(log.has_size);
	assert_int_equal(log.n_files, 3);
	feed(&log, "{\"count\":0,\"bytes\":0}\n", 50);
	assert_true(log.has_size);
	assert_int_equal(log.n_files, 0);
	feed(&log, "{\"count\":\"3\"}\n[1]\n{\"count\":3\n", 50);
	assert_false(log.has_size);
}

static void what_steers_a_terminal_goes(void **state DV_UNUSED)
{
	static struct rclone_log log;
	static char line[RCLONE_LINE_BYTES + 100];

	feed(&log, "{\"level\":\"error\",\"msg\":\"a\\n\\u001b[2J \\u00e9 b\"}\n", 50);
	assert_string_equal(log.error, "a [2J ?? b");
	memset(line, 'x', sizeof(line) - 2);
	line[sizeof(line) - 2] = '\n';
	feed(&log, line, 1000);
	assert_string_equal(log.plain, "");
	assert_string_equal(rclone_log_why(&log), "rclone does not say why");
	rclone_log_feed(&log, "short\n", 6);
	assert_string_equal(log.plain, "short");
}

static void numbers_below_nothing_are_none(void **state DV_UNUSED)
{
	static struct rclone_log log;

	feed(&log, "{\"stats\":{\"bytes\":-4,\"checks\":\"7\",\"deletes\":1.5}}\n", 50);
	assert_true(log.has_stats);
	assert_int_equal(log.bytes, 0);
	assert_int_equal(log.checked, 0);
	assert_int_equal(log.deleted, 0);
}

/* ---- what it is told ------------------------------------------------------------------ */

static void assert_told(const struct config_mirror *mirror, const char *obscured,
			const char *expected_source, const char *expected_config)
{
	DV_AUTO_SECRET struct secret text = { 0 };
	char source[RCLONE_SOURCE_BYTES];

	rclone_source(mirror, source);
	assert_string_equal(source, expected_source);
	assert_int_equal(rclone_config(mirror, "/run/c/credential", obscured, &text, NULL), 0);
	assert_string_equal(text.text, expected_config);
	assert_int_equal(text.n_bytes, strlen(text.text));
}

static void each_kind_of_source(void **state DV_UNUSED)
{
	static char local[] = "/srv/a", sftp[] = "sftp://[::1]:2222/x/y", web[] = "https://h/d/",
		    user[] = "u", hosts[] = "/etc/kh";

	assert_told(&(struct config_mirror){ .type = CONFIG_MIRROR_LOCAL, .source = local }, NULL,
		    "/srv/a", "\n");
	assert_told(&(struct config_mirror){ .type = CONFIG_MIRROR_SFTP,
					     .source = sftp,
					     .user = user,
					     .known_hosts = hosts },
		    NULL, "source:/x/y",
		    "[source]\ntype = sftp\nhost = ::1\nport = 2222\nuser = u\n"
		    "key_file = /run/c/credential\nknown_hosts_file = /etc/kh\n"
		    "shell_type = none\ndisable_hashcheck = true\n");
	assert_told(&(struct config_mirror){ .type = CONFIG_MIRROR_WEBDAV,
					     .source = web,
					     .user = user },
		    "OBSCURED", "source:",
		    "[source]\ntype = webdav\nvendor = other\nurl = https://h/d/\nuser = u\n"
		    "pass = OBSCURED\n");
	assert_told(&(struct config_mirror){ .type = CONFIG_MIRROR_WEBDAV, .source = web }, NULL,
		    "source:", "[source]\ntype = webdav\nvendor = other\nurl = https://h/d/\n");
	assert_told(&(struct config_mirror){ .type = CONFIG_MIRROR_HTTP, .source = web }, NULL,
		    "source:", "[source]\ntype = http\nurl = https://h/d/\n");
}

static void the_machines_host_keys_are_the_default(void **state DV_UNUSED)
{
	static char sftp[] = "sftp://h/x", user[] = "u";
	DV_AUTO_SECRET struct secret text = { 0 };

	assert_int_equal(rclone_config(&(struct config_mirror){ .type = CONFIG_MIRROR_SFTP,
								.source = sftp,
								.user = user },
				       "/k", NULL, &text, NULL),
			 0);
	assert_non_null(strstr(text.text, "\nknown_hosts_file = /etc/ssh/ssh_known_hosts\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_taken_however_they_come),
		cmocka_unit_test(the_first_error_is_why),
		cmocka_unit_test(a_size_is_taken),
		cmocka_unit_test(what_steers_a_terminal_goes),
		cmocka_unit_test(numbers_below_nothing_are_none),
		cmocka_unit_test(each_kind_of_source),
		cmocka_unit_test(the_machines_host_keys_are_the_default),
	};

	return cmocka_run_group_tests_name("rclone", tests, NULL, NULL);
}
