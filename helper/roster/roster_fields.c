/* roster_fields.c - see roster_fields.h.
 *
 * FIELDS is the table: a row per key with its reader, the place of its value in the
 * person, and the syntax of its words. What holds between keys stands in check_whole().
 */
#include "roster/roster_fields.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "roster/roster_words.h"
#include "roster/ssh_key.h"

#define LIST_MAX_ITEMS 256 /* of one person; looked through for each new item */

struct field;

/* `value` points at the person's member. The node is never null (~). */
typedef int field_reader(const struct roster_place *place, const struct field *field,
			 const struct yaml_node *node, void *value);

struct field {
	const char *name;
	bool required;
	field_reader *read;
	size_t offset;
	roster_word_fault *fault; /* of a word, or of each item of a list */
};

int roster_refuse(const struct roster_place *place, unsigned int line, const char *format, ...)
{
	char what[ERROR_MAX_BYTES];
	char shown[STR_SHOW_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args); /* a cut sentence is still a sentence */
	va_end(args);
	return dv_refuse(place->err, -EINVAL, "%s:%u: %s: %s", place->file, line,
			 str_show(place->user, shown), what);
}

static int refuse_no_word(const struct roster_place *place, const struct field *field,
			  const struct yaml_node *node)
{
	return roster_refuse(place, node->line, "%s must be a word, not a list or a map",
			     field->name);
}

/* A scalar that says something, and says it right. */
static int check_word(const struct roster_place *place, const struct field *field,
		      const struct yaml_node *node)
{
	char shown[STR_SHOW_BYTES];
	const char *fault;

	if (node->kind != YAML_SCALAR)
		return refuse_no_word(place, field, node);
	if (node->is_null)
		return roster_refuse(place, node->line, "%s has an item without a value",
				     field->name);
	fault = field->fault(node->scalar);
	if (fault)
		return roster_refuse(place, node->line, "%s \"%s\" %s", field->name,
				     str_show(node->scalar, shown), fault);
	return 0;
}

static int read_word(const struct roster_place *place, const struct field *field,
		     const struct yaml_node *node, void *value)
{
	int r = check_word(place, field, node);

	if (r < 0)
		return r;
	*(char **)value = strdup(node->scalar);
	if (!*(char **)value)
		return dv_fail(place->err, -ENOMEM, "read %s", place->file);
	return 0;
}

static int read_list(const struct roster_place *place, const struct field *field,
		     const struct yaml_node *node, void *value)
{
	struct str_list *list = value;

	if (node->kind != YAML_LIST)
		return roster_refuse(place, node->line, "%s must be a list, like [one, two]",
				     field->name);
	if (node->n_children > LIST_MAX_ITEMS)
		return roster_refuse(place, node->line, "%s has more than %d items", field->name,
				     LIST_MAX_ITEMS);
	for (size_t i = 0; i < node->n_children; i++) {
		const struct yaml_node *item = &node->children[i];
		char shown[STR_SHOW_BYTES];
		int r = check_word(place, field, item);

		if (r < 0)
			return r;
		if (str_list_has(list, item->scalar))
			return roster_refuse(place, item->line, "%s \"%s\" is there twice",
					     field->name, str_show(item->scalar, shown));
		if (str_list_add(list, item->scalar) < 0)
			return dv_fail(place->err, -ENOMEM, "read %s", place->file);
	}
	return 0;
}

static int read_bool(const struct roster_place *place, const struct field *field,
		     const struct yaml_node *node, void *value)
{
	if (yaml_to_bool(node, value) < 0)
		return roster_refuse(place, node->line, "%s must be true or false", field->name);
	return 0;
}

static int read_uid(const struct roster_place *place, const struct field *field,
		    const struct yaml_node *node, void *value)
{
	uint64_t number = 0;

	if (yaml_to_uint(node, ROSTER_UID_MAX, &number) < 0 || number < ROSTER_UID_MIN)
		return roster_refuse(place, node->line, "%s must be a whole number from %d to %d",
				     field->name, ROSTER_UID_MIN, ROSTER_UID_MAX);
	*(uid_t *)value = (uid_t)number;
	return 0;
}

static int read_tier(const struct roster_place *place, const struct field *field,
		     const struct yaml_node *node, void *value)
{
	char shown[STR_SHOW_BYTES];
	enum tier tier;

	if (node->kind != YAML_SCALAR)
		return refuse_no_word(place, field, node);
	tier = tier_from_name(node->scalar);
	if (tier == TIER_UNSET)
		return roster_refuse(place, node->line, "unknown %s \"%s\"; known are %s, %s, %s",
				     field->name, str_show(node->scalar, shown),
				     tier_name(TIER_ADMIN), tier_name(TIER_POWER_USER),
				     tier_name(TIER_NAMESPACE_OWNER));
	*(enum tier *)value = tier;
	return 0;
}

static int read_layout(const struct roster_place *place, const struct field *field,
		       const struct yaml_node *node, void *value)
{
	const char *word = node->kind == YAML_SCALAR ? node->scalar : "";
	bool is_workspace = strcmp(word, "workspace") == 0;

	if (!is_workspace && strcmp(word, "single") != 0)
		return roster_refuse(place, node->line, "%s must be single or workspace",
				     field->name);
	*(enum code_layout *)value = is_workspace ? CODE_WORKSPACE : CODE_SINGLE;
	return 0;
}

#define AT(member) offsetof(struct roster_person, member)

/* clang-format off */
static const struct field FIELDS[] = {
	{ "authentik_user", true, read_word, AT(identity), roster_identity_fault },
	{ "k8s_user", true, read_word, AT(k8s_user), roster_k8s_user_fault },
	{ "tier", true, read_tier, AT(tier), NULL },
	{ "namespaces", false, read_list, AT(namespaces), roster_namespace_fault },
	{ "code_layout", false, read_layout, AT(layout), NULL },
	{ "repos", false, read_list, AT(repos), roster_repo_fault },
	{ "shell", false, read_word, AT(shell), roster_shell_fault },
	{ "uid", false, read_uid, AT(uid), NULL },
	{ "groups", false, read_list, AT(groups), roster_group_fault },
	{ "ssh_keys", false, read_list, AT(ssh_keys), ssh_key_fault },
	{ "parked", false, read_bool, AT(parked), NULL },
	{ "eager", false, read_bool, AT(eager), NULL },
	{ "reuse", false, read_bool, AT(reuse), NULL },
};
/* clang-format on */

static const struct field *find_field(const char *name)
{
	for (size_t i = 0; i < DV_COUNT(FIELDS); i++) {
		if (strcmp(FIELDS[i].name, name) == 0)
			return &FIELDS[i];
	}
	return NULL;
}

static int refuse_unknown(const struct roster_place *place, const struct yaml_node *node)
{
	DV_AUTO_STR_LIST struct str_list names = { 0 };
	DV_AUTO_FREE char *known = NULL;
	char shown[STR_SHOW_BYTES];

	for (size_t i = 0; i < DV_COUNT(FIELDS); i++) {
		if (str_list_add(&names, FIELDS[i].name) < 0)
			return dv_fail(place->err, -ENOMEM, "read %s", place->file);
	}
	known = str_list_join(&names, ", ");
	return roster_refuse(place, node->line, "unknown key \"%s\"; known are %s",
			     str_show(node->key, shown), known ? known : "too many to tell");
}

static int read_field(const struct roster_place *place, const struct yaml_node *node,
		      struct roster_person *person)
{
	const struct field *field = find_field(node->key);

	if (!field)
		return refuse_unknown(place, node);
	if (!node->is_null)
		return field->read(place, field, node, (char *)person + field->offset);
	if (field->required)
		return roster_refuse(place, node->line, "%s has no value", field->name);
	return 0; /* a key without a value is a key that is not there */
}

static unsigned int line_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);

	return node ? node->line : map->line;
}

/* What holds between keys. */
static int check_whole(const struct roster_place *place, const struct yaml_node *map,
		       const struct roster_person *person)
{
	for (size_t i = 0; i < DV_COUNT(FIELDS); i++) {
		if (FIELDS[i].required && !yaml_get(map, FIELDS[i].name))
			return roster_refuse(place, map->line, "%s is missing", FIELDS[i].name);
	}
	if (person->tier == TIER_NAMESPACE_OWNER && person->namespaces.n_items == 0)
		return roster_refuse(place, line_of(map, "namespaces"),
				     "tier namespace-owner needs namespaces");
	if (person->tier != TIER_NAMESPACE_OWNER && person->namespaces.n_items > 0)
		return roster_refuse(place, line_of(map, "namespaces"),
				     "namespaces are only for tier namespace-owner, not for %s",
				     tier_name(person->tier));
	if (person->layout != CODE_WORKSPACE && person->repos.n_items > 0)
		return roster_refuse(place, line_of(map, "repos"),
				     "repos are only for code_layout: workspace");
	return 0;
}

int roster_read_person(const struct roster_place *place, const struct yaml_node *node,
		       struct roster_person *person)
{
	if (node->kind != YAML_MAP)
		return roster_refuse(place, node->line,
				     "must be a map with authentik_user, k8s_user and tier");
	for (size_t i = 0; i < node->n_children; i++) {
		int r = read_field(place, &node->children[i], person);

		if (r < 0)
			return r;
	}
	return check_whole(place, node, person);
}
