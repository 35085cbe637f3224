/* moving.c - see moving.h. */
#include "move/moving.h"

#include "base/clock.h"
#include "base/log.h"
#include "move/busy.h"
#include "move/systemctl.h"
#include "steps/lock.h"
#include "steps/staging.h"
#include "store/store.h"
#include "t3/program.h"
#include "units/cgroup.h"

#define LOCK_MS 60000
#define STOP_MS 60000
#define START_MS 60000 /* that systemd may take; it does not wait for an answer */
#define UNIT_BYTES (32 + STR_USER_NAME_MAX)

int moving_enter(const struct mover *mover, struct move_row *row, enum update_state state,
		 const char *why, struct dv_error *err)
{
	row->state = state;
	if (why != row->reason)
		(void)snprintf(row->reason, sizeof(row->reason), "%.255s", why);
	log_write(LOG_INFO, &(struct log_fields){ .user = row->name, .step = "update" },
		  "%s: %s%s%s", row->name, update_state_word(state), *row->reason ? ": " : "",
		  row->reason);
	return moves_enter(mover->ledger, row, mover->env->wall_usec(mover->env), err);
}

int moving_lock(const struct mover *mover, const char *user, struct dv_error *err)
{
	return lock_take(mover->env, user, clock_deadline_ms(LOCK_MS), err);
}

int moving_point(const struct mover *mover, const char *user, const char *version,
		 struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = staging_lock(mover->env, T3_ITEM, err);

	return lock_fd < 0 ? lock_fd : store_set_pointer(mover->env, T3_ITEM, user, version, err);
}

struct letin moving_letin(const struct mover *mover, const struct people_row *person,
			  const char *version)
{
	return (struct letin){ .env = mover->env,
			       .person = person,
			       .version = version,
			       .start_ms = mover->config->update_start_s * INT64_C(1000) };
}

static bool may_run(const struct mover *mover, const char *user, struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	int r = people_get(mover->ledger, user, &person, err);

	return r == 0 && person.state == PEOPLE_PRESENT && !person.parked;
}

void moving_start_again(const struct mover *mover, const struct move_row *row)
{
	struct dv_error err = { "" };

	/* It is the version they had before: whether it answers is not waited for. */
	if (row->was_running && may_run(mover, row->name, &err))
		DV_IGNORE(systemctl_run("start", "t3-serve@", row->name, START_MS, &err));
	if (*err.text)
		log_warning("%s", err.text);
}

void moving_let_sleep(const struct mover *mover, const struct people_row *person,
		      const struct move_row *row)
{
	char unit[UNIT_BYTES];
	const struct busy_question question = { .env = mover->env,
						.unit = unit,
						.uid = (uid_t)person->uid,
						.port = person->ports[PEOPLE_PORT_T3] };
	struct busy_answer answer;
	struct dv_error err = { "" };

	if (row->was_running)
		return;
	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", row->name);
	busy_look(&question, &answer);
	if (answer.verdict == BUSY_IDLE &&
	    systemctl_run("stop", "t3-serve@", row->name, STOP_MS, &err) < 0)
		log_warning("%s", err.text); /* devvm-idle stops it some day */
}

bool moving_runs(const struct mover *mover, const char *user)
{
	char unit[UNIT_BYTES];
	DV_AUTO_CLOSE int fd = -1;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", user);
	fd = cgroup_open(mover->env, unit, NULL);
	return fd >= 0;
}
