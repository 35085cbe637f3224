/* proto.c - see proto.h. */
#include "wire/proto.h"

#include <string.h>

#define ROOT PROTO_ROLE_ROOT
#define ADMIN PROTO_ROLE_ADMIN
#define DISPATCH PROTO_ROLE_DISPATCH
#define SELF PROTO_ROLE_SELF
#define PAM PROTO_SOCKET_PAM
#define HELPER PROTO_SOCKET_HELPER

/* clang-format off */
static const struct proto_row PROTO_ROWS[PROTO_N_VERBS] = {
	/* pam_devvm, when there is no ticket: answered when the person is prepared */
	[PROTO_OPEN_SESSION] = { PROTO_OPEN_SESSION, "open-session", PROTO_REQUEST, PAM, ROOT,
		{ { "v", true }, { "user", true }, { "service", false } } },
	/* a job tells the result of one step; people only of their own home */
	[PROTO_REPORT] = { PROTO_REPORT, "report", PROTO_REQUEST, HELPER, ROOT | SELF,
		{ { "v", true }, { "user", true }, { "generation", true }, { "step", true },
		  { "status", true }, { "text", false }, { "fingerprint", false },
		  { "n", false }, { "of", false }, { "own-login", false } } },
	/* a home job asks what it is to do: `row` per item, then `done` */
	[PROTO_WORK] = { PROTO_WORK, "work", PROTO_REQUEST, HELPER, ROOT | SELF,
		{ { "v", true }, { "user", true } } },
	[PROTO_ENSURE] = { PROTO_ENSURE, "ensure", PROTO_REQUEST, HELPER,
		ROOT | ADMIN | DISPATCH | SELF,
		{ { "v", true }, { "user", true }, { "wait", false }, { "terminal", false } } },
	[PROTO_WAIT] = { PROTO_WAIT, "wait", PROTO_REQUEST, HELPER, ROOT | ADMIN | DISPATCH | SELF,
		{ { "v", true }, { "user", true } } },
	/* without `user`: everybody the asker may see */
	[PROTO_STATUS] = { PROTO_STATUS, "status", PROTO_REQUEST, HELPER,
		ROOT | ADMIN | DISPATCH | SELF,
		{ { "v", true }, { "user", false } } },
	[PROTO_RECONCILE] = { PROTO_RECONCILE, "reconcile", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "user", false }, { "dry-run", false },
		  { "allow-mass-leave", false } } },
	/* with `packages`: those of devvm.yaml, which no timer installs */
	[PROTO_MACHINE] = { PROTO_MACHINE, "machine", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "packages", false } } },
	/* without `version`: the tag that devvm.yaml follows */
	[PROTO_INSTALL] = { PROTO_INSTALL, "install", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "item", true }, { "version", false } } },
	/* without `archive`: a row that says what it would do */
	[PROTO_OFFBOARD] = { PROTO_OFFBOARD, "offboard", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "user", true }, { "archive", false } } },
	[PROTO_EVENTS] = { PROTO_EVENTS, "events", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "user", false }, { "after", false }, { "follow", false },
		  { "limit", false } } },
	/* a `row` per secret, never a value */
	[PROTO_SECRETS] = { PROTO_SECRETS, "secrets", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true } } },
	/* a `row` per run that is kept, the newest of each mirror first */
	/* a copy of everybody's database, or of one person's; answered when it is there */
	[PROTO_BACKUP] = { PROTO_BACKUP, "backup", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "user", false } } },
	/* `id`: of a copy, the newest where none is said; answered when it is done, or with `dry-run` planned */
	[PROTO_RESTORE] = { PROTO_RESTORE, "restore", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "user", true }, { "id", false }, { "dry-run", false },
		  { "force", false } } },
	[PROTO_BACKUPS] = { PROTO_BACKUPS, "backups", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "user", false } } },
	[PROTO_MIRRORS] = { PROTO_MIRRORS, "mirrors", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true } } },

	/* a run of the updater; `forgive` names a known bad version that may be tried again */
	[PROTO_UPDATE] = { PROTO_UPDATE, "update", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "to", false }, { "dry-run", false }, { "stage", false },
		  { "forgive", false } } },
	/* a `row` per version of t3 that is here or known to be bad */
	[PROTO_VERSIONS] = { PROTO_VERSIONS, "versions", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true } } },
	/* `until` in microseconds since the epoch */
	[PROTO_FREEZE] = { PROTO_FREEZE, "freeze", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true }, { "reason", true }, { "until", false } } },
	[PROTO_UNFREEZE] = { PROTO_UNFREEZE, "unfreeze", PROTO_REQUEST, HELPER, ROOT | ADMIN,
		{ { "v", true } } },
	/* a person's own t3, to what is current; answered as `update` is */
	[PROTO_UPDATE_NOW] = { PROTO_UPDATE_NOW, "update-now", PROTO_REQUEST, HELPER,
		ROOT | ADMIN | SELF,
		{ { "v", true }, { "user", true } } },
	/* `until` in microseconds since the epoch; 0: no longer */
	[PROTO_NOT_BEFORE] = { PROTO_NOT_BEFORE, "not-before", PROTO_REQUEST, HELPER,
		ROOT | ADMIN | SELF,
		{ { "v", true }, { "user", true }, { "until", true } } },

	/* a `row` with a one-time credential of the person's t3 */
	[PROTO_MINT] = { PROTO_MINT, "mint", PROTO_REQUEST, HELPER, ROOT | ADMIN | DISPATCH | SELF,
		{ { "v", true }, { "user", true } } },
	/* the unit that made one hands it over, or says why there is none */
	[PROTO_MINTED] = { PROTO_MINTED, "minted", PROTO_REQUEST, HELPER, ROOT | SELF,
		{ { "v", true }, { "user", true }, { "credential", false }, { "expires", false },
		  { "version", false }, { "text", false } } },

	[PROTO_PROGRESS] = { PROTO_PROGRESS, "progress", PROTO_ANSWER, 0, 0,
		{ { "user", true }, { "step", true }, { "status", true }, { "text", false },
		  { "n", false }, { "of", false } } },
	/* `kind` says which of the others are there (docs/PROTOCOL.md) */
	[PROTO_ROW] = { PROTO_ROW, "row", PROTO_ANSWER, 0, 0, { { NULL, false } } },
	[PROTO_DONE] = { PROTO_DONE, "done", PROTO_ANSWER, 0, 0,
		{ { "outcome", false }, { "text", false }, { "generation", false } } },
	[PROTO_ERROR] = { PROTO_ERROR, "error", PROTO_ANSWER, 0, 0,
		{ { "code", true }, { "text", true } } },
};
/* clang-format on */

const struct proto_row *proto_row_of(enum proto_verb verb)
{
	return &PROTO_ROWS[verb];
}

static const struct proto_row *find_row(const char *name)
{
	for (size_t i = 0; i < PROTO_N_VERBS; i++) {
		if (strcmp(PROTO_ROWS[i].name, name) == 0)
			return &PROTO_ROWS[i];
	}
	return NULL;
}

static bool row_has_key(const struct proto_row *row, const char *name)
{
	if (row->verb == PROTO_ROW)
		return true;
	for (size_t i = 0; i < PROTO_MAX_KEYS && row->keys[i].name; i++) {
		if (strcmp(row->keys[i].name, name) == 0)
			return true;
	}
	return false;
}

static int check_keys(const struct record *record, const struct proto_row *row,
		      struct dv_error *err)
{
	for (size_t i = 0; i < record->n_fields; i++) {
		if (!row_has_key(row, record->fields[i].key))
			return dv_refuse(err, -EBADMSG, "%s does not take the key %s", row->name,
					 record->fields[i].key);
	}
	for (size_t i = 0; i < PROTO_MAX_KEYS && row->keys[i].name; i++) {
		if (row->keys[i].required && !record_get(record, row->keys[i].name))
			return dv_refuse(err, -EBADMSG, "%s needs the key %s", row->name,
					 row->keys[i].name);
	}
	return 0;
}

int proto_check(const struct record *record, enum proto_direction direction,
		const struct proto_row **ret_row, struct dv_error *err)
{
	const struct proto_row *row = find_row(record->verb);
	const char *version = record_get(record, "v");
	int r;

	/* The version first: another version may have other verbs and keys. */
	if (direction == PROTO_REQUEST && version && strcmp(version, PROTO_VERSION) != 0)
		return dv_refuse(err, -EPROTONOSUPPORT,
				 "protocol version %s was asked for; this side speaks %s", version,
				 PROTO_VERSION);
	if (!row || row->direction != direction)
		return dv_refuse(err, -EBADMSG, "unknown verb %s", record->verb);
	r = check_keys(record, row, err);
	if (r < 0)
		return r;
	*ret_row = row;
	return 0;
}

char proto_plan_sign(const char *status)
{
	static const struct {
		const char *status;
		char sign;
	} signs[] = { { "add", '+' }, { "change", '~' }, { "remove", '-' }, { "trouble", '!' } };

	for (size_t i = 0; i < DV_COUNT(signs); i++) {
		if (strcmp(signs[i].status, status) == 0)
			return signs[i].sign;
	}
	return '\0';
}

void proto_begin_request(struct record_writer *writer, enum proto_verb verb)
{
	record_begin(writer, PROTO_ROWS[verb].name);
	record_add(writer, "v", PROTO_VERSION);
}
