/* ticket.h - the ticket of one person, from the file into the PAM environment; and the touch
 * that tells devvm-helperd who has just logged in. */
#ifndef DEVVM_PAM_TICKET_H
#define DEVVM_PAM_TICKET_H

#include <security/pam_modules.h>

#include "base/error.h"

enum ticket_use {
	TICKET_LOGIN,  /* somebody comes: touched when all of it is put */
	TICKET_REPEAT, /* the environment once more, nothing else */
};

/* Put each line of `user`'s ticket into the PAM environment. `user` has passed
 * str_is_user_name(). Does not block. All of the ticket or none of it: 0; -ENOENT
 * when there is none; another -errno when what is there is not as the reconcile
 * writes it (owner, mode, links, type, size, text). */
DV_MUST_CHECK int ticket_put(pam_handle_t *pamh, const char *user, enum ticket_use use,
			     struct dv_error *err);

#endif
