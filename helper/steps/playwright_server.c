/* playwright_server.c - the pinned playwright server in its versioned folder, and current
 * pointing to it. The servers of people run from there and resolve nothing from the network;
 * one that runs goes on with the version it was started with. */
#include "steps/playwright_server.h"

#include <string.h>

#include "steps/staging.h"

#define ITEM "playwright"

int playwright_server_check(struct step_context *context, enum step_verdict *ret_verdict,
			    char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const char *want = context->config->playwright_version;
	char current[STORE_VERSION_BYTES];
	int r = store_get_pointer(context->env, ITEM, NULL, current, err);

	if (r < 0)
		return r;
	*ret_verdict = STEP_FINE;
	if (strcmp(current, want) == 0 && store_has(context->env, ITEM, want))
		return 0;
	*ret_verdict = STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "install %s %s",
		       context->config->playwright_package, want);
	return 0;
}

int playwright_server_apply(struct step_context *context, struct dv_error *err)
{
	const struct stage_item *item = stage_find_item(ITEM);
	char version[STORE_VERSION_BYTES], current[STORE_VERSION_BYTES];
	int r;

	/* A tag would be another version tomorrow. */
	if (stage_is_tag(context->config->playwright_version))
		return dv_refuse(err, -EINVAL,
				 "playwright.version in /etc/devvm/devvm.yaml is %s; it must be a "
				 "version like 0.0.76",
				 context->config->playwright_version);
	r = staging_run(context->env, context->config, item, context->config->playwright_version,
			version, err);
	return r < 0 ? r : staging_set_current(context->env, ITEM, version, false, current, err);
}
