/* keys.c - the roster's ssh keys, in root-owned files that sshd reads beside the
 * person's own authorized_keys. Nothing is written into a home, and no daemon stands
 * between a key and a login. */
#include "steps/keys.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"

/* sshd reads the file as the person: it must be readable, and StrictModes wants that
 * nobody but root can write it or its folders (sshd_config(5)). */
#define KEYS_MODE 0644

static int compose(const struct people_row *person, char **ret_text, struct file_spec *ret_spec,
		   struct dv_error *err)
{
	if (asprintf(ret_text, "%s\n", person->ssh_keys) < 0)
		return dv_fail(err, -ENOMEM, "write the ssh keys");
	*ret_spec = (struct file_spec){ .data = *ret_text,
					.n_bytes = strlen(*ret_text),
					.mode = KEYS_MODE,
					.uid = geteuid(),
					.gid = (gid_t)-1 };
	return 0;
}

static bool has_file(const struct step_context *context, const char *path)
{
	enum listing_answer answer = listing_ask(&context->machine->keys, context->env,
						 STEPS_KEYS_FOLDER, context->person->name);

	return answer == LISTING_PRESENT ||
	       (answer == LISTING_UNKNOWN &&
		faccessat(context->env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
}

int keys_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	const struct people_row *person = context->person;
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;
	char path[STEPS_PATH_BYTES];
	bool matches = false;
	int r;

	item_begin(&items);
	steps_person_path(path, STEPS_KEYS_FOLDER, person->name);
	if (!*person->ssh_keys) {
		if (has_file(context, path))
			item_add(&items, STEP_REMOVE, "remove /%s", path);
		return 0;
	}
	r = compose(person, &text, &spec, err);
	if (r == 0)
		r = file_matches(context->env->root_dirfd, path, &spec, &matches, err);
	if (r == 0 && !matches)
		item_add(&items, item_mark_of(context->env, path), "write /%s", path);
	return r;
}

int keys_apply(struct step_context *context, struct dv_error *err)
{
	const struct people_row *person = context->person;
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;
	char path[STEPS_PATH_BYTES];
	int r;

	listing_outdate(&context->machine->keys);
	if (!*person->ssh_keys)
		return keys_remove(context->env, person->name, err);
	steps_person_path(path, STEPS_KEYS_FOLDER, person->name);
	r = file_make_dirs(context->env->root_dirfd, STEPS_KEYS_FOLDER, 0755, err);
	if (r == 0)
		r = compose(person, &text, &spec, err);
	return r < 0 ? r : file_replace(context->env->root_dirfd, path, &spec, err);
}

int keys_remove(const struct env *env, const char *name, struct dv_error *err)
{
	char path[STEPS_PATH_BYTES];

	steps_person_path(path, STEPS_KEYS_FOLDER, name);
	return file_remove(env->root_dirfd, path, err);
}
