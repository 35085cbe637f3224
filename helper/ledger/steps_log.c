/* steps_log.c - see steps_log.h. */
#include "ledger/steps_log.h"

#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "ledger/sql.h"

static const char *const STATUS_NAMES[] = {
	[STEPS_LOG_UNSET] = "unset",
	[STEPS_LOG_OK] = "ok",
	[STEPS_LOG_FAILED] = "failed",
};

static enum steps_log_status status_from_name(const char *name)
{
	if (str_equal(name, STATUS_NAMES[STEPS_LOG_OK]))
		return STEPS_LOG_OK;
	return str_equal(name, STATUS_NAMES[STEPS_LOG_FAILED]) ? STEPS_LOG_FAILED : STEPS_LOG_UNSET;
}

static void row_done(struct steps_log_row *row)
{
	free(row->name);
	free(row->step);
	free(row->error);
	free(row->fingerprint);
}

static void row_cleanup(struct steps_log_row *row)
{
	row_done(row);
}

void steps_log_done(struct steps_log *log)
{
	for (size_t i = 0; i < log->n_rows; i++)
		row_done(&log->rows[i]);
	free(log->rows);
	*log = (struct steps_log){ 0 };
}

#define COLUMNS                                                                                    \
	"name, step, status, error, fingerprint, generation, attempts, next_retry_usec,"           \
	" updated_usec"

static int read_row(sqlite3_stmt *s, struct steps_log_row *ret_row, struct dv_error *err)
{
	bool failed = false;

	*ret_row = (struct steps_log_row){
		.name = sql_copy_text(s, 0, &failed),
		.step = sql_copy_text(s, 1, &failed),
		.status = status_from_name((const char *)sqlite3_column_text(s, 2)),
		.error = sql_copy_text(s, 3, &failed),
		.fingerprint = sql_copy_text(s, 4, &failed),
		.generation = sqlite3_column_int64(s, 5),
		.attempts = (unsigned int)sqlite3_column_int(s, 6),
		.next_retry_usec = sqlite3_column_int64(s, 7),
		.updated_usec = sqlite3_column_int64(s, 8),
	};
	return failed ? dv_fail(err, -ENOMEM, "read a step from the ledger") : 0;
}

static int collect_rows(struct ledger *ledger, sqlite3_stmt *s, struct steps_log *ret_log,
			struct dv_error *err)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	size_t n_room = 0;
	int code;

	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		int r;

		if (log.n_rows == n_room) {
			size_t n_more = n_room ? n_room * 2 : 16;
			struct steps_log_row *grown =
				reallocarray(log.rows, n_more, sizeof(*grown));

			if (!grown)
				return dv_fail(err, -ENOMEM, "read the steps of the ledger");
			log.rows = grown;
			n_room = n_more;
		}
		r = read_row(s, &log.rows[log.n_rows++], err);
		if (r < 0)
			return r;
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the steps");
	*ret_log = log;
	log = (struct steps_log){ 0 };
	return 0;
}

int steps_log_list(struct ledger *ledger, const char *name, struct steps_log *ret_log,
		   struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    name ? "SELECT " COLUMNS " FROM steps WHERE name = ?1 ORDER BY step"
				 : "SELECT " COLUMNS " FROM steps ORDER BY name, step",
			    &r, err);

	if (!s)
		return r;
	if (name)
		sql_bind_text(s, 1, name);
	return collect_rows(ledger, s, ret_log, err);
}

int steps_log_retry_people(struct ledger *ledger, int64_t now_usec, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE steps SET next_retry_usec = ?1"
			    " WHERE status = 'failed' AND name <> '' AND next_retry_usec > ?1",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, now_usec);
	return sql_run(ledger, s, "have steps tried again", err);
}

int steps_log_list_failed(struct ledger *ledger, struct steps_log *ret_log, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " COLUMNS
			    " FROM steps WHERE status = 'failed' ORDER BY name, step",
			    &r, err);

	return s ? collect_rows(ledger, s, ret_log, err) : r;
}

struct key {
	const char *name, *step;
};

static int compare_key(const void *key, const void *row)
{
	const struct key *wanted = key;
	const struct steps_log_row *other = row;
	int order = strcmp(wanted->name, other->name);

	return order ? order : strcmp(wanted->step, other->step);
}

const struct steps_log_row *steps_log_find(const struct steps_log *log, const char *name,
					   const char *step)
{
	const struct key key = { name, step };

	if (log->n_rows == 0)
		return NULL;
	return bsearch(&key, log->rows, log->n_rows, sizeof(*log->rows), compare_key);
}

/* The row before this result; all zero when there is none. */
static int read_before(struct ledger *ledger, const struct steps_log_result *result,
		       struct steps_log_row *ret_row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT " COLUMNS " FROM steps WHERE name = ?1 AND step = ?2",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, result->name);
	sql_bind_text(s, 2, result->step);
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return read_row(s, ret_row, err);
	case SQLITE_DONE:
		return 0;
	default:
		return sql_fail(ledger, err, "read a step");
	}
}

static int64_t retry_after_ms(unsigned int attempts)
{
	int64_t ms = STEPS_LOG_FIRST_RETRY_MS;
	uint32_t random = 0;

	for (unsigned int i = 1; i < attempts && ms < STEPS_LOG_MAX_RETRY_MS; i++)
		ms *= 2;
	if (ms > STEPS_LOG_MAX_RETRY_MS)
		ms = STEPS_LOG_MAX_RETRY_MS;
	/* Without random bytes there is no jitter and nothing else is lost. */
	DV_IGNORE(getrandom(&random, sizeof(random), GRND_NONBLOCK));
	return ms - (ms / 4) * (int64_t)(random % 1024) / 1024;
}

static bool says_the_same(const struct steps_log_row *before, const struct steps_log_result *result)
{
	return result->status == STEPS_LOG_OK && before->status == STEPS_LOG_OK &&
	       before->generation == result->generation &&
	       str_equal(before->fingerprint, result->fingerprint) &&
	       result->now_usec - before->updated_usec < STEPS_LOG_CONFIRM_MS * 1000LL &&
	       result->now_usec >= before->updated_usec;
}

int steps_log_put(struct ledger *ledger, const struct steps_log_result *result,
		  struct dv_error *err)
{
	DV_CLEANUP(row_cleanup) struct steps_log_row before = { 0 };
	DV_AUTO_STMT sqlite3_stmt *s = NULL;
	bool failed = result->status == STEPS_LOG_FAILED;
	unsigned int attempts;
	int r = read_before(ledger, result, &before, err);

	if (r < 0)
		return r;
	if (says_the_same(&before, result))
		return 0;
	attempts = failed ? before.attempts + 1 : 0;
	s = sql_prepare(ledger,
			"INSERT INTO steps (" COLUMNS ")"
			" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
			" ON CONFLICT (name, step) DO UPDATE SET status = ?3, error = ?4,"
			" fingerprint = ?5, generation = ?6, attempts = ?7, next_retry_usec = ?8,"
			" updated_usec = ?9",
			&r, err);
	if (!s)
		return r;
	sql_bind_text(s, 1, result->name);
	sql_bind_text(s, 2, result->step);
	sql_bind_text(s, 3, STATUS_NAMES[result->status]);
	sql_bind_text(s, 4, failed ? result->error : NULL);
	sql_bind_text(s, 5, result->fingerprint);
	(void)sqlite3_bind_int64(s, 6, result->generation);
	(void)sqlite3_bind_int64(s, 7, attempts);
	(void)sqlite3_bind_int64(s, 8,
				 failed ? result->now_usec + retry_after_ms(attempts) * 1000 : 0);
	(void)sqlite3_bind_int64(s, 9, result->now_usec);
	return sql_run(ledger, s, "write a step", err);
}
