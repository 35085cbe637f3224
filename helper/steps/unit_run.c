/* unit_run.c - see unit_run.h. */
#include "steps/unit_run.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/str.h"

#define CLEAN_DEADLINE_MS 60000
#define ERROR_MAX 4096

static int explain(const struct env *env, const char *error_path, const char *what, int r,
		   const struct dv_error *systemd_err, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = file_open_beneath(env->root_dirfd, error_path, O_RDONLY, 0, NULL);
	char text[ERROR_MAX] = "";
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!*text || !str_is_utf8(text, strlen(text)) || str_has_control(text))
		return dv_refuse(err, r, "%s: %s", what, systemd_err->text);
	return dv_refuse(err, r, "%s: %.400s", what, text);
}

int unit_run(const struct env *env, const char *unit, const char *error_path, const char *what,
	     int64_t deadline_ms, struct dv_error *err)
{
	const char *const argv[] = { "systemctl", "start", unit, NULL };
	struct dv_error why = { "" };
	int r = process_run_ok(&(struct process_spec){ .argv = argv, .deadline_ms = deadline_ms },
			       &why);

	return r < 0 ? explain(env, error_path, what, r, &why, err) : 0;
}

void unit_run_clean(const char *unit)
{
	const char *const argv[] = { "systemctl", "clean", "--what=cache", unit, NULL };
	struct dv_error err = { "" };

	if (process_run_ok(&(struct process_spec){ .argv = argv,
						   .deadline_ms =
							   clock_deadline_ms(CLEAN_DEADLINE_MS) },
			   &err) < 0)
		log_debug("%s", err.text);
}
