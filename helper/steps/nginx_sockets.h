/* nginx_sockets.h - the step `nginx-sockets`: what listens for nginx has the group of `door.nginx_user`.
 *
 * Part of the settle job, behind the reload of systemd, which gives a socket that listens no other group. One whose
 * group differs is restarted, and with it what it is for: devvm-dispatch, or a web terminal that nginx could open no more.
 * That is done once for an account and a boot (/run/devvm/nginx-account): a drop-in of an administrator's that says
 * something else has its way.
 */
#ifndef DEVVM_STEPS_NGINX_SOCKETS_H
#define DEVVM_STEPS_NGINX_SOCKETS_H

#include "steps/steps.h"

DV_MUST_CHECK int nginx_sockets_check(struct step_context *context, enum step_verdict *ret_verdict,
				      char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int nginx_sockets_apply(struct step_context *context, struct dv_error *err);

#endif
