/* status.c - rows to a tree. See status.h. */
#include "wire/status.h"

#include <string.h>

#include "base/str.h"

const char *status_instance_name(enum status_instance instance)
{
	static const char *const names[STATUS_N_INSTANCES] = {
		[STATUS_T3] = "t3", [STATUS_BROWSER] = "browser", [STATUS_TERMINAL] = "terminal"
	};

	return names[instance];
}

static void steps_done(struct status_steps *steps)
{
	for (size_t i = 0; i < steps->n_items; i++) {
		free(steps->items[i].name);
		free(steps->items[i].status);
		free(steps->items[i].error);
	}
	free(steps->items);
}

static void person_done(struct status_person *person)
{
	free(person->user);
	free(person->identity);
	free(person->tier);
	free(person->state);
	free(person->login);
	free(person->home);
	free(person->t3_version);
	free(person->waiting);
	steps_done(&person->steps);
}

static void machine_done(struct status_machine *machine)
{
	free(machine->roster);
	free(machine->roster_error);
	free(machine->config_error);
	free(machine->reconcile);
	free(machine->version);
	free(machine->closed);
	free(machine->frozen);
	free(machine->update);
	free(machine->update_text);
	steps_done(&machine->steps);
}

static void run_done(struct status_run *run)
{
	for (size_t i = 0; i < run->n_transitions; i++) {
		free(run->transitions[i].state);
		free(run->transitions[i].user);
		free(run->transitions[i].text);
	}
	free(run->transitions);
	free(run->from);
	free(run->to);
	free(run->outcome);
	free(run->reason);
}

void status_done(struct status *status)
{
	for (size_t i = 0; i < status->n_runs; i++)
		run_done(&status->runs[i]);
	free(status->runs);
	for (size_t i = 0; i < status->n_people; i++)
		person_done(&status->people[i]);
	free(status->people);
	machine_done(&status->machine);
	*status = (struct status){ 0 };
}

/* A copy of a text field. NULL when memory is short, which `ret_failed` remembers. */
static char *text_of(const struct record *row, const char *key, bool *ret_failed)
{
	const char *value = record_get(row, key);
	char *copy = strdup(value ? value : "");

	if (!copy)
		*ret_failed = true;
	return copy;
}

static int64_t number_of(const struct record *row, const char *key)
{
	const char *text = record_get(row, key);
	uint64_t value = 0;

	return text && str_to_uint(text, INT64_MAX, &value) == 0 ? (int64_t)value
								 : STATUS_NO_NUMBER;
}

/* No service listens on port 0: that is one not given yet. */
static int64_t port_of(const struct record *row, const char *key)
{
	int64_t value = number_of(row, key);

	return value == 0 ? STATUS_NO_NUMBER : value;
}

static int64_t time_of(const struct record *row, const char *key)
{
	int64_t value = number_of(row, key);

	return value == STATUS_NO_NUMBER ? 0 : value;
}

static int add_machine(struct status *status, const struct record *row)
{
	bool has_failed = false;
	struct status_machine machine = {
		.is_known = true,
		.roster = text_of(row, "roster", &has_failed),
		.roster_error = text_of(row, "roster-error", &has_failed),
		.config_error = text_of(row, "config-error", &has_failed),
		.reconcile = text_of(row, "reconcile", &has_failed),
		.version = text_of(row, "version", &has_failed),
		.closed = text_of(row, "closed", &has_failed),
		.closed_usec = time_of(row, "closed-at"),
		.frozen = text_of(row, "frozen", &has_failed),
		.update = text_of(row, "update", &has_failed),
		.update_text = text_of(row, "update-text", &has_failed),
		.update_usec = time_of(row, "update-at"),
		.people = number_of(row, "people"),
		.running = number_of(row, "running"),
		.queued = number_of(row, "queued"),
		.steps = status->machine.steps,
	};

	status->machine.steps = (struct status_steps){ 0 };
	machine_done(&status->machine);
	status->machine = machine;
	return has_failed ? -ENOMEM : 0;
}

static int add_person(struct status *status, const struct record *row)
{
	struct status_person *people =
		reallocarray(status->people, status->n_people + 1, sizeof(*people));
	bool has_failed = false;

	if (!people)
		return -ENOMEM;
	status->people = people;
	people[status->n_people] = (struct status_person){
		.user = text_of(row, "user", &has_failed),
		.identity = text_of(row, "identity", &has_failed),
		.tier = text_of(row, "tier", &has_failed),
		.state = text_of(row, "state", &has_failed),
		.login = text_of(row, "login", &has_failed),
		.home = text_of(row, "home", &has_failed),
		.t3_version = text_of(row, "t3-version", &has_failed),
		.waiting = text_of(row, "waiting", &has_failed),
		.uid = number_of(row, "uid"),
		.t3_port = port_of(row, "t3-port"),
		.playwright_port = port_of(row, "playwright-port"),
		.generation = number_of(row, "generation"),
		.sessions = number_of(row, "sessions"),
		.has_ticket = str_equal(record_get(row, "ticket"), "yes"),
		.is_parked = str_equal(record_get(row, "parked"), "yes"),
		.is_held = str_equal(record_get(row, "held"), "yes"),
		.runs = { [STATUS_T3] = str_equal(record_get(row, "t3"), "running"),
			  [STATUS_BROWSER] = str_equal(record_get(row, "browser"), "running"),
			  [STATUS_TERMINAL] = str_equal(record_get(row, "terminal"), "running") },
	};
	status->n_people++;
	return has_failed ? -ENOMEM : 0;
}

/* The steps a row belongs to: the machine's have no user, or an empty one. NULL for a
 * person there was no row of. */
static struct status_steps *steps_of(struct status *status, const char *user)
{
	if (!user || !*user)
		return &status->machine.steps;
	for (size_t i = 0; i < status->n_people; i++) {
		size_t at = (status->last_person + i) % status->n_people;

		if (str_equal(status->people[at].user, user)) {
			status->last_person = at;
			return &status->people[at].steps;
		}
	}
	return NULL;
}

static int add_step(struct status *status, const struct record *row)
{
	struct status_steps *steps = steps_of(status, record_get(row, "user"));
	struct status_step *items;
	bool has_failed = false;

	if (!steps)
		return 0;
	items = reallocarray(steps->items, steps->n_items + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	steps->items = items;
	items[steps->n_items++] = (struct status_step){
		.name = text_of(row, "step", &has_failed),
		.status = text_of(row, "status", &has_failed),
		.error = text_of(row, "error", &has_failed),
		.attempts = time_of(row, "attempts"),
		.next_retry_usec = time_of(row, "next-retry"),
		.updated_usec = time_of(row, "updated"),
	};
	return has_failed ? -ENOMEM : 0;
}

static int add_run(struct status *status, const struct record *row)
{
	struct status_run *runs = reallocarray(status->runs, status->n_runs + 1, sizeof(*runs));
	bool has_failed = false;

	if (!runs)
		return -ENOMEM;
	status->runs = runs;
	runs[status->n_runs++] = (struct status_run){
		.id = number_of(row, "id"),
		.began_usec = time_of(row, "began"),
		.ended_usec = time_of(row, "ended"),
		.from = text_of(row, "from", &has_failed),
		.to = text_of(row, "to", &has_failed),
		.outcome = text_of(row, "outcome", &has_failed),
		.reason = text_of(row, "reason", &has_failed),
	};
	return has_failed ? -ENOMEM : 0;
}

/* They come behind their run. */
static int add_transition(struct status *status, const struct record *row)
{
	struct status_run *run = status->n_runs ? &status->runs[status->n_runs - 1] : NULL;
	struct status_transition *transitions;
	bool has_failed = false;

	if (!run || run->id != number_of(row, "run"))
		return 0;
	transitions = reallocarray(run->transitions, run->n_transitions + 1, sizeof(*transitions));
	if (!transitions)
		return -ENOMEM;
	run->transitions = transitions;
	transitions[run->n_transitions++] = (struct status_transition){
		.at_usec = time_of(row, "at"),
		.state = text_of(row, "state", &has_failed),
		.user = text_of(row, "user", &has_failed),
		.text = text_of(row, "text", &has_failed),
	};
	return has_failed ? -ENOMEM : 0;
}

int status_add(struct status *status, const struct record *row, struct dv_error *err)
{
	const char *kind = record_get(row, "kind");
	int r = 0;

	if (++status->n_rows > STATUS_MAX_ROWS)
		return dv_refuse(err, -EBADMSG, "more than %d rows", STATUS_MAX_ROWS);
	if (str_equal(kind, "machine"))
		r = add_machine(status, row);
	else if (str_equal(kind, "person"))
		r = add_person(status, row);
	else if (str_equal(kind, "step"))
		r = add_step(status, row);
	else if (str_equal(kind, "run"))
		r = add_run(status, row);
	else if (str_equal(kind, "transition"))
		r = add_transition(status, row);
	return r < 0 ? dv_fail(err, r, "keep the answer") : 0;
}
