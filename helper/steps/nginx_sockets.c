/* nginx_sockets.c - see nginx_sockets.h. */
#include "steps/nginx_sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/nginx_user.h"
#include "units/manager.h"

#define DISPATCH "run/devvm/dispatch.sock"
#define DISPATCH_UNIT "devvm-dispatch.socket"
#define TERMINALS "run/devvm/ttyd"
#define TOLD_FILE "run/devvm/nginx-account"
#define TOLD_BYTES 64
#define SUFFIX ".sock"
#define UNIT_BYTES (STR_USER_NAME_MAX + 32)

static bool differs(int dirfd, const char *path, gid_t gid)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode) &&
	       st.st_gid != gid;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder); /* it was only read */
}

static int find_terminals(const struct env *env, gid_t gid, struct str_list *units)
{
	DV_AUTO_CLOSE int fd =
		openat(env->root_dirfd, TERMINALS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DV_CLEANUP(close_folder) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	(void)DV_TAKE_FD(fd); /* the stream's from here on */
	while (r == 0 && (entry = readdir(folder))) {
		size_t n = strlen(entry->d_name);
		char unit[UNIT_BYTES];

		if (n <= strlen(SUFFIX) || n - strlen(SUFFIX) > STR_USER_NAME_MAX ||
		    strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) != 0 ||
		    !differs(dirfd(folder), entry->d_name, gid))
			continue;
		(void)snprintf(unit, sizeof(unit), "ttyd@%.*s.socket", (int)(n - strlen(SUFFIX)),
			       entry->d_name);
		r = str_list_add(units, unit);
	}
	return r;
}

/* What is to be restarted; -ENOENT where there is no such account. */
static int find_units(struct step_context *context, struct str_list *units, struct dv_error *err)
{
	const struct env *env = context->env;
	struct nginx_group group;
	int r = nginx_user_group(context, &group, err);

	if (r < 0)
		return r;
	if (differs(env->root_dirfd, DISPATCH, group.gid))
		r = str_list_add(units, DISPATCH_UNIT);
	if (r == 0)
		r = find_terminals(env, group.gid, units);
	return r < 0 ? dv_fail(err, r, "look at the sockets in /" TERMINALS) : 0;
}

static struct file_spec told(const struct config *config, char ret_text[static TOLD_BYTES])
{
	(void)snprintf(ret_text, TOLD_BYTES, "%s\n", config->door_nginx_user);
	return (struct file_spec){ .data = ret_text,
				   .n_bytes = strlen(ret_text),
				   .mode = 0644,
				   .uid = getuid(),
				   .gid = getgid() };
}

int nginx_sockets_check(struct step_context *context, enum step_verdict *ret_verdict,
			char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list units = { 0 };
	char text[TOLD_BYTES];
	const struct file_spec spec = told(context->config, text);
	struct dv_error none = { "" };
	bool matches = false;
	int r = file_matches(context->env->root_dirfd, TOLD_FILE, &spec, &matches, err);

	*ret_verdict = STEP_FINE;
	if (r < 0 || matches)
		return r;
	r = find_units(context, &units, &none);
	*ret_verdict = r == -ENOENT ? STEP_SKIPPED : STEP_FINE; /* `nginx-user` says it */
	if (r < 0)
		return r == -ENOENT ? 0 : dv_refuse(err, r, "%s", none.text);
	if (units.n_items == 0)
		return 0;
	*ret_verdict = STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "open %zu sockets to %s, first %s", units.n_items,
		       context->config->door_nginx_user, units.items[0]);
	return 0;
}

int nginx_sockets_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list units = { 0 };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	char text[TOLD_BYTES];
	const struct file_spec spec = told(context->config, text);
	int r = find_units(context, &units, err);

	if (r == 0)
		r = manager_open(&manager, err);
	if (r == 0)
		r = manager_act(manager, MANAGER_RELOAD_OR_RESTART,
				(const char *const *)units.items, units.n_items, err);
	return r < 0 ? r : file_replace(context->env->root_dirfd, TOLD_FILE, &spec, err);
}
