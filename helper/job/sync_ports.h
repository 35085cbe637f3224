/* sync_ports.h - which ports people hold already, for derive() to leave them.
 *
 * Those of the ledger come first, tombstones' too. Who is not in the ledger may have had ports before
 * devvm: they stand in files of the scripts of that time, and are taken over where they can be. No such file
 * stops a reconcile: what cannot be taken over is told, and a new port is given.
 */
#ifndef DEVVM_JOB_SYNC_PORTS_H
#define DEVVM_JOB_SYNC_PORTS_H

#include "base/env.h"
#include "ledger/people.h"
#include "roster/derive.h"

struct sync_ports_input {
	const struct env *env;
	const struct config *config;
	const struct roster *roster;
	const struct people *before;   /* the ledger's, sorted by name */
	const struct str_list *reused; /* names that a file means somebody else by */
};

/* No port twice. The list is the caller's, its names are the input's. -ENOMEM. */
DV_MUST_CHECK int sync_ports_list(const struct sync_ports_input *input,
				  struct derive_port **ret_given, size_t *ret_n_given,
				  struct dv_error *err);

#endif
