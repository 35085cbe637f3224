/* update_timer.c - see update_timer.h.
 *
 * A drop-in of the timer: it may begin as soon as the window does, and update.jitter, which never
 * reaches behind its end, says by when it must. systemd computes its next time anew when it reloads, and starts nothing.
 * An administrator's own drop-in that sorts behind ours wins.
 */
#include "steps/update_timer.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/settle_note.h"
#include "steps/view.h"
#include "update/window.h"

#define TIMER "devvm-update.timer"
#define FOLDER STEPS_UNITS_FOLDER "/" TIMER ".d"
#define PATH FOLDER "/50-devvm-window.conf"
#define TEXT_BYTES 256
#define FORMAT                                                                                     \
	"# Written by devvm from update.window and update.jitter of /etc/devvm/devvm.yaml.\n"      \
	"[Timer]\n"                                                                                \
	"OnCalendar=\n"                                                                            \
	"OnCalendar=*-*-* %02u:%02u:00\n"                                                          \
	"RandomizedDelaySec=%umin\n"

static struct file_spec describe(const struct config *config, char ret_text[static TEXT_BYTES])
{
	const struct config_window *window = &config->update_window;
	unsigned int n_minutes = config->update_jitter == CONFIG_JITTER_WINDOW
					 ? window_minutes(window)
					 : config->update_jitter;

	(void)snprintf(ret_text, TEXT_BYTES, FORMAT, window->first / 60, window->first % 60,
		       n_minutes);
	return (struct file_spec){ .data = ret_text,
				   .n_bytes = strlen(ret_text),
				   .mode = 0644,
				   .uid = getuid(),
				   .gid = getgid() };
}

int update_timer_check(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	char text[TEXT_BYTES];
	const struct file_spec spec = describe(context->config, text);
	bool matches = false;
	int r;

	item_begin(&items);
	if (faccessat(context->env->root_dirfd, STEPS_VENDOR_UNITS_FOLDER "/" TIMER, F_OK, 0) < 0) {
		*ret_verdict = STEP_SKIPPED;
		return 0;
	}
	r = file_matches(context->env->root_dirfd, PATH, &spec, &matches, err);
	if (r == 0 && !matches)
		item_add(&items, item_mark_of(context->env, PATH), "write /%s", PATH);
	return r;
}

int update_timer_apply(struct step_context *context, struct dv_error *err)
{
	char text[TEXT_BYTES];
	const struct file_spec spec = describe(context->config, text);
	int r = settle_note(context->machine, SETTLE_RELOAD, err);

	if (r == 0)
		r = file_make_dirs(context->env->root_dirfd, FOLDER, 0755, err);
	return r < 0 ? r : file_replace(context->env->root_dirfd, PATH, &spec, err);
}
