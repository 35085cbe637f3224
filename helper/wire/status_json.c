/* status_json.c - the tree as JSON (devvmctl(8)). See status.h. */
#include <jansson.h>

#include "base/clock.h"
#include "wire/status.h"

static json_t *number_json(int64_t number)
{
	return number == STATUS_NO_NUMBER ? json_null() : json_integer(number);
}

static json_t *time_json(int64_t at_usec)
{
	char text[32];

	if (at_usec == 0)
		return json_null();
	clock_format(at_usec, text);
	return json_string(text);
}

static json_t *text_json(const char *text)
{
	return *text ? json_string(text) : json_null();
}

/* "o" takes each value over, NULL ones make the whole NULL (jansson, Building Values). */
static json_t *step_json(const struct status_step *step)
{
	return json_pack("{s:s, s:s, s:o, s:I, s:o, s:o}", "step", step->name, "status",
			 step->status, "error", text_json(step->error), "attempts",
			 (json_int_t)step->attempts, "next_retry", time_json(step->next_retry_usec),
			 "updated", time_json(step->updated_usec));
}

/* Take `item` into `array`. False when memory is short. */
static bool append(json_t *array, json_t *item)
{
	return json_array_append_new(array, item) == 0;
}

/* Takes `object`; NULL when memory is short. */
static json_t *add_steps(json_t *object, const struct status_steps *steps)
{
	json_t *array = json_array();
	bool is_whole = array != NULL;

	for (size_t i = 0; is_whole && i < steps->n_items; i++)
		is_whole = append(array, step_json(&steps->items[i]));
	if (json_object_set_new(object, "steps", array) < 0 || !is_whole) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *person_json(const struct status_person *person)
{
	json_t *object = json_pack(
		"{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:s, s:b, s:s, s:b, s:b, s:o, s:o}",
		"user", person->user, "identity", text_json(person->identity), "tier", person->tier,
		"state", person->state, "uid", number_json(person->uid), "t3_port",
		number_json(person->t3_port), "playwright_port",
		number_json(person->playwright_port), "generation", number_json(person->generation),
		"login", person->login, "ticket", person->has_ticket, "home", person->home,
		"parked", person->is_parked, "held", person->is_held, "t3_version",
		text_json(person->t3_version), "waiting", text_json(person->waiting));

	for (size_t i = 0; object && i < STATUS_N_INSTANCES; i++)
		(void)json_object_set_new(object, status_instance_name((enum status_instance)i),
					  json_string(person->runs[i] ? "running" : "stopped"));
	return object ? add_steps(object, &person->steps) : NULL;
}

static json_t *machine_json(const struct status_machine *machine)
{
	json_t *object;

	if (!machine->is_known)
		return json_null();
	object = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
			   "roster", machine->roster, "roster_error",
			   text_json(machine->roster_error), "config_error",
			   text_json(machine->config_error), "people", number_json(machine->people),
			   "running", number_json(machine->running), "queued",
			   number_json(machine->queued), "reconcile", machine->reconcile, "version",
			   machine->version, "closed", text_json(machine->closed), "closed_at",
			   time_json(machine->closed_usec), "frozen", text_json(machine->frozen),
			   "update", text_json(machine->update), "update_at",
			   time_json(machine->update_usec), "update_text",
			   text_json(machine->update_text));
	return object ? add_steps(object, &machine->steps) : NULL;
}

static json_t *run_json(const struct status_run *run)
{
	json_t *transitions = json_array();

	for (size_t i = 0; transitions && i < run->n_transitions; i++) {
		const struct status_transition *transition = &run->transitions[i];

		(void)json_array_append_new(transitions,
					    json_pack("{s:o, s:s, s:o, s:s}", "at",
						      time_json(transition->at_usec), "state",
						      transition->state, "user",
						      text_json(transition->user), "text",
						      transition->text));
	}
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)run->id,
			 "began", time_json(run->began_usec), "ended", time_json(run->ended_usec),
			 "from", text_json(run->from), "to", text_json(run->to), "outcome",
			 text_json(run->outcome), "reason", text_json(run->reason), "transitions",
			 transitions);
}

static void json_decrefp_local(json_t **json)
{
	json_decref(*json);
}

int status_print_json(const struct status *status, FILE *stream)
{
	DV_CLEANUP(json_decrefp_local) json_t *people = json_array();
	DV_CLEANUP(json_decrefp_local) json_t *runs = json_array();
	DV_CLEANUP(json_decrefp_local) json_t *whole = NULL;
	bool is_whole = people != NULL && runs != NULL;

	for (size_t i = 0; is_whole && i < status->n_people; i++)
		is_whole = append(people, person_json(&status->people[i]));
	for (size_t i = 0; is_whole && i < status->n_runs; i++)
		is_whole = append(runs, run_json(&status->runs[i]));
	if (!is_whole)
		return -ENOMEM;
	whole = json_pack("{s:o, s:O, s:O}", "machine", machine_json(&status->machine), "people",
			  people, "runs", runs);
	if (!whole)
		return -ENOMEM;
	/* A stream that takes no more shows itself when it is flushed (main.c). */
	(void)json_dumpf(whole, stream, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	(void)fputc('\n', stream);
	return 0;
}
