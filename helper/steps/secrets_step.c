/* secrets_step.c - see secrets_step.h.
 *
 * The check asks every source once and keeps what it got; the apply stages what is due and
 * writes the rows of the ledger. One secret that cannot be had does not keep others from being
 * staged: what is staged of it stays, its row says why, and the step fails, so that it is
 * tried again. Of several each has a line in the log.
 */
#include "steps/secrets_step.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/secrets_log.h"
#include "secrets/secrets.h"
#include "steps/paths.h"
#include "steps/view.h"

enum secret_plan {
	SECRET_FINE,
	SECRET_STAGE,
	SECRET_ADOPT,  /* staged before devvm did it: noted as of the source's version */
	SECRET_NOTE,   /* staged as it should be; its row says otherwise */
	SECRET_FAILED, /* `why` says why */
	SECRET_FORGET, /* there is nothing and nothing is wanted */
};

struct secret_item {
	const struct config_secret *row;
	enum secret_plan plan;
	int64_t staged_usec; /* when what is staged was written, 0 where nothing is */
	struct secrets_found found;
	struct dv_error why;
};

struct secrets_work {
	struct secret_item *items;
	size_t n_items;
	struct secrets_log log;
	bool is_applied;
};

static void work_free(struct secrets_work *work)
{
	if (!work)
		return;
	for (size_t i = 0; i < work->n_items; i++)
		secrets_found_done(&work->items[i].found);
	free(work->items);
	secrets_log_done(&work->log);
	free(work);
}

static void work_freep(struct secrets_work **work)
{
	work_free(*work);
}

void secrets_step_forget(struct reconcile_view *view)
{
	work_free(DV_TAKE_PTR(view->secrets));
}

/* ---- looking -------------------------------------------------------------------------- */

static enum secret_plan decide(const struct config *config, const struct secret_item *item,
			       const struct secrets_log_row *known)
{
	char source[SECRETS_SOURCE_BYTES];

	secrets_describe(config, item->row, source);
	if (item->staged_usec == 0)
		return SECRET_STAGE;
	/* It may have been refreshed in place since, and nothing says that the source's is newer. */
	if (!known || !known->version)
		return SECRET_ADOPT;
	if (!str_equal(known->source, source) ||
	    secrets_has_risen(item->row, known->version, item->found.version))
		return SECRET_STAGE;
	return known->error ? SECRET_NOTE : SECRET_FINE;
}

static void look(const struct step_context *context, struct vault *vault,
		 const struct secrets_log *log, struct secret_item *item)
{
	const struct secrets_log_row *known = secrets_log_find(log, item->row->head.name);
	int r;

	if (item->row->source == CONFIG_SECRET_NONE || !item->row->path || !item->row->from) {
		item->plan = known ? SECRET_FORGET : SECRET_FINE;
		return;
	}
	r = secrets_when_staged(context->env, item->row, &item->staged_usec, &item->why);
	if (r == 0)
		r = secrets_get(vault, item->row, getenv("CREDENTIALS_DIRECTORY"), &item->found,
				&item->why);
	if (r == 0)
		item->plan = decide(context->config, item, known);
	else if (r == -ENOENT && item->row->head.line == 0)
		item->plan = known ? SECRET_FORGET : SECRET_FINE;
	else
		item->plan = SECRET_FAILED;
}

static int look_at_all(const struct step_context *context, struct secrets_work **ret_work,
		       struct dv_error *err)
{
	const struct config_secrets *secrets = &context->config->secrets;
	DV_CLEANUP(work_freep) struct secrets_work *work = calloc(1, sizeof(*work));
	DV_AUTO_VAULT struct vault vault = { 0 };
	int r;

	if (work)
		work->items = calloc(secrets->n_rows + 1, sizeof(*work->items));
	if (!work || !work->items)
		return dv_fail(err, -ENOMEM, "look at the secrets");
	r = secrets_log_list(context->machine->ledger, &work->log, err);
	if (r < 0)
		return r;
	vault_init(&vault, context->env, context->config);
	for (size_t i = 0; i < secrets->n_rows; i++) {
		struct secret_item *item = &work->items[work->n_items++];

		item->row = &secrets->rows[i];
		look(context, &vault, &work->log, item);
	}
	*ret_work = DV_TAKE_PTR(work);
	return 0;
}

static void add_words(char ret_what[static STEP_WHAT_BYTES], const struct secret_item *item)
{
	static const char *const words[] = {
		[SECRET_FINE] = "",	[SECRET_STAGE] = "stage",  [SECRET_ADOPT] = "adopt",
		[SECRET_NOTE] = "note", [SECRET_FAILED] = "retry", [SECRET_FORGET] = "forget",
	};
	size_t n = strlen(ret_what);

	(void)snprintf(ret_what + n, STEP_WHAT_BYTES - n, "%s%s %s", n ? ", " : "",
		       words[item->plan], item->row->head.name); /* a long list is cut */
}

int secrets_step_check(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	struct reconcile_view *machine = context->machine;
	int r;

	*ret_verdict = STEP_FINE;
	ret_what[0] = '\0';
	if (machine->secrets && machine->secrets->is_applied)
		return 0;
	secrets_step_forget(machine);
	r = look_at_all(context, &machine->secrets, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < machine->secrets->n_items; i++) {
		if (machine->secrets->items[i].plan == SECRET_FINE)
			continue;
		*ret_verdict = STEP_DIFFERS;
		add_words(ret_what, &machine->secrets->items[i]);
	}
	return 0;
}

/* ---- staging -------------------------------------------------------------------------- */

static int put_row(struct step_context *context, const struct secret_item *item,
		   struct dv_error *err)
{
	const struct secrets_log *log = &context->machine->secrets->log;
	const struct secrets_log_row *known = secrets_log_find(log, item->row->head.name);
	char source[SECRETS_SOURCE_BYTES];
	char text[ERROR_MAX_BYTES], version[SECRETS_VERSION_BYTES];
	struct secrets_log_row row = { .name = item->row->head.name, .source = source };

	secrets_describe(context->config, item->row, source);
	if (item->plan == SECRET_STAGE || item->plan == SECRET_ADOPT) {
		(void)snprintf(version, sizeof(version), "%s", item->found.version);
		row.version = version;
		row.staged_usec = item->plan == SECRET_ADOPT
					  ? item->staged_usec
					  : context->env->wall_usec(context->env);
	} else if (known) {
		row.version = known->version;
		row.staged_usec = known->staged_usec;
		/* Versions of different sources are not compared. */
		if (!str_equal(known->source, source))
			row.source = known->source;
	}
	if (item->plan == SECRET_FAILED) {
		(void)snprintf(text, sizeof(text), "%s", item->why.text);
		row.error = text;
	}
	return secrets_log_put(context->machine->ledger, &row, err);
}

/* A killed run may have left a value in a temporary. The reconcile's own folders it sweeps itself. */
static void sweep(const struct step_context *context, const struct config_secret *row)
{
	if (!str_starts_with(row->path, "/" STEPS_ENV_FOLDER "/") &&
	    strrchr(row->path, '/') != row->path + strlen("/etc"))
		file_sweep_beside(context->env->root_dirfd, row->path + 1);
}

static int apply_item(struct step_context *context, struct secret_item *item, struct dv_error *err)
{
	switch (item->plan) {
	case SECRET_FINE:
		return 0;
	case SECRET_FORGET:
		return secrets_log_remove(context->machine->ledger, item->row->head.name, err);
	case SECRET_STAGE:
		sweep(context, item->row);
		if (secrets_stage(context->env, item->row, &item->found.value, &item->why) < 0) {
			item->plan = SECRET_FAILED;
			return put_row(context, item, err);
		}
		context->machine->secrets_changed = true;
		return put_row(context, item, err);
	case SECRET_ADOPT:
	case SECRET_NOTE:
	case SECRET_FAILED:
		return put_row(context, item, err);
	}
	return 0;
}

static int complain(const struct secrets_work *work, struct dv_error *err)
{
	const struct secret_item *only = NULL;
	struct dv_error text = { "" };
	unsigned int n = 0;

	for (size_t i = 0; i < work->n_items; i++) {
		if (work->items[i].plan != SECRET_FAILED)
			continue;
		only = &work->items[i];
		n++;
	}
	if (n == 0)
		return 0;
	(void)snprintf(text.text, sizeof(text.text), "%s: %.400s; %s", only->row->head.name,
		       only->why.text,
		       only->staged_usec ? "the last good copy stays" : "nothing is staged");
	if (n == 1)
		return dv_refuse(err, -EAGAIN, "%s", text.text);
	for (size_t i = 0; i < work->n_items; i++) {
		const struct secret_item *item = &work->items[i];

		if (item->plan == SECRET_FAILED)
			log_warning("secret %s: %s; %s", item->row->head.name, item->why.text,
				    item->staged_usec ? "the last good copy stays"
						      : "nothing is staged");
	}
	return dv_refuse(err, -EAGAIN, "%u secrets cannot be had; see devvmctl secrets", n);
}

int secrets_step_apply(struct step_context *context, struct dv_error *err)
{
	struct secrets_work *work = context->machine->secrets;
	int r = 0;

	if (!work)
		return dv_refuse(err, -EINVAL, "the secrets were not looked at");
	for (size_t i = 0; r == 0 && i < work->n_items; i++)
		r = apply_item(context, &work->items[i], err);
	if (r == 0)
		r = complain(work, err);
	work->is_applied = r == 0;
	return r;
}
