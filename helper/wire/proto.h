/* proto.h - what may be said on the wire, by whom.
 *
 * PROTO_ROWS is the trust boundary in one table: a row per verb with its keys,
 * the roles that may use it and the sockets it may arrive on. The daemon looks a
 * request up here before any handler runs; the handlers stand in an array that is
 * indexed by the same enum (daemon/verbs.c).
 */
#ifndef DEVVM_WIRE_PROTO_H
#define DEVVM_WIRE_PROTO_H

#include <stdbool.h>

#include "wire/record.h"

#define PROTO_VERSION "1"

enum proto_verb {
	PROTO_OPEN_SESSION,
	PROTO_REPORT,
	PROTO_WORK,
	PROTO_ENSURE,
	PROTO_WAIT,
	PROTO_STATUS,
	PROTO_RECONCILE,
	PROTO_MACHINE,
	PROTO_INSTALL,
	PROTO_OFFBOARD,
	PROTO_EVENTS,
	PROTO_SECRETS,
	PROTO_BACKUP,
	PROTO_RESTORE,
	PROTO_BACKUPS,
	PROTO_MIRRORS,
	PROTO_UPDATE,
	PROTO_VERSIONS,
	PROTO_FREEZE,
	PROTO_UNFREEZE,
	PROTO_UPDATE_NOW,
	PROTO_NOT_BEFORE,
	PROTO_MINT,
	PROTO_MINTED,
	PROTO_PROGRESS,
	PROTO_ROW,
	PROTO_DONE,
	PROTO_ERROR,
	PROTO_N_VERBS,
};

/* Roles, from SO_PEERCRED alone; a peer may hold several. */
enum proto_role {
	PROTO_ROLE_ROOT = 1 << 0,
	PROTO_ROLE_ADMIN = 1 << 1,    /* uid of a roster admin */
	PROTO_ROLE_DISPATCH = 1 << 2, /* uid of the front door's account */
	PROTO_ROLE_SELF = 1 << 3,     /* asks about its own uid */
	PROTO_ROLE_OTHER = 1 << 4,
};

enum proto_socket {
	PROTO_SOCKET_PAM = 1 << 0,
	PROTO_SOCKET_HELPER = 1 << 1,
};

enum proto_direction {
	PROTO_REQUEST,
	PROTO_ANSWER,
};

struct proto_key {
	const char *name; /* NULL ends the list */
	bool required;
};

#define PROTO_MAX_KEYS 14

struct proto_row {
	enum proto_verb verb;
	const char *name;
	enum proto_direction direction;
	unsigned int sockets; /* of enum proto_socket; requests only */
	unsigned int roles;   /* of enum proto_role; requests only */
	struct proto_key keys[PROTO_MAX_KEYS];
};

/* The row of `verb`; never NULL. */
const struct proto_row *proto_row_of(enum proto_verb verb);

/* Hold a parsed record against the table: known verb, right direction, only known
 * keys, all required ones, and `v` of a request. 0 with the row; -EBADMSG, or
 * -EPROTONOSUPPORT for another protocol version, with a sentence. */
DV_MUST_CHECK int proto_check(const struct record *record, enum proto_direction direction,
			      const struct proto_row **ret_row, struct dv_error *err);

/* The lines of a plan are progress records with a status of their own. The sign that people see for
 * it ('+' add, '~' change, '-' remove, '!' trouble); '\0' for every other status. */
char proto_plan_sign(const char *status);

/* Start a request: the verb and `v`. */
void proto_begin_request(struct record_writer *writer, enum proto_verb verb);

/* Values of `code` in an `error` answer. */
#define PROTO_CODE_BAD_REQUEST "bad-request"
#define PROTO_CODE_VERSION "version"
#define PROTO_CODE_DENIED "denied"
#define PROTO_CODE_BUSY "busy"
#define PROTO_CODE_NOT_FOUND "not-found"
#define PROTO_CODE_FAILED "failed"
#define PROTO_CODE_TIMEOUT "timeout"

/* Values of `outcome` in the `done` answer to open-session. */
#define PROTO_OUTCOME_READY "ready"
#define PROTO_OUTCOME_NOT_OURS "not-ours"

#endif
