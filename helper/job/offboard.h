/* offboard.h - devvm-job offboard: what archiving somebody would do, and doing it.
 *
 * The one destructive part of leaving, and no reconcile comes here. Root enters no home: the
 * owner's own units read it into a descriptor that systemd opened, hold the archive against it
 * byte by byte, and empty it; root then removes an empty folder and the account. The archive is
 * complete, verified and noted in the ledger before anything is removed, so a run that was killed
 * is finished by the next one and never makes a second archive of half a home.
 */
#ifndef DEVVM_JOB_OFFBOARD_H
#define DEVVM_JOB_OFFBOARD_H

#include <sys/types.h>

#include "base/env.h"
#include "ledger/people.h"

#define OFFBOARD_HOMES "var/backups/devvm/homes" /* below the root: archives, 0600 root's */

struct offboard {
	struct env env;
	struct ledger *ledger;
	struct people_row person;

	bool has_account; /* one of this name and of the uid in the ledger */
	bool is_local;	  /* it stands in /etc/passwd */
	char *home;	  /* absolute; NULL without an account */
	bool has_home;	  /* there, a folder, and theirs */
	unsigned int n_sessions, n_processes;
	char first_process[64];	     /* "sleep, pid 123" */
	uint64_t n_bytes, n_entries; /* of the home; 0 where it was not measured */
};

/* Fill in what the machine says of the person. */
DV_MUST_CHECK int offboard_look(struct offboard *run, struct dv_error *err);
/* 0, or -EPERM with the sentence why they cannot be archived now. */
DV_MUST_CHECK int offboard_check(const struct offboard *run, struct dv_error *err);
/* Do it. `ret_text` gets a sentence on what was done. */
DV_MUST_CHECK int offboard_archive(struct offboard *run, char ret_text[static ERROR_MAX_BYTES],
				   struct dv_error *err);
/* Start a unit of this person's and wait for its end: hours, where a home is large. */
DV_MUST_CHECK int offboard_run_unit(const struct offboard *run, const char *prefix,
				    struct dv_error *err);

#endif
