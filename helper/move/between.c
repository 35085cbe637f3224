/* between.c - see between.h. */
#include "move/between.h"

#include <string.h>

#include "base/log.h"

#define WHY_BYTES 128

static void say_why(const struct move_row *row, char ret_why[static WHY_BYTES])
{
	(void)snprintf(ret_why, WHY_BYTES, HOLD_OF_UPDATE "%.40s to %.40s, run %lld\n", row->from,
		       row->to, (long long)row->run);
}

int between_hold(const struct env *env, const struct move_row *row, struct dv_error *err)
{
	DV_AUTO_FREE char *others = NULL;
	DV_AUTO_FREE char *both = NULL;
	char why[WHY_BYTES];
	struct dv_error read_err = { "" };
	int r = hold_read(env, row->name, &others, &read_err);

	say_why(row, why);
	if (r == -ENOENT)
		return hold_put(env, row->name, why, err);
	if (r < 0 || str_starts_with(others, why))
		return 0;
	if (asprintf(&both, "%s" HOLD_BEFORE "%s", why, others) < 0)
		return dv_fail(err, -ENOMEM, "hold %s", row->name);
	return hold_put(env, row->name, both, err);
}

int between_release(const struct env *env, const struct move_row *row, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	char why[WHY_BYTES];
	struct dv_error read_err = { "" };
	int r = hold_read(env, row->name, &text, &read_err);
	const char *rest;

	say_why(row, why);
	if (r < 0 || !str_starts_with(text, why))
		return 0;
	rest = text + strlen(why);
	return str_starts_with(rest, HOLD_BEFORE)
		       ? hold_put(env, row->name, rest + strlen(HOLD_BEFORE), err)
		       : hold_release(env, row->name, err);
}

bool between_is_held(const struct env *env, const struct move_row *row)
{
	DV_AUTO_FREE char *text = NULL;
	char why[WHY_BYTES];
	struct dv_error read_err = { "" };
	int r = hold_read(env, row->name, &text, &read_err);

	say_why(row, why);
	return r < 0 ? r != -ENOENT : str_starts_with(text, why);
}

int between_hold_all(const struct env *env, const struct moves *moves, struct dv_error *err)
{
	int failed = 0;

	for (size_t i = 0; i < moves->n_rows; i++) {
		const struct move_row *row = &moves->rows[i];
		const struct log_fields fields = { .user = row->name, .step = "update" };
		struct dv_error why = { "" };
		int r;

		if (!moves_is_between(row->state))
			continue;
		r = between_hold(env, row, &why);
		if (r == 0) {
			log_write(LOG_NOTICE, &fields,
				  "hold: %s is between t3 %s and %s (%s): nothing of theirs starts "
				  "until devvm-recover.service has finished that",
				  row->name, row->from, row->to, update_state_word(row->state));
			continue;
		}
		failed = dv_refuse(err, r, "%s", why.text);
		log_write(LOG_ERR, &fields,
			  "hold: %s is between t3 %s and %s, and cannot be held: %s", row->name,
			  row->from, row->to, why.text);
	}
	return failed;
}

bool between_is_anothers(const struct env *env, const struct moves *moves, const char *user)
{
	const struct move_row *row = moves_find(moves, user);

	return hold_is_set(env, user) || (row && moves_is_between(row->state));
}
