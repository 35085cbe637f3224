/* watch_tell.c - what the watchdog says of what it does: a line of the journal and an event each. See watch.h. */
#include "job/watch.h"

#include "base/log.h"
#include "ledger/events.h"

#define COPIED_BYTES 200

/* Never given to another thing (docs/UPDATES.md lists them). */
static const struct {
	int priority;
	const char *message_id;
} TOLD[] = {
	[WATCHDOG_NOTHING] = { LOG_INFO, NULL },
	[WATCHDOG_ASK] = { LOG_INFO, NULL },
	[WATCHDOG_ALERT] = { LOG_ERR, "f4828952b8854eee89fc74528cb61125" },
	[WATCHDOG_ALERT_FOREIGN] = { LOG_ERR, "ee0892ba02bf4667946cb547992552c4" },
	[WATCHDOG_RESTART] = { LOG_WARNING, "9b8aab5081264c7d9face32551f8f251" },
	[WATCHDOG_FORCE] = { LOG_WARNING, "9b8aab5081264c7d9face32551f8f251" },
	[WATCHDOG_STAND_DOWN] = { LOG_ERR, "59d3cc15a33d4214abc5ea49647f6f30" },
	[WATCHDOG_RECOVERED] = { LOG_NOTICE, "45bde80378e5495ba100208b3e9d14da" },
};

int watch_tell(const struct watch *watch, const char *user, enum watchdog_action action,
	       const char *text, struct dv_error *err)
{
	const struct log_fields fields = { .user = user,
					   .step = "watchdog",
					   .message_id = TOLD[action].message_id };

	log_write(TOLD[action].priority, &fields, "%s", text);
	return events_add(watch->ledger, watch->env.wall_usec(&watch->env), TOLD[action].priority,
			  user, "watchdog", text, err);
}

static void describe_alert(const struct watch *watch, const struct watch_case *it,
			   char ret_text[static WATCH_TEXT_BYTES])
{
	const char *user = it->person->name;
	char later[64] = "the watchdog leaves it";

	if (watch->config.watchdog_force_after > 0)
		(void)snprintf(later, sizeof(later),
			       "it is restarted after %u minutes of that all the same",
			       watch->config.watchdog_force_after);
	(void)snprintf(ret_text, WATCH_TEXT_BYTES,
		       "t3 of %s runs and does not answer (%s), and may be at work (%s): %s; now: "
		       "systemctl restart " WATCH_UNIT_PREFIX "%s, which ends that work",
		       user, it->server->text, it->why, later, user);
}

void watch_describe(const struct watch *watch, const struct watch_case *it,
		    enum watchdog_action action, char ret_text[static WATCH_TEXT_BYTES])
{
	const char *user = it->person->name, *trouble = it->server->text;

	switch (action) {
	case WATCHDOG_ALERT:
		describe_alert(watch, it, ret_text);
		break;
	case WATCHDOG_ALERT_FOREIGN:
		(void)snprintf(ret_text, WATCH_TEXT_BYTES,
			       "t3 of %s is cut off: somebody else listens on its port %u. A "
			       "restart does not help: end that process (ss -ltnp 'sport = :%u'), "
			       "then systemctl restart " WATCH_UNIT_PREFIX "%s",
			       user, it->server->port, it->server->port, user);
		break;
	case WATCHDOG_STAND_DOWN:
		(void)snprintf(ret_text, WATCH_TEXT_BYTES,
			       "t3 of %s does not answer (%s) although it was restarted %d times "
			       "in half an hour: the watchdog stands down until it answers or "
			       "somebody restarts it; journalctl -u " WATCH_UNIT_PREFIX
			       "%s may say why; devvmctl backups %s lists the copies",
			       user, trouble, WATCHES_MAX_RESTARTS, user, user);
		break;
	case WATCHDOG_RECOVERED:
		(void)snprintf(ret_text, WATCH_TEXT_BYTES, "t3 of %s answers again", user);
		break;
	case WATCHDOG_NOTHING:
	case WATCHDOG_ASK:
	case WATCHDOG_RESTART:
	case WATCHDOG_FORCE:
		ret_text[0] = '\0';
		break;
	}
}

static void describe_copy(const struct copying_result *copy, char ret_text[static COPIED_BYTES])
{
	switch (copy->outcome) {
	case COPYING_MADE:
		(void)snprintf(ret_text, COPIED_BYTES, "; %s is the copy from before", copy->id);
		break;
	case COPYING_FAILED:
		(void)snprintf(ret_text, COPIED_BYTES, "; there is NO copy from before: %.150s",
			       copy->why);
		break;
	case COPYING_UNSET:
	case COPYING_NONE:
		(void)snprintf(ret_text, COPIED_BYTES, "; they have no database yet");
		break;
	}
}

void watch_describe_restart(const struct watch_case *it, enum watchdog_action action,
			    const char *failure, const struct copying_result *copy,
			    char ret_text[static WATCH_TEXT_BYTES])
{
	char copied[COPIED_BYTES];

	describe_copy(copy, copied);
	(void)snprintf(ret_text, WATCH_TEXT_BYTES, "t3 of %s did not answer (%s) and %s%.120s%s%s",
		       it->person->name, it->server->text,
		       *failure ? "could not be restarted: " : "was restarted", failure,
		       action == WATCHDOG_FORCE ? " although it may have been at work" : "",
		       copied);
}
