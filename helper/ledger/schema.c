/* schema.c - see schema.h. */
#include "ledger/schema.h"

#include "ledger/sql.h"

/* Migration n brings a database from user_version n to n + 1. Rows are only ever added
 * at the end. */
static const char *const SCHEMA_MIGRATIONS[] = {
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE people ("
	" name TEXT PRIMARY KEY,"
	" identity TEXT NOT NULL, k8s_user TEXT NOT NULL, tier TEXT NOT NULL,"
	" shell TEXT NOT NULL, groups TEXT NOT NULL, layout TEXT NOT NULL,"
	" repos TEXT NOT NULL, ssh_keys TEXT NOT NULL,"
	" parked INTEGER NOT NULL, eager INTEGER NOT NULL, wanted_uid INTEGER NOT NULL,"
	" state TEXT NOT NULL, generation INTEGER NOT NULL,"
	" uid INTEGER NOT NULL DEFAULT -1,"
	" account TEXT NOT NULL DEFAULT 'unknown',"
	" login TEXT NOT NULL DEFAULT 'unknown',"
	" token_digest TEXT"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX people_by_uid ON people (uid);"
	"CREATE TABLE ports ("
	" port INTEGER PRIMARY KEY, service TEXT NOT NULL,"
	" name TEXT NOT NULL REFERENCES people (name) ON UPDATE CASCADE,"
	" UNIQUE (name, service)"
	") STRICT;"
	"CREATE TABLE steps ("
	" name TEXT NOT NULL, step TEXT NOT NULL, status TEXT NOT NULL,"
	" error TEXT, fingerprint TEXT, generation INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL, next_retry_usec INTEGER NOT NULL,"
	" updated_usec INTEGER NOT NULL,"
	" PRIMARY KEY (name, step)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE shared_tokens (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"
	"CREATE TABLE events ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, at_usec INTEGER NOT NULL,"
	" priority INTEGER NOT NULL, name TEXT, step TEXT, text TEXT NOT NULL"
	") STRICT;",
	"CREATE TABLE looks ("
	" name TEXT PRIMARY KEY, idle_since_usec INTEGER NOT NULL,"
	" agent_ticks INTEGER NOT NULL, agent_start INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"ALTER TABLE people ADD COLUMN cut INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE people ADD COLUMN archive TEXT;",
	"CREATE TABLE secrets ("
	" name TEXT PRIMARY KEY, source TEXT NOT NULL, version TEXT,"
	" staged_usec INTEGER NOT NULL, error TEXT"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE tools ("
	" name TEXT PRIMARY KEY, version TEXT NOT NULL, pin TEXT NOT NULL,"
	" digest TEXT NOT NULL, links TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE mirrors ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, route TEXT NOT NULL,"
	" state TEXT NOT NULL, started_usec INTEGER NOT NULL, ended_usec INTEGER NOT NULL,"
	" checked INTEGER NOT NULL, copied INTEGER NOT NULL, deleted INTEGER NOT NULL,"
	" errors INTEGER NOT NULL, bytes INTEGER NOT NULL, text TEXT"
	") STRICT;"
	"CREATE INDEX mirrors_by_name ON mirrors (name, id);",
	"CREATE TABLE backups ("
	" name TEXT NOT NULL, id TEXT NOT NULL, reason TEXT NOT NULL, is_ok INTEGER NOT NULL,"
	" took_ms INTEGER NOT NULL, bytes INTEGER NOT NULL, level INTEGER NOT NULL,"
	" sha256 TEXT, rows TEXT, needed_by TEXT, error TEXT,"
	" PRIMARY KEY (name, id)"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE update_runs ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, began_usec INTEGER NOT NULL,"
	" ended_usec INTEGER NOT NULL, state TEXT NOT NULL, from_version TEXT NOT NULL,"
	" to_version TEXT NOT NULL, integrity TEXT NOT NULL, outcome TEXT NOT NULL,"
	" reason TEXT NOT NULL, boot TEXT NOT NULL"
	") STRICT;"
	"CREATE TABLE update_transitions ("
	" run INTEGER NOT NULL, seq INTEGER NOT NULL, at_usec INTEGER NOT NULL,"
	" state TEXT NOT NULL, person TEXT, text TEXT NOT NULL,"
	" PRIMARY KEY (run, seq)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE known_bad ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, version TEXT NOT NULL,"
	" since_usec INTEGER NOT NULL, run INTEGER NOT NULL, reason TEXT NOT NULL,"
	" forgiven_usec INTEGER NOT NULL"
	") STRICT;",
	"CREATE TABLE restores ("
	" name TEXT PRIMARY KEY, id TEXT NOT NULL, state INTEGER NOT NULL,"
	" began_usec INTEGER NOT NULL, was_running INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE moves ("
	" name TEXT PRIMARY KEY, run INTEGER NOT NULL, from_version TEXT NOT NULL,"
	" to_version TEXT NOT NULL, state TEXT NOT NULL, copy TEXT NOT NULL,"
	" level INTEGER NOT NULL, began_usec INTEGER NOT NULL, moved_usec INTEGER NOT NULL,"
	" was_running INTEGER NOT NULL, reason TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE deferrals ("
	" name TEXT PRIMARY KEY, version TEXT NOT NULL, since_usec INTEGER NOT NULL,"
	" not_before_usec INTEGER NOT NULL, told_usec INTEGER NOT NULL, why TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE gates ("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, version TEXT NOT NULL,"
	" seed TEXT NOT NULL, at_usec INTEGER NOT NULL, outcome TEXT NOT NULL,"
	" failed_check TEXT NOT NULL, text TEXT NOT NULL, start_ms INTEGER NOT NULL,"
	" memory_kib INTEGER NOT NULL, from_level INTEGER NOT NULL, to_level INTEGER NOT NULL,"
	" total_ms INTEGER NOT NULL"
	") STRICT;",
	"CREATE TABLE watches ("
	" name TEXT PRIMARY KEY, fails INTEGER NOT NULL, started_usec INTEGER NOT NULL,"
	" first_fail_usec INTEGER NOT NULL,"
	" restart_1_usec INTEGER NOT NULL, restart_2_usec INTEGER NOT NULL,"
	" restart_3_usec INTEGER NOT NULL, alerted_usec INTEGER NOT NULL,"
	" stood_down_usec INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;",
	"ALTER TABLE restores ADD COLUMN version TEXT NOT NULL DEFAULT '';",
	"ALTER TABLE backups ADD COLUMN version TEXT NOT NULL DEFAULT '';",
};

#define SCHEMA_VERSION ((int)DV_COUNT(SCHEMA_MIGRATIONS))

/* Of a database that this devvm knows. */
static int read_version(struct ledger *ledger, int *ret_version, struct dv_error *err)
{
	int version, r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, "PRAGMA user_version", &r, err);

	if (!s)
		return r;
	if (sqlite3_step(s) != SQLITE_ROW)
		return sql_fail(ledger, err, "read its version");
	version = sqlite3_column_int(s, 0);
	if (version > SCHEMA_VERSION)
		return dv_refuse(err, -EPROTO,
				 "ledger /%s has schema %d and this devvm knows up to %d: install "
				 "the devvm that wrote it",
				 LEDGER_PATH, version, SCHEMA_VERSION);
	*ret_version = version;
	return 0;
}

int schema_look(struct ledger *ledger, bool *ret_is_current, struct dv_error *err)
{
	int version = 0;
	int r = read_version(ledger, &version, err);

	if (r == 0)
		*ret_is_current = version == SCHEMA_VERSION;
	return r;
}

int schema_migrate(struct ledger *ledger, struct dv_error *err)
{
	char set_version[64];
	int version = 0;
	int r = read_version(ledger, &version, err);

	for (; r == 0 && version < SCHEMA_VERSION; version++)
		r = sql_script(ledger, SCHEMA_MIGRATIONS[version], "migrate", err);
	(void)snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d",
		       SCHEMA_VERSION);
	return r < 0 ? r : sql_script(ledger, set_version, "set its version", err);
}
