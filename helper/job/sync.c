/* sync.c - see sync.h. */
#include "job/sync.h"

#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "base/yaml.h"
#include "ledger/people.h"
#include "config/config_secrets.h"
#include "roster/derive.h"
#include "roster/validate.h"
#include "steps/envfile.h"
#include "steps/hold.h"
#include "steps/keep.h"
#include "steps/paths.h"
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
					.uid = account ? account->uid : ROSTER_NO_UID,
					.tombstone_uid = ROSTER_NO_UID };

	if (row && row->state == PEOPLE_LEFT) {
		known.tombstone_identity = row->identity;
		known.tombstone_uid = row->uid < 0 ? ROSTER_NO_UID : (uid_t)row->uid;
	}
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

/* ---- ports ---------------------------------------------------------------------------- */

/* The files in which a port may stand that somebody had before devvm. */
static const struct {
	const char *prefix;
	const char *key;
} IMPORTS[CONFIG_N_SERVICES] = {
	[CONFIG_T3] = { STEPS_T3_ENV_PREFIX, "T3_PORT" },
	[CONFIG_PLAYWRIGHT] = { STEPS_PLAYWRIGHT_ENV_PREFIX, "PLAYWRIGHT_PORT" },
};

static bool is_reserved(const struct config *config, unsigned int port)
{
	for (size_t i = 0; i < config->n_reserved_ports; i++) {
		if (config->reserved_ports[i] == port)
			return true;
	}
	return false;
}

static const char *holder_of(const struct derive_port *given, size_t n_given, unsigned int port)
{
	for (size_t i = 0; i < n_given; i++) {
		if (given[i].port == port)
			return given[i].name;
	}
	return NULL;
}

/* The port that a file of the scripts before devvm gives a person; 0 where there is none, and
 * where it cannot be theirs, which is told. No such file stops a reconcile. */
static unsigned int read_import(const struct sync *sync, const char *name, int service,
				const struct derive_input *input)
{
	DV_AUTO_SECRET struct secret value = { 0 };
	struct dv_error err = { "" };
	char path[STEPS_PATH_BYTES], shown[STR_SHOW_BYTES];
	const char *holder;
	uint64_t port = 0;

	steps_env_path(path, IMPORTS[service].prefix, name);
	if (envfile_get(sync->view->env, NULL, path, IMPORTS[service].key, &value, &err) < 0) {
		log_warning("%s: its port is not taken over: %s", name, err.text);
		return 0;
	}
	if (!value.text)
		return 0;
	if (str_to_uint(value.text, 65535, &port) < 0 || port < 1024 ||
	    is_reserved(sync->view->config, (unsigned int)port)) {
		log_warning("%s: /%s gives the port %s, which nobody can have; a new one is given",
			    name, path, str_show(value.text, shown));
		return 0;
	}
	holder = holder_of(input->given, input->n_given, (unsigned int)port);
	if (holder)
		log_warning("%s: /%s gives the port %u, which is %s's; a new one is given", name,
			    path, (unsigned int)port, holder);
	return holder ? 0 : (unsigned int)port;
}

/* Who was here before devvm keeps their ports: those of people whom the ledger has never
 * seen, in their files. A name that is somebody else's now is not who the files are about. */
static void import_ports(const struct sync *sync, struct derive_port *given,
			 struct derive_input *input)
{
	for (size_t i = 0; i < sync->roster.n_people; i++) {
		const char *name = sync->roster.people[i].name;

		if (people_find(&sync->before, name) || str_list_has(&sync->reused, name))
			continue;
		for (int s = 0; s < CONFIG_N_SERVICES; s++) {
			unsigned int port = read_import(sync, name, s, input);

			if (port)
				given[input->n_given++] =
					(struct derive_port){ .name = name,
							      .service = (enum config_service)s,
							      .port = port };
		}
	}
}

/* The ports of the ledger, tombstones' too, and those that people had before it. */
static int derive_wanted(struct sync *sync, struct dv_error *err)
{
	DV_AUTO_FREE struct derive_port *given =
		calloc((sync->before.n_rows + sync->roster.n_people) * CONFIG_N_SERVICES + 1,
		       sizeof(*given));
	struct derive_input input = { .roster = &sync->roster,
				      .config = sync->view->config,
				      .given = given,
				      .zsh_installed = access("/bin/zsh", X_OK) == 0 };

	if (!given)
		return dv_fail(err, -ENOMEM, "derive");
	for (size_t i = 0; i < sync->before.n_rows; i++) {
		const struct people_row *row = &sync->before.rows[i];

		for (int s = 0; s < CONFIG_N_SERVICES; s++) {
			if (row->ports[s] == 0)
				continue;
			given[input.n_given++] =
				(struct derive_port){ .name = row->name,
						      .service = (enum config_service)s,
						      .port = row->ports[s] };
		}
	}
	import_ports(sync, given, &input);
	return derive(&sync->derived, &input, err);
}

static int row_of(const struct derived_person *derived, struct people_row *ret_row)
{
	const struct roster_person *person = derived->person;
	struct people_row row = {
		.name = strdup(person->name),
		.identity = strdup(person->identity),
		.k8s_user = strdup(person->k8s_user),
		.tier = strdup(tier_name(person->tier)),
		.shell = strdup(derived->shell),
		.groups = str_list_join(&derived->groups, "\n"),
		.layout = strdup(person->layout == CODE_WORKSPACE ? "workspace" : "single"),
		.repos = str_list_join(&person->repos, "\n"),
		.ssh_keys = str_list_join(&person->ssh_keys, "\n"),
		.parked = person->parked,
		.eager = person->eager,
		.wanted_uid = person->uid == ROSTER_NO_UID ? PEOPLE_NO_UID : (int64_t)person->uid,
	};

	for (int s = 0; s < PEOPLE_N_PORTS; s++)
		row.ports[s] = derived->ports[s];
	*ret_row = row;
	return row.name && row.identity && row.k8s_user && row.tier && row.shell && row.groups &&
			       row.layout && row.repos && row.ssh_keys
		       ? 0
		       : -ENOMEM;
}

static bool wants_the_same(const struct people_row *a, const struct people_row *b)
{
	return a->state == PEOPLE_PRESENT && str_equal(a->identity, b->identity) &&
	       str_equal(a->k8s_user, b->k8s_user) && str_equal(a->tier, b->tier) &&
	       str_equal(a->shell, b->shell) && str_equal(a->groups, b->groups) &&
	       str_equal(a->layout, b->layout) && str_equal(a->repos, b->repos) &&
	       str_equal(a->ssh_keys, b->ssh_keys) && a->parked == b->parked &&
	       a->eager == b->eager && a->wanted_uid == b->wanted_uid &&
	       memcmp(a->ports, b->ports, sizeof(a->ports)) == 0;
}

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

		if (row_of(&sync->derived.people[i], &wanted) < 0)
			return dv_fail(err, -ENOMEM, "write the roster to the ledger");
		if (before && wants_the_same(before, &wanted))
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

/* Put the differences and what is known about the roster itself. */
static int write_ledger(struct sync *sync, bool *ret_changed, struct dv_error *err)
{
	struct ledger *ledger = sync->view->ledger;
	int r = 0;

	/* Where the account was removed by hand. */
	for (size_t i = 0; r == 0 && !sync->options->dry_run && i < sync->reused.n_items; i++)
		r = hold_release(sync->view->env, sync->reused.items[i], err);
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
