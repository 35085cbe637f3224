/* derive.c - see derive.h.
 *
 * Model: `slots` has a place for each TCP port that says which entry of `given` holds it.
 * Given ports are entered first, whoever's they are; then one cursor per service walks
 * up its range past what is held or reserved. So the whole is linear.
 */
#include "roster/derive.h"

#include <string.h>

#define N_PORTS 65536
#define ZSH "/bin/zsh"
#define BASH "/bin/bash"

struct slot {
	uint32_t holder; /* 1 + the index in `given`; 0 when it was not given before */
	bool is_reserved;
};

struct plan {
	const struct derive_input *input;
	struct derived *derived;
	struct slot *slots; /* N_PORTS of them */
	struct dv_error *err;
};

static struct derived_person *find_person(const struct plan *plan, const char *name)
{
	const struct roster_person *person = roster_find(plan->input->roster, name);

	return person ? &plan->derived->people[person - plan->input->roster->people] : NULL;
}

static int warn_of(const struct plan *plan, const struct derive_port *given, const char *why)
{
	char shown[STR_SHOW_BYTES];
	char sentence[ERROR_MAX_BYTES];

	(void)snprintf(sentence, sizeof(sentence), "%s keeps %s port %u, which is %s",
		       str_show(given->name, shown), config_service_name(given->service),
		       given->port, why); /* fits: every part is bounded */
	if (str_list_add(&plan->derived->warnings, sentence) < 0)
		return dv_fail(plan->err, -ENOMEM, "derive");
	return 0;
}

/* A port that its owner has and would not get today. */
static int warn_of_misplaced(const struct plan *plan, const struct derive_port *given)
{
	const struct config_port_range *range = &plan->input->config->ports[given->service];

	if (plan->slots[given->port].is_reserved)
		return warn_of(plan, given, "reserved");
	if (given->port < range->first || given->port > range->last)
		return warn_of(plan, given, "outside the range of its service");
	return 0;
}

static int enter_given(const struct plan *plan, size_t index)
{
	const struct derive_port *given = &plan->input->given[index];
	const struct derive_port *holder;
	struct derived_person *owner = find_person(plan, given->name);
	char shown[STR_SHOW_BYTES], shown_holder[STR_SHOW_BYTES];
	unsigned int *port = owner ? &owner->ports[given->service] : NULL;

	str_show(given->name, shown);
	if (given->port == 0 || given->port >= N_PORTS)
		return dv_refuse(plan->err, -EINVAL, "%s was given %s port %u, which is no port",
				 shown, config_service_name(given->service), given->port);
	if (plan->slots[given->port].holder) {
		holder = &plan->input->given[plan->slots[given->port].holder - 1];
		return dv_refuse(plan->err, -EINVAL,
				 "port %u was given twice: to %s (%s) and %s (%s)", given->port,
				 str_show(holder->name, shown_holder),
				 config_service_name(holder->service), shown,
				 config_service_name(given->service));
	}
	if (port && *port)
		return dv_refuse(plan->err, -EINVAL, "%s was given two %s ports: %u and %u", shown,
				 config_service_name(given->service), *port, given->port);
	plan->slots[given->port].holder = (uint32_t)index + 1;
	if (!owner)
		return 0;
	*port = given->port;
	return warn_of_misplaced(plan, given);
}

static bool is_free(const struct plan *plan, unsigned int port)
{
	return !plan->slots[port].holder && !plan->slots[port].is_reserved;
}

static int assign_service(const struct plan *plan, enum config_service service)
{
	const struct config_port_range *range = &plan->input->config->ports[service];
	unsigned int next = range->first;

	for (size_t i = 0; i < plan->derived->n_people; i++) {
		struct derived_person *person = &plan->derived->people[i];

		if (person->ports[service])
			continue;
		while (next <= range->last && !is_free(plan, next))
			next++;
		if (next > range->last)
			return dv_refuse(plan->err, -ENOSPC,
					 "no %s port is left for %s: %u to %u are all taken",
					 config_service_name(service), person->person->name,
					 range->first, range->last);
		plan->slots[next].is_reserved = true; /* for the services that follow */
		person->ports[service] = next;
	}
	return 0;
}

static int assign_ports(const struct plan *plan)
{
	const struct derive_input *input = plan->input;

	for (size_t i = 0; i < input->config->n_reserved_ports; i++) {
		unsigned int port = input->config->reserved_ports[i];

		if (port < N_PORTS)
			plan->slots[port].is_reserved = true;
	}
	for (size_t i = 0; i < input->n_given; i++) {
		int r = enter_given(plan, i);

		if (r < 0)
			return r;
	}
	for (enum config_service service = 0; service < CONFIG_N_SERVICES; service++) {
		int r = assign_service(plan, service);

		if (r < 0)
			return r;
	}
	return 0;
}

static int add_groups(struct derived_person *person)
{
	const struct str_list *own = &person->person->groups;

	for (const char *const *group = tier_groups(person->person->tier); *group; group++) {
		if (str_list_add(&person->groups, *group) < 0)
			return -ENOMEM;
	}
	for (size_t i = 0; i < own->n_items; i++) {
		if (!str_list_has(&person->groups, own->items[i]) &&
		    str_list_add(&person->groups, own->items[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fill_person(struct derived *derived, const struct derive_input *input, size_t index)
{
	struct derived_person *person = &derived->people[index];

	person->person = &input->roster->people[index];
	person->shell = person->person->shell;
	if (!person->shell) {
		person->shell = input->zsh_installed ? ZSH : BASH;
		derived->shell_fell_back |= !input->zsh_installed;
	}
	return add_groups(person);
}

int derive(struct derived *ret_derived, const struct derive_input *input, struct dv_error *err)
{
	size_t n_people = input->roster->n_people;
	DV_AUTO_DERIVED struct derived derived = { 0 };
	DV_AUTO_FREE struct slot *slots = calloc(N_PORTS, sizeof(*slots));
	const struct plan plan = {
		.input = input, .derived = &derived, .slots = slots, .err = err
	};
	int r;

	derived.people = calloc(n_people + 1, sizeof(*derived.people));
	if (!slots || !derived.people)
		return dv_fail(err, -ENOMEM, "derive");
	derived.n_people = n_people;
	for (size_t i = 0; i < n_people; i++) {
		if (fill_person(&derived, input, i) < 0)
			return dv_fail(err, -ENOMEM, "derive");
	}
	r = assign_ports(&plan);
	if (r < 0)
		return r;
	*ret_derived = derived;
	derived = (struct derived){ 0 }; /* handed over */
	return 0;
}

void derived_done(struct derived *derived)
{
	for (size_t i = 0; i < derived->n_people; i++)
		str_list_done(&derived->people[i].groups);
	free(derived->people);
	str_list_done(&derived->warnings);
	*derived = (struct derived){ 0 };
}
