/* settings.c - see settings.h. */
#include "job/settings.h"

#include "base/log.h"

int settings_load(struct config *config, const struct env *env, struct dv_error *err)
{
	struct dv_error why;
	int r = config_load_or_good(config, env, &why, err);

	if (*why.text)
		log_warning("%s", why.text);
	return r;
}
