/* token.c - the shared claude token, for those who have no login of their own.
 *
 * Given to a non-admin whose home reports no own login and whose env file has no token. The
 * ledger knows the digest of every shared token that was ever staged, written before any
 * file has it: so a rotated token reaches exactly those who have an older shared one, a
 * token an administrator or the person put there is left alone, and when the home reports an
 * own login the shared one is taken out and nothing else.
 */
#include "steps/token.h"

#include <string.h>

#include "roster/tiers.h"
#include "steps/envfile.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"

enum token_plan {
	TOKEN_KEEP,   /* as it should be */
	TOKEN_GIVE,   /* write the staged one */
	TOKEN_TAKE,   /* remove the shared one */
	TOKEN_NOTE,   /* the file has the staged one already; only the ledger must say so */
	TOKEN_FORGET, /* the file has none of ours any more; only the ledger must say so */
};

static const struct {
	enum step_mark mark;
	const char *words;
} PLAN_ITEMS[] = {
	[TOKEN_GIVE] = { STEP_ADD, "give the shared claude token" },
	[TOKEN_TAKE] = { STEP_REMOVE, "remove the shared claude token" },
	[TOKEN_NOTE] = { STEP_CHANGE, "note the shared claude token" },
	[TOKEN_FORGET] = { STEP_CHANGE, "note that the token is their own" },
};

static bool may_have(const struct people_row *person)
{
	return person->login == PEOPLE_LOGIN_NONE && tier_from_name(person->tier) != TIER_ADMIN;
}

static bool must_not_have(const struct people_row *person)
{
	return person->login == PEOPLE_LOGIN_OWN || tier_from_name(person->tier) == TIER_ADMIN;
}

/* Pure: what is to be done where the file holds the token with digest `present` ("" for
 * none), which `is_shared` or not, and `staged` is the digest of the staged one ("" likewise). */
static enum token_plan decide(const struct people_row *person, const char *present, bool is_shared,
			      const char *staged)
{
	bool noted = person->token_digest != NULL;

	if (must_not_have(person)) {
		if (is_shared)
			return TOKEN_TAKE;
		return noted ? TOKEN_FORGET : TOKEN_KEEP;
	}
	if (!may_have(person) || !*staged)
		return TOKEN_KEEP;
	if (strcmp(present, staged) == 0)
		return str_equal(person->token_digest, staged) ? TOKEN_KEEP : TOKEN_NOTE;
	if (!*present || is_shared)
		return TOKEN_GIVE;
	return noted ? TOKEN_FORGET : TOKEN_KEEP;
}

static int plan(struct step_context *context, enum token_plan *ret_plan, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret present = { 0 };
	char digest[DIGEST_HEX_BYTES] = "";
	char path[STEPS_PATH_BYTES];
	int r;

	steps_env_path(path, STEPS_T3_ENV_PREFIX, context->person->name);
	r = envfile_get(context->env, context->t3_env, path, STEPS_TOKEN_KEY, &present, err);
	if (r == 0 && present.n_bytes > 0)
		r = digest_sha256(present.text, present.n_bytes, digest, err);
	if (r < 0)
		return r;
	*ret_plan = decide(context->person, digest,
			   str_list_has(&context->machine->shared_digests, digest),
			   context->machine->token_digest);
	return 0;
}

int token_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	enum token_plan wanted = TOKEN_KEEP;
	int r = plan(context, &wanted, err);

	if (r < 0)
		return r;
	item_begin(&items);
	if (wanted != TOKEN_KEEP)
		item_add(&items, PLAN_ITEMS[wanted].mark, "%s", PLAN_ITEMS[wanted].words);
	return 0;
}

int token_apply(struct step_context *context, struct dv_error *err)
{
	struct reconcile_view *machine = context->machine;
	const char *name = context->person->name;
	enum token_plan wanted = TOKEN_KEEP;
	char path[STEPS_PATH_BYTES];
	int r = plan(context, &wanted, err);

	if (r < 0)
		return r;
	steps_env_path(path, STEPS_T3_ENV_PREFIX, name);
	switch (wanted) {
	case TOKEN_KEEP:
		return 0;
	case TOKEN_NOTE:
		return people_set_token(machine->ledger, name, machine->token_digest, err);
	case TOKEN_FORGET:
		return people_set_token(machine->ledger, name, NULL, err);
	case TOKEN_GIVE:
		r = people_set_token(machine->ledger, name, machine->token_digest, err);
		return r < 0 ? r
			     : envfile_set(context->env, path, STEPS_TOKEN_KEY, machine->token.text,
					   err);
	case TOKEN_TAKE:
		r = envfile_set(context->env, path, STEPS_TOKEN_KEY, NULL, err);
		return r < 0 ? r : people_set_token(machine->ledger, name, NULL, err);
	}
	return dv_refuse(err, -EINVAL, "token: no such plan");
}
