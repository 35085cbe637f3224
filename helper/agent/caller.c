/* caller.c - see caller.h. */
#include "agent/caller.h"

#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#include "base/log.h"
#include "config/config_good.h"

int caller_find(struct caller *caller, struct dv_error *err)
{
	const struct passwd *me = getpwuid(geteuid());
	DV_AUTO_CALLER struct caller made = CALLER_EMPTY;
	int r;

	if (geteuid() == 0)
		return dv_refuse(err, -EPERM, "this runs as the person it is for, not as root");
	if (!me)
		return dv_refuse(err, -ENOENT, "uid %u has no account", geteuid());
	made.home = strdup(me->pw_dir);
	made.name = strdup(me->pw_name);
	if (!made.home || !made.name)
		return dv_fail(err, -ENOMEM, "open the home");
	made.home_fd = open(made.home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (made.home_fd < 0)
		return dv_fail(err, -errno, "open the home %s", made.home);
	r = env_init(&made.env, "/", err);
	if (r < 0)
		return r;
	*caller = made;
	made = CALLER_EMPTY; /* handed over */
	return 0;
}

int caller_load_config(const struct env *env, struct config *config, struct dv_error *err)
{
	struct dv_error why;
	int r = config_load_or_defaults(config, env, &why, err);

	if (*why.text)
		log_warning("%s", why.text);
	return r;
}

int caller_init(struct caller *caller, struct dv_error *err)
{
	DV_AUTO_CALLER struct caller made = CALLER_EMPTY;
	int r = caller_find(&made, err);

	if (r == 0)
		r = caller_load_config(&made.env, &made.config, err);
	if (r < 0)
		return r;
	*caller = made;
	made = CALLER_EMPTY; /* handed over */
	return 0;
}

int caller_check_hold(const struct caller *caller, struct dv_error *err)
{
	DV_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "var/lib/devvm/hold/%s", caller->name) < 0)
		return dv_fail(err, -ENOMEM, "look for a hold");
	if (faccessat(caller->env.root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return dv_refuse(err, -EBUSY, "%s is on hold: somebody works on their data (/%s)",
				 caller->name, path);
	return errno == ENOENT ? 0 : dv_fail(err, -errno, "look for /%s", path);
}

void caller_done(struct caller *caller)
{
	dv_closep(&caller->home_fd);
	free(caller->name);
	free(caller->home);
	config_done(&caller->config);
	env_done(&caller->env);
	*caller = CALLER_EMPTY;
}
