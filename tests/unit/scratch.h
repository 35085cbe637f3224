/* scratch.h - a machine in a folder, for tests that touch files and the ledger.
 *
 * A scratch is a fresh folder below $TMPDIR with a struct env whose root it is and whose
 * clock stands still, the default configuration (the test's own uid may own the roster),
 * and a view of accounts and groups that only knows what the test says. Nothing asks NSS,
 * nothing needs root. scratch_setup() and scratch_teardown() are cmocka fixtures.
 */
#ifndef DEVVM_TESTS_SCRATCH_H
#define DEVVM_TESTS_SCRATCH_H

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "ledger/ledger.h"
#include "ledger/people.h"
#include "ledger/restores.h"
#include "steps/steps.h"
#include "steps/view.h"
#include "steps/work.h"

#define SCRATCH_NOW_USEC INT64_C(1760000000000000)
#define SCRATCH_PATH "/usr/local/bin:/usr/bin:/bin" /* the view's base_path */
#define SCRATCH_TOKEN "sk-ant-oat01-shared"

struct scratch {
	char *folder; /* absolute */
	struct env env;
	struct config config;
	struct ledger *ledger; /* NULL before scratch_open_ledger() */
	struct reconcile_view view;
	struct dv_error err; /* what assert_ok() prints */
};

/* Fixtures: *state is a struct scratch *, with and without an open ledger and view. */
int scratch_setup(void **state);
int scratch_setup_ledger(void **state);
int scratch_teardown(void **state);

/* The same in the midst of a test. Like all of these, they fail the test where they cannot. */
struct scratch *scratch_new(void);
void scratch_free(struct scratch *scratch);

/* Files below the root; folders on the way are made. `mode` whatever the umask. */
void scratch_write(struct scratch *scratch, const char *path, const char *text, mode_t mode);
void scratch_make_folder(struct scratch *scratch, const char *path, mode_t mode);
/* A script that is found before the machine's program of that name, by this process and what it starts. */
void scratch_put_program(struct scratch *scratch, const char *name, const char *script);
/* NULL when there is no such file; owned by the caller. */
char *scratch_read(struct scratch *scratch, const char *path);
bool scratch_has(struct scratch *scratch, const char *path);
unsigned int scratch_mode(struct scratch *scratch, const char *path);

/* Every file, link and folder with mode, size and content, a line each; locks, which hold
 * nothing, and sqlite's files left out. And every row of every table. Owned by the caller. */
char *scratch_dump_tree(struct scratch *scratch);
char *scratch_dump_ledger(struct scratch *scratch);
/* The same without results of steps and events: what should be, not how it came about. */
char *scratch_dump_wanted(struct scratch *scratch);

void scratch_open_ledger(struct scratch *scratch);
void scratch_close_ledger(struct scratch *scratch);
/* Another program with the same database, through sqlite alone; sqlite3_close() it. */
sqlite3 *scratch_open_beside(struct scratch *scratch);
/* Changes whenever another connection has committed: sqlite's pragma.html. */
int scratch_data_version(sqlite3 *db);
/* Fill the view anew by hand: no accounts, no groups, SCRATCH_PATH, no token. */
void scratch_make_view(struct scratch *scratch);
/* Stage `token` as the view's, noted in the ledger as view_init() would. */
void scratch_stage_token(struct scratch *scratch, const char *token);
/* As if it had been staged once and is no more. */
void scratch_note_old_token(struct scratch *scratch, const char *token);
/* An account "/home/NAME", with gid = uid. */
void scratch_add_account(struct scratch *scratch, const char *name, uid_t uid);
/* A group that exists; `members` is NULL-terminated and sorted, or NULL. */
void scratch_add_group(struct scratch *scratch, const char *name, gid_t gid,
		       const char *const *members);
void scratch_digest(const char *text, char ret_digest[static DIGEST_HEX_BYTES]);

/* A power user with the ports 3773 + n and 8931 + n; released with people_row_done(). */
struct people_row scratch_wanted(const char *name, unsigned int n);
/* The same put into the ledger, with a found account of uid 1001 + n in ledger and view
 * and the given login. */
void scratch_add_person(struct scratch *scratch, const char *name, unsigned int n,
			enum people_login login);
/* The row as the ledger has it; released with people_row_done(). */
struct people_row scratch_person(struct scratch *scratch, const char *name);

/* A home home/emo in the scratch, and what the helper tells its job; work_done() it. */
struct home_work scratch_make_home(struct scratch *scratch);
/* The same as scratch_check() and scratch_apply(), of a home step. */
int scratch_check_home(struct scratch *scratch, const struct step *step, struct home_work *work,
		       char ret_what[static STEP_WHAT_BYTES]);
int scratch_apply_home(struct scratch *scratch, const struct step *step, struct home_work *work);

/* check() of a step for a person; -errno or the verdict, `err` and `what` filled in. */
int scratch_check(struct scratch *scratch, const struct step *step, const char *name,
		  char ret_what[static STEP_WHAT_BYTES]);
int scratch_apply(struct scratch *scratch, const struct step *step, const char *name);

/* The same of a step of the machine: STEP_SYSTEM, STEP_MACHINE. Needs no ledger. */
int scratch_check_machine(struct scratch *scratch, const struct step *step,
			  char ret_what[static STEP_WHAT_BYTES]);
int scratch_apply_machine(struct scratch *scratch, const struct step *step);

/* Set a text of the configuration, or none (NULL). */
void scratch_set(char **field, const char *text);

/* 0, or the sentence of scratch->err is printed. */
#define assert_ok(scratch, call)                                                                   \
	do {                                                                                       \
		int ok_result_ = (call);                                                           \
		if (ok_result_ != 0)                                                               \
			print_error("%s: %s\n", #call, (scratch)->err.text);                       \
		assert_int_equal(ok_result_, 0);                                                   \
	} while (0)

/* The text of a file, "(none)" when it is not there. */
#define assert_file(scratch, path, expected)                                                       \
	scratch_assert_file(scratch, path, expected, __FILE__, __LINE__)
void scratch_assert_file(struct scratch *scratch, const char *path, const char *expected,
			 const char *file, int line);

#define assert_contains(text, part) scratch_assert_contains(text, part, __FILE__, __LINE__)
void scratch_assert_contains(const char *text, const char *part, const char *file, int line);

/* The same in each column. */
void scratch_assert_restore(const struct restore_row *got, const struct restore_row *expected);

#endif
