/* rollouts.h - the last runs of the updater as rows of `status`, each followed by its states. */
#ifndef DEVVM_DAEMON_ROLLOUTS_H
#define DEVVM_DAEMON_ROLLOUTS_H

#include "ledger/update_log.h"
#include "wire/record.h"

#define ROLLOUTS_SHOWN 5

/* Where it is at: zero-initialise. Nothing is held between two rows. */
struct rollouts {
	int64_t run, seq;    /* written last; run 0: none yet */
	unsigned int n_runs; /* begun so far */
};

/* 1 with a record written, 0 behind the last. */
DV_MUST_CHECK int rollouts_next(struct rollouts *rollouts, struct ledger *ledger,
				struct record_writer *writer, struct dv_error *err);

#endif
