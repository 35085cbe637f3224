/* status_text.h - the answer to `status` for a reader: a table, or one person. */
#ifndef DEVVM_CTL_STATUS_TEXT_H
#define DEVVM_CTL_STATUS_TEXT_H

#include "ctl/ctl.h"
#include "wire/status.h"

/* Everybody as a table, then a sentence for whatever is not as it should be. -ENOMEM. */
DV_MUST_CHECK int status_print_table(const struct status *status, const struct ctl *ctl,
				     int64_t now_usec);
/* One person with each step. */
DV_MUST_CHECK int status_print_person(const struct status_person *person, const struct ctl *ctl,
				      int64_t now_usec);

#endif
