/* sync.c - see sync.h. */
#include "job/sync.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "base/yaml.h"
#include "config/config_secrets.h"
#include "job/leftovers.h"
#include "job/sync_ports.h"
#include "job/sync_row.h"
#include "ledger/people.h"
#include "roster/derive.h"
#include "roster/validate.h"
#include "steps/hold.h"
#include "steps/keep.h"
#include "steps/ticket.h"

/* Everything one run looks at. */
struct sync {
	struct reconcile_view *view;
	const struct sync_options *options;
	struct people before;
	struct str_list reused; /* names of people who left that are somebody else's now */
	struct roster roster;
	struct derived derived;
};

static void sync_done(struct sync *sync)
{
	people_done(&sync->before);
	str_list_done(&sync->reused);
	derived_done(&sync->derived);
	roster_done(&sync->roster);
}

void sync_digest(const struct reconcile_view *view, char ret_digest[static DIGEST_HEX_BYTES])
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;

	ret_digest[0] = '\0';
	if (file_read(view->env->root_dirfd, view->config->roster_path + 1, YAML_MAX_BYTES, &text,
		      &n_bytes, NULL, NULL) == 0 &&
	    digest_sha256(text, n_bytes, ret_digest, NULL) < 0)
		ret_digest[0] = '\0';
}

static struct roster_account account_of(const char *name, void *context)
{
	struct sync *sync = context;
	const struct view_account *account = view_account(sync->view, name);
	const struct people_row *row = people_find(&sync->before, name);
	struct roster_account known = { .name = name,
					.uid = account ? account->uid : ROSTER_NO_UID };

	if (row && row->state == PEOPLE_LEFT)
		known.tombstone_identity = row->identity;
	return known;
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct people_row *)a)->name, ((const struct people_row *)b)->name);
}

/* With `reuse: true` another person has the name of one who left, and nothing else of theirs:
 * from here on that one goes by a name that is nobody's. */
static int set_aside_reused(struct sync *sync, struct dv_error *err)
{
	for (size_t i = 0; i < sync->before.n_rows; i++) {
		struct people_row *row = &sync->before.rows[i];
		const struct roster_person *person = roster_find(&sync->roster, row->name);
		char *name = NULL;

		if (!person || row->state != PEOPLE_LEFT ||
		    strcasecmp(person->identity, row->identity) == 0)
			continue;
		if (str_list_add(&sync->reused, row->name) < 0 ||
		    asprintf(&name, "%s@", row->name) < 0)
			return dv_fail(err, -ENOMEM, "set %s aside", row->name);
		free(row->name);
		row->name = name;
	}
	if (sync->reused.n_items > 0)
		qsort(sync->before.rows, sync->before.n_rows, sizeof(*sync->before.rows),
		      compare_rows);
	return 0;
}

/* No account is made with a uid that somebody else has, or had: their files are about under it. One that is there
 * already is taken as it is. Behind set_aside_reused(). */
static int check_uids(struct sync *sync, struct dv_error *err)
{
	DV_AUTO_FREE const struct people_row **holders =
		calloc(ROSTER_UID_MAX + 1, sizeof(*holders));

	if (!holders)
		return dv_fail(err, -ENOMEM, "compare the uids");
	for (size_t i = 0; i < sync->before.n_rows; i++) {
		const struct people_row *row = &sync->before.rows[i];

		if (row->uid >= 0 && row->uid <= ROSTER_UID_MAX)
			holders[row->uid] = row;
	}
	for (size_t i = 0; i < sync->roster.n_people; i++) {
		const struct roster_person *person = &sync->roster.people[i];
		const struct people_row *holder =
			person->uid == ROSTER_NO_UID ? NULL : holders[person->uid];

		if (!holder || strcmp(holder->name, person->name) == 0 ||
		    strcasecmp(holder->identity, person->identity) == 0 ||
		    view_account(sync->view, person->name))
			continue;
		return dv_refuse(err, -EINVAL,
				 "%s:%u: %s: uid %u is kept for %.*s (%s): name another, or none",
				 sync->roster.file, person->line, person->name, person->uid,
				 (int)strcspn(holder->name, "@"), holder->name, holder->identity);
	}
	return 0;
}

static int derive_wanted(struct sync *sync, struct dv_error *err)
{
	const struct sync_ports_input held = { .env = sync->view->env,
					       .config = sync->view->config,
					       .roster = &sync->roster,
					       .before = &sync->before,
					       .reused = &sync->reused };
	DV_AUTO_FREE struct derive_port *given = NULL;
	struct derive_input input = { .roster = &sync->roster,
				      .config = sync->view->config,
				      .zsh_installed = access("/bin/zsh", X_OK) == 0 };
	int r = sync_ports_list(&held, &given, &input.n_given, err);

	if (r < 0)
		return r;
	input.given = given;
	return derive(&sync->derived, &input, err);
}

/* ---- differences ---------------------------------------------------------------------- */

static void tell(const struct sync *sync, const char *name, enum step_mark mark, const char *what)
{
	if (sync->options->on_change)
		sync->options->on_change(sync->options->context, name, mark, what);
}

static int take_ticket(const struct sync *sync, const char *name, struct dv_error *err)
{
	return sync->options->dry_run ? 0 : ticket_remove(sync->view->env, name, err);
}

static int put_person(struct sync *sync, const struct people_row *before,
		      const struct people_row *wanted, struct dv_error *err)
{
	int r;

	if (!before)
		tell(sync, wanted->name, STEP_ADD, "new in the roster");
	else if (before->state == PEOPLE_LEFT)
		tell(sync, wanted->name, STEP_ADD, "back in the roster");
	else
		tell(sync, wanted->name, STEP_CHANGE, "changed in the roster");
	r = take_ticket(sync, wanted->name, err);
	return r < 0 ? r : people_put_wanted(sync->view->ledger, wanted, err);
}

static int put_left(struct sync *sync, const struct people_row *before, struct dv_error *err)
{
	int r;

	tell(sync, before->name, STEP_REMOVE, "gone from the roster");
	/* The rest is the steps' of STEP_LEAVE, once nothing can be started for them any more. */
	r = take_ticket(sync, before->name, err);
	return r < 0 ? r : people_set_left(sync->view->ledger, before->name, err);
}

/* Who is new or differs, then who is gone. */
static int put_differences(struct sync *sync, bool *ret_changed, struct dv_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sync->derived.n_people; i++) {
		DV_AUTO_PEOPLE_ROW struct people_row wanted = { 0 };
		const struct people_row *before =
			people_find(&sync->before, sync->derived.people[i].person->name);

		if (sync_row_make(&sync->derived.people[i], &wanted) < 0)
			return dv_fail(err, -ENOMEM, "write the roster to the ledger");
		if (before && sync_row_wants_the_same(before, &wanted))
			continue;
		*ret_changed = true;
		r = put_person(sync, before, &wanted, err);
	}
	for (size_t at = 0; r == 0 && at < sync->before.n_rows; at++) {
		const struct people_row *before = &sync->before.rows[at];

		if (before->state != PEOPLE_PRESENT || roster_find(&sync->roster, before->name))
			continue;
		*ret_changed = true;
		r = put_left(sync, before, err);
	}
	return r;
}

/* ---- the roster ----------------------------------------------------------------------- */

/* The tiers against the last k8s_users map that was staged. None is none to hold against: the
 * step that stages it warns. */
static int check_tiers(const struct sync *sync, struct dv_error *err)
{
	DV_AUTO_VALIDATION struct validation validation = { 0 };
	DV_AUTO_FREE char *json = NULL;
	struct dv_error why = { "" };
	size_t n_bytes = 0;
	int r = file_read(sync->view->env->root_dirfd, CONFIG_K8S_USERS_PATH + 1, YAML_MAX_BYTES,
			  &json, &n_bytes, NULL, &why);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = validate_tiers(&validation, &sync->roster, json, &why);
	if (r == -ENOMEM)
		return dv_refuse(err, r, "%s", why.text);
	if (r < 0) {
		log_warning("the tiers are not checked: %s: %s", CONFIG_K8S_USERS_PATH, why.text);
		return 0;
	}
	for (size_t i = 0; i < validation.warnings.n_items; i++)
		log_warning("%s", validation.warnings.items[i]);
	if (validation.errors.n_items > 1)
		return dv_refuse(err, -EINVAL, "%s (and %zu more)", validation.errors.items[0],
				 validation.errors.n_items - 1);
	return validation.errors.n_items == 0
		       ? 0
		       : dv_refuse(err, -EINVAL, "%s", validation.errors.items[0]);
}

/* Read it and hold it against the machine. Any failure here is the roster's. */
static int read_roster(struct sync *sync, struct dv_error *err)
{
	const struct config *config = sync->view->config;
	int root_fd = sync->view->env->root_dirfd;
	int r = roster_check_trust(root_fd, config->roster_path + 1, config->roster_path,
				   config->trusted_uids, config->n_trusted_uids, err);

	if (r == 0)
		r = roster_load(&sync->roster, root_fd, config->roster_path + 1,
				config->roster_path, err);
	if (r == 0)
		r = roster_check_accounts(&sync->roster, account_of, sync, err);
	if (r == 0)
		r = check_tiers(sync, err);
	if (r == 0)
		r = set_aside_reused(sync, err);
	if (r == 0)
		r = check_uids(sync, err);
	if (r == 0)
		r = derive_wanted(sync, err);
	return r;
}

/* ---- mass leaves ---------------------------------------------------------------------- */

/* In the ledger, written by devvm-helperd for `--allow-mass-leave`; the next roster that is read
 * uses it up, whatever becomes of it. */
static int is_allowed(struct sync *sync, bool *ret_allowed, struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	int r = ledger_get_meta(sync->view->ledger, LEDGER_ALLOW_MASS_LEAVE, &value, err);

	*ret_allowed = value != NULL;
	if (r < 0 || !value)
		return r;
	return ledger_set_meta(sync->view->ledger, LEDGER_ALLOW_MASS_LEAVE, NULL, err);
}

/* An emptied or truncated roster is an accident until somebody says otherwise. */
static int check_mass_leave(struct sync *sync, bool is_allowed, struct dv_error *err)
{
	unsigned int share = sync->view->config->leaving_max_share;
	size_t n_present = 0, n_leaving = 0;
	const char *first = NULL;

	for (size_t i = 0; i < sync->before.n_rows; i++) {
		const struct people_row *row = &sync->before.rows[i];

		if (row->state != PEOPLE_PRESENT)
			continue;
		n_present++;
		if (roster_find(&sync->roster, row->name))
			continue;
		n_leaving++;
		first = first ? first : row->name;
	}
	if (n_leaving == 0 || share == 100 || is_allowed ||
	    (n_leaving < n_present && (n_leaving == 1 || n_leaving * 100 <= n_present * share)))
		return 0;
	return dv_refuse(err, -EPERM,
			 "%s: %zu of %zu people would leave at once (first %s), more than "
			 "leaving.max_share (%u %%) allows: correct the roster, or say devvmctl "
			 "reconcile --allow-mass-leave",
			 sync->view->config->roster_path, n_leaving, n_present, first, share);
}

/* Where the account was removed by hand, and not by an archive, there is something left of who had the name. */
static int clear_reused(const struct sync *sync, struct dv_error *err)
{
	const struct env *env = sync->view->env;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sync->reused.n_items; i++) {
		const char *name = sync->reused.items[i];
		const struct people_row *row;
		char aside[STR_USER_NAME_MAX + 2];

		(void)snprintf(aside, sizeof(aside), "%s@", name);
		row = people_find(&sync->before, aside);
		r = hold_release(env, name, err);
		if (r == 0)
			r = leftovers_remove(env, name, row ? row->uid : PEOPLE_NO_UID, err);
	}
	return r;
}

/* Put the differences and what is known about the roster itself. */
static int write_ledger(struct sync *sync, bool *ret_changed, struct dv_error *err)
{
	struct ledger *ledger = sync->view->ledger;
	int r = sync->options->dry_run ? 0 : clear_reused(sync, err);

	if (r < 0)
		return r;
	r = ledger_begin(ledger, err);
	for (size_t i = 0; r == 0 && i < sync->reused.n_items; i++)
		r = people_retire(ledger, sync->reused.items[i], err);
	if (r == 0)
		r = put_differences(sync, ret_changed, err);
	if (r == 0)
		r = ledger_set_meta(ledger, "roster-digest", sync->roster.digest, err);
	if (r == 0)
		r = ledger_set_meta(ledger, "roster-error", NULL, err);
	if (r == 0)
		r = ledger_set_meta(ledger, "roster-told", NULL, err);
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	return r;
}

/* The refusal is kept for `devvmctl status`; the people stay as they are. */
static int note_refusal(struct sync *sync, const struct dv_error *refusal, struct dv_error *err)
{
	return ledger_set_meta(sync->view->ledger, "roster-error", refusal->text, err);
}

/* A ledger without people is a new one: those who had something on this machine still have it. */
static int take_kept(struct sync *sync, struct dv_error *err)
{
	size_t n = 0;
	int r = keep_import(sync->view->env, sync->view->ledger, &n, err);

	if (r < 0 || n == 0)
		return r;
	log_notice("the ledger is new: uids and ports of %zu people are as /%s says", n, KEEP_FILE);
	return people_list(sync->view->ledger, &sync->before, err);
}

int sync_roster(struct reconcile_view *view, const struct sync_options *options,
		enum sync_outcome *ret_outcome, char ret_digest[static DIGEST_HEX_BYTES],
		struct dv_error *err)
{
	DV_CLEANUP(sync_done) struct sync sync = { .view = view, .options = options };
	struct dv_error refusal = { "" };
	bool allowed = false, changed = false;
	int r;

	sync_digest(view, ret_digest);
	r = people_list(view->ledger, &sync.before, err);
	if (r < 0)
		return r;
	r = sync.before.n_rows == 0 ? take_kept(&sync, err) : 0;
	if (r == 0)
		r = is_allowed(&sync, &allowed, err);
	if (r < 0)
		return r;
	r = read_roster(&sync, &refusal);
	if (r == 0)
		r = check_mass_leave(&sync, allowed, &refusal);
	if (r == -ENOMEM || r == -EIO)
		return dv_refuse(err, r, "%s", refusal.text);
	if (r < 0) {
		r = note_refusal(&sync, &refusal, err);
		if (r < 0)
			return r;
		*err = refusal;
		*ret_outcome = SYNC_REFUSED;
		return 0;
	}
	r = write_ledger(&sync, &changed, err);
	if (r < 0)
		return r;
	(void)snprintf(ret_digest, DIGEST_HEX_BYTES, "%s", sync.roster.digest);
	*ret_outcome = changed ? SYNC_CHANGED : SYNC_UNCHANGED;
	return 0;
}
