/* database.h - a t3 database as the gate sees it: copied, looked at, filled.
 *
 * These run as the account that the database belongs to (box_call), never in the checker: sqlite reads what a
 * build under suspicion has written. Nobody else has the database open then.
 * Sources: t3's contract (DIR/userdata/state.sqlite in WAL mode, effect_sql_migrations.migration_id).
 */
#ifndef DEVVM_GATE_DATABASE_H
#define DEVVM_GATE_DATABASE_H

#include <stdint.h>

#include "base/error.h"

#define DATABASE_TABLES_MAX 128
#define DATABASE_NAME_BYTES 64

struct database_table {
	char name[DATABASE_NAME_BYTES];
	int64_t n_rows;
};

/* The same in two processes, so it holds no pointer. */
struct database_facts {
	uint32_t level;	   /* max(migration_id); 0 where there is none */
	uint32_t n_tables; /* those that were counted */
	struct database_table tables[DATABASE_TABLES_MAX];
};

struct database_place {
	const char *base_dir; /* absolute */
	int seed_fd;	      /* at its beginning; read with pread(2) */
};

/* Make base_dir anew (0700), and in it the seed's copy (0600). A seed of no bytes: no database. */
DV_MUST_CHECK int database_copy(void *unused, const void *place, struct dv_error *err);

/* Fill a struct database_facts. -EBADMSG where it is damaged (PRAGMA quick_check). */
DV_MUST_CHECK int database_look(void *facts, const void *place, struct dv_error *err);

/* Put rows into the tables of projections that are known by name, where they are; what a
 * table refuses stays out. */
DV_MUST_CHECK int database_fill(void *unused, const void *place, struct dv_error *err);

/* Take them out again. */
DV_MUST_CHECK int database_unfill(void *unused, const void *place, struct dv_error *err);

/* Pure: whether `after` may have come from `before` by a migration; if not, the sentence: a level that fell, a
 * table of projections that lost all its rows. */
DV_MUST_CHECK int database_compare(const struct database_facts *before,
				   const struct database_facts *after, struct dv_error *err);

#endif
