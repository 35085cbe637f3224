/* ticket.h - the ticket of one person, from the file into the PAM environment. */
#ifndef DEVVM_PAM_TICKET_H
#define DEVVM_PAM_TICKET_H

#include <security/pam_modules.h>

#include "base/error.h"

/* Put each line of `user`'s ticket into the PAM environment. `user` has passed
 * str_is_user_name(). Does not block. All of the ticket or none of it: 0; -ENOENT
 * when there is none; another -errno when what is there is not as the reconcile
 * writes it (owner, mode, links, type, size, text). */
DV_MUST_CHECK int ticket_put(pam_handle_t *pamh, const char *user, struct dv_error *err);

#endif
