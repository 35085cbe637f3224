/* leave.c - see leave.h. */
#include "steps/leave.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-login.h>

#include "base/log.h"
#include "ledger/events.h"
#include "steps/instance_units.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"
#include "units/manager.h"

#define LINGER_FOLDER "var/lib/systemd/linger" /* loginctl(1), enable-linger */
#define MAX_UNITS (VIEW_MAX_TEMPLATES + 2)

/* What may run for one person, in the order in which it is stopped. */
struct leaver {
	char names[MAX_UNITS][INSTANCE_UNIT_BYTES];
	bool is_up[MAX_UNITS];
	size_t n_units, n_before_instances;
};

static void list_units(const struct people_row *person, struct leaver *ret_leaver)
{
	struct leaver leaver = { .n_before_instances = 1 };

	(void)snprintf(leaver.names[leaver.n_units++], INSTANCE_UNIT_BYTES, "devvm-home@%s.service",
		       person->name);
	for (const struct instance_unit *unit = INSTANCE_UNITS; unit->prefix; unit++)
		instance_unit_name(unit, person->name, leaver.names[leaver.n_units++]);
	if (person->uid > 0)
		(void)snprintf(leaver.names[leaver.n_units++], INSTANCE_UNIT_BYTES,
			       "user@%" PRId64 ".service", person->uid);
	*ret_leaver = leaver;
}

static int on_unit(void *context, const char *unit, const char *active_state)
{
	struct leaver *leaver = context;

	for (size_t i = 0; i < leaver->n_units; i++) {
		if (strcmp(leaver->names[i], unit) == 0)
			leaver->is_up[i] = strcmp(active_state, "inactive") != 0 &&
					   strcmp(active_state, "failed") != 0;
	}
	return 0;
}

/* Stop and await those of the units from..to-1 that are up. */
static int stop_range(struct manager *manager, struct leaver *leaver, size_t from, size_t to,
		      struct dv_error *err)
{
	const char *units[MAX_UNITS];
	size_t n_units = 0;

	for (size_t i = from; i < to; i++) {
		if (leaver->is_up[i])
			units[n_units++] = leaver->names[i];
	}
	return n_units ? manager_act(manager, MANAGER_STOP_WAIT, units, n_units, err) : 0;
}

/* The listing is taken before each part: what a home job had systemd start is in the next one. */
static int stop_units(struct manager *manager, const struct people_row *person,
		      struct dv_error *err)
{
	const char *patterns[MAX_UNITS + 1] = { NULL };
	struct leaver leaver;
	size_t ends[3];
	size_t from = 0;
	int r = 0;

	list_units(person, &leaver);
	for (size_t i = 0; i < leaver.n_units; i++)
		patterns[i] = leaver.names[i];
	ends[0] = leaver.n_before_instances;
	ends[1] = leaver.n_units - (person->uid > 0);
	ends[2] = leaver.n_units;
	for (size_t i = 0; r == 0 && i < DV_COUNT(ends); i++) {
		memset(leaver.is_up, 0, sizeof(leaver.is_up));
		r = manager_list(manager, patterns, on_unit, &leaver, err);
		if (r == 0)
			r = stop_range(manager, &leaver, from, ends[i], err);
		from = ends[i];
	}
	return r;
}

static void free_strv(char ***strv)
{
	for (char **item = *strv; item && *item; item++)
		free(*item);
	free(*strv);
}

/* Nobody's session is ended by a roster; who runs the machine is told of them. */
static int tell_sessions(struct step_context *context, const struct people_row *person,
			 struct dv_error *err)
{
	const struct log_fields fields = { .user = person->name, .step = "leave" };
	DV_CLEANUP(free_strv) char **sessions = NULL;
	DV_AUTO_FREE char *text = NULL;
	int n = person->uid > 0 ? sd_uid_get_sessions((uid_t)person->uid, 0, &sessions) : 0;

	if (n <= 0) /* no logind, no sessions */
		return 0;
	if (asprintf(&text,
		     "%s has left with %d session%s still open (first %s); "
		     "loginctl terminate-user %s ends what they have",
		     person->name, n, n == 1 ? "" : "s", sessions[0], person->name) < 0) {
		text = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "tell of sessions");
	}
	log_write(LOG_NOTICE, &fields, "%s", text);
	return events_add(context->machine->ledger, context->env->wall_usec(context->env),
			  LOG_NOTICE, person->name, "leave", text, err);
}

static int cut(struct step_context *context, struct manager *manager,
	       const struct people_row *person, struct dv_error *err)
{
	int r = stop_units(manager, person, err);

	if (r == 0)
		r = tell_sessions(context, person, err);
	return r < 0 ? r
		     : people_set_cut(context->machine->ledger, person->name, person->generation,
				      person->generation, err);
}

static bool has_file(const struct env *env, const char *folder, const char *name)
{
	char path[STEPS_PATH_BYTES];

	steps_person_path(path, folder, name);
	return faccessat(env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int bring_back(struct step_context *context, struct manager *manager,
		      const struct people_row *person, struct dv_error *err)
{
	char name[INSTANCE_UNIT_BYTES];
	const char *const units[] = { name };
	int r = 0;

	(void)snprintf(name, sizeof(name), "user@%" PRId64 ".service", person->uid);
	if (person->uid > 0 && has_file(context->env, LINGER_FOLDER, person->name) &&
	    !has_file(context->env, STEPS_DENIED_FOLDER, person->name))
		r = manager_act(manager, MANAGER_QUEUE, units, 1, err);
	return r < 0 ? r
		     : people_set_cut(context->machine->ledger, person->name, person->generation, 0,
				      err);
}

int leave_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	DV_AUTO_PEOPLE struct people people = { 0 };
	int r = people_list_uncut(context->machine->ledger, &people, err);

	if (r < 0)
		return r;
	item_begin(&items);
	for (size_t i = 0; i < people.n_rows; i++) {
		if (people.rows[i].state == PEOPLE_LEFT)
			item_add(&items, STEP_REMOVE, "stop what runs for %s", people.rows[i].name);
		else
			item_add(&items, STEP_ADD, "bring back %s", people.rows[i].name);
	}
	return 0;
}

/* All are tried; the first failure is told. */
int leave_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	struct dv_error first = { "" };
	int failure = 0;
	int r = people_list_uncut(context->machine->ledger, &people, err);

	if (r == 0)
		r = manager_open(&manager, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < people.n_rows; i++) {
		const struct people_row *person = &people.rows[i];

		r = person->state == PEOPLE_LEFT ? cut(context, manager, person, &first)
						 : bring_back(context, manager, person, &first);
		if (r < 0 && failure == 0)
			failure = dv_refuse(err, r, "%s: %s", person->name, first.text);
	}
	return failure;
}
