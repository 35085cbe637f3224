/* nginx_user.h - the step `nginx-user`: which account nginx has, for what lets it alone in.
 *
 * `door.nginx_user` says it. The units have www-data; for another one each gets a drop-in, 50-devvm-nginx.conf: its
 * group for the sockets of devvm-dispatch and of the web terminals, its name for devvm-dispatch, which looks at the
 * uid. (The third that lets it in is the table of ports: the step `fence`.) With www-data there are none. What listens
 * already gets its group by the step `nginx-sockets`.
 */
#ifndef DEVVM_STEPS_NGINX_USER_H
#define DEVVM_STEPS_NGINX_USER_H

#include "base/str.h"
#include "steps/steps.h"

/* That of its workers: of the account's name, or, where there is none, the account's own. */
struct nginx_group {
	gid_t gid;
	char name[STR_USER_NAME_MAX + 1]; /* or its number */
};

/* -ENOENT, with a sentence, where no such account exists. */
DV_MUST_CHECK int nginx_user_group(struct step_context *context, struct nginx_group *ret_group,
				   struct dv_error *err);

/* -ENOENT as above. */
DV_MUST_CHECK int nginx_user_check(struct step_context *context, enum step_verdict *ret_verdict,
				   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
DV_MUST_CHECK int nginx_user_apply(struct step_context *context, struct dv_error *err);

#endif
