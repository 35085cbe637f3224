/* mirrors.c - see mirrors.h.
 *
 * The check only reads the ledger; the apply starts the units of all mirrors that are due at once,
 * waits for them, and writes a row for each. A mirror that was refused or failed does not keep
 * others from running: its row says why, the step fails, and the next run tries again.
 */
#include "steps/mirrors.h"

#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include "base/log.h"
#include "steps/mirror_run.h"
#include "steps/view.h"

#define USEC_PER_MINUTE INT64_C(60000000)

struct mirror_item {
	const struct config_mirror *mirror;
	bool is_started;
	struct mirror_result result;
};

struct mirrors_work {
	struct mirror_item items[MIRROR_RUN_MAX]; /* those that are due */
	size_t n_items;
	struct mirrors_log log;
};

static void work_done(struct mirrors_work *work)
{
	mirrors_log_done(&work->log);
}

char *mirrors_route(const struct config_mirror *mirror)
{
	char *route;

	return asprintf(&route, "%s -> %s", mirror->source, mirror->destination) < 0 ? NULL : route;
}

bool mirrors_is_due(const struct config_mirror *mirror, const char *route,
		    const struct mirrors_log_row *last, int64_t now_usec)
{
	int64_t minutes = (int64_t)mirror->interval_minutes - CONFIG_MIRROR_SLACK_MINUTES;

	if (!last || last->state != MIRRORS_LOG_OK || !str_equal(last->route, route))
		return true;
	/* A clock that was set back must not put it off for years. */
	return now_usec < last->started_usec ||
	       now_usec - last->started_usec >= minutes * USEC_PER_MINUTE;
}

/* ---- looking -------------------------------------------------------------------------- */

static int look(const struct step_context *context, struct mirrors_work *work, struct dv_error *err)
{
	const struct config_mirrors *mirrors = &context->config->mirrors;
	int r = mirrors_log_list(context->machine->ledger, &work->log, err);

	for (size_t i = 0; r == 0 && i < mirrors->n_rows && work->n_items < MIRROR_RUN_MAX; i++) {
		const struct config_mirror *mirror = &mirrors->rows[i];
		DV_AUTO_FREE char *route = mirrors_route(mirror);

		if (!route)
			return dv_fail(err, -ENOMEM, "look at the mirrors");
		if (mirrors_is_due(mirror, route, mirrors_log_find(&work->log, mirror->head.name),
				   context->env->wall_usec(context->env)))
			work->items[work->n_items++].mirror = mirror;
	}
	return r;
}

/* The next row, from `*at` on, of a mirror that devvm.yaml has no more; NULL at the end. */
static const char *next_stale(const struct step_context *context, const struct mirrors_log *log,
			      size_t *at)
{
	while (*at < log->n_rows) {
		const char *name = log->rows[(*at)++].name;
		bool is_new = *at < 2 || strcmp(log->rows[*at - 2].name, name) != 0;

		if (is_new && !config_mirror_find(context->config, name))
			return name;
	}
	return NULL;
}

static void add_words(char ret_what[static STEP_WHAT_BYTES], const char *verb, const char *name)
{
	size_t n = strlen(ret_what);

	(void)snprintf(ret_what + n, STEP_WHAT_BYTES - n, "%s%s %s", n ? ", " : "", verb,
		       name); /* a long list is cut */
}

int mirrors_check(struct step_context *context, enum step_verdict *ret_verdict,
		  char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_CLEANUP(work_done) struct mirrors_work work = { 0 };
	const char *stale;
	size_t at = 0;
	int r = look(context, &work, err);

	if (r < 0)
		return r;
	ret_what[0] = '\0';
	for (size_t i = 0; i < work.n_items; i++)
		add_words(ret_what, "run", work.items[i].mirror->head.name);
	while ((stale = next_stale(context, &work.log, &at)))
		add_words(ret_what, "forget", stale);
	*ret_verdict = *ret_what ? STEP_DIFFERS : STEP_FINE;
	return 0;
}

/* ---- running -------------------------------------------------------------------------- */

static void set_result(struct mirror_item *item, enum mirrors_log_state state, int64_t now_usec,
		       const char *text)
{
	item->result = (struct mirror_result){ .state = state,
					       .started_usec = now_usec,
					       .ended_usec = now_usec };
	(void)snprintf(item->result.text, sizeof(item->result.text), "%s", text);
}

static int prepare_all(const struct step_context *context, struct mirrors_work *work,
		       struct dv_error *err)
{
	const struct passwd *account = getpwnam(MIRROR_ACCOUNT);
	struct dv_error why = { "" };

	if (!account)
		return dv_refuse(err, -ENOENT,
				 "there is no account " MIRROR_ACCOUNT
				 "; systemd-sysusers makes those of devvm");
	for (size_t i = 0; i < work->n_items; i++) {
		struct mirror_item *item = &work->items[i];

		item->is_started = mirror_prepare(context->env, context->config, item->mirror,
						  account->pw_uid, account->pw_gid, &why) == 0;
		if (!item->is_started)
			set_result(item, MIRRORS_LOG_REFUSED, context->env->wall_usec(context->env),
				   why.text);
	}
	return 0;
}

static int start_all(const struct step_context *context, struct mirrors_work *work,
		     struct dv_error *err)
{
	const struct config_mirror *started[MIRROR_RUN_MAX];
	int64_t since_usec = context->env->wall_usec(context->env);
	struct dv_error why = { "" };
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < work->n_items; i++) {
		if (work->items[i].is_started)
			started[n++] = work->items[i].mirror;
	}
	if (n > 0)
		r = mirror_start(started, n, err);
	for (size_t i = 0; i < work->n_items; i++) {
		struct mirror_item *item = &work->items[i];

		if (item->is_started && mirror_hear(context->env, item->mirror->head.name,
						    since_usec, &item->result, &why) < 0)
			set_result(item, MIRRORS_LOG_FAILED, since_usec, why.text);
		/* One that does not end keeps what it works with. */
		if (r == 0)
			mirror_forget(context->env, item->mirror->head.name);
	}
	return r;
}

static int note(const struct step_context *context, const struct mirror_item *item,
		struct dv_error *err)
{
	const struct mirror_result *result = &item->result;
	DV_AUTO_FREE char *route = mirrors_route(item->mirror);
	char text[ERROR_MAX_BYTES];

	if (!route)
		return dv_fail(err, -ENOMEM, "note a run of a mirror");
	(void)snprintf(text, sizeof(text), "%s", result->text);
	return mirrors_log_add(context->machine->ledger,
			       &(struct mirrors_log_row){
				       .name = item->mirror->head.name,
				       .route = route,
				       .state = result->state,
				       .started_usec = result->started_usec,
				       .ended_usec = result->ended_usec,
				       .checked = result->checked,
				       .copied = result->copied,
				       .deleted = result->deleted,
				       .errors = result->errors,
				       .bytes = result->bytes,
				       .text = *text ? text : NULL,
			       },
			       err);
}

/* What changed, for the step's line in the journal; a run that found all as it should be is not
 * worth one. */
static void tell(struct reconcile_view *view, const struct mirrors_work *work)
{
	view->has_done = true;
	for (size_t i = 0; i < work->n_items; i++) {
		const struct mirror_result *result = &work->items[i].result;
		size_t n = strlen(view->done);

		if (result->state == MIRRORS_LOG_OK && (result->copied || result->deleted))
			(void)snprintf(view->done + n, sizeof(view->done) - n,
				       "%s%s: %" PRId64 " files copied (%" PRId64
				       " bytes), %" PRId64 " deleted",
				       n ? "; " : "", work->items[i].mirror->head.name,
				       result->copied, result->bytes,
				       result->deleted); /* a long list is cut */
	}
}

/* One says why in the step's own line; of several each has a line. */
static int complain(const struct mirrors_work *work, struct dv_error *err)
{
	const struct mirror_item *only = NULL;
	unsigned int n = 0;

	for (size_t i = 0; i < work->n_items; i++) {
		if (work->items[i].result.state == MIRRORS_LOG_OK)
			continue;
		only = &work->items[i];
		n++;
	}
	if (n == 0)
		return 0;
	if (n == 1)
		return dv_refuse(err, -EAGAIN, "%s %s: %.400s", only->mirror->head.name,
				 mirrors_log_word(only->result.state), only->result.text);
	for (size_t i = 0; i < work->n_items; i++) {
		const struct mirror_item *item = &work->items[i];

		if (item->result.state != MIRRORS_LOG_OK)
			log_warning("mirror %s %s: %s", item->mirror->head.name,
				    mirrors_log_word(item->result.state), item->result.text);
	}
	return dv_refuse(err, -EAGAIN, "%u mirrors were refused or failed; see devvmctl mirrors",
			 n);
}

static int forget_stale(const struct step_context *context, const struct mirrors_log *log,
			struct dv_error *err)
{
	char *done = context->machine->done;
	const char *stale;
	size_t at = 0;
	int r = 0;

	done[0] = '\0';
	while (r == 0 && (stale = next_stale(context, log, &at))) {
		size_t n = strlen(done);

		(void)snprintf(done + n, VIEW_DONE_BYTES - n, "%s%s forgotten", n ? "; " : "",
			       stale);
		mirror_forget(context->env, stale);
		r = mirrors_log_remove(context->machine->ledger, stale, err);
	}
	return r;
}

int mirrors_apply(struct step_context *context, struct dv_error *err)
{
	DV_CLEANUP(work_done) struct mirrors_work work = { 0 };
	int r = look(context, &work, err);

	if (r == 0)
		r = forget_stale(context, &work.log, err);
	if (r < 0 || work.n_items == 0)
		return r;
	r = prepare_all(context, &work, err);
	if (r == 0)
		r = start_all(context, &work, err);
	for (size_t i = 0; r == 0 && i < work.n_items; i++)
		r = note(context, &work.items[i], err);
	if (r < 0)
		return r;
	tell(context->machine, &work);
	r = complain(&work, err);
	if (r < 0 && *context->machine->done)
		log_notice("mirrors: %s", context->machine->done); /* the step's line says why */
	return r;
}
