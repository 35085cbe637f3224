/* restore.h - put a copy in the place of the caller's own t3 database, and keep what was there.
 *
 * Model: the copy is written beside, and looked at; then what is there (the database, its -wal, -shm and -journal)
 * goes aside as a set, into a folder that has its name only when it is whole; then the copy is renamed. So
 * whoever was killed can be run again, however far it was: what lies in the place then, the copy or something of
 * the person's, goes into a folder of its own. Nothing may run on the database meanwhile.
 * (An old -wal beside a restored database would be replayed silently: https://sqlite.org/wal.html; an old -journal is
 * rolled back into it: https://sqlite.org/howtocorrupt.html.)
 */
#ifndef DEVVM_AGENT_RESTORE_H
#define DEVVM_AGENT_RESTORE_H

#include <stdint.h>

#include "base/error.h"

/* In the folder `folder_fd`: put what `copy_fd` reads in the place, and what was there into the folder
 * `aside`. The working directory must be that folder. -EBADMSG where the copy is not `sha256`. With
 * RESTORE_NO_COPY what was there only goes aside. */
#define RESTORE_NO_COPY "none"
DV_MUST_CHECK int restore_place(int folder_fd, int copy_fd, const char *aside, const char *sha256,
				int64_t deadline_ms, struct dv_error *err);

#endif
