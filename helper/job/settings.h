/* settings.h - devvm.yaml for the jobs that people wait for. */
#ifndef DEVVM_JOB_SETTINGS_H
#define DEVVM_JOB_SETTINGS_H

#include "config/config_good.h"

/* Where the file is not good, the last good one, which the journal is told. `config` is empty. */
DV_MUST_CHECK int settings_load(struct config *config, const struct env *env, struct dv_error *err);

#endif
