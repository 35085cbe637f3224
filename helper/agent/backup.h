/* backup.h - a checked copy of the caller's own t3 database, taken while it is used.
 *
 * sqlite's VACUUM INTO reads in one transaction: in WAL mode no writer waits for it (only the log grows
 * meanwhile), and what it writes is one consistent state. The copy is looked at before it counts:
 * integrity, migration level, rows of each table. A deadline ends what takes too long, and the source is
 * opened read-only, so nothing of the person's is changed.
 */
#ifndef DEVVM_AGENT_BACKUP_H
#define DEVVM_AGENT_BACKUP_H

#include <stdint.h>

#include "base/digest.h"
#include "store/backup_copy.h"

struct backup_result {
	int64_t bytes;
	int64_t level; /* max(migration_id) of effect_sql_migrations */
	char sha256[DIGEST_HEX_BYTES];
	char *rows; /* {"table": rows} as JSON, sorted; the caller's */
};

/* Copy the database at `source` (absolute) to BACKUP_COPY in the folder `folder` (absolute, and open as
 * `folder_fd`), and look at the copy. -ENOENT: there is no database. -EMEDIUMTYPE: it is none, or damaged.
 * -ETIMEDOUT at `deadline_ms`, -ENOSPC with how much is missing. */
DV_MUST_CHECK int backup_make(const char *source, const char *folder, int folder_fd,
			      int64_t deadline_ms, struct backup_result *ret_result,
			      struct dv_error *err);
/* Look at a database that is not used; reads all of it. */
DV_MUST_CHECK int backup_look(const char *path, int64_t deadline_ms,
			      struct backup_result *ret_result, struct dv_error *err);
void backup_result_done(struct backup_result *result);

#define DV_AUTO_BACKUP_RESULT DV_CLEANUP(backup_result_done)

#endif
