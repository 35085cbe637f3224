/* restoring.c - what every part of a restore stands on. See restore.h. */
#include "job/restore.h"

#include "units/cgroup.h"

#define LEDGER_BUSY_MS 10000
#define UNIT_BYTES (32 + STR_USER_NAME_MAX)

void restore_done(struct restore *run)
{
	dv_closep(&run->run_fd);
	dv_closep(&run->lock_fd);
	people_row_done(&run->person);
	ledger_close(run->ledger);
	env_done(&run->env);
}

int restore_open(struct restore *run, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	return r < 0 ? r : ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
}

int restore_find_person(struct restore *run, struct dv_error *err)
{
	int r = people_get(run->ledger, run->row.name, &run->person, err);

	if (r == 0 && (run->person.state != PEOPLE_PRESENT || run->person.uid == PEOPLE_NO_UID))
		r = dv_refuse(err, -EPERM, "%s has left, or has no account yet", run->row.name);
	return r;
}

bool restore_is_running(const struct restore *run)
{
	char unit[UNIT_BYTES];
	DV_AUTO_CLOSE int fd = -1;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", run->row.name);
	fd = cgroup_open(&run->env, unit, NULL);
	return fd >= 0;
}

struct placing restore_placing(const struct restore *run)
{
	return (struct placing){ .env = &run->env,
				 .ledger = run->ledger,
				 .user = run->row.name,
				 .id = run->row.id,
				 .began_usec = run->row.began_usec };
}
