/* validate.h - the roster's tiers against the live k8s_users map.
 *
 * The map is JSON: {"K8S_USER": {"tier"|"role": "power-user", ...}, ...}. A person whose tier there
 * differs is a conflict (the roster is refused), one who is not in it is a warning (the
 * grant is pending), admins are exempt.
 */
#ifndef DEVVM_ROSTER_VALIDATE_H
#define DEVVM_ROSTER_VALIDATE_H

#include "roster/roster.h"

struct validation {
	struct str_list errors;	  /* sentences, without "ERROR: " */
	struct str_list warnings; /* sentences, without "WARN: " */
};

/* `json_text` is the map. -EBADMSG when it is no such map. */
DV_MUST_CHECK int validate_tiers(struct validation *ret_validation, const struct roster *roster,
				 const char *json_text, struct dv_error *err);
void validation_done(struct validation *validation);

#define DV_AUTO_VALIDATION DV_CLEANUP(validation_done)

#endif
