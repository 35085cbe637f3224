/* limits.c - see limits.h.
 *
 * One drop-in per template, so it counts for everybody's. systemd applies a changed one to
 * what runs, without a restart, when it reloads. An administrator's own drop-in that sorts
 * behind ours, or one for a single person, wins.
 */
#include "steps/limits.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/settle_note.h"
#include "steps/view.h"

static const char *const TEMPLATES[] = { "t3-serve@.service", "playwright-mcp@.service",
					 "ttyd@.service" };

#define TEXT_BYTES 256
#define FORMAT                                                                                     \
	"# Written by devvm from instances.* of /etc/devvm/devvm.yaml.\n"                          \
	"[Service]\n"                                                                              \
	"MemoryMax=%s\n"                                                                           \
	"TasksMax=%u\n"

static void folder_of(size_t at, char ret_path[static STEPS_PATH_BYTES])
{
	(void)snprintf(ret_path, STEPS_PATH_BYTES, STEPS_UNITS_FOLDER "/%s.d", TEMPLATES[at]);
}

static void path_of(size_t at, char ret_path[static STEPS_PATH_BYTES])
{
	(void)snprintf(ret_path, STEPS_PATH_BYTES, STEPS_UNITS_FOLDER "/%s.d/" STEPS_LIMITS_DROPIN,
		       TEMPLATES[at]);
}

static struct file_spec describe(const struct config *config, char ret_text[static TEXT_BYTES])
{
	(void)snprintf(ret_text, TEXT_BYTES, FORMAT, config->instances_memory_max,
		       config->instances_tasks_max);
	return (struct file_spec){ .data = ret_text,
				   .n_bytes = strlen(ret_text),
				   .mode = 0644,
				   .uid = getuid(),
				   .gid = getgid() };
}

static bool is_installed(const struct env *env, size_t at)
{
	char path[STEPS_PATH_BYTES];

	(void)snprintf(path, sizeof(path), STEPS_VENDOR_UNITS_FOLDER "/%s", TEMPLATES[at]);
	return faccessat(env->root_dirfd, path, F_OK, 0) == 0;
}

int limits_check(struct step_context *context, enum step_verdict *ret_verdict,
		 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	char text[TEXT_BYTES];
	const struct file_spec spec = describe(context->config, text);

	item_begin(&items);
	*ret_verdict = STEP_SKIPPED;
	for (size_t i = 0; i < DV_COUNT(TEMPLATES); i++) {
		char path[STEPS_PATH_BYTES];
		bool matches = false;
		int r;

		if (!is_installed(context->env, i))
			continue;
		if (*ret_verdict == STEP_SKIPPED)
			*ret_verdict = STEP_FINE;
		path_of(i, path);
		r = file_matches(context->env->root_dirfd, path, &spec, &matches, err);
		if (r < 0)
			return r;
		if (!matches)
			item_add(&items, item_mark_of(context->env, path), "write /%s", path);
	}
	return 0;
}

int limits_apply(struct step_context *context, struct dv_error *err)
{
	char text[TEXT_BYTES];
	const struct file_spec spec = describe(context->config, text);
	int root_fd = context->env->root_dirfd;
	int r = settle_note(context->machine, SETTLE_RELOAD, err);

	for (size_t i = 0; r == 0 && i < DV_COUNT(TEMPLATES); i++) {
		char path[STEPS_PATH_BYTES];

		if (!is_installed(context->env, i))
			continue;
		folder_of(i, path);
		r = file_make_dirs(root_fd, path, 0755, err);
		if (r < 0)
			break;
		path_of(i, path);
		r = file_replace(root_fd, path, &spec, err);
	}
	return r;
}
