/* systemctl.c - see systemctl.h. */
#include "move/systemctl.h"

#include "base/clock.h"
#include "base/process.h"
#include "base/str.h"

#define UNIT_BYTES (64 + STR_USER_NAME_MAX)

int systemctl_run(const char *verb, const char *prefix, const char *user, int64_t total_ms,
		  struct dv_error *err)
{
	char unit[UNIT_BYTES];
	const char *const argv[] = { "systemctl", verb, "--quiet", unit, NULL };
	struct dv_error why = { "" };
	int r;

	(void)snprintf(unit, sizeof(unit), "%s%s.service", prefix, user);
	r = process_run_ok(&(struct process_spec){ .argv = argv,
						   .deadline_ms = clock_deadline_ms(total_ms) },
			   &why);
	return r < 0 ? dv_refuse(err, r, "%s %s: journalctl -u '%s' says why", verb, unit, unit)
		     : 0;
}
