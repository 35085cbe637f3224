/* still.c - see still.h. */
#include "move/still.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "move/systemctl.h"
#include "units/cgroup.h"

#define STOP_MS 60000
#define UNIT_BYTES (32 + STR_USER_NAME_MAX)
/* systemd refuses a thaw while a freeze is under way. */
#define N_THAWS 10
#define THAW_EVERY_MS 500
#define FREEZE_MAX_BYTES 16

static void name_unit(const char *user, char ret_unit[static UNIT_BYTES])
{
	(void)snprintf(ret_unit, UNIT_BYTES, "t3-serve@%s.service", user);
}

/* Whether it was told to; what has no such file cannot. */
static bool stands_still(const struct env *env, const char *unit)
{
	DV_AUTO_CLOSE int fd = cgroup_open(env, unit, NULL);
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;

	return fd >= 0 &&
	       file_read_kernel(fd, "cgroup.freeze", FREEZE_MAX_BYTES, &text, &n_bytes, NULL) ==
		       0 &&
	       str_starts_with(text, "1");
}

static int thaw(const struct still *still, const char *unit, struct dv_error *err)
{
	int r = manager_freeze(still->manager, unit, false, err);

	for (int i = 1; r < 0 && stands_still(still->env, unit); i++) {
		if (i == N_THAWS)
			return r;
		(void)poll(NULL, 0, THAW_EVERY_MS);
		r = manager_freeze(still->manager, unit, false, err);
	}
	return 0;
}

void still_thaw(struct manager *manager, const char *user)
{
	char unit[UNIT_BYTES];

	name_unit(user, unit);
	DV_IGNORE(manager_freeze(manager, unit, false,
				 NULL)); /* it does not run, or goes on already */
}

int still_stop(struct manager *manager, const char *user, struct dv_error *err)
{
	int r;

	still_thaw(manager, user);
	r = systemctl_run("stop", "t3-serve@", user, STOP_MS, err);
	/* What else reads the database of theirs. */
	return r < 0 ? r : systemctl_run("stop", "devvm-mint@", user, STOP_MS, err);
}

/* All of it goes on; where it is to end, that is the first thing it hears. */
static int let_go(const struct still *still, const char *unit, bool is_to_end, struct dv_error *err)
{
	int r = is_to_end ? manager_signal(still->manager, unit, SIGTERM, err) : 0;
	struct dv_error why = { "" };
	int thawed = thaw(still, unit, &why);

	if (thawed < 0)
		log_error("%s stands still: systemctl thaw %s (%s)", unit, unit, why.text);
	return r < 0 ? r : thawed < 0 ? dv_refuse(err, thawed, "%s", why.text) : 0;
}

/* It stands still. */
static int ask_again(const struct still *still, const char *unit, bool *ret_is_to_end,
		     char ret_why[static TURN_WHY_BYTES], struct dv_error *err)
{
	enum turn_verdict verdict = TURN_UNSET;
	struct dv_error why = { "" };
	int gone, r = still->ask(still->context, &verdict, ret_why, err);

	*ret_is_to_end = r == 0 && verdict != TURN_BUSY;
	if (*ret_is_to_end && still->seal)
		r = still->seal(still->context, err);
	gone = let_go(still, unit, *ret_is_to_end && r == 0, &why);
	return r == 0 && gone < 0 ? dv_refuse(err, gone, "%s", why.text) : r;
}

int still_stop_if(const struct still *still, char ret_why[static TURN_WHY_BYTES],
		  struct dv_error *err)
{
	enum turn_verdict verdict = TURN_UNSET;
	struct dv_error why = { "" };
	bool is_to_end = true;
	char unit[UNIT_BYTES];
	int r;

	name_unit(still->user, unit);
	ret_why[0] = '\0';
	/* A killed job has left it so, and who is busy is not thawed further down. */
	if (stands_still(still->env, unit))
		DV_IGNORE(let_go(still, unit, false, &why)); /* it is told */
	r = still->ask(still->context, &verdict, ret_why, err);
	if (r < 0 || verdict == TURN_BUSY)
		return r;
	if (verdict == TURN_DOWN) {
		r = still->seal ? still->seal(still->context, err) : 0;
	} else if (manager_freeze(still->manager, unit, true, &why) < 0) {
		struct dv_error ignored = { "" };

		(void)snprintf(ret_why, TURN_WHY_BYTES, "%.127s", why.text);
		DV_IGNORE(let_go(still, unit, false, &ignored)); /* it is told */
		return 0;
	} else {
		r = ask_again(still, unit, &is_to_end, ret_why, err);
	}
	return r < 0 || !is_to_end ? r : still_stop(still->manager, still->user, err);
}
