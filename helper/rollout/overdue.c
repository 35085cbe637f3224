/* overdue.c - somebody has kept a version waiting for longer than update.defer_max. See overdue.h.
 *
 * They are told at their logins (daemon/notice.h) for as long as it is so; here it becomes an event, once.
 */
#include "rollout/overdue.h"

#include "base/log.h"
#include "ledger/deferrals.h"
#include "ledger/events.h"

int rollout_note_overdue(struct rollout *rollout, const char *name, struct dv_error *err)
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
