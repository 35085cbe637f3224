/* ports.c - the sticky ports, in the files that the person's units read.
 *
 * /etc/t3-serve/USER.env holds T3_PORT=, /etc/t3-serve/playwright-USER.env holds
 * PLAYWRIGHT_PORT=. Which port is whose was decided when the roster went into the ledger.
 */
#include "steps/ports.h"

#include "base/file.h"
#include "steps/envfile.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"

static const struct {
	enum people_port service;
	const char *prefix;
	const char *key;
} FILES[] = {
	{ PEOPLE_PORT_T3, STEPS_T3_ENV_PREFIX, "T3_PORT" },
	{ PEOPLE_PORT_PLAYWRIGHT, STEPS_PLAYWRIGHT_ENV_PREFIX, "PLAYWRIGHT_PORT" },
};

struct port_line {
	char path[STEPS_PATH_BYTES];
	char value[16];
};

static void describe(const struct people_row *person, size_t at, struct port_line *ret_line)
{
	steps_env_path(ret_line->path, FILES[at].prefix, person->name);
	(void)snprintf(ret_line->value, sizeof(ret_line->value), "%u",
		       person->ports[FILES[at].service]);
}

int ports_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };

	item_begin(&items);
	for (size_t i = 0; i < DV_COUNT(FILES); i++) {
		struct port_line line;
		bool says = false;
		int r;

		describe(context->person, i, &line);
		r = envfile_says(context->env,
				 FILES[i].service == PEOPLE_PORT_T3 ? context->t3_env : NULL,
				 line.path, FILES[i].key, line.value, &says, err);
		if (r < 0)
			return r;
		if (says)
			continue;
		item_add(&items, item_mark_of(context->env, line.path), "write %s=%s to /%s",
			 FILES[i].key, line.value, line.path);
	}
	return 0;
}

int ports_apply(struct step_context *context, struct dv_error *err)
{
	int r = file_make_dirs(context->env->root_dirfd, STEPS_ENV_FOLDER, 0755, err);

	for (size_t i = 0; r == 0 && i < DV_COUNT(FILES); i++) {
		struct port_line line;

		describe(context->person, i, &line);
		r = envfile_set(context->env, line.path, FILES[i].key, line.value, err);
	}
	return r;
}
