/* settle.c - see settle.h. */
#include "steps/settle.h"

#include <string.h>

#include "steps/instance_units.h"
#include "steps/settle_note.h"
#include "steps/view.h"
#include "units/manager.h"

#define MAX_ROWS VIEW_MAX_TEMPLATES

enum seen {
	SEEN_NOT_LOADED,
	SEEN_DOWN, /* loaded */
	SEEN_UP,
};

struct plan {
	struct step_context *context;
	struct people people;
	unsigned char *seen; /* an enum seen per person and row of INSTANCE_UNITS */
	const char **start, **stop;
	size_t n_start, n_stop;
	bool starts_loaded; /* something to be started has been read before */
};

static void plan_done(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_start; i++)
		free((char *)plan->start[i]);
	for (size_t i = 0; i < plan->n_stop; i++)
		free((char *)plan->stop[i]);
	free(plan->start);
	free(plan->stop);
	free(plan->seen);
	people_done(&plan->people);
}

static int on_unit(void *context, const char *name, const char *active_state)
{
	struct plan *plan = context;
	char user[STR_USER_NAME_MAX + 1];
	const struct instance_unit *unit = instance_parse(name, user);
	const struct people_row *person = unit ? people_find(&plan->people, user) : NULL;
	bool is_down = strcmp(active_state, "inactive") == 0 || strcmp(active_state, "failed") == 0;

	/* Units of people that we do not know are nobody's but their administrator's. */
	if (person)
		plan->seen[(size_t)(person - plan->people.rows) * MAX_ROWS +
			   (size_t)(unit - INSTANCE_UNITS)] = is_down ? SEEN_DOWN : SEEN_UP;
	return 0;
}

static int add_unit(const char **list, size_t *n_list, const struct instance_unit *unit,
		    const char *user)
{
	char name[INSTANCE_UNIT_BYTES];

	instance_unit_name(unit, user, name);
	list[*n_list] = strdup(name);
	return list[*n_list] ? ((*n_list)++, 0) : -ENOMEM;
}

static bool is_installed(const struct plan *plan, const struct instance_unit *unit)
{
	return plan->context->machine->templates[unit - INSTANCE_UNITS][0] != '\0';
}

static int plan_person(struct plan *plan, size_t at)
{
	const struct people_row *person = &plan->people.rows[at];
	int r = 0;

	for (const struct instance_unit *unit = INSTANCE_UNITS; r == 0 && unit->prefix; unit++) {
		enum seen seen = plan->seen[at * MAX_ROWS + (size_t)(unit - INSTANCE_UNITS)];
		enum instance_want want = instance_want(unit, person, plan->context->config);

		if (want == INSTANCE_DOWN && seen == SEEN_UP) {
			r = add_unit(plan->stop, &plan->n_stop, unit, person->name);
		} else if (want == INSTANCE_UP && seen != SEEN_UP && is_installed(plan, unit) &&
			   person->uid != PEOPLE_NO_UID && person->ports[0]) {
			plan->starts_loaded |= seen == SEEN_DOWN;
			r = add_unit(plan->start, &plan->n_start, unit, person->name);
		}
	}
	return r;
}

/* One listing for all. */
static int observe(struct plan *plan, struct manager *manager, struct dv_error *err)
{
	const char *patterns[MAX_ROWS + 1] = { NULL };
	char texts[MAX_ROWS][INSTANCE_UNIT_BYTES];
	size_t n_most;
	int r = people_list(plan->context->machine->ledger, &plan->people, err);

	if (r < 0)
		return r;
	n_most = plan->people.n_rows * MAX_ROWS + 1;
	plan->seen = calloc(n_most, 1);
	plan->start = calloc(n_most, sizeof(*plan->start));
	plan->stop = calloc(n_most, sizeof(*plan->stop));
	if (!plan->seen || !plan->start || !plan->stop)
		return dv_fail(err, -ENOMEM, "compare the units");
	for (size_t i = 0; INSTANCE_UNITS[i].prefix; i++) {
		instance_unit_name(&INSTANCE_UNITS[i], "*", texts[i]);
		patterns[i] = texts[i];
		(void)instance_template(plan->context->machine, &INSTANCE_UNITS[i]);
	}
	r = manager_list(manager, patterns, on_unit, plan, err);
	for (size_t i = 0; r == 0 && i < plan->people.n_rows; i++) {
		if (plan_person(plan, i) < 0)
			r = dv_fail(err, -ENOMEM, "compare the units");
	}
	return r;
}

/* A unit that was never loaded is read when it is started; a reload takes PID 1 two seconds
 * for a thousand sockets. */
static bool must_reload(const struct plan *plan, unsigned int bits)
{
	return (bits & SETTLE_RELOAD) || ((bits & SETTLE_PEOPLE) && plan->starts_loaded);
}

static int act(struct plan *plan, struct manager *manager, struct dv_error *err)
{
	struct dv_error stop_err = { "" };
	int stopped, r;

	/* Sockets stand before their services in the table: nothing comes back meanwhile. */
	stopped = manager_act(manager, MANAGER_STOP, plan->stop, plan->n_stop, &stop_err);
	r = manager_act(manager, MANAGER_START, plan->start, plan->n_start, err);
	return r == 0 && stopped < 0 ? dv_refuse(err, stopped, "%s", stop_err.text) : r;
}

static int check_units(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_CLEANUP(plan_done) struct plan plan = { .context = context };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	int r = manager_open(&manager, err);

	if (r == 0)
		r = observe(&plan, manager, err);
	if (r < 0)
		return r;
	if (plan.n_start + plan.n_stop == 0)
		return settle_note_look(context->env, err);
	*ret_verdict = STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "start %zu and stop %zu units, first %s",
		       plan.n_start, plan.n_stop, plan.n_start ? plan.start[0] : plan.stop[0]);
	return 0;
}

int settle_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_AUTO_FREE char *note = NULL;
	int r;

	*ret_verdict = STEP_SKIPPED;
	if (!settle_has_units(context->machine))
		return 0;
	r = settle_get_note(context->machine, &note, err);
	if (r < 0)
		return r;
	*ret_verdict = STEP_FINE;
	if (!note && settle_look_is_due(context->env))
		return check_units(context, ret_verdict, ret_what, err);
	if (note) {
		*ret_verdict = STEP_DIFFERS;
		(void)snprintf(ret_what, STEP_WHAT_BYTES, "bring people's units in line");
	}
	return 0;
}

static int apply_once(struct step_context *context, struct manager *manager, bool *ret_again,
		      struct dv_error *err)
{
	DV_CLEANUP(plan_done) struct plan plan = { .context = context };
	DV_AUTO_FREE char *note = NULL;
	struct reconcile_view *view = context->machine;
	int r = settle_get_note(view, &note, err);

	if (r == 0)
		r = observe(&plan, manager, err);
	if (r == 0 && must_reload(&plan, settle_bits(note)))
		r = manager_reload(manager, err);
	if (r < 0)
		return r; /* what is noted stays, and the next job tries again */
	r = act(&plan, manager, err);
	if (r < 0) {
		/* The next tries again, and need not reload for it. */
		DV_IGNORE(settle_replace_note(view, note, SETTLE_RETRY, ret_again, NULL));
		return r;
	}
	r = settle_replace_note(view, note, 0, ret_again, err);
	return r == 0 ? settle_note_look(context->env, err) : r;
}

#define MAX_ROUNDS 20 /* a reconcile that notes something each time is a mistake */

int settle_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_MANAGER struct manager *manager = NULL;
	bool again = true;
	int r = manager_open(&manager, err);

	for (int round = 0; r == 0 && again && round < MAX_ROUNDS; round++)
		r = apply_once(context, manager, &again, err);
	return r;
}
