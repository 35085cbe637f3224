/* between.c - see between.h. */
#include "move/between.h"

#include <string.h>

#include "base/log.h"

static void say_why(const struct move_row *row, char ret_why[static HOLD_WHY_BYTES])
{
	(void)snprintf(ret_why, HOLD_WHY_BYTES, "update of t3 from %.40s to %.40s, run %lld",
		       row->from, row->to, (long long)row->run);
}

static bool is_of_move(const struct env *env, const struct move_row *row)
{
	char why[HOLD_WHY_BYTES], is[HOLD_WHY_BYTES];
	struct dv_error err = { "" };

	say_why(row, why);
	return hold_read(env, row->name, is, &err) == 0 && strcmp(is, why) == 0;
}

int between_hold(const struct env *env, const struct move_row *row, struct dv_error *err)
{
	char why[HOLD_WHY_BYTES];

	say_why(row, why);
	return hold_is_set(env, row->name) ? 0 : hold_set(env, row->name, why, err);
}

int between_release(const struct env *env, const struct move_row *row, struct dv_error *err)
{
	return is_of_move(env, row) ? hold_release(env, row->name, err) : 0;
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
