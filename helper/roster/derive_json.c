/* derive_json.c - the derived state as JSON, see derive.h.
 *
 * jansson's setters that take a reference (json_object_set_new and the like) also take a
 * NULL value: they fail then, so one check of the outermost result tells of any failure.
 */
#include <jansson.h>
#include <string.h>

#include "roster/derive.h"

static void release_json(json_t **value)
{
	json_decref(*value);
}

#define AUTO_JSON DV_CLEANUP(release_json)

static json_t *list_to_json(const struct str_list *list)
{
	AUTO_JSON json_t *array = json_array();

	for (size_t i = 0; array && i < list->n_items; i++) {
		if (json_array_append_new(array, json_string(list->items[i])) < 0)
			return NULL;
	}
	return DV_TAKE_PTR(array);
}

static json_t *account_to_json(const struct derived_person *derived)
{
	const struct roster_person *person = derived->person;

	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:o}", "os_user", person->name, "tier",
			 tier_name(person->tier), "shell", derived->shell, "login_locked", 1,
			 "code_layout", person->layout == CODE_WORKSPACE ? "workspace" : "single",
			 "groups", list_to_json(&derived->groups), "repos",
			 list_to_json(&person->repos));
}

static json_t *accounts_to_json(const struct derived *derived)
{
	AUTO_JSON json_t *accounts = json_array();

	for (size_t i = 0; accounts && i < derived->n_people; i++) {
		if (json_array_append_new(accounts, account_to_json(&derived->people[i])) < 0)
			return NULL;
	}
	return DV_TAKE_PTR(accounts);
}

static json_t *person_port(const struct derived_person *derived, enum config_service service)
{
	return json_integer(derived->ports[service]);
}

static json_t *ports_to_json(const struct derived *derived, enum config_service service)
{
	AUTO_JSON json_t *ports = json_object();

	for (size_t i = 0; ports && i < derived->n_people; i++) {
		const struct derived_person *person = &derived->people[i];

		if (json_object_set_new(ports, person->person->name, person_port(person, service)) <
		    0)
			return NULL;
	}
	return DV_TAKE_PTR(ports);
}

static json_t *dispatch_to_json(const struct derived *derived)
{
	AUTO_JSON json_t *map = json_object();

	for (size_t i = 0; map && i < derived->n_people; i++) {
		const struct derived_person *person = &derived->people[i];
		json_t *entry = json_pack("{s:s, s:o}", "os_user", person->person->name, "port",
					  person_port(person, CONFIG_T3));

		if (json_object_set_new(map, person->person->identity, entry) < 0)
			return NULL;
	}
	return DV_TAKE_PTR(map);
}

static json_t *ttyd_to_json(const struct derived *derived)
{
	AUTO_JSON json_t *map = json_object();

	for (size_t i = 0; map && i < derived->n_people; i++) {
		const struct roster_person *person = derived->people[i].person;

		if (json_object_set_new(map, person->identity, json_string(person->name)) < 0)
			return NULL;
	}
	return DV_TAKE_PTR(map);
}

int derived_to_json(const struct derived *derived, char **ret_text, struct dv_error *err)
{
	AUTO_JSON json_t *root =
		json_pack("{s:o, s:o, s:o, s:o, s:o}", "accounts", accounts_to_json(derived),
			  "ports", ports_to_json(derived, CONFIG_T3), "playwright_ports",
			  ports_to_json(derived, CONFIG_PLAYWRIGHT), "dispatch",
			  dispatch_to_json(derived), "ttyd_user_map", ttyd_to_json(derived));
	DV_AUTO_FREE char *text = root ? json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(2)) : NULL;
	char *line;

	/* Every string here is UTF-8 already: memory is all that can be missing. */
	if (!text || asprintf(&line, "%s\n", text) < 0)
		return dv_fail(err, -ENOMEM, "write the derived state");
	*ret_text = line;
	return 0;
}
