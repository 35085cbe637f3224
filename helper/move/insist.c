/* insist.c - see insist.h. */
#include "move/insist.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "units/cgroup.h"

#define SHARE 4 /* of the time that a start may take */
#define TIMES 6 /* about, in that time */
#define UNIT_BYTES (32 + STR_USER_NAME_MAX)

static int ask_started(const struct insist *insist, int64_t *ret_usec, struct dv_error *err)
{
	char unit[UNIT_BYTES];

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", insist->letin->person->name);
	return manager_active_since(insist->manager, unit, ret_usec, err);
}

static bool lives(const struct insist *insist)
{
	char unit[UNIT_BYTES];
	DV_AUTO_CLOSE int fd = -1;
	struct dv_error err = { "" };
	int64_t usec = 0;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", insist->letin->person->name);
	fd = cgroup_open(insist->letin->env, unit, NULL);
	return fd >= 0 && ask_started(insist, &usec, &err) == 0 && usec == insist->started_usec;
}

int insist_start(struct insist *insist, struct dv_error *err)
{
	int r = letin_launch(insist->letin, err);

	insist->is_systemds = r < 0;
	if (r == 0)
		r = letin_wait(insist->letin, err);
	if (r < 0)
		return r;
	r = ask_started(insist, &insist->started_usec, err);
	insist->is_systemds = r < 0;
	return r;
}

/* A look where there are cookies, else a pairing. */
static int ask(const struct insist *insist, const struct secret *cookies,
	       struct secret *ret_cookies, struct dv_error *err)
{
	return cookies ? letin_look(insist->letin, cookies, err)
		       : letin_pair(insist->letin, ret_cookies, err);
}

static int repeat(const struct insist *insist, const struct secret *cookies,
		  struct secret *ret_cookies, struct dv_error *err)
{
	int64_t total_ms = insist->letin->start_ms / SHARE;
	int64_t deadline_ms = clock_deadline_ms(total_ms);
	int r = ask(insist, cookies, ret_cookies, err);

	while (r < 0 && lives(insist) && clock_left_ms(deadline_ms) > 0) {
		(void)poll(NULL, 0, (int)(total_ms / TIMES));
		if (!lives(insist))
			break;
		log_notice("update: asked again: %s", err->text);
		r = ask(insist, cookies, ret_cookies, err);
	}
	return r;
}

int insist_pair(const struct insist *insist, struct secret *ret_cookies, struct dv_error *err)
{
	return repeat(insist, NULL, ret_cookies, err);
}

int insist_look(const struct insist *insist, const struct secret *cookies, struct dv_error *err)
{
	return repeat(insist, cookies, NULL, err);
}
