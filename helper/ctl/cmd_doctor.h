/* cmd_doctor.h - `devvmctl doctor`. */
#ifndef DEVVM_CTL_CMD_DOCTOR_H
#define DEVVM_CTL_CMD_DOCTOR_H

#include "ctl/ctl.h"
#include "ctl/doctor.h"

/* Ask the helper, read devvm.yaml, run the table and print. CTL_OK: nothing is wrong. */
enum ctl_exit doctor_examine(const struct ctl *ctl, struct doctor *doctor, bool as_json);

#endif
