/* instance.c - see instance.h. */
#include "steps/instance.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "steps/instance_units.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/settle_note.h"
#include "steps/view.h"

#define DROPIN_FORMAT                                                                              \
	"# Written by devvm; the port is %s's for good.\n"                                         \
	"[Socket]\n"                                                                               \
	"ListenStream=127.0.0.1:%u\n"                                                              \
	"ListenStream=[::1]:%u\n"
#define DROPIN_BYTES 256
#define PATH_BYTES 160
#define LINK_BYTES 128

#define SOCKET (&INSTANCE_UNITS[0])

static void dropin_folder(const char *user, char ret_path[static PATH_BYTES])
{
	(void)snprintf(ret_path, PATH_BYTES, STEPS_UNITS_FOLDER "/%s%s%s.d", SOCKET->prefix, user,
		       SOCKET->suffix);
}

static void dropin_path(const char *user, char ret_path[static PATH_BYTES])
{
	char folder[PATH_BYTES];

	dropin_folder(user, folder);
	(void)snprintf(ret_path, PATH_BYTES, "%.*s/" STEPS_UNITS_DROPIN,
		       PATH_BYTES - (int)sizeof(STEPS_UNITS_DROPIN) - 1, folder);
}

static struct file_spec describe_dropin(const struct people_row *person,
					char ret_text[static DROPIN_BYTES])
{
	unsigned int port = person->ports[PEOPLE_PORT_PLAYWRIGHT];

	(void)snprintf(ret_text, DROPIN_BYTES, DROPIN_FORMAT, person->name, port, port);
	return (struct file_spec){ .data = ret_text,
				   .n_bytes = strlen(ret_text),
				   .mode = 0644,
				   .uid = getuid(),
				   .gid = getgid() };
}

static void wants_folder(const struct instance_unit *unit, char ret_path[static PATH_BYTES])
{
	(void)snprintf(ret_path, PATH_BYTES, STEPS_UNITS_FOLDER "/%s", unit->wants);
}

static void link_path(const struct instance_unit *unit, const char *user,
		      char ret_path[static PATH_BYTES])
{
	(void)snprintf(ret_path, PATH_BYTES, STEPS_UNITS_FOLDER "/%s/%s%s%s", unit->wants,
		       unit->prefix, user, unit->suffix);
}

enum link_state {
	LINK_ABSENT,
	LINK_OURS,  /* to this template */
	LINK_OTHER, /* to something else: whoever made it must know */
};

/* A template may be linked by either of /usr/lib and /lib: what counts is its name. */
static enum link_state read_link(const struct env *env, const struct instance_unit *unit,
				 const char *path)
{
	char target[LINK_BYTES], wanted[INSTANCE_UNIT_BYTES];
	ssize_t n = readlinkat(env->root_dirfd, path, target, sizeof(target) - 1);
	const char *base;

	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR ? LINK_ABSENT : LINK_OTHER;
	target[n] = '\0';
	base = strrchr(target, '/');
	instance_unit_name(unit, "", wanted);
	return strcmp(base ? base + 1 : target, wanted) == 0 ? LINK_OURS : LINK_OTHER;
}

static bool is_enabled(const struct instance_unit *unit, const struct step_context *context)
{
	return instance_want(unit, context->person, context->config) == INSTANCE_UP;
}

static struct listing *wants_listing(const struct step_context *context,
				     const struct instance_unit *unit)
{
	return &context->machine->wants[unit - INSTANCE_UNITS];
}

/* Whether the link is there or not as it should be; one to something else always is. What the
 * folder's listing has is looked at only where it must go. */
static bool link_is_right(const struct step_context *context, const struct instance_unit *unit)
{
	bool wanted = is_enabled(unit, context);
	char name[INSTANCE_UNIT_BYTES], path[PATH_BYTES];
	enum link_state state;

	instance_unit_name(unit, context->person->name, name);
	wants_folder(unit, path);
	switch (listing_ask(wants_listing(context, unit), context->env, path, name)) {
	case LISTING_PRESENT:
		if (wanted)
			return true;
		break;
	case LISTING_ABSENT:
		return !wanted;
	case LISTING_UNKNOWN:
		break;
	}
	link_path(unit, context->person->name, path);
	state = read_link(context->env, unit, path);
	return state == LINK_OTHER || (state == LINK_OURS) == wanted;
}

int instance_check(struct step_context *context, enum step_verdict *ret_verdict,
		   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	const struct people_row *person = context->person;
	char text[DROPIN_BYTES], path[PATH_BYTES];
	struct file_spec spec = describe_dropin(person, text);
	bool matches = true;
	int r;

	item_begin(&items);
	*ret_verdict = STEP_SKIPPED;
	if (!*instance_template(context->machine, SOCKET) || !person->ports[PEOPLE_PORT_PLAYWRIGHT])
		return 0;
	*ret_verdict = STEP_FINE;
	dropin_path(person->name, path);
	r = file_matches(context->env->root_dirfd, path, &spec, &matches, err);
	if (r < 0)
		return r;
	if (!matches)
		item_add(&items, item_mark_of(context->env, path), "write /%s", path);
	for (const struct instance_unit *unit = INSTANCE_UNITS; unit->prefix; unit++) {
		if (!unit->wants || !*instance_template(context->machine, unit) ||
		    link_is_right(context, unit))
			continue;
		if (is_enabled(unit, context))
			item_add(&items, STEP_ADD, "enable %s%s%s", unit->prefix, person->name,
				 unit->suffix);
		else
			item_add(&items, STEP_REMOVE, "disable %s%s%s", unit->prefix, person->name,
				 unit->suffix);
	}
	return 0;
}

static int put_link(const struct step_context *context, const struct instance_unit *unit,
		    struct dv_error *err)
{
	int root_fd = context->env->root_dirfd;
	char path[PATH_BYTES], folder[PATH_BYTES];
	enum link_state state;
	int r;

	link_path(unit, context->person->name, path);
	state = read_link(context->env, unit, path);
	if (state == LINK_OTHER || (state == LINK_OURS) == is_enabled(unit, context))
		return 0;
	listing_outdate(wants_listing(context, unit));
	if (state == LINK_OURS)
		return file_remove(root_fd, path, err);
	wants_folder(unit, folder);
	r = file_make_dirs(root_fd, folder, 0755, err);
	if (r == 0 && symlinkat(instance_template(context->machine, unit), root_fd, path) < 0)
		r = dv_fail(err, -errno, "link /%s", path);
	return r;
}

static int put_dropin(const struct step_context *context, struct dv_error *err)
{
	int root_fd = context->env->root_dirfd;
	char text[DROPIN_BYTES], path[PATH_BYTES], folder[PATH_BYTES];
	struct file_spec spec = describe_dropin(context->person, text);
	bool matches = false;
	int r;

	dropin_folder(context->person->name, folder);
	dropin_path(context->person->name, path);
	r = file_matches(root_fd, path, &spec, &matches, err);
	if (r < 0 || matches)
		return r;
	file_sweep(root_fd, folder); /* of a job that was killed here */
	r = file_make_dirs(root_fd, folder, 0755, err);
	return r < 0 ? r : file_replace(root_fd, path, &spec, err);
}

int instance_apply(struct step_context *context, struct dv_error *err)
{
	int r = settle_note(context->machine, SETTLE_PEOPLE, err);

	if (r == 0)
		r = put_dropin(context, err);
	for (const struct instance_unit *unit = INSTANCE_UNITS; r == 0 && unit->prefix; unit++) {
		if (unit->wants && *instance_template(context->machine, unit))
			r = put_link(context, unit, err);
	}
	return r;
}

bool instance_is_removed(struct reconcile_view *view, const char *name)
{
	char path[PATH_BYTES];

	for (const struct instance_unit *unit = INSTANCE_UNITS; unit->prefix; unit++) {
		if (!unit->wants)
			continue;
		link_path(unit, name, path);
		if (read_link(view->env, unit, path) == LINK_OURS)
			return false;
	}
	dropin_path(name, path);
	return faccessat(view->env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

int instance_remove(struct reconcile_view *view, const char *name, struct dv_error *err)
{
	char path[PATH_BYTES];
	int r = settle_note(view, SETTLE_PEOPLE, err);

	for (const struct instance_unit *unit = INSTANCE_UNITS; r == 0 && unit->prefix; unit++) {
		if (!unit->wants)
			continue;
		link_path(unit, name, path);
		if (read_link(view->env, unit, path) == LINK_OURS)
			r = file_remove(view->env->root_dirfd, path, err);
	}
	if (r < 0)
		return r;
	dropin_path(name, path);
	r = file_remove(view->env->root_dirfd, path, err);
	dropin_folder(name, path);
	/* One that holds something else is not ours alone. */
	(void)unlinkat(view->env->root_dirfd, path, AT_REMOVEDIR);
	return r;
}
