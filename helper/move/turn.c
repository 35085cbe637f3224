/* turn.c - see turn.h. */
#include "move/turn.h"

#include <string.h>

#include "base/str.h"
#include "move/busy.h"
#include "move/look.h"

#define STATE_BYTES 32
#define UNIT_BYTES (STR_USER_NAME_MAX + 32)

static int on_unit(void *context, const char *unit DV_UNUSED, const char *active_state)
{
	(void)snprintf(context, STATE_BYTES, "%s", active_state);
	return 0;
}

/* Of one that runs. The processes are looked at last: an agent may come a moment after its row. */
static int look_for_turn(const struct env *env, struct manager *manager, const char *user,
			 const char *unit, struct dv_error *err)
{
	struct look look = { 0 };
	int64_t since_usec = 0;
	bool has_agent = false;
	int r = manager_active_since(manager, unit, &since_usec, err);

	if (r == 0 && since_usec <= 0)
		r = dv_refuse(err, -ENODATA, "when %s started is not known", unit);
	/* What an agent has written since looks older than the start then. */
	if (r == 0 && since_usec > env->wall_usec(env))
		r = dv_refuse(err, -ENODATA, "%s started later than now: the clock was set back",
			      unit);
	if (r == 0)
		r = look_run(env, user, since_usec, &look, err);
	if (r == 0 && !look.has_database)
		r = dv_refuse(err, -ENODATA, "%s runs without a database", unit);
	if (r == 0 && look.n_turns > 0)
		r = busy_find_agent(env, unit, &has_agent, err);
	return r == 0 && has_agent ? dv_refuse(err, -EBUSY, "an agent is in the midst of a turn")
				   : r;
}

/* Negative, with the reason, is busy. */
static int judge(const struct env *env, struct manager *manager, const char *user,
		 enum turn_verdict *ret_verdict, struct dv_error *err)
{
	char unit[UNIT_BYTES], state[STATE_BYTES] = "";
	const char *const patterns[] = { unit, NULL };
	int r;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", user);
	r = manager_list(manager, patterns, on_unit, state, err);
	if (r < 0)
		return r;
	if (!*state || strcmp(state, "inactive") == 0 || strcmp(state, "failed") == 0) {
		*ret_verdict = TURN_DOWN;
		return 0;
	}
	if (strcmp(state, "active") != 0)
		return dv_refuse(err, -EBUSY, "%s is %s", unit, state);
	r = look_for_turn(env, manager, user, unit, err);
	if (r == 0)
		*ret_verdict = TURN_IDLE;
	return r;
}

int turn_look(const struct env *env, struct manager *manager, const char *user,
	      enum turn_verdict *ret_verdict, char ret_why[static TURN_WHY_BYTES],
	      struct dv_error *err)
{
	enum turn_verdict verdict = TURN_UNSET;
	struct dv_error why = { "" };
	int r;

	if (!str_is_user_name(user))
		return dv_refuse(err, -EINVAL, "look for a turn: whose?");
	r = judge(env, manager, user, &verdict, &why);
	if (r == -ENOMEM)
		return dv_refuse(err, r, "look for a turn of %s: %.400s", user, why.text);
	*ret_verdict = r < 0 ? TURN_BUSY : verdict;
	(void)snprintf(ret_why, TURN_WHY_BYTES, "%.127s",
		       r < 0 ? why.text : ""); /* cut, it still says it */
	return 0;
}
