/* activity.c - see activity.h. */
#include "t3/activity.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "t3/state.h"

#define BUSY_MS 2000
#define USEC_PER_S INT64_C(1000000)
#define USEC_PER_MS 1000
#define SECONDS_BELOW INT64_C(100000000000) /* as milliseconds that would be in 1973 */
#define DIGITS_MAX 15

/* ---- times ---------------------------------------------------------------------------- */

/* Exactly `n` digits. */
static bool take_digits(const char **at, int n, int *ret_value)
{
	int value = 0;

	for (; n > 0; n--, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (**at - '0');
	}
	*ret_value = value;
	return true;
}

static bool take_char(const char **at, const char *any_of)
{
	if (!**at || !strchr(any_of, **at))
		return false;
	(*at)++;
	return true;
}

/* ".123", or nothing; what is finer than a microsecond is dropped. */
static bool take_fraction(const char **at, int64_t *ret_usec, int64_t *ret_step)
{
	int64_t usec = 0, step = USEC_PER_S;
	const char *begin;

	*ret_usec = 0;
	*ret_step = step;
	if (!take_char(at, "."))
		return true;
	for (begin = *at; **at >= '0' && **at <= '9'; (*at)++) {
		if (step > 1) {
			step /= 10;
			usec += (**at - '0') * step;
		}
	}
	*ret_usec = usec;
	*ret_step = step;
	return *at > begin && *at - begin <= 9;
}

/* The year is of four digits, so nothing overflows. A day that does not exist comes back as another. */
static bool to_seconds(struct tm *utc, int64_t *ret_seconds)
{
	const struct tm said = *utc;

	*ret_seconds = timegm(utc);
	return *ret_seconds >= 0 && utc->tm_mon == said.tm_mon && utc->tm_mday == said.tm_mday &&
	       utc->tm_hour == said.tm_hour && utc->tm_min == said.tm_min;
}

static bool parse_date(const char *at, int64_t *ret_usec, int64_t *ret_step)
{
	struct tm utc = { 0 };
	int64_t seconds, usec;
	bool is_iso;

	if (!take_digits(&at, 4, &utc.tm_year) || !take_char(&at, "-") ||
	    !take_digits(&at, 2, &utc.tm_mon) || !take_char(&at, "-") ||
	    !take_digits(&at, 2, &utc.tm_mday))
		return false;
	is_iso = *at == 'T';
	if (!take_char(&at, "T ") || !take_digits(&at, 2, &utc.tm_hour) || !take_char(&at, ":") ||
	    !take_digits(&at, 2, &utc.tm_min) || !take_char(&at, ":") ||
	    !take_digits(&at, 2, &utc.tm_sec) || !take_fraction(&at, &usec, ret_step))
		return false;
	/* Without a zone ISO 8601 means local time, and sqlite's own form UTC. */
	if (strcmp(at, "Z") != 0 && strcmp(at, "+00:00") != 0 && (is_iso || *at))
		return false;
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	if (utc.tm_sec > 59 || !to_seconds(&utc, &seconds))
		return false;
	*ret_usec = seconds * USEC_PER_S + usec;
	return true;
}

/* A fraction says no more than the number before it: it is none of t3's forms. */
static bool parse_number(const char *at, int64_t *ret_usec, int64_t *ret_step)
{
	int64_t value = 0, usec, step;
	const char *begin = at;

	for (; *at >= '0' && *at <= '9' && at - begin < DIGITS_MAX; at++)
		value = value * 10 + (*at - '0');
	if (at == begin || !take_fraction(&at, &usec, &step) || *at)
		return false;
	*ret_step = value < SECONDS_BELOW ? USEC_PER_S : USEC_PER_MS;
	*ret_usec = value * *ret_step;
	return *ret_usec < ACTIVITY_USEC_MAX;
}

bool activity_parse_time(const char *text, int64_t *ret_usec, int64_t *ret_step_usec)
{
	int64_t usec = 0, step = 0;

	if (!parse_date(text, &usec, &step) && !parse_number(text, &usec, &step))
		return false;
	*ret_usec = usec;
	*ret_step_usec = step;
	return true;
}

/* ---- rows ----------------------------------------------------------------------------- */

static void count_row(sqlite3_stmt *row, int64_t since_usec, struct activity *activity)
{
	const char *updated_at = (const char *)sqlite3_column_text(row, 0);
	bool has_turn = sqlite3_column_int(row, 1) != 0;
	int64_t usec = 0, step_usec = 0;
	bool is_time = updated_at && activity_parse_time(updated_at, &usec, &step_usec);

	if (is_time && usec > activity->worked_usec)
		activity->worked_usec = usec;
	if (has_turn && (!is_time || usec + step_usec > since_usec) &&
	    activity->n_turns < ACTIVITY_TURNS_MAX)
		activity->n_turns++;
}

static int count_rows(sqlite3 *db, int64_t since_usec, struct activity *activity,
		      struct dv_error *err)
{
	DV_AUTO_STATEMENT sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db,
				      "SELECT updated_at, active_turn_id IS NOT NULL"
				      " FROM projection_thread_sessions",
				      -1, &statement, NULL);

	if (code == SQLITE_ERROR)
		return dv_refuse(err, -EBADMSG, "whether an agent is at work is unclear: %s",
				 sqlite3_errmsg(db));
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(statement);
		if (code == SQLITE_ROW)
			count_row(statement, since_usec, activity);
	}
	return code == SQLITE_DONE ? 0 : state_complain(db, code, "read the database", err);
}

static int read_all(sqlite3 *db, int64_t since_usec, struct activity *activity,
		    struct dv_error *err)
{
	/* One state of it, however much is written meanwhile. */
	int code = sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
	int r = code == SQLITE_OK ? state_read_level(db, &activity->level, err)
				  : state_complain(db, code, "read the database", err);

	if (r == 0 && (activity->level < STATE_NO_LEVEL || activity->level > ACTIVITY_LEVEL_MAX))
		r = dv_refuse(err, -EBADMSG, "its migration level %" PRId64 " makes no sense",
			      activity->level);
	return r < 0 ? r : count_rows(db, since_usec, activity, err);
}

int activity_look(const char *path, int64_t since_usec, int64_t deadline_ms,
		  struct activity *ret_activity, struct dv_error *err)
{
	DV_AUTO_STATE sqlite3 *db = NULL;
	struct activity activity = { .level = STATE_NO_LEVEL };
	int r = state_check_file(path, err);

	if (r == 0)
		r = state_open(path, STATE_IN_USE, BUSY_MS, &deadline_ms, &db, err);
	if (r == 0)
		r = read_all(db, since_usec, &activity, err);
	if (r == 0)
		*ret_activity = activity;
	return r;
}
