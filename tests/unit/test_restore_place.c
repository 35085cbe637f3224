/* test_restore_place.c - a copy comes into the place, and what was there goes aside, however far a run was
 * before it was killed. */
#include "scratch.h"

#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/backup.h"
#include "agent/restore.h"
#include "base/clock.h"
#include "ledger/restores.h"

#define ASIDE "aside-20261127-031500-7"

static char copy_digest[DIGEST_HEX_BYTES];

static void make_copy(struct scratch *scratch)
{
	DV_AUTO_FREE char *path = NULL;
	DV_AUTO_CLOSE int fd = -1;
	sqlite3 *db = NULL;

	assert_true(asprintf(&path, "%s/copy", scratch->folder) > 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x); INSERT INTO t VALUES (42)", NULL,
				      NULL, NULL),
			 SQLITE_OK);
	(void)sqlite3_close(db);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_ok(scratch, digest_sha256_fd(fd, copy_digest, &scratch->err));
}

static int place(struct scratch *scratch, const char *digest)
{
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_CLOSE int copy_fd = openat(scratch->env.root_dirfd, "copy", O_RDONLY | O_CLOEXEC);

	scratch_make_folder(scratch, "data", 0700);
	fd = openat(scratch->env.root_dirfd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fchdir(fd), 0);
	return restore_place(fd, copy_fd, ASIDE, digest, clock_deadline_ms(20000), &scratch->err);
}

static void assert_restored(struct scratch *scratch, bool had_wal)
{
	DV_AUTO_FREE char *path = NULL;
	DV_AUTO_BACKUP_RESULT struct backup_result result = { 0 };

	assert_true(asprintf(&path, "%s/data/state.sqlite", scratch->folder) > 0);
	assert_ok(scratch, backup_look(path, clock_deadline_ms(20000), &result, &scratch->err));
	assert_string_equal(result.sha256, copy_digest);
	assert_file(scratch, "data/" ASIDE "/state.sqlite", "old");
	assert_int_equal(scratch_has(scratch, "data/" ASIDE "/state.sqlite-wal"), had_wal);
	assert_false(scratch_has(scratch, "data/state.sqlite-wal"));
	assert_false(scratch_has(scratch, "data/" ASIDE ".part"));
}

static void without_a_copy_what_was_there_only_goes_aside(void **state)
{
	struct scratch *scratch = *state;

	make_copy(scratch);
	scratch_write(scratch, "data/state.sqlite", "old", 0600);
	scratch_write(scratch, "data/state.sqlite-wal", "old wal", 0600);
	assert_ok(scratch, place(scratch, RESTORE_NO_COPY));
	assert_file(scratch, "data/" ASIDE "/state.sqlite", "old");
	assert_file(scratch, "data/" ASIDE "/state.sqlite-wal", "old wal");
	assert_false(scratch_has(scratch, "data/state.sqlite"));
}

static void what_was_there_goes_aside_as_a_set(void **state)
{
	struct scratch *scratch = *state;

	make_copy(scratch);
	scratch_write(scratch, "data/state.sqlite", "old", 0600);
	scratch_write(scratch, "data/state.sqlite-wal", "log", 0600);
	assert_ok(scratch, place(scratch, copy_digest));
	assert_restored(scratch, true);
	assert_int_equal(scratch_mode(scratch, "data/state.sqlite"), 0600);
}

static void execute(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	/* Killed in the midst of a transaction: nothing is closed, the journal stays. */
	if (strstr(sql, "BEGIN"))
		_exit(0);
	(void)sqlite3_close(db);
}

static int count_tables(const char *path)
{
	sqlite3_stmt *s = NULL;
	sqlite3 *db = NULL;
	int n = -1;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, "SELECT count(*) FROM sqlite_master", -1, &s, NULL) ==
		    SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	(void)sqlite3_finalize(s);
	(void)sqlite3_close(db);
	return n;
}

/* A t3 that was killed before it had its database in WAL mode. */
static void a_rollback_journal_goes_aside_too(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *path = NULL;
	pid_t pid;

	make_copy(scratch);
	scratch_make_folder(scratch, "data", 0700);
	assert_true(asprintf(&path, "%s/data/state.sqlite", scratch->folder) > 0);
	execute(path, "CREATE TABLE t (x); CREATE TABLE u (x)");
	pid = fork();
	if (pid == 0)
		execute(path, "PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN;"
			      "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
			      " WHERE i < 200) INSERT INTO u SELECT randomblob(4000) FROM n");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(scratch_has(scratch, "data/state.sqlite-journal"));
	assert_ok(scratch, place(scratch, copy_digest));
	assert_true(scratch_has(scratch, "data/" ASIDE "/state.sqlite-journal"));
	assert_false(scratch_has(scratch, "data/state.sqlite-journal"));
	assert_int_equal(count_tables(path),
			 1); /* and not a mixture of both, which the journal makes of it */
}

/* Killed: while the copy is written; in the midst of going aside; behind it; behind the rename. */
static void a_killed_one_goes_on(void **state)
{
	static const struct {
		const char *files[4];
	} stages[] = {
		{ { "data/state.sqlite=old", "data/state.sqlite-wal=log",
		    "data/.devvm-restore.sqlite=half" } },
		{ { "data/" ASIDE ".part/state.sqlite=old", "data/state.sqlite-wal=log" } },
		{ { "data/" ASIDE "/state.sqlite=old", "data/" ASIDE "/state.sqlite-wal=log" } },
		{ { "data/" ASIDE "/state.sqlite=old", "data/" ASIDE "/state.sqlite-wal=log",
		    "data/.devvm-restore.sqlite=half" } },
		{ { "data/" ASIDE "/state.sqlite=old", "data/" ASIDE "/state.sqlite-wal=log",
		    "data/state.sqlite=whole or not" } },
	};

	for (size_t i = 0; i < DV_COUNT(stages); i++) {
		struct scratch *scratch = scratch_new();

		make_copy(scratch);
		for (size_t k = 0; k < 4 && stages[i].files[k]; k++) {
			char path[128];
			size_t n = strcspn(stages[i].files[k], "=");

			(void)snprintf(path, sizeof(path), "%.*s", (int)n, stages[i].files[k]);
			scratch_write(scratch, path, stages[i].files[k] + n + 1, 0600);
		}
		assert_ok(scratch, place(scratch, copy_digest));
		assert_restored(scratch, true);
		if (i == DV_COUNT(stages) - 1) /* it may be theirs */
			assert_file(scratch, "data/" ASIDE ".1/state.sqlite", "whole or not");
		assert_int_equal(chdir("/"), 0);
		scratch_free(scratch);
	}
	(void)state;
}

static void without_a_database_before_it_is_placed_too(void **state)
{
	struct scratch *scratch = *state;

	make_copy(scratch);
	assert_ok(scratch, place(scratch, copy_digest));
	assert_true(scratch_has(scratch, "data/state.sqlite"));
}

static void what_is_not_the_copy_is_not_placed(void **state)
{
	struct scratch *scratch = *state;

	make_copy(scratch);
	scratch_write(scratch, "data/state.sqlite", "old", 0600);
	assert_int_equal(place(scratch, "no digest"), -EBADMSG);
	assert_file(scratch, "data/state.sqlite", "old"); /* untouched */
	assert_false(scratch_has(scratch, "data/" ASIDE));
	/* On a disk that is full it would keep it so. */
	assert_false(scratch_has(scratch, "data/.devvm-restore.sqlite"));
	assert_ok(scratch, place(scratch, copy_digest)); /* and again, with the right one */
	assert_restored(scratch, false);
}

static void the_journal(void **state)
{
	struct scratch *scratch = *state;
	struct ledger *ledger = scratch->ledger;
	const struct restore_row row = {
		.name = "emo", .id = "20261127-031500", .began_usec = 7, .was_running = true
	};
	DV_AUTO_RESTORES struct restores restores = { 0 };
	DV_AUTO_RESTORES struct restores none = { 0 };

	assert_ok(scratch, restores_begin(ledger, &row, &scratch->err));
	assert_true(restores_begin(ledger, &row, &scratch->err) < 0);
	assert_ok(scratch, restores_note(ledger, "emo", RESTORE_PLACED, &scratch->err));
	assert_ok(scratch, restores_list(ledger, &restores, &scratch->err));
	assert_int_equal(restores.n_rows, 1);
	assert_string_equal(restores.rows[0].id, "20261127-031500");
	assert_int_equal(restores.rows[0].state, RESTORE_PLACED);
	assert_true(restores.rows[0].was_running);
	assert_ok(scratch, restores_end(ledger, "emo", &scratch->err));
	assert_ok(scratch, restores_list(ledger, &none, &scratch->err));
	assert_int_equal(none.n_rows, 0);
}

static int back_and_teardown(void **state)
{
	return chdir("/") < 0 ? -1 : scratch_teardown(state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, back_and_teardown)

/* Killed in the midst of it, and t3 has run since: by hand, or because somebody removed the hold. */
static void what_was_made_since_does_not_take_the_place_of_what_is_aside(void **state)
{
	struct scratch *scratch = *state;

	make_copy(scratch);
	scratch_write(scratch, "data/" ASIDE ".part/state.sqlite", "old", 0600);
	scratch_write(scratch, "data/state.sqlite", "since", 0600);
	assert_ok(scratch, place(scratch, copy_digest));
	assert_file(scratch, "data/" ASIDE ".part/state.sqlite", "old");
	assert_file(scratch, "data/" ASIDE ".1/state.sqlite", "since");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_copy_what_was_there_only_goes_aside),
		TEST(what_was_there_goes_aside_as_a_set),
		TEST(a_rollback_journal_goes_aside_too),
		TEST(a_killed_one_goes_on),
		TEST(what_was_made_since_does_not_take_the_place_of_what_is_aside),
		TEST(without_a_database_before_it_is_placed_too),
		TEST(what_is_not_the_copy_is_not_placed),
		cmocka_unit_test_setup_teardown(the_journal, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
