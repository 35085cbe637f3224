/* worked.c - see worked.h. */
#include "move/worked.h"

#include "move/busy.h"
#include "move/look.h"
#include "units/cgroup.h"

#define UNIT_BYTES (32 + STR_USER_NAME_MAX)

enum worked worked_judge(const struct worked_seen *seen)
{
	if (!seen->is_known)
		return WORKED_UNTOLD;
	if (seen->worked_usec > seen->moved_usec)
		return WORKED_YES;
	if (seen->n_turns == 0 || seen->agent == WORKED_AGENT_NONE)
		return WORKED_NO;
	return seen->agent == WORKED_AGENT_THERE ? WORKED_YES : WORKED_UNTOLD;
}

bool worked_may_go_back(const struct worked_seen *seen)
{
	enum worked worked = worked_judge(seen);

	return worked == WORKED_NO || (worked == WORKED_UNTOLD && seen->agent == WORKED_AGENT_NONE);
}

static enum worked_agent find_agent(const struct env *env, const char *unit)
{
	DV_AUTO_CLOSE int fd = cgroup_open(env, unit, NULL);
	struct dv_error err = { "" };
	bool has = false;
	int r = fd < 0 ? fd : busy_find_agent(env, unit, &has, &err);

	if (r == -ENOENT)
		return WORKED_AGENT_NONE; /* it does not run */
	if (r < 0)
		return WORKED_AGENT_UNTOLD;
	return has ? WORKED_AGENT_THERE : WORKED_AGENT_NONE;
}

static void say_why(const struct worked_seen *seen, const char *failure,
		    char ret_why[static TURN_WHY_BYTES])
{
	const char *agent = seen->agent == WORKED_AGENT_THERE ? "an agent of theirs is there"
							      : "their processes cannot be read";

	ret_why[0] = '\0';
	if (worked_may_go_back(seen))
		return;
	if (worked_judge(seen) == WORKED_YES)
		(void)snprintf(ret_why, TURN_WHY_BYTES, "they have worked with it since");
	else
		(void)snprintf(ret_why, TURN_WHY_BYTES,
			       "whether they work with it cannot be told, and %s%s%.40s", agent,
			       *failure ? ": " : "", failure);
}

void worked_look(const struct env *env, struct manager *manager, const struct move_row *row,
		 struct worked_seen *ret_seen, char ret_why[static TURN_WHY_BYTES])
{
	struct worked_seen seen = { .moved_usec = row->moved_usec };
	struct dv_error err = { "" };
	struct look look = { 0 };
	int64_t since_usec = 0, now_usec = env->wall_usec(env);
	char unit[UNIT_BYTES];
	int r;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", row->name);
	r = manager_active_since(manager, unit, &since_usec, &err);
	if (r == 0)
		r = look_run(env, row->name, since_usec, &look, &err);
	/* What they have done since looks older than that then. */
	if (r == 0 && look.worked_usec <= row->moved_usec &&
	    (now_usec < row->moved_usec || now_usec < since_usec))
		r = dv_refuse(&err, -ENODATA, "the clock was set back");
	seen.is_known = r == 0;
	seen.worked_usec = look.worked_usec;
	seen.n_turns = look.n_turns;
	/* Last: an agent may come a moment after its row. */
	seen.agent = find_agent(env, unit);
	say_why(&seen, r < 0 ? err.text : "", ret_why);
	*ret_seen = seen;
}
