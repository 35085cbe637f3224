/* look.c - devvm-agent look: what the caller's own t3 database says of work, for root.
 *
 * devvm-look@USER runs it, root reads what it prints (move/look.h) and opens no home. It changes nothing: the database
 * is read while t3 uses it. The answer is printed whatever comes out; t3/activity.h has its form.
 */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "agent/agents.h"
#include "agent/caller.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "t3/activity.h"
#include "t3/state.h"

#define LOOK_MS 20000 /* the unit has a minute */

static int look(const struct caller *caller, int64_t since_usec, struct activity *ret_activity,
		struct dv_error *err)
{
	DV_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/" STATE_DATABASE, caller->home) < 0) {
		path = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "look at the database");
	}
	return activity_look(path, since_usec, clock_deadline_ms(LOOK_MS), ret_activity, err);
}

/* What a database says of itself may be any bytes. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

static int print_answer(int looked, const struct activity *activity, struct dv_error *why)
{
	json_t *json = NULL;
	int r;

	make_printable(why->text);
	if (looked == 0)
		json = json_pack("{s:s, s:I, s:I, s:I}", "state", "ok", "level",
				 (json_int_t)activity->level, "turns",
				 (json_int_t)activity->n_turns, "worked_usec",
				 (json_int_t)activity->worked_usec);
	else if (looked == -ENOENT)
		json = json_pack("{s:s}", "state", "none");
	else
		json = json_pack("{s:s, s:s}", "state", "failed", "error", why->text);
	r = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;
	json_decref(json);
	return r < 0 || putchar('\n') == EOF || fflush(stdout) == EOF ? -EIO : 0;
}

int agent_look(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	const char *since = getenv(ACTIVITY_SINCE_KEY);
	struct activity activity = { 0 };
	struct dv_error err = { "" };
	uint64_t since_usec = 0;
	int looked;

	if (argc != 1 || (since && str_to_uint(since, INT64_MAX, &since_usec) < 0)) {
		log_error("usage: devvm-agent look, with a time in " ACTIVITY_SINCE_KEY " or none");
		return AGENT_USAGE;
	}
	looked = caller_init(&caller, &err);
	if (looked == -ENOENT)
		looked = -EIO; /* it is the account or the home that is not there */
	if (looked == 0)
		looked = look(&caller, (int64_t)since_usec, &activity, &err);
	if (print_answer(looked, &activity, &err) < 0) {
		log_error("the answer cannot be printed");
		return AGENT_FAILED;
	}
	if (looked < 0 && looked != -ENOENT)
		log_error("%s", err.text);
	return looked < 0 && looked != -ENOENT ? AGENT_FAILED : AGENT_OK;
}
