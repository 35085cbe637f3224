/* roster.c - see roster.h.
 *
 * Model: yaml.h makes a tree, roster_fields.c reads each person, and here they become
 * one sorted array that is then held together: no two people with one identity or uid.
 * Everything is linear or sorted, so a roster of any size it accepts is quick to refuse.
 */
#include "roster/roster.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/yaml.h"
#include "roster/roster_fields.h"
#include "roster/roster_words.h"

#define ROSTER_MAX_PEOPLE (ROSTER_UID_MAX - ROSTER_UID_MIN + 1) /* more have no uid */

static int read_person(struct roster *roster, const struct yaml_node *node, struct dv_error *err)
{
	const struct roster_place place = { .file = roster->file, .user = node->key, .err = err };
	const char *fault = roster_user_fault(node->key);
	struct roster_person *person = &roster->people[roster->n_people];

	if (fault)
		return roster_refuse(&place, node->line, "the user name %s", fault);
	*person = (struct roster_person){ .line = node->line, .uid = ROSTER_NO_UID };
	roster->n_people++; /* from here on roster_done() releases it */
	person->name = strdup(node->key);
	if (!person->name)
		return dv_fail(err, -ENOMEM, "read %s", roster->file);
	return roster_read_person(&place, node, person);
}

static int read_people(struct roster *roster, const struct yaml_node *users, struct dv_error *err)
{
	if (users->is_null)
		return 0;
	if (users->kind != YAML_MAP)
		return dv_refuse(err, -EINVAL, "%s:%u: users must be a map of user names",
				 roster->file, users->line);
	if (users->n_children > ROSTER_MAX_PEOPLE)
		return dv_refuse(err, -EINVAL, "%s:%u: more than %d people", roster->file,
				 users->line, ROSTER_MAX_PEOPLE);
	if (users->n_children == 0)
		return 0;
	roster->people = calloc(users->n_children, sizeof(*roster->people));
	if (!roster->people)
		return dv_fail(err, -ENOMEM, "read %s", roster->file);
	for (size_t i = 0; i < users->n_children; i++) {
		int r = read_person(roster, &users->children[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_root(struct roster *roster, const struct yaml_node *root, struct dv_error *err)
{
	const struct yaml_node *users = yaml_get(root, "users");
	char shown[STR_SHOW_BYTES];

	if (root->kind != YAML_MAP && !root->is_null)
		return dv_refuse(err, -EINVAL, "%s:%u: the file must be a map with the key users",
				 roster->file, root->line);
	for (size_t i = 0; i < root->n_children; i++) {
		const struct yaml_node *node = &root->children[i];

		if (node != users)
			return dv_refuse(err, -EINVAL, "%s:%u: unknown key \"%s\"; known is users",
					 roster->file, node->line, str_show(node->key, shown));
	}
	if (!users)
		return dv_refuse(err, -EINVAL, "%s:%u: the key users is missing", roster->file,
				 root->line);
	return read_people(roster, users, err);
}

static int compare_names(const void *a, const void *b)
{
	const struct roster_person *left = a;
	const struct roster_person *right = b;

	return strcmp(left->name, right->name);
}

static int by_line(const struct roster_person *left, const struct roster_person *right)
{
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return strcmp(left->name, right->name);
}

/* Identities that differ in case alone count as one: the SSO side folds case. */
static int compare_identities(const void *a, const void *b)
{
	const struct roster_person *left = *(const struct roster_person *const *)a;
	const struct roster_person *right = *(const struct roster_person *const *)b;
	int order = strcasecmp(left->identity, right->identity);

	return order ? order : by_line(left, right);
}

static int compare_uids(const void *a, const void *b)
{
	const struct roster_person *left = *(const struct roster_person *const *)a;
	const struct roster_person *right = *(const struct roster_person *const *)b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return by_line(left, right);
}

/* Of those who share what `is_same` looks at with the person before them in `sorted`,
 * the first in the file. NULL when nobody does. */
static const struct roster_person *find_shared(const struct roster_person **sorted, size_t n,
					       bool (*is_same)(const struct roster_person *,
							       const struct roster_person *),
					       const struct roster_person **ret_other)
{
	const struct roster_person *found = NULL;

	for (size_t i = 1; i < n; i++) {
		if (is_same(sorted[i - 1], sorted[i]) &&
		    (!found || by_line(sorted[i], found) < 0)) {
			found = sorted[i];
			*ret_other = sorted[i - 1];
		}
	}
	return found;
}

static bool is_same_identity(const struct roster_person *a, const struct roster_person *b)
{
	return strcasecmp(a->identity, b->identity) == 0;
}

static bool is_same_uid(const struct roster_person *a, const struct roster_person *b)
{
	return a->uid == b->uid && a->uid != ROSTER_NO_UID;
}

static int refuse_shared(const struct roster *roster, struct dv_error *err)
{
	DV_AUTO_FREE const struct roster_person **sorted =
		reallocarray(NULL, roster->n_people + 1, sizeof(*sorted));
	const struct roster_person *person, *other = NULL;
	struct roster_place place = { .file = roster->file, .err = err };

	if (!sorted)
		return dv_fail(err, -ENOMEM, "read %s", roster->file);
	for (size_t i = 0; i < roster->n_people; i++)
		sorted[i] = &roster->people[i];
	qsort(sorted, roster->n_people, sizeof(*sorted), compare_identities);
	person = find_shared(sorted, roster->n_people, is_same_identity, &other);
	if (person) {
		place.user = person->name;
		return roster_refuse(&place, person->line,
				     "authentik_user %s is also that of %s on line %u",
				     person->identity, other->name, other->line);
	}
	qsort(sorted, roster->n_people, sizeof(*sorted), compare_uids);
	person = find_shared(sorted, roster->n_people, is_same_uid, &other);
	if (person) {
		place.user = person->name;
		return roster_refuse(&place, person->line, "uid %u is also that of %s on line %u",
				     person->uid, other->name, other->line);
	}
	return 0;
}

int roster_parse(struct roster *ret_roster, const char *file, const char *text, size_t n_bytes,
		 struct dv_error *err)
{
	DV_AUTO_YAML struct yaml_node *root = NULL;
	DV_AUTO_ROSTER struct roster roster = { 0 };
	int r = yaml_parse(file, text, n_bytes, &root, err);

	if (r < 0)
		return r;
	roster.file = strdup(file);
	if (!roster.file)
		return dv_fail(err, -ENOMEM, "read %s", file);
	r = read_root(&roster, root, err);
	if (r < 0)
		return r;
	if (roster.n_people > 0)
		qsort(roster.people, roster.n_people, sizeof(*roster.people), compare_names);
	r = refuse_shared(&roster, err);
	if (r < 0)
		return r;
	r = digest_sha256(text, n_bytes, roster.digest, err);
	if (r < 0)
		return r;
	*ret_roster = roster;
	roster = (struct roster){ 0 }; /* handed over */
	return 0;
}

int roster_load(struct roster *ret_roster, int dirfd, const char *path, const char *shown,
		struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int r = file_read(dirfd, path, YAML_MAX_BYTES, &text, &n_bytes, NULL, NULL);

	/* `path` may be relative to a root the reader does not know of: `shown` is said. */
	if (r == -EFBIG)
		return dv_refuse(err, r, "%s:1: larger than %d MiB", shown,
				 YAML_MAX_BYTES / 1024 / 1024);
	if (r == -EINVAL)
		return dv_refuse(err, r, "%s: not a regular file", shown);
	if (r == -ELOOP)
		return dv_refuse(err, r, "%s: is a link; name the file itself", shown);
	if (r < 0)
		return dv_fail(err, r, "read %s", shown);
	return roster_parse(ret_roster, shown, text, n_bytes, err);
}

const struct roster_person *roster_find(const struct roster *roster, const char *name)
{
	size_t low = 0, high = roster->n_people;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, roster->people[middle].name);

		if (order == 0)
			return &roster->people[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static void release_person(struct roster_person *person)
{
	free(person->name);
	free(person->identity);
	free(person->k8s_user);
	free(person->shell);
	str_list_done(&person->namespaces);
	str_list_done(&person->repos);
	str_list_done(&person->groups);
	str_list_done(&person->ssh_keys);
}

void roster_done(struct roster *roster)
{
	for (size_t i = 0; i < roster->n_people; i++)
		release_person(&roster->people[i]);
	free(roster->people);
	free(roster->file);
	*roster = (struct roster){ 0 };
}
