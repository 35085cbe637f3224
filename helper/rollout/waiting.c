/* waiting.c - see waiting.h.
 *
 * Whoever has kept a version waiting for too long is told at their logins (daemon/notice.h) for as long as it is
 * so; here it becomes an event, once.
 */
#include "rollout/waiting.h"

#include "base/clock.h"
#include "base/log.h"
#include "ledger/events.h"

bool rollout_is_to_wait(const struct rollout *rollout, const struct deferral *deferral,
			char ret_why[static DEFERRALS_WHY_BYTES])
{
	char until[32];

	if (!deferral || rollout->only ||
	    deferral->not_before_usec <= rollout->env.wall_usec(&rollout->env))
		return false;
	clock_format(deferral->not_before_usec, until);
	(void)snprintf(ret_why, DEFERRALS_WHY_BYTES, "they asked to wait until %s", until);
	return true;
}

static int note_overdue(struct rollout *rollout, const char *name, struct dv_error *err)
{
	int64_t now_usec = rollout->env.wall_usec(&rollout->env);
	char text[ERROR_MAX_BYTES];
	struct deferral row;
	int r = deferrals_get(rollout->ledger, name, &row, err);

	if (r < 0 || row.told_usec > 0 ||
	    !deferrals_is_overdue(&row, rollout->config.update_defer_max_days, now_usec))
		return r;
	(void)snprintf(
		text, sizeof(text),
		"%s has kept t3 %s waiting for more than %u days and is told so when they log "
		"in: %s",
		name, row.version, rollout->config.update_defer_max_days, row.why);
	log_write(LOG_WARNING, &(struct log_fields){ .user = name, .step = "update" }, "update: %s",
		  text);
	r = deferrals_set_told(rollout->ledger, name, now_usec, err);
	return r < 0 ? r
		     : events_add(rollout->ledger, now_usec, LOG_WARNING, name, "update", text,
				  err);
}

int rollout_put_off(struct rollout *rollout, const char *name, const char *version, const char *why,
		    struct dv_error *err)
{
	int r = deferrals_put(rollout->ledger, name, version, rollout->env.wall_usec(&rollout->env),
			      why, err);

	return r < 0 ? r : note_overdue(rollout, name, err);
}
