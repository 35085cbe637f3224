/* backup_copy.h - what a person's own process leaves for root: a copy of their database, and words about it.
 *
 * Both are files in the CacheDirectory of devvm-backup-copy@USER, theirs to change at any time. The words are
 * JSON: `state` "ok" with `bytes`, `level`, `sha256` and `rows` ({"table": number} as text); "none", there
 * is no database; or "failed" with `error`.
 */
#ifndef DEVVM_STORE_BACKUP_COPY_H
#define DEVVM_STORE_BACKUP_COPY_H

#define BACKUP_COPY "copy.sqlite"
#define BACKUP_RESULT "result.json"
#define BACKUP_NO_LEVEL (-1) /* there is no table of migrations */

#endif
