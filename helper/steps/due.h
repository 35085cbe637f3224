/* due.h - whether a person's home job has anything to do. Pure. */
#ifndef DEVVM_STEPS_DUE_H
#define DEVVM_STEPS_DUE_H

#include <stdbool.h>

#include "config/config.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"

/* True when a home step has never run, ran for an older generation, failed and its retry
 * has come, or was confirmed longer ago than `home.refresh_minutes`. `log` holds the rows
 * of this person. People who are not present are never due. */
bool due_home(const struct people_row *person, const struct steps_log *log,
	      const struct config *config, int64_t now_usec);

#endif
