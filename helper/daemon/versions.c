/* versions.c - the verb versions: each version of t3 that is here, who runs it, and those that are known to be
 * bad, the newest first. */
#include <string.h>

#include "daemon/verbs.h"
#include "ledger/known_bad.h"
#include "ledger/update_log.h"
#include "ledger/update_notes.h"
#include "store/store.h"
#include "update/version.h"

#define ITEM "t3"

struct versions {
	struct answer base;
	bool is_read;
	struct str_list staged, users, all;    /* `all` is what rows are written of */
	char (*pointers)[STORE_VERSION_BYTES]; /* of `users` */
	char current[STORE_VERSION_BYTES];
	char *last_good;
	struct known_bad bad;
	size_t at;
};

static void versions_release(struct answer *answer)
{
	struct versions *versions = (struct versions *)answer;

	str_list_done(&versions->staged);
	str_list_done(&versions->users);
	str_list_done(&versions->all);
	free(versions->pointers);
	free(versions->last_good);
	known_bad_done(&versions->bad);
}

/* The newest first; what has no place in the order last. */
static int compare(const void *a, const void *b)
{
	const char *left = *(char *const *)a, *right = *(char *const *)b;
	bool has_left = version_is_valid(left), has_right = version_is_valid(right);

	if (has_left && has_right)
		return version_compare(right, left);
	if (has_left != has_right)
		return has_left ? -1 : 1;
	return strcmp(left, right);
}

static int add(struct str_list *list, const char *version)
{
	return !*version || str_list_has(list, version) ? 0 : str_list_add(list, version);
}

static int read_pointers(struct versions *versions, const struct env *env, struct dv_error *err)
{
	int r = store_list_people(env, ITEM, &versions->users, err);

	if (r < 0)
		return r;
	versions->pointers = calloc(versions->users.n_items + 1, sizeof(*versions->pointers));
	if (!versions->pointers)
		return dv_fail(err, -ENOMEM, "read the pointers of people");
	for (size_t i = 0; i < versions->users.n_items; i++) {
		/* One that is broken is nobody's version. */
		if (store_get_pointer(env, ITEM, versions->users.items[i], versions->pointers[i],
				      NULL) < 0)
			versions->pointers[i][0] = '\0';
	}
	return 0;
}

static int list_all(struct versions *versions, struct dv_error *err)
{
	struct str_list *all = &versions->all;
	int r = add(all, versions->current);

	if (r == 0)
		r = add(all, versions->last_good);
	for (size_t i = 0; r == 0 && i < versions->staged.n_items; i++)
		r = add(all, versions->staged.items[i]);
	for (size_t i = 0; r == 0 && i < versions->users.n_items; i++)
		r = add(all, versions->pointers[i]);
	for (size_t i = 0; r == 0 && i < versions->bad.n_rows; i++)
		r = add(all, versions->bad.rows[i].version);
	if (r < 0)
		return dv_fail(err, r, "list the versions");
	if (all->n_items > 0)
		qsort(all->items, all->n_items, sizeof(*all->items), compare);
	return 0;
}

static int read_all(struct versions *versions, struct dv_error *err)
{
	struct daemon *daemon = versions->base.daemon;
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, err);

	if (r == 0)
		r = store_note(&daemon->store,
			       update_get_last_good(ledger, &versions->last_good, err), err);
	if (r == 0)
		r = store_note(&daemon->store, known_bad_list(ledger, &versions->bad, err), err);
	if (r == 0)
		r = store_list(daemon->env, ITEM, &versions->staged, err);
	if (r == 0)
		r = read_pointers(versions, daemon->env, err);
	if (r == 0)
		r = store_get_pointer(daemon->env, ITEM, NULL, versions->current, err);
	return r < 0 ? r : list_all(versions, err);
}

/* The newest row of a version: a forgiven one may be followed by another. */
static const struct known_bad_row *find_bad(const struct known_bad *bad, const char *version)
{
	for (size_t i = 0; i < bad->n_rows; i++) {
		if (strcmp(bad->rows[i].version, version) == 0)
			return &bad->rows[i];
	}
	return NULL;
}

static int write_row(const struct versions *versions, const char *version,
		     struct record_writer *writer)
{
	const struct known_bad_row *bad = find_bad(&versions->bad, version);
	DV_AUTO_STR_LIST struct str_list users = { 0 };
	DV_AUTO_FREE char *names = NULL;

	for (size_t i = 0; i < versions->users.n_items; i++) {
		if (strcmp(versions->pointers[i], version) == 0 &&
		    str_list_add(&users, versions->users.items[i]) < 0)
			return -ENOMEM;
	}
	names = str_list_join(&users, ", ");
	if (!names)
		return -ENOMEM;
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "version");
	record_add(writer, "version", version);
	record_add(writer, "staged", str_list_has(&versions->staged, version) ? "1" : "0");
	record_add(writer, "current", strcmp(versions->current, version) == 0 ? "1" : "0");
	record_add(writer, "last-good", strcmp(versions->last_good, version) == 0 ? "1" : "0");
	record_add_text(writer, "people", names);
	record_add_text(writer, "bad", bad ? bad->reason : "");
	record_add_int(writer, "forgiven", bad ? bad->forgiven_usec : 0);
	return 0;
}

static enum answer_next versions_next(struct answer *answer, struct record_writer *writer)
{
	struct versions *versions = (struct versions *)answer;
	struct dv_error err = { "" };
	int r = 0;

	if (!versions->is_read) {
		versions->is_read = true;
		r = read_all(versions, &err);
	}
	if (r == 0 && versions->at < versions->all.n_items) {
		r = write_row(versions, versions->all.items[versions->at++], writer);
		if (r == 0)
			return ANSWER_RECORD;
		DV_IGNORE(dv_fail(&err, r, "list the versions"));
	}
	if (r < 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
	else
		answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

struct answer *versions_handle(struct daemon *daemon, const struct request *request DV_UNUSED,
			       struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = versions_next, .release = versions_release };
	struct versions *versions = answer_new(sizeof(*versions), &OPS, daemon, NULL);

	return versions ? &versions->base : verbs_no_memory(reply);
}
