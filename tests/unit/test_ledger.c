/* test_ledger.c - the database as a file: who may read it, what is refused and in which
 * words, how long a lock is waited for, and what a rollback leaves. */
#include "scratch.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "ledger/sql.h"

#define N_RACERS 8

static void run_beside(struct scratch *scratch, const char *sql)
{
	sqlite3 *db = scratch_open_beside(scratch);

	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

static char *ask_beside(struct scratch *scratch, const char *sql)
{
	sqlite3 *db = scratch_open_beside(scratch);
	sqlite3_stmt *statement = NULL;
	char *answer;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	answer = strdup((const char *)sqlite3_column_text(statement, 0));
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(db);
	return answer;
}

static int reopen(struct scratch *scratch, enum ledger_mode mode, int busy_ms)
{
	scratch_close_ledger(scratch);
	return ledger_open(&scratch->ledger, &scratch->env, mode, busy_ms, &scratch->err);
}

static void a_new_one_is_migrated_and_in_wal_mode(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *version = ask_beside(scratch, "PRAGMA user_version");
	DV_AUTO_FREE char *mode = ask_beside(scratch, "PRAGMA journal_mode");
	DV_AUTO_FREE char *tables =
		ask_beside(scratch, "SELECT group_concat(name, ' ') FROM (SELECT name FROM"
				    " sqlite_master WHERE type = 'table' ORDER BY name)");

	assert_string_equal(version, "12");
	assert_string_equal(mode, "wal");
	assert_string_equal(tables,
			    "backups deferrals events gates known_bad looks meta mirrors moves "
			    "people ports restores secrets shared_tokens sqlite_sequence "
			    "steps tools update_runs update_transitions watches");
}

static void opening_again_keeps_what_is_there(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *value = NULL;

	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "kept", &scratch->err));
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 0));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "key", &value, &scratch->err));
	assert_string_equal(value, "kept");
}

static void assert_modes_with_umask(struct scratch *scratch, mode_t mask)
{
	mode_t before = umask(mask);
	int r = ledger_open(&scratch->ledger, &scratch->env, LEDGER_WRITE, 0, &scratch->err);

	(void)umask(before);
	assert_ok(scratch, r);
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "v", &scratch->err));
	assert_int_equal(scratch_mode(scratch, LEDGER_PATH), 0600);
	assert_int_equal(scratch_mode(scratch, LEDGER_PATH "-wal"), 0600);
	assert_int_equal(scratch_mode(scratch, LEDGER_PATH "-shm"), 0600);
	assert_int_equal(scratch_mode(scratch, LEDGER_FOLDER), 0711);
}

static void its_files_are_0600_with_an_open_umask(void **state)
{
	assert_modes_with_umask(*state, 0);
}

static void its_files_are_0600_with_the_usual_umask(void **state)
{
	assert_modes_with_umask(*state, 022);
}

static void its_files_are_0600_with_a_closed_umask(void **state)
{
	assert_modes_with_umask(*state, 0377);
}

static void one_that_somebody_opened_up_is_closed_again(void **state)
{
	struct scratch *scratch = *state;

	scratch_close_ledger(scratch);
	assert_int_equal(fchmodat(scratch->env.root_dirfd, LEDGER_PATH, 0644, 0), 0);
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 0));
	assert_int_equal(scratch_mode(scratch, LEDGER_PATH), 0600);
}

static void several_may_create_it_at_once(void **state)
{
	struct scratch *scratch = *state;
	pid_t pids[N_RACERS];
	int go[2];

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	for (int i = 0; i < N_RACERS; i++) {
		struct ledger *ledger = NULL;
		struct dv_error err = { "" };
		char byte;

		pids[i] = fork();
		if (pids[i] != 0)
			continue;
		(void)close(go[1]);
		(void)read(go[0], &byte, 1); /* returns when the parent lets go */
		if (ledger_open(&ledger, &scratch->env, LEDGER_WRITE, 10000, &err) < 0)
			(void)fprintf(stderr, "%s\n", err.text);
		_exit(ledger ? 0 : 1);
	}
	(void)close(go[0]);
	(void)close(go[1]);
	for (int i = 0; i < N_RACERS; i++) {
		int status = 0;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static void one_of_a_newer_devvm_is_refused_in_a_sentence(void **state)
{
	static const enum ledger_mode modes[] = { LEDGER_WRITE, LEDGER_SCRATCH };
	struct scratch *scratch = *state;

	run_beside(scratch, "PRAGMA user_version = 99");
	for (size_t i = 0; i < DV_COUNT(modes); i++) {
		assert_int_equal(reopen(scratch, modes[i], 0), -EPROTO);
		assert_string_equal(scratch->err.text,
				    "ledger /var/lib/devvm/ledger.db has schema 99 and this devvm "
				    "knows up to 12: install the devvm that wrote it");
	}
}

static void a_scratch_one_of_nothing_is_empty_and_creates_none(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE struct people people = { 0 };

	assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH, 0));
	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	assert_int_equal(people.n_rows, 0);
	assert_false(scratch_has(scratch, "var"));
	scratch_make_folder(scratch, LEDGER_FOLDER, 0755);
	assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH, 0));
	assert_false(scratch_has(scratch, LEDGER_PATH));
}

static void a_scratch_one_of_an_old_one_is_migrated_in_memory(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, LEDGER_PATH, "", 0600);
	assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH, 0));
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "v", &scratch->err));
	scratch_close_ledger(scratch);
	assert_file(scratch, LEDGER_PATH, "");
}

static void assert_meta(struct scratch *scratch, const char *key, const char *value)
{
	DV_AUTO_FREE char *found = NULL;

	assert_ok(scratch, ledger_get_meta(scratch->ledger, key, &found, &scratch->err));
	if (value)
		assert_string_equal(found, value);
	else
		assert_null(found);
}

/* Both what is in the database and what is only in its log yet; nothing on disk moves. */
static void a_scratch_one_has_all_there_is_and_keeps_what_is_written_to_itself(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *tree = NULL;
	DV_AUTO_FREE char *tree_after = NULL;
	sqlite3 *writer = NULL;

	for (int is_live = 0; is_live < 2; is_live++) {
		assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 0));
		assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "old", &scratch->err));
		scratch_close_ledger(scratch);
		if (is_live) {
			writer = scratch_open_beside(scratch);
			assert_int_equal(sqlite3_exec(writer, "UPDATE meta SET value = 'new'", NULL,
						      NULL, NULL),
					 SQLITE_OK);
		}
		free(tree);
		tree = scratch_dump_tree(scratch);
		assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH, 0));
		assert_meta(scratch, "key", is_live ? "new" : "old");
		assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
		assert_ok(scratch, ledger_set_meta(scratch->ledger, "other", "v", &scratch->err));
		assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
		assert_meta(scratch, "other", "v");
		scratch_close_ledger(scratch);
		free(tree_after);
		tree_after = scratch_dump_tree(scratch);
		assert_string_equal(tree_after, tree);
	}
	(void)sqlite3_close(writer);
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 0));
	assert_meta(scratch, "key", "new");
	assert_meta(scratch, "other", NULL);
}

static void one_that_is_no_database_is_told_from_others(void **state)
{
	static const enum ledger_mode modes[] = { LEDGER_WRITE, LEDGER_SCRATCH };
	struct scratch *scratch = *state;

	scratch_close_ledger(scratch);
	scratch_write(scratch, LEDGER_PATH, "this is a letter and no database, see: ....\n", 0600);
	for (size_t i = 0; i < DV_COUNT(modes); i++) {
		assert_int_equal(reopen(scratch, modes[i], 0), -EUCLEAN);
		assert_contains(scratch->err.text, "ledger /var/lib/devvm/ledger.db: ");
		assert_contains(scratch->err.text, "file is not a database");
	}
	assert_file(scratch, LEDGER_PATH, "this is a letter and no database, see: ....\n");
}

static void a_corrupt_one_is_told_from_others(void **state)
{
	struct scratch *scratch = *state;
	struct people people = { 0 };
	int fd;

	scratch_close_ledger(scratch); /* the -wal is folded in */
	fd = openat(scratch->env.root_dirfd, LEDGER_PATH, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t at = 100; at < 40000; at += 8)
		assert_int_equal(pwrite(fd, "\xff\x01garble", 8, at), 8);
	(void)close(fd);
	if (reopen(scratch, LEDGER_WRITE, 0) == 0)
		assert_int_equal(people_list(scratch->ledger, &people, &scratch->err), -EUCLEAN);
	assert_contains(scratch->err.text, "malformed");
}

static void a_folder_in_its_place_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, LEDGER_PATH, 0755);
	assert_int_equal(reopen(scratch, LEDGER_WRITE, 0), -EISDIR);
	assert_string_equal(scratch->err.text, "open /var/lib/devvm/ledger.db: Is a directory");
}

static void a_lock_is_waited_for_as_long_as_was_said(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *other = scratch_open_beside(scratch);
	int64_t began_ms;
	DV_AUTO_FREE char *value = NULL;

	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 60));
	began_ms = clock_now_ms();
	assert_int_equal(ledger_begin(scratch->ledger, &scratch->err), -EBUSY);
	assert_in_range(clock_now_ms() - began_ms, 40, 10000);
	assert_string_equal(scratch->err.text,
			    "ledger /var/lib/devvm/ledger.db: begin: database is locked");
	/* A reader is not kept waiting by a writer. */
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "key", &value, &scratch->err));
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(other);
	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
}

static void one_locked_for_all_is_busy_when_opened(void **state)
{
	struct scratch *scratch = *state;
	sqlite3 *other;

	scratch_close_ledger(scratch);
	other = scratch_open_beside(scratch);
	assert_int_equal(sqlite3_exec(other, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(reopen(scratch, LEDGER_WRITE, 20), -EBUSY);
	/* It has written nothing, so there is a copy to be had. */
	assert_ok(scratch, reopen(scratch, LEDGER_SCRATCH, 20));
	assert_int_equal(sqlite3_exec(other, "INSERT INTO meta VALUES ('key', 'v')", NULL, NULL,
				      NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(reopen(scratch, LEDGER_SCRATCH, 20), -EBUSY);
	(void)sqlite3_close(other);
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 20));
}

static void a_rollback_leaves_nothing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *before = scratch_dump_ledger(scratch);
	DV_AUTO_FREE char *after = NULL;

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "v", &scratch->err));
	ledger_rollback(scratch->ledger);
	ledger_rollback(scratch->ledger); /* nothing to roll back is no harm */
	after = scratch_dump_ledger(scratch);
	assert_string_equal(after, before);
}

static void closing_rolls_back(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *value = NULL;

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "v", &scratch->err));
	assert_ok(scratch, reopen(scratch, LEDGER_WRITE, 0));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "key", &value, &scratch->err));
	assert_null(value);
}

static void values_are_set_changed_and_removed(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *first = NULL;
	DV_AUTO_FREE char *second = NULL;
	DV_AUTO_FREE char *third = NULL;

	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "one", &scratch->err));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "key", &first, &scratch->err));
	assert_string_equal(first, "one");
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", "two", &scratch->err));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "key", &second, &scratch->err));
	assert_string_equal(second, "two");
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "key", NULL, &scratch->err));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "key", &third, &scratch->err));
	assert_null(third);
}

#define WITH_LEDGER(test)                                                                          \
	cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)
#define WITHOUT(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

static int synchronous(struct ledger *ledger)
{
	int r = 0;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, "PRAGMA synchronous", &r, NULL);

	assert_non_null(s);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	return sqlite3_column_int(s, 0);
}

/* Only results may do without an fsync, and nothing that comes after them. */
static void results_alone_are_written_without_a_sync(void **state)
{
	struct scratch *scratch = *state;
	struct ledger *ledger = scratch->ledger;

	assert_int_equal(synchronous(ledger), 2);
	assert_ok(scratch, ledger_begin_results(ledger, &scratch->err));
	assert_int_equal(synchronous(ledger), 1);
	assert_ok(scratch, ledger_commit(ledger, &scratch->err));
	assert_int_equal(synchronous(ledger), 2);
	assert_ok(scratch, ledger_begin_results(ledger, &scratch->err));
	ledger_rollback(ledger);
	assert_int_equal(synchronous(ledger), 2);
	assert_ok(scratch, ledger_begin(ledger, &scratch->err));
	assert_true(ledger_begin_results(ledger, &scratch->err) < 0); /* one at a time */
	ledger_rollback(ledger);
	assert_int_equal(synchronous(ledger), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LEDGER(results_alone_are_written_without_a_sync),
		WITH_LEDGER(a_new_one_is_migrated_and_in_wal_mode),
		WITH_LEDGER(opening_again_keeps_what_is_there),
		WITHOUT(its_files_are_0600_with_an_open_umask),
		WITHOUT(its_files_are_0600_with_the_usual_umask),
		WITHOUT(its_files_are_0600_with_a_closed_umask),
		WITH_LEDGER(one_that_somebody_opened_up_is_closed_again),
		WITHOUT(several_may_create_it_at_once),
		WITH_LEDGER(one_of_a_newer_devvm_is_refused_in_a_sentence),
		WITHOUT(a_scratch_one_of_nothing_is_empty_and_creates_none),
		WITHOUT(a_scratch_one_of_an_old_one_is_migrated_in_memory),
		WITH_LEDGER(a_scratch_one_has_all_there_is_and_keeps_what_is_written_to_itself),
		WITHOUT(one_that_is_no_database_is_told_from_others),
		WITH_LEDGER(a_corrupt_one_is_told_from_others),
		WITHOUT(a_folder_in_its_place_is_refused),
		WITH_LEDGER(a_lock_is_waited_for_as_long_as_was_said),
		WITH_LEDGER(one_locked_for_all_is_busy_when_opened),
		WITH_LEDGER(a_rollback_leaves_nothing),
		WITH_LEDGER(closing_rolls_back),
		WITH_LEDGER(values_are_set_changed_and_removed),
	};

	return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
