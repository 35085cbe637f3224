/* fuzz_yaml_roster.c - any bytes as a roster: refused in one line, or a roster whose
 * derived state holds together. Corpus: corpus/yaml_roster. */
#include <stdint.h>
#include <string.h>

#include "roster/derive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static bool is_one_line(const char *text)
{
	return *text && !str_has_control(text);
}

static void check_people(const struct roster *roster)
{
	for (size_t i = 0; i < roster->n_people; i++) {
		const struct roster_person *person = &roster->people[i];

		insist(str_is_user_name(person->name));
		insist(person->identity && person->k8s_user && person->tier != TIER_UNSET);
		insist(i == 0 || strcmp(roster->people[i - 1].name, person->name) < 0);
		insist(roster_find(roster, person->name) == person);
		insist((person->tier == TIER_NAMESPACE_OWNER) == (person->namespaces.n_items > 0));
		for (size_t key = 0; key < person->ssh_keys.n_items; key++)
			insist(!str_has_control(person->ssh_keys.items[key]));
	}
}

static void check_derived(const struct roster *roster)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_DERIVED struct derived derived = { 0 };
	DV_AUTO_FREE char *json = NULL;
	const struct derive_input input = { .roster = roster, .config = &config };

	insist(config_init(&config, NULL) == 0);
	insist(derive(&derived, &input, NULL) == 0);
	insist(derived.n_people == roster->n_people);
	for (size_t i = 1; i < derived.n_people; i++)
		insist(derived.people[i - 1].ports[CONFIG_T3] < derived.people[i].ports[CONFIG_T3]);
	insist(derived_to_json(&derived, &json, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	DV_AUTO_ROSTER struct roster roster = { 0 };
	struct dv_error err = { 0 };
	int r = roster_parse(&roster, "r.yaml", (const char *)data, n_bytes, &err);

	if (r < 0) {
		insist(is_one_line(err.text));
		insist(!roster.people && !roster.file);
		return 0;
	}
	check_people(&roster);
	check_derived(&roster);
	return 0;
}
