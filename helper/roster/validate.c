/* validate.c - see validate.h. Extra keys in the map are none of our business: it is
 * written by others for others. */
#include "roster/validate.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

static void release_json(json_t **value)
{
	json_decref(*value);
}

#define AUTO_JSON DV_CLEANUP(release_json)

/* Add "file:line: user: what" to `list`. */
static DV_MUST_CHECK DV_PRINTF(4, 5) int note(struct str_list *list, const struct roster *roster,
					      const struct roster_person *person,
					      const char *format, ...)
{
	DV_AUTO_FREE char *what = NULL;
	DV_AUTO_FREE char *sentence = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&what, format, args);
	va_end(args);
	if (n < 0) {
		what = NULL; /* undefined after a failure, asprintf(3) */
		return -ENOMEM;
	}
	if (asprintf(&sentence, "%s:%u: %s: %s", roster->file, person->line, person->name, what) <
	    0) {
		sentence = NULL;
		return -ENOMEM;
	}
	return str_list_add(list, sentence);
}

/* The tier a map entry tells: itself, or its `tier`, or its `role`. NULL for none. */
static const char *tier_of(const json_t *entry)
{
	const char *tier = json_string_value(json_object_get(entry, "tier"));

	if (json_is_string(entry))
		return json_string_value(entry);
	return tier ? tier : json_string_value(json_object_get(entry, "role"));
}

static int hold_against(struct validation *validation, const struct roster *roster,
			const struct roster_person *person, const json_t *map)
{
	const json_t *entry = json_object_get(map, person->k8s_user);
	const char *live = entry ? tier_of(entry) : NULL;
	const char *wanted = tier_name(person->tier);
	char shown[STR_SHOW_BYTES];

	if (person->tier == TIER_ADMIN)
		return 0;
	if (!entry)
		return note(&validation->warnings, roster, person,
			    "k8s_user %s is not in the k8s_users map: the grant of %s is pending",
			    person->k8s_user, wanted);
	if (!live)
		return note(&validation->warnings, roster, person,
			    "k8s_user %s has no tier in the k8s_users map; the roster says %s",
			    person->k8s_user, wanted);
	if (strcmp(live, wanted) == 0)
		return 0;
	return note(&validation->errors, roster, person,
		    "tier %s in the roster, but %s in the k8s_users map (k8s_user %s)", wanted,
		    str_show(live, shown), person->k8s_user);
}

int validate_tiers(struct validation *ret_validation, const struct roster *roster,
		   const char *json_text, struct dv_error *err)
{
	json_error_t at = { 0 };
	DV_AUTO_VALIDATION struct validation validation = { 0 };
	AUTO_JSON json_t *map = json_loads(json_text, JSON_REJECT_DUPLICATES, &at);

	if (!map)
		return dv_refuse(err, -EBADMSG, "the k8s_users map is not JSON: line %d: %s",
				 at.line, at.text);
	if (!json_is_object(map))
		return dv_refuse(err, -EBADMSG, "the k8s_users map is not a JSON object of users");
	for (size_t i = 0; i < roster->n_people; i++) {
		if (hold_against(&validation, roster, &roster->people[i], map) < 0)
			return dv_fail(err, -ENOMEM, "validate the tiers");
	}
	*ret_validation = validation;
	validation = (struct validation){ 0 }; /* handed over */
	return 0;
}

void validation_done(struct validation *validation)
{
	str_list_done(&validation->errors);
	str_list_done(&validation->warnings);
}
