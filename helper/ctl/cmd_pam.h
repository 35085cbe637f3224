/* cmd_pam.h - `devvmctl pam`: the module in and out of the PAM stacks. */
#ifndef DEVVM_CTL_CMD_PAM_H
#define DEVVM_CTL_CMD_PAM_H

#include "base/env.h"
#include "ctl/ctl.h"

#define PAM_UPDATE_TOOL "/usr/sbin/pam-auth-update"

/* On which machine: its root, and its pam-auth-update(8). */
struct pam_machine {
	const struct env *env;
	const char *tool;
};

enum ctl_exit pam_run_enable(const struct ctl *ctl, const struct pam_machine *machine);
enum ctl_exit pam_run_disable(const struct ctl *ctl, const struct pam_machine *machine);
enum ctl_exit pam_run_status(const struct ctl *ctl, const struct pam_machine *machine);

/* For doctor: what is not as `enable` leaves it, in `ret_what`; "" when all is. */
DV_MUST_CHECK int pam_find_trouble(const struct pam_machine *machine,
				   char ret_what[static ERROR_MAX_BYTES], struct dv_error *err);

#endif
