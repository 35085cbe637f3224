/* deny.c - see deny.h. The first line of a denial is shown to the person; the second tells ours
 * from an administrator's. */
#include "steps/deny.h"

#include <string.h>

#include "base/file.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"

#define SENTENCE                                                                                   \
	"Your access to this machine has ended: you are no longer on its list of people. Your "    \
	"files are kept; ask whoever runs this machine.\n"
#define MARK "# devvm: this account has left the roster; back on it, this file goes.\n"
#define MAX_BYTES 65536

enum denial {
	DENIAL_ABSENT,
	DENIAL_OURS,
	DENIAL_OTHERS, /* or not to be read: nothing of ours is like that */
};

static enum denial look(const struct env *env, const char *path)
{
	DV_AUTO_FREE char *text = NULL;
	struct stat st;
	size_t n_bytes = 0;
	int r = file_read(env->root_dirfd, path, MAX_BYTES, &text, &n_bytes, &st, NULL);

	if (r == -ENOENT)
		return DENIAL_ABSENT;
	return r == 0 && strcmp(text, SENTENCE MARK) == 0 && st.st_uid == geteuid() ? DENIAL_OURS
										    : DENIAL_OTHERS;
}

int deny_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err DV_UNUSED)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	char path[STEPS_PATH_BYTES];

	item_begin(&items);
	steps_person_path(path, STEPS_DENIED_FOLDER, context->person->name);
	if (look(context->env, path) == DENIAL_ABSENT)
		item_add(&items, STEP_ADD, "refuse logins: write /%s", path);
	return 0;
}

int deny_apply(struct step_context *context, struct dv_error *err)
{
	const struct file_spec spec = { .data = SENTENCE MARK,
					.n_bytes = sizeof(SENTENCE MARK) - 1,
					.mode = 0644,
					.uid = geteuid(),
					.gid = (gid_t)-1 };
	char path[STEPS_PATH_BYTES];
	int root_fd = context->env->root_dirfd;
	int r = file_make_dirs(root_fd, STEPS_DENIED_FOLDER, 0755, err);

	listing_outdate(&context->machine->denied);
	steps_person_path(path, STEPS_DENIED_FOLDER, context->person->name);
	if (r == 0)
		r = file_create(root_fd, path, &spec, err);
	return r == -EEXIST ? 0 : r; /* an administrator was faster */
}

int deny_lifted_check(struct step_context *context, enum step_verdict *ret_verdict,
		      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err DV_UNUSED)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	const char *name = context->person->name;
	char path[STEPS_PATH_BYTES];

	item_begin(&items);
	if (listing_ask(&context->machine->denied, context->env, STEPS_DENIED_FOLDER, name) ==
	    LISTING_ABSENT)
		return 0;
	steps_person_path(path, STEPS_DENIED_FOLDER, name);
	if (look(context->env, path) == DENIAL_OURS)
		item_add(&items, STEP_REMOVE, "allow logins again: remove /%s", path);
	return 0;
}

int deny_lifted_apply(struct step_context *context, struct dv_error *err)
{
	char path[STEPS_PATH_BYTES];

	listing_outdate(&context->machine->denied);
	steps_person_path(path, STEPS_DENIED_FOLDER, context->person->name);
	if (look(context->env, path) != DENIAL_OURS)
		return 0;
	return file_remove(context->env->root_dirfd, path, err);
}
