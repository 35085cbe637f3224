/* nginx_user.c - see nginx_user.h.
 *
 * nginx's workers have the group of their account's name, unless `user` in nginx.conf names another; where there is
 * none of that name it is the account's own. An administrator's own drop-in that sorts behind ours wins.
 */
#include "steps/nginx_user.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/settle_note.h"
#include "steps/view.h"

#define IN_THE_UNITS "www-data"
#define DROPIN "/50-devvm-nginx.conf"
#define TEXT_BYTES 256
#define HEAD "# Written by devvm from door.nginx_user of /etc/devvm/devvm.yaml.\n"

static const struct {
	const char *unit;
	bool is_socket;
} UNITS[] = {
	{ "devvm-dispatch.socket", true },
	{ "devvm-dispatch.service", false },
	{ "ttyd@.socket", true },
};

struct wanted {
	char path[STEPS_PATH_BYTES], text[TEXT_BYTES];
	struct file_spec spec;
	bool is_there; /* a file is wanted */
};

static bool is_installed(const struct env *env, size_t at)
{
	char path[STEPS_PATH_BYTES];

	(void)snprintf(path, sizeof(path), STEPS_VENDOR_UNITS_FOLDER "/%s", UNITS[at].unit);
	return faccessat(env->root_dirfd, path, F_OK, 0) == 0;
}

int nginx_user_group(struct step_context *context, struct nginx_group *ret_group,
		     struct dv_error *err)
{
	const char *user = context->config->door_nginx_user;
	const struct view_account *account = NULL;
	const struct view_group *group;
	int r = view_ask_account(context->machine, user, &account, err);

	if (r < 0)
		return r;
	if (!account)
		return dv_refuse(err, -ENOENT,
				 "door.nginx_user: there is no account %s: correct "
				 "/" CONFIG_PATH ", or create it",
				 user);
	group = view_group(context->machine, user);
	if (!group)
		return dv_fail(err, -ENOMEM, "look for the group %s", user);
	*ret_group = (struct nginx_group){ .gid = group->exists ? group->gid : account->gid };
	if (group->exists)
		(void)snprintf(ret_group->name, sizeof(ret_group->name), "%s", user);
	else
		(void)snprintf(ret_group->name, sizeof(ret_group->name), "%u", account->gid);
	return 0;
}

static int describe(struct step_context *context, size_t at, struct wanted *ret_wanted,
		    struct dv_error *err)
{
	const char *user = context->config->door_nginx_user;
	struct nginx_group group = { 0 };
	int r = 0;

	(void)snprintf(ret_wanted->path, sizeof(ret_wanted->path),
		       STEPS_UNITS_FOLDER "/%s.d" DROPIN, UNITS[at].unit);
	ret_wanted->is_there = strcmp(user, IN_THE_UNITS) != 0;
	if (ret_wanted->is_there)
		r = nginx_user_group(context, &group, err);
	if (UNITS[at].is_socket)
		(void)snprintf(ret_wanted->text, TEXT_BYTES, HEAD "[Socket]\nSocketGroup=%s\n",
			       group.name);
	else
		(void)snprintf(ret_wanted->text, TEXT_BYTES,
			       HEAD "[Service]\nEnvironment=DEVVM_NGINX_USER=%s\n", user);
	ret_wanted->spec = (struct file_spec){ .data = ret_wanted->text,
					       .n_bytes = strlen(ret_wanted->text),
					       .mode = 0644,
					       .uid = getuid(),
					       .gid = getgid() };
	return r;
}

static int look(struct step_context *context, const struct wanted *wanted,
		const struct item_list *items, struct dv_error *err)
{
	int root_fd = context->env->root_dirfd;
	bool matches = false;
	int r = 0;

	if (wanted->is_there)
		r = file_matches(root_fd, wanted->path, &wanted->spec, &matches, err);
	else
		matches = faccessat(root_fd, wanted->path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	if (r == 0 && !matches && wanted->is_there)
		item_add(items, item_mark_of(context->env, wanted->path), "write /%s",
			 wanted->path);
	else if (r == 0 && !matches)
		item_add(items, STEP_REMOVE, "remove /%s", wanted->path);
	return r;
}

int nginx_user_check(struct step_context *context, enum step_verdict *ret_verdict,
		     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	bool any = false;

	item_begin(&items);
	for (size_t i = 0; i < DV_COUNT(UNITS); i++) {
		struct wanted wanted;
		int r;

		if (!is_installed(context->env, i))
			continue;
		any = true;
		r = describe(context, i, &wanted, err);
		if (r == 0)
			r = look(context, &wanted, &items, err);
		if (r < 0)
			return r;
	}
	if (!any)
		*ret_verdict = STEP_SKIPPED;
	return 0;
}

static int put(int root_fd, size_t at, const struct wanted *wanted, struct dv_error *err)
{
	char folder[STEPS_PATH_BYTES];
	int r;

	if (!wanted->is_there)
		return file_remove(root_fd, wanted->path, err);
	(void)snprintf(folder, sizeof(folder), STEPS_UNITS_FOLDER "/%s.d", UNITS[at].unit);
	r = file_make_dirs(root_fd, folder, 0755, err);
	return r < 0 ? r : file_replace(root_fd, wanted->path, &wanted->spec, err);
}

int nginx_user_apply(struct step_context *context, struct dv_error *err)
{
	int r = settle_note(context->machine, SETTLE_RELOAD, err);

	for (size_t i = 0; r == 0 && i < DV_COUNT(UNITS); i++) {
		struct wanted wanted;

		if (!is_installed(context->env, i))
			continue;
		r = describe(context, i, &wanted, err);
		if (r == 0)
			r = put(context->env->root_dirfd, i, &wanted, err);
	}
	return r;
}
