/* cgroup.h - whether a unit of a template runs, and what runs in it, from its cgroup.
 *
 * A file of the kernel's instead of a question to systemd: it costs microseconds and PID 1
 * nothing. systemd puts instances of NAME@.service into system-NAME.slice
 * (systemd.slice(5)); the hierarchy is the unified one, or systemd's own in a hybrid set-up.
 */
#ifndef DEVVM_UNITS_CGROUP_H
#define DEVVM_UNITS_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/env.h"

/* Open the cgroup of "t3-serve@emo.service" below env's root; an O_DIRECTORY fd, -ENOENT when
 * it does not run. */
DV_MUST_CHECK int cgroup_open(const struct env *env, const char *unit, struct dv_error *err);

/* The same of a path as systemd shows ControlGroup: "/user.slice/…". */
DV_MUST_CHECK int cgroup_open_path(const struct env *env, const char *path, struct dv_error *err);

/* Every process in it and below it. *ret_pids is the caller's. A process that comes or goes
 * meanwhile may be missed. */
DV_MUST_CHECK int cgroup_list(int cgroup_fd, pid_t **ret_pids, size_t *ret_n_pids,
			      struct dv_error *err);

#endif
