/* people.c - see people.h. */
#include "ledger/people.h"

#include <string.h>

#include "base/str.h"
#include "ledger/sql.h"

#define COLUMNS                                                                                    \
	"name, identity, k8s_user, tier, shell, groups, layout, repos, ssh_keys, parked, eager,"   \
	" wanted_uid, state, generation, uid, account, login, token_digest,"                       \
	" (SELECT port FROM ports WHERE ports.name = people.name AND service = 't3'),"             \
	" (SELECT port FROM ports WHERE ports.name = people.name AND service = 'playwright'),"     \
	" cut, archive"

/* Those who had the name ?1 before: NAME@N, cut so that it stays as short as a user's name.
 * A range, for the index serves it; 'A' follows '@'. */
#define IF_AWAY " AND name NOT IN (SELECT name FROM people WHERE state = 'present')"
#define RETIRED_STEM "substr(?1, 1, 26) || '@'"
#define RETIRED "name > " RETIRED_STEM " AND name < substr(?1, 1, 26) || 'A'"

static const char *const STATE_NAMES[] = {
	[PEOPLE_STATE_UNSET] = "unset",
	[PEOPLE_PRESENT] = "present",
	[PEOPLE_LEFT] = "left",
};
static const char *const ACCOUNT_NAMES[] = {
	[PEOPLE_ACCOUNT_UNKNOWN] = "unknown",
	[PEOPLE_ACCOUNT_CREATING] = "creating",
	[PEOPLE_ACCOUNT_CREATED] = "created",
	[PEOPLE_ACCOUNT_FOUND] = "found",
};
static const char *const LOGIN_NAMES[] = {
	[PEOPLE_LOGIN_UNKNOWN] = "unknown",
	[PEOPLE_LOGIN_NONE] = "none",
	[PEOPLE_LOGIN_OWN] = "own",
	[PEOPLE_LOGIN_UNREADABLE] = "unreadable",
};
static const char *const SERVICE_NAMES[PEOPLE_N_PORTS] = {
	[PEOPLE_PORT_T3] = "t3",
	[PEOPLE_PORT_PLAYWRIGHT] = "playwright",
};

/* Index of `name`; 0, the unset or unknown value of each enum, when it is not there. */
static size_t index_of(const char *const *names, size_t n_names, const char *name)
{
	for (size_t i = 0; i < n_names; i++) {
		if (str_equal(names[i], name))
			return i;
	}
	return 0;
}

const char *people_state_name(enum people_state state)
{
	return STATE_NAMES[state];
}

const char *people_login_name(enum people_login login)
{
	return LOGIN_NAMES[login];
}

enum people_login people_login_from_name(const char *name)
{
	return (enum people_login)index_of(LOGIN_NAMES, DV_COUNT(LOGIN_NAMES), name);
}

void people_row_done(struct people_row *row)
{
	free(row->name);
	free(row->identity);
	free(row->k8s_user);
	free(row->tier);
	free(row->shell);
	free(row->groups);
	free(row->layout);
	free(row->repos);
	free(row->ssh_keys);
	free(row->token_digest);
	free(row->archive);
	*row = (struct people_row){ 0 };
}

void people_done(struct people *people)
{
	for (size_t i = 0; i < people->n_rows; i++)
		people_row_done(&people->rows[i]);
	free(people->rows);
	*people = (struct people){ 0 };
}

static int read_row(sqlite3_stmt *s, struct people_row *ret_row, struct dv_error *err)
{
	bool failed = false;
	struct people_row row = {
		.name = sql_copy_text(s, 0, &failed),
		.identity = sql_copy_text(s, 1, &failed),
		.k8s_user = sql_copy_text(s, 2, &failed),
		.tier = sql_copy_text(s, 3, &failed),
		.shell = sql_copy_text(s, 4, &failed),
		.groups = sql_copy_text(s, 5, &failed),
		.layout = sql_copy_text(s, 6, &failed),
		.repos = sql_copy_text(s, 7, &failed),
		.ssh_keys = sql_copy_text(s, 8, &failed),
		.parked = sqlite3_column_int(s, 9) != 0,
		.eager = sqlite3_column_int(s, 10) != 0,
		.wanted_uid = sqlite3_column_int64(s, 11),
		.state = (enum people_state)index_of(STATE_NAMES, DV_COUNT(STATE_NAMES),
						     (const char *)sqlite3_column_text(s, 12)),
		.generation = sqlite3_column_int64(s, 13),
		.uid = sqlite3_column_int64(s, 14),
		.account = (enum people_account)index_of(ACCOUNT_NAMES, DV_COUNT(ACCOUNT_NAMES),
							 (const char *)sqlite3_column_text(s, 15)),
		.login = people_login_from_name((const char *)sqlite3_column_text(s, 16)),
		.token_digest = sql_copy_text(s, 17, &failed),
		.ports = {
			[PEOPLE_PORT_T3] = (unsigned int)sqlite3_column_int(s, 18),
			[PEOPLE_PORT_PLAYWRIGHT] = (unsigned int)sqlite3_column_int(s, 19),
		},
		.cut = sqlite3_column_int64(s, 20),
		.archive = sql_copy_text(s, 21, &failed),
	};

	if (failed) {
		people_row_done(&row);
		return dv_fail(err, -ENOMEM, "read a person from the ledger");
	}
	*ret_row = row;
	return 0;
}

static int collect_rows(struct ledger *ledger, sqlite3_stmt *s, struct people *ret_people,
			struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	size_t n_room = 0;
	int code;

	while ((code = sqlite3_step(s)) == SQLITE_ROW) {
		int r;

		if (people.n_rows == n_room) {
			size_t n_more = n_room ? n_room * 2 : 16;
			struct people_row *grown =
				reallocarray(people.rows, n_more, sizeof(*grown));

			if (!grown)
				return dv_fail(err, -ENOMEM, "read the people of the ledger");
			people.rows = grown;
			n_room = n_more;
		}
		r = read_row(s, &people.rows[people.n_rows], err);
		if (r < 0)
			return r;
		people.n_rows++;
	}
	if (code != SQLITE_DONE)
		return sql_fail(ledger, err, "read the people");
	*ret_people = people;
	people = (struct people){ 0 };
	return 0;
}

int people_list(struct ledger *ledger, struct people *ret_people, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT " COLUMNS " FROM people ORDER BY name", &r, err);

	return s ? collect_rows(ledger, s, ret_people, err) : r;
}

int people_list_page(struct ledger *ledger, const char *after, unsigned int limit,
		     struct people *ret_people, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " COLUMNS " FROM people WHERE name > ?1 ORDER BY name LIMIT ?2",
			    &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, after);
	(void)sqlite3_bind_int64(s, 2, limit);
	return collect_rows(ledger, s, ret_people, err);
}

static int read_one(struct ledger *ledger, sqlite3_stmt *s, struct people_row *ret_row,
		    struct dv_error *err)
{
	switch (sqlite3_step(s)) {
	case SQLITE_ROW:
		return read_row(s, ret_row, err);
	case SQLITE_DONE:
		return -ENOENT;
	default:
		return sql_fail(ledger, err, "read a person");
	}
}

int people_get(struct ledger *ledger, const char *name, struct people_row *ret_row,
	       struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "SELECT " COLUMNS " FROM people WHERE name = ?1", &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	r = read_one(ledger, s, ret_row, err);
	return r == -ENOENT ? dv_refuse(err, r, "%s is not in the ledger", name) : r;
}

int people_get_by_uid(struct ledger *ledger, uid_t uid, struct people_row *ret_row,
		      struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " COLUMNS " FROM people WHERE uid = ?1 AND state = 'present'",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, uid);
	r = read_one(ledger, s, ret_row, err);
	return r == -ENOENT ? dv_refuse(err, r, "uid %u is nobody in the ledger", uid) : r;
}

static int put_port(struct ledger *ledger, const char *name, enum people_port service,
		    unsigned int port, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "INSERT INTO ports (port, service, name) VALUES (?1, ?2, ?3)"
			    " ON CONFLICT (name, service) DO UPDATE SET port = ?1",
			    &r, err);

	if (!s)
		return r;
	(void)sqlite3_bind_int64(s, 1, port);
	sql_bind_text(s, 2, SERVICE_NAMES[service]);
	sql_bind_text(s, 3, name);
	return sql_run(ledger, s, "give a port", err);
}

int people_put_wanted(struct ledger *ledger, const struct people_row *row, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT INTO people (name, identity, k8s_user, tier, shell, groups, layout, repos,"
		" ssh_keys, parked, eager, wanted_uid, state, generation)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'present',"
		"  1 + (SELECT coalesce(max(generation), 0) FROM people WHERE name GLOB ?1 || "
		"'@*'))"
		" ON CONFLICT (name) DO UPDATE SET identity = ?2, k8s_user = ?3, tier = ?4,"
		" shell = ?5, groups = ?6, layout = ?7, repos = ?8, ssh_keys = ?9, parked = ?10,"
		" eager = ?11, wanted_uid = ?12, state = 'present', generation = generation + 1",
		&r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->identity);
	sql_bind_text(s, 3, row->k8s_user);
	sql_bind_text(s, 4, row->tier);
	sql_bind_text(s, 5, row->shell);
	sql_bind_text(s, 6, row->groups);
	sql_bind_text(s, 7, row->layout);
	sql_bind_text(s, 8, row->repos);
	sql_bind_text(s, 9, row->ssh_keys);
	(void)sqlite3_bind_int(s, 10, row->parked);
	(void)sqlite3_bind_int(s, 11, row->eager);
	(void)sqlite3_bind_int64(s, 12, row->wanted_uid);
	r = sql_run(ledger, s, "write a person", err);
	for (int i = 0; r == 0 && i < PEOPLE_N_PORTS; i++)
		r = put_port(ledger, row->name, (enum people_port)i, row->ports[i], err);
	return r;
}

int people_add_tombstone(struct ledger *ledger, const struct people_tombstone *row,
			 struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(
		ledger,
		"INSERT INTO people (name, identity, k8s_user, tier, shell, groups,"
		" layout, repos, ssh_keys, parked, eager, wanted_uid, state, generation,"
		" uid, cut, archive)"
		" VALUES (?1, ?2, '', '', '', '', '', '', '', 0, 0, -1, 'left', 1, ?3,"
		" 1, ?4)",
		&r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, row->name);
	sql_bind_text(s, 2, row->identity);
	(void)sqlite3_bind_int64(s, 3, row->uid);
	sql_bind_text(s, 4, row->archive);
	r = sql_run(ledger, s, "add somebody who has left", err);
	for (int i = 0; r == 0 && i < PEOPLE_N_PORTS; i++) {
		if (row->ports[i])
			r = put_port(ledger, row->name, (enum people_port)i, row->ports[i], err);
	}
	return r;
}

/* One column of one person. */
static int set_text(struct ledger *ledger, const char *sql, const char *name, const char *value,
		    struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, sql, &r, err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	sql_bind_text(s, 2, value);
	return sql_run(ledger, s, "change a person", err);
}

int people_set_left(struct ledger *ledger, const char *name, struct dv_error *err)
{
	return set_text(ledger,
			"UPDATE people SET state = ?2, generation = generation + 1, archive = NULL"
			" WHERE name = ?1",
			name, STATE_NAMES[PEOPLE_LEFT], err);
}

/* What each of them says is of a person's t3 and home, neither of which another person is to get. */
static const char *const WORK[] = {
	"DELETE FROM steps WHERE name = ?1" IF_AWAY,
	"DELETE FROM moves WHERE name = ?1" IF_AWAY,
	"DELETE FROM restores WHERE name = ?1" IF_AWAY,
	"DELETE FROM backups WHERE name = ?1" IF_AWAY,
	"DELETE FROM deferrals WHERE name = ?1" IF_AWAY,
	"DELETE FROM watches WHERE name = ?1" IF_AWAY,
	"DELETE FROM looks WHERE name = ?1" IF_AWAY,
};

int people_forget_work(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DV_COUNT(WORK); i++) {
		DV_AUTO_STMT sqlite3_stmt *s = sql_prepare(ledger, WORK[i], &r, err);

		if (!s)
			return r;
		sql_bind_text(s, 1, name);
		r = sql_run(ledger, s, "forget the work on who left", err);
	}
	return r;
}

int people_retire(struct ledger *ledger, const char *name, struct dv_error *err)
{
	int r = people_forget_work(ledger, name, err);
	/* The ports follow: ON UPDATE CASCADE. */
	DV_AUTO_STMT sqlite3_stmt *rename =
		r == 0 ? sql_prepare(ledger,
				     "UPDATE people SET name = " RETIRED_STEM " ||"
				     " (SELECT 1 + count(*) FROM people WHERE " RETIRED "),"
				     " cut = generation"
				     " WHERE name = ?1 AND state = 'left'",
				     &r, err)
		       : NULL;

	if (!rename)
		return r;
	sql_bind_text(rename, 1, name);
	return sql_run(ledger, rename, "free the name of who left", err);
}

int people_set_account(struct ledger *ledger, const char *name, enum people_account account,
		       int64_t uid, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger, "UPDATE people SET account = ?2, uid = ?3 WHERE name = ?1", &r,
			    err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	sql_bind_text(s, 2, ACCOUNT_NAMES[account]);
	(void)sqlite3_bind_int64(s, 3, uid);
	return sql_run(ledger, s, "change a person", err);
}

int people_set_cut(struct ledger *ledger, const char *name, int64_t generation, int64_t cut,
		   struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "UPDATE people SET cut = ?3 WHERE name = ?1 AND generation = ?2", &r,
			    err);

	if (!s)
		return r;
	sql_bind_text(s, 1, name);
	(void)sqlite3_bind_int64(s, 2, generation);
	(void)sqlite3_bind_int64(s, 3, cut);
	return sql_run(ledger, s, "change a person", err);
}

int people_list_uncut(struct ledger *ledger, struct people *ret_people, struct dv_error *err)
{
	int r;
	DV_AUTO_STMT sqlite3_stmt *s =
		sql_prepare(ledger,
			    "SELECT " COLUMNS " FROM people"
			    " WHERE cut <> CASE state WHEN 'left' THEN generation ELSE 0 END"
			    " ORDER BY name",
			    &r, err);

	return s ? collect_rows(ledger, s, ret_people, err) : r;
}

int people_set_archive(struct ledger *ledger, const char *name, const char *path,
		       struct dv_error *err)
{
	return set_text(ledger, "UPDATE people SET archive = ?2 WHERE name = ?1", name, path, err);
}

int people_set_login(struct ledger *ledger, const char *name, enum people_login login,
		     struct dv_error *err)
{
	return set_text(ledger, "UPDATE people SET login = ?2 WHERE name = ?1", name,
			LOGIN_NAMES[login], err);
}

int people_set_token(struct ledger *ledger, const char *name, const char *digest,
		     struct dv_error *err)
{
	return set_text(ledger, "UPDATE people SET token_digest = ?2 WHERE name = ?1", name, digest,
			err);
}

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct people_row *)row)->name);
}

const struct people_row *people_find(const struct people *people, const char *name)
{
	if (people->n_rows == 0)
		return NULL;
	return bsearch(name, people->rows, people->n_rows, sizeof(*people->rows), compare_name);
}
