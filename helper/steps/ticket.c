/* ticket.c - the one writer of tickets.
 *
 * A ticket says: everything outside the home is as it should be, and this is the
 * environment. So it is written last, and the reconcile removes it before it changes
 * anything for a person (ticket_remove()). Nobody gets one before somebody has looked
 * whether the home has an own claude login: that decides what goes in. It is written as
 * modified at the epoch: a login touches it (wire/ticket.h).
 */
#include "steps/ticket.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"
#include "roster/tiers.h"
#include "steps/envfile.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"
#include "wire/ticket.h"

/* The text of a ticket while it is made; wiped, for it may hold the token. */
struct ticket_text {
	char bytes[TICKET_MAX_BYTES];
	size_t n_bytes;
	int failure;
};

static void wipe(struct ticket_text *text)
{
	explicit_bzero(text->bytes, sizeof(text->bytes));
}

static void append(struct ticket_text *text, const char *line)
{
	size_t n = strlen(line);

	if (n > sizeof(text->bytes) - text->n_bytes) {
		text->failure = -EMSGSIZE;
		return;
	}
	memcpy(text->bytes + text->n_bytes, line, n);
	text->n_bytes += n;
}

static void append_variable(struct ticket_text *text, const char *name, const char *value)
{
	if (!ticket_accepts(name, value)) {
		text->failure = -EINVAL;
		return;
	}
	append(text, name);
	append(text, "=");
	append(text, value);
	append(text, "\n");
}

/* ~/.local/bin first, and once. */
static int append_path(struct ticket_text *text, const char *home, const char *base_path)
{
	DV_AUTO_FREE char *own = NULL;
	DV_AUTO_FREE char *rest = strdup(base_path);
	DV_AUTO_FREE char *path = NULL;
	char *cursor = rest;
	char *part, *end;

	if (!rest || asprintf(&own, "%s/.local/bin", home) < 0)
		return -ENOMEM;
	path = calloc(1, strlen(own) + strlen(base_path) + 2);
	if (!path)
		return -ENOMEM;
	end = stpcpy(path, own);
	while ((part = strsep(&cursor, ":"))) {
		if (!*part || strcmp(part, own) == 0)
			continue;
		end = stpcpy(stpcpy(end, ":"), part);
	}
	append_variable(text, "PATH", path);
	return 0;
}

static int append_token(struct step_context *context, struct ticket_text *text,
			struct dv_error *err)
{
	DV_AUTO_SECRET struct secret token = { 0 };
	char digest[DIGEST_HEX_BYTES];
	char path[STEPS_PATH_BYTES];
	int r;

	if (!context->person->token_digest || context->person->login != PEOPLE_LOGIN_NONE ||
	    tier_from_name(context->person->tier) == TIER_ADMIN)
		return 0;
	steps_env_path(path, STEPS_T3_ENV_PREFIX, context->person->name);
	r = envfile_get(context->env, context->t3_env, path, STEPS_TOKEN_KEY, &token, err);
	if (r < 0 || token.n_bytes == 0)
		return r;
	r = digest_sha256(token.text, token.n_bytes, digest, err);
	if (r == 0 && strcmp(digest, context->person->token_digest) == 0)
		append_variable(text, STEPS_TOKEN_KEY, token.text);
	return r;
}

static int compose(struct step_context *context, struct ticket_text *text, struct dv_error *err)
{
	const struct people_row *person = context->person;
	const struct view_account *account;
	char port[16];
	int r = view_ask_account(context->machine, person->name, &account, err);

	text->n_bytes = 0;
	text->failure = 0;
	if (r < 0)
		return r;
	if (!account)
		return dv_refuse(err, -ENOENT, "there is no account %s", person->name);
	append(text, TICKET_HEADER "\n");
	r = append_path(text, account->home, context->machine->base_path);
	if (r < 0)
		return dv_fail(err, r, "write the ticket");
	(void)snprintf(port, sizeof(port), "%u", person->ports[PEOPLE_PORT_T3]);
	append_variable(text, "T3_PORT", port);
	(void)snprintf(port, sizeof(port), "%u", person->ports[PEOPLE_PORT_PLAYWRIGHT]);
	append_variable(text, "PLAYWRIGHT_PORT", port);
	r = append_token(context, text, err);
	if (r == 0 && text->failure < 0)
		r = dv_fail(err, text->failure, "write the ticket (home %s, PATH %s)",
			    account->home, context->machine->base_path);
	return r;
}

static struct file_spec spec_of(const struct ticket_text *text)
{
	return (struct file_spec){ .data = text->bytes,
				   .n_bytes = text->n_bytes,
				   .mode = 0600,
				   .uid = geteuid(),
				   .gid = (gid_t)-1,
				   .untouched = true };
}

int ticket_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	DV_CLEANUP(wipe) struct ticket_text text;
	struct file_spec spec;
	char path[STEPS_PATH_BYTES];
	bool matches = false;
	int r;

	item_begin(&items);
	steps_person_path(path, STEPS_TICKETS_FOLDER, context->person->name);
	if (context->person->login == PEOPLE_LOGIN_UNKNOWN) {
		*ret_verdict = STEP_SKIPPED;
		if (item_mark_of(context->env, path) != STEP_ADD)
			item_add(&items, STEP_REMOVE, "remove the ticket");
		return 0;
	}
	r = compose(context, &text, err);
	if (r < 0)
		return r;
	spec = spec_of(&text);
	r = file_matches(context->env->root_dirfd, path, &spec, &matches, err);
	if (r == 0 && !matches)
		item_add(&items, item_mark_of(context->env, path), "write the ticket");
	return r;
}

int ticket_apply(struct step_context *context, struct dv_error *err)
{
	DV_CLEANUP(wipe) struct ticket_text text;
	struct file_spec spec;
	char path[STEPS_PATH_BYTES];
	int r;

	if (context->person->login == PEOPLE_LOGIN_UNKNOWN)
		return ticket_remove(context->env, context->person->name, err);
	r = compose(context, &text, err);
	if (r == 0)
		r = file_make_dirs(context->env->root_dirfd, STEPS_TICKETS_FOLDER, 0700, err);
	if (r < 0)
		return r;
	steps_person_path(path, STEPS_TICKETS_FOLDER, context->person->name);
	spec = spec_of(&text);
	return file_replace(context->env->root_dirfd, path, &spec, err);
}

int ticket_remove(const struct env *env, const char *name, struct dv_error *err)
{
	char path[STEPS_PATH_BYTES];

	steps_person_path(path, STEPS_TICKETS_FOLDER, name);
	return file_remove(env->root_dirfd, path, err);
}
