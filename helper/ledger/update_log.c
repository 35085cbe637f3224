/* update_log.c - see update_log.h. */
#include "ledger/update_log.h"

#include <string.h>

#include "base/str.h"
#include "ledger/moves.h"
#include "ledger/sql.h"

#define RUN_COLUMNS                                                                                \
	"id, began_usec, ended_usec, state, from_version, to_version, integrity, outcome,"         \
	" reason, boot"
#define STEP_COLUMNS "run, seq, at_usec, state, person, text"

static const char *const WORDS[UPDATE_N_STATES] = {
	[UPDATE_STATE_UNSET] = "unset",	      [UPDATE_STATE_RESOLVE] = "resolve",
	[UPDATE_STATE_GUARD] = "guard",	      [UPDATE_STATE_STAGE] = "stage",
	[UPDATE_STATE_STAGED] = "staged",     [UPDATE_STATE_GATE] = "gate",
	[UPDATE_STATE_CANARY] = "canary",     [UPDATE_STATE_ROLLBACK] = "rollback",
	[UPDATE_STATE_DONE] = "done",	      [UPDATE_STATE_ENDED] = "ended",
	[UPDATE_STATE_HELD] = "held",	      [UPDATE_STATE_COPIED] = "copied",
	[UPDATE_STATE_POINTED] = "pointed",   [UPDATE_STATE_SOAKING] = "soaking",
	[UPDATE_STATE_MOVED] = "moved",	      [UPDATE_STATE_FAILED] = "failed",
	[UPDATE_STATE_UNDOING] = "undoing",   [UPDATE_STATE_BACK] = "back",
	[UPDATE_STATE_EXCLUDED] = "excluded", [UPDATE_STATE_DEFERRED] = "deferred",
	[UPDATE_STATE_STAYED] = "stayed",     [UPDATE_STATE_SUPERSEDED] = "superseded",
};

const char *update_state_word(enum update_state state)
{
	return WORDS[state];
}

enum update_state update_state_of(const char *word)
{
	for (size_t i = UPDATE_STATE_UNSET + 1; i < DV_COUNT(WORDS); i++) {
		if (str_equal(word, WORDS[i]))
			return (enum update_state)i;
	}
	return UPDATE_STATE_UNSET;
}

void update_run_done(struct update_run *run)
{
	free(run->from);
	free(run->to);
	free(run->integrity);
	free(run->outcome);
	free(run->reason);
	free(run->boot);
	*run = (struct update_run){ 0 };
}

void update_runs_done(struct update_runs *runs)
{
	for (size_t i = 0; i < runs->n_rows; i++)
		update_run_done(&runs->rows[i]);
	free(runs->rows);
	*runs = (struct update_runs){ 0 };
}

void update_step_done(struct update_step *step)
{
	free(step->person);
	free(step->text);
	*step = (struct update_step){ 0 };
}

void update_steps_done(struct update_steps *steps)
{
	for (size_t i = 0; i < steps->n_rows; i++)
		update_step_done(&steps->rows[i]);
	free(steps->rows);
	*steps = (struct update_steps){ 0 };
}

/* ---- writing --------------------------------------------------------------------------- */

int update_log_note(struct ledger *ledger, int64_t id, int64_t at_usec, enum update_state state,
		    const char *person, const char *text, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO update_transitions (" STEP_COLUMNS ") SELECT ?1,"
			    " coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5 FROM update_transitions"
			    " WHERE run = ?1",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, id);
	(void)sqlite3_bind_int64(s, 2, at_usec);
	sql_bind_text(s, 3, update_state_word(state));
	sql_bind_text(s, 4, person);
	sql_bind_text(s, 5, text);
	return sql_run(ledger, s, "note a state of a run", err);
}

/* The run's own row; `ended_usec` 0 leaves it open. */
static int set_state(struct ledger *ledger, int64_t id, enum update_state state, int64_t ended_usec,
		     const char *outcome, const char *reason, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE update_runs SET state = ?2, ended_usec = ?3, outcome = ?4,"
			    " reason = ?5 WHERE id = ?1 AND ended_usec = 0",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, id);
	sql_bind_text(s, 2, update_state_word(state));
	(void)sqlite3_bind_int64(s, 3, ended_usec);
	sql_bind_text(s, 4, outcome);
	sql_bind_text(s, 5, reason);
	r = sql_run(ledger, s, "note a state of a run", err);
	if (r == 0 && sqlite3_changes(ledger->db) != 1)
		r = dv_refuse(err, -EINVAL, "run %lld of the updater is not under way",
			      (long long)id);
	return r;
}

static int close_transaction(struct ledger *ledger, int r, struct dv_error *err)
{
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

static int insert_run(struct ledger *ledger, int64_t at_usec, const char *from, const char *boot,
		      struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT INTO update_runs (began_usec, ended_usec, state, from_version, to_version,"
		" integrity, outcome, reason, boot) VALUES (?1, 0, ?2, ?3, '', '', '', '', ?4)",
		&r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, at_usec);
	sql_bind_text(s, 2, update_state_word(UPDATE_STATE_RESOLVE));
	sql_bind_text(s, 3, from);
	sql_bind_text(s, 4, boot);
	return sql_run(ledger, s, "open a run", err);
}

static int drop_old(struct ledger *ledger, int64_t newest_id, struct dv_error *err)
{
	static const char *const statements[] = {
		"DELETE FROM update_transitions WHERE run <= ?1",
		"DELETE FROM update_runs WHERE id <= ?1",
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < DV_COUNT(statements); i++) {
		DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, statements[i], &r, err);

		if (!s)
			return r;
		(void)sqlite3_bind_int64(s, 1, newest_id - UPDATE_LOG_KEPT);
		r = sql_run(ledger, s, "drop old runs", err);
	}
	return r;
}

int update_log_begin(struct ledger *ledger, int64_t at_usec, const char *from, const char *boot,
		     int64_t *ret_id, struct dv_error *err)
{
	int64_t id = 0;
	int r = ledger_begin(ledger, err);

	if (r < 0)
		return r;
	r = insert_run(ledger, at_usec, from, boot, err);
	if (r == 0) {
		id = sqlite3_last_insert_rowid(ledger->db);
		r = update_log_note(ledger, id, at_usec, UPDATE_STATE_RESOLVE, NULL, "", err);
	}
	if (r == 0)
		r = drop_old(ledger, id, err);
	r = close_transaction(ledger, r, err);
	if (r == 0)
		*ret_id = id;
	return r;
}

int update_log_target(struct ledger *ledger, int64_t id, const char *to, const char *integrity,
		      struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE update_runs SET to_version = ?2, integrity = ?3 WHERE id = ?1",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, id);
	sql_bind_text(s, 2, to);
	sql_bind_text(s, 3, integrity);
	return sql_run(ledger, s, "note the target of a run", err);
}

int update_log_enter(struct ledger *ledger, int64_t id, int64_t at_usec, enum update_state state,
		     const char *person, const char *text, struct dv_error *err)
{
	int r = ledger_begin(ledger, err);

	if (r < 0)
		return r;
	r = set_state(ledger, id, state, 0, "", "", err);
	if (r == 0)
		r = update_log_note(ledger, id, at_usec, state, person, text, err);
	return close_transaction(ledger, r, err);
}

int update_log_end(struct ledger *ledger, int64_t id, int64_t at_usec, const char *outcome,
		   const char *reason, struct dv_error *err)
{
	int r = ledger_begin(ledger, err);

	if (r < 0)
		return r;
	r = set_state(ledger, id, UPDATE_STATE_ENDED, at_usec, outcome, reason, err);
	if (r == 0)
		r = update_log_note(ledger, id, at_usec, UPDATE_STATE_ENDED, NULL, reason, err);
	if (r == 0)
		r = moves_keep_copies(ledger, err);
	return close_transaction(ledger, r, err);
}

/* ---- reading --------------------------------------------------------------------------- */

static int read_run(sqlite3_stmt *s, struct update_run *ret_run)
{
	bool failed = false;

	*ret_run = (struct update_run){
		.id = sqlite3_column_int64(s, 0),
		.began_usec = sqlite3_column_int64(s, 1),
		.ended_usec = sqlite3_column_int64(s, 2),
		.state = update_state_of((const char *)sqlite3_column_text(s, 3)),
		.from = sql_copy_text(s, 4, &failed),
		.to = sql_copy_text(s, 5, &failed),
		.integrity = sql_copy_text(s, 6, &failed),
		.outcome = sql_copy_text(s, 7, &failed),
		.reason = sql_copy_text(s, 8, &failed),
		.boot = sql_copy_text(s, 9, &failed),
	};
	return failed ? -ENOMEM : 0;
}

int update_log_list(struct ledger *ledger, unsigned int limit, struct update_runs *ret_runs,
		    struct dv_error *err)
{
	DV_AUTO_UPDATE_RUNS struct update_runs runs = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " RUN_COLUMNS " FROM update_runs ORDER BY id DESC LIMIT ?1", &r,
			    err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, limit);
	runs.rows = calloc((size_t)limit + 1, sizeof(*runs.rows));
	if (!runs.rows)
		return dv_fail(err, -ENOMEM, "read the runs of the updater");
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		if (read_run(s, &runs.rows[runs.n_rows++]) < 0)
			return dv_fail(err, -ENOMEM, "read the runs of the updater");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the runs of the updater");
	*ret_runs = runs;
	runs = (struct update_runs){ 0 }; /* handed over */
	return 0;
}

int update_log_last(struct ledger *ledger, struct update_run *ret_run, struct dv_error *err)
{
	DV_AUTO_UPDATE_RUNS struct update_runs runs = { 0 };
	int r = update_log_list(ledger, 1, &runs, err);

	if (r < 0)
		return r;
	*ret_run = (struct update_run){ 0 };
	if (runs.n_rows > 0) {
		*ret_run = runs.rows[0];
		runs.rows[0] = (struct update_run){ 0 }; /* handed over */
	}
	return 0;
}

int update_log_open(struct ledger *ledger, struct update_run *ret_run, struct dv_error *err)
{
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " RUN_COLUMNS
			    " FROM update_runs WHERE ended_usec = 0 ORDER BY id DESC LIMIT 1",
			    &r, err);

	if (!s)
		return r;
	code = sqlite3_step(s);
	if (code == SQLITE_ROW && read_run(s, &run) < 0)
		return dv_fail(err, -ENOMEM, "read the run that is under way");
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the run that is under way");
	*ret_run = run;
	run = (struct update_run){ 0 }; /* handed over */
	return 0;
}

static int read_step(sqlite3_stmt *s, struct update_step *ret_step)
{
	bool failed = false;

	*ret_step = (struct update_step){
		.run = sqlite3_column_int64(s, 0),
		.seq = sqlite3_column_int64(s, 1),
		.at_usec = sqlite3_column_int64(s, 2),
		.state = update_state_of((const char *)sqlite3_column_text(s, 3)),
		.person = sql_copy_text(s, 4, &failed),
		.text = sql_copy_text(s, 5, &failed),
	};
	return failed ? -ENOMEM : 0;
}

int update_log_steps(struct ledger *ledger, int64_t run, struct update_steps *ret_steps,
		     struct dv_error *err)
{
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	int code, r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " STEP_COLUMNS
			    " FROM update_transitions WHERE run = ?1 ORDER BY seq",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, run);
	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		struct update_step *rows =
			reallocarray(steps.rows, steps.n_rows + 1, sizeof(*rows));

		if (!rows)
			return dv_fail(err, -ENOMEM, "read the states of a run");
		steps.rows = rows;
		if (read_step(s, &rows[steps.n_rows++]) < 0)
			return dv_fail(err, -ENOMEM, "read the states of a run");
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the states of a run");
	*ret_steps = steps;
	steps = (struct update_steps){ 0 }; /* handed over */
	return 0;
}
