/* test_copying.c - a copy and its row: neither is left without the other, whenever the job is killed. systemctl is a
 * script of the test's that does what the unit would. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/backups.h"
#include "move/copying.h"

#define STAGING "var/cache/devvm-backup/emo"
#define FOLDER BACKUPS_FOLDER "/emo"
#define FIRST FOLDER "/state-20251009-085320.sqlite" /* SCRATCH_NOW_USEC */
#define SECOND FOLDER "/state-20251009-085321.sqlite"
#define RESULT                                                                                     \
	"{\"state\":\"ok\",\"bytes\":5,\"level\":40,\"rows\":\"{}\",\"sha256\":"                   \
	"\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"}"

/* `script` runs before each call; VERB is what is done to the unit. */
static void set_systemctl(struct scratch *scratch, const char *script)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncd %s/" STAGING "\nVERB=$1\n%s\n[ $VERB = restart ] || exit 0\n"
		       "printf hello >copy.sqlite\necho '" RESULT "' >result.json\n",
		       scratch->folder, script);
	scratch_make_folder(scratch, STAGING, 0700);
	scratch_put_program(scratch, "systemctl", text);
}

static int copy(struct scratch *scratch, struct copying_result *result)
{
	const struct copying copying = { .env = &scratch->env,
					 .config = &scratch->config,
					 .ledger = scratch->ledger,
					 .reason = "daily" };
	const struct people_row person = { .name = (char *)"emo", .uid = getuid() };

	return copying_run(&copying, &person, result, &scratch->err);
}

/* The newest first. */
static void assert_rows(struct scratch *scratch, const char *expected)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	char text[512] = "";

	assert_ok(scratch, backups_list(scratch->ledger, "emo", &backups, &scratch->err));
	for (size_t i = 0; i < backups.n_rows; i++) {
		size_t n = strlen(text);

		(void)snprintf(text + n, sizeof(text) - n, "%s %s\n", backups.rows[i].id,
			       backups.rows[i].is_ok ? "ok" : backups.rows[i].error);
	}
	assert_string_equal(text, expected);
}

static void a_copy_has_a_row_and_a_file(void **state)
{
	struct scratch *scratch = *state;
	struct copying_result result = { 0 };

	set_systemctl(scratch, "");
	assert_ok(scratch, copy(scratch, &result));
	assert_int_equal(result.outcome, COPYING_MADE);
	assert_file(scratch, FIRST, "hello");
	assert_rows(scratch, "20251009-085320 ok\n");
}

/* In the moment in which the file has its name. */
static void one_that_was_killed_is_told_and_goes_with_the_next(void **state)
{
	struct scratch *scratch = *state;
	struct copying_result result = { 0 };
	int status = 0;
	pid_t pid;

	set_systemctl(scratch, "[ $VERB = stop ] && [ -e result.json ] && kill -KILL $PPID");
	scratch_close_ledger(scratch);
	pid = fork();
	if (pid == 0) {
		scratch_open_ledger(scratch);
		_exit(copy(scratch, &result) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	scratch_open_ledger(scratch);
	assert_file(scratch, FIRST, "hello");
	assert_rows(scratch, "20251009-085320 it was killed before its end\n");
	set_systemctl(scratch, "");
	assert_ok(scratch, copy(scratch, &result));
	assert_rows(scratch, "20251009-085321 ok\n");
	assert_file(scratch, SECOND, "hello");
	assert_false(scratch_has(scratch, FIRST));
}

static void one_that_cannot_be_noted_leaves_no_file(void **state)
{
	struct scratch *scratch = *state;
	struct copying_result result = { 0 };
	sqlite3 *writer = scratch_open_beside(scratch);

	set_systemctl(scratch, "");
	assert_int_equal(sqlite3_exec(writer,
				      "BEGIN IMMEDIATE; INSERT INTO meta VALUES ('key', 'half')",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(copy(scratch, &result), -EBUSY);
	(void)sqlite3_close(writer);
	assert_false(scratch_has(scratch, FIRST));
	assert_rows(scratch, "");
}

/* An older one that does not go keeps nobody from the new one: it stays, with its row. */
static void an_old_one_that_stays_does_not_fail_the_new_one(void **state)
{
	struct scratch *scratch = *state;
	struct copying_result result = { 0 };

	scratch->config.backup_keep = 1;
	set_systemctl(scratch, "");
	assert_ok(scratch, copy(scratch, &result));
	assert_int_equal(unlinkat(scratch->env.root_dirfd, FIRST, 0), 0);
	scratch_make_folder(scratch, FIRST, 0700);
	assert_ok(scratch, copy(scratch, &result));
	assert_int_equal(result.outcome, COPYING_MADE);
	assert_rows(scratch, "20251009-085321 ok\n20251009-085320 ok\n");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, FIRST, AT_REMOVEDIR), 0);
	assert_ok(scratch, copy(scratch, &result));
	assert_rows(scratch, "20251009-085322 ok\n");
}

/* One with holes costs them nothing, and would cost everybody the disk. */
static void one_for_which_there_is_no_room_is_not_begun(void **state)
{
	struct scratch *scratch = *state;
	struct copying_result result = { 0 };

	set_systemctl(scratch, "if [ -e result.json ]; then truncate -s 8T copy.sqlite\n"
			       "sed -i 's/:5,/:8796093022208,/' result.json; exit 0; fi");
	scratch_write(scratch, STAGING "/result.json", RESULT, 0600);
	scratch_write(scratch, STAGING "/copy.sqlite", "", 0600);
	assert_ok(scratch, copy(scratch, &result));
	assert_int_equal(result.outcome, COPYING_FAILED);
	assert_contains(result.why, "a copy needs 8388608 MiB, and ");
	assert_contains(result.why, " MiB are free in /var/backups/t3-state: make room");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_has_a_row_and_a_file),
		TEST(one_that_was_killed_is_told_and_goes_with_the_next),
		TEST(one_that_cannot_be_noted_leaves_no_file),
		TEST(an_old_one_that_stays_does_not_fail_the_new_one),
		TEST(one_for_which_there_is_no_room_is_not_begun),
	};

	return cmocka_run_group_tests_name("copying", tests, NULL, NULL);
}
