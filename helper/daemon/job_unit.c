/* job_unit.c - see job_unit.h. */
#include "daemon/job_unit.h"

#include <string.h>

#define SUFFIX ".service"

static const struct {
	enum queue_kind kind;
	const char *prefix;
	bool has_user;
} UNITS[] = {
	{ QUEUE_RECONCILE, "devvm-reconcile@", true },
	{ QUEUE_RECONCILE, "devvm-reconcile", false },
	{ QUEUE_PLAN, "devvm-plan", false },
	{ QUEUE_HOME, "devvm-home@", true },
};

void job_unit_name(const struct queue_job *job, char ret_unit[static JOB_UNIT_MAX])
{
	for (size_t i = 0; i < DV_COUNT(UNITS); i++) {
		if (UNITS[i].kind != job->kind || UNITS[i].has_user != (*job->user != '\0'))
			continue;
		(void)snprintf(ret_unit, JOB_UNIT_MAX, "%s%.*s" SUFFIX, UNITS[i].prefix,
			       STR_USER_NAME_MAX, job->user);
		return;
	}
}

int job_unit_parse(const char *unit, enum queue_kind *ret_kind,
		   char ret_user[static STR_USER_NAME_MAX + 1])
{
	for (size_t i = 0; i < DV_COUNT(UNITS); i++) {
		size_t n_prefix = strlen(UNITS[i].prefix);
		size_t n = strlen(unit);
		size_t n_user;

		if (!str_starts_with(unit, UNITS[i].prefix) || n < n_prefix + strlen(SUFFIX) ||
		    strcmp(unit + n - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		n_user = n - n_prefix - strlen(SUFFIX);
		if (n_user > STR_USER_NAME_MAX || UNITS[i].has_user != (n_user > 0))
			continue;
		memcpy(ret_user, unit + n_prefix, n_user);
		ret_user[n_user] = '\0';
		*ret_kind = UNITS[i].kind;
		return 0;
	}
	return -EINVAL;
}
