/* people.h - rows of people and their ports.
 *
 * A row is never deleted: who leaves the roster keeps it as a tombstone (state left),
 * with identity, uid and ports, so that none of them is ever given to somebody else.
 * `generation` rises with every change of what the roster says about a person, and over all
 * persons that have had a name.
 */
#ifndef DEVVM_LEDGER_PEOPLE_H
#define DEVVM_LEDGER_PEOPLE_H

#include <sys/types.h>

#include "ledger/ledger.h"

#define PEOPLE_NO_UID ((int64_t)-1)

enum people_state {
	PEOPLE_STATE_UNSET,
	PEOPLE_PRESENT,
	PEOPLE_LEFT,
};

/* Where the account comes from. CREATING is written before useradd runs, so that a
 * killed reconcile knows on the next run that a half-made account is its own. */
enum people_account {
	PEOPLE_ACCOUNT_UNKNOWN,
	PEOPLE_ACCOUNT_CREATING,
	PEOPLE_ACCOUNT_CREATED, /* by us */
	PEOPLE_ACCOUNT_FOUND,	/* it was there before us, or comes from another NSS source */
};

/* Whether the home has a claude login of its own. Only its owner may look. */
enum people_login {
	PEOPLE_LOGIN_UNKNOWN,	 /* nobody has looked yet: no ticket, no token */
	PEOPLE_LOGIN_NONE,	 /* none there */
	PEOPLE_LOGIN_OWN,	 /* there is one */
	PEOPLE_LOGIN_UNREADABLE, /* looking failed or hung: a ticket, but no token */
};

enum people_port {
	PEOPLE_PORT_T3,
	PEOPLE_PORT_PLAYWRIGHT,
	PEOPLE_N_PORTS,
};

/* Lists are text with one item per line. All strings owned. */
struct people_row {
	char *name;
	char *identity;
	char *k8s_user;
	char *tier; /* tier_name() */
	char *shell;
	char *groups;
	char *layout; /* "single", "workspace" */
	char *repos;
	char *ssh_keys;
	bool parked, eager;
	int64_t wanted_uid; /* the roster's `uid:`, or PEOPLE_NO_UID */
	unsigned int ports[PEOPLE_N_PORTS];

	/* Ours: left alone by people_put_wanted(). */
	enum people_state state;
	int64_t generation; /* from 1 */
	int64_t uid;	    /* the account's, or PEOPLE_NO_UID */
	enum people_account account;
	enum people_login login;
	char *token_digest; /* SHA-256 of the shared token given to them, NULL for none */
	/* Of who left: the generation in which what ran for them was stopped. Not 0 for somebody
	 * present: they are back, and what ran is to run again. */
	int64_t cut;
	char *archive; /* of who left: the file that holds their home, NULL for none */
};

struct people {
	struct people_row *rows; /* sorted by name */
	size_t n_rows;
};

void people_row_done(struct people_row *row);
void people_done(struct people *people);

/* Everybody, tombstones too. */
DV_MUST_CHECK int people_list(struct ledger *ledger, struct people *ret_people,
			      struct dv_error *err);
/* One; -ENOENT when the name was never seen. */
DV_MUST_CHECK int people_get(struct ledger *ledger, const char *name, struct people_row *ret_row,
			     struct dv_error *err);
/* Who has this uid; present people only. -ENOENT when nobody. */
DV_MUST_CHECK int people_get_by_uid(struct ledger *ledger, uid_t uid, struct people_row *ret_row,
				    struct dv_error *err);

/* The next `limit` rows behind the name `after` ("" for the start), tombstones too: for
 * answers that are written piece by piece. */
DV_MUST_CHECK int people_list_page(struct ledger *ledger, const char *after, unsigned int limit,
				   struct people *ret_people, struct dv_error *err);

/* Write what the roster wants for a person (the first group of fields), state present,
 * generation one higher, and their ports. -EEXIST when a port is somebody else's. */
DV_MUST_CHECK int people_put_wanted(struct ledger *ledger, const struct people_row *row,
				    struct dv_error *err);
/* What is known of somebody who had this name before this ledger was made. Strings are borrowed. */
struct people_tombstone {
	const char *name;
	const char *identity;
	const char *archive;		    /* NULL for none */
	int64_t uid;			    /* or PEOPLE_NO_UID */
	unsigned int ports[PEOPLE_N_PORTS]; /* 0: none */
};
/* Add them as somebody who has left, with nothing to be stopped. -EEXIST when the name is there, or a
 * port is somebody else's. */
DV_MUST_CHECK int people_add_tombstone(struct ledger *ledger, const struct people_tombstone *row,
				       struct dv_error *err);
/* State left, generation one higher, no archive; uid, identity and ports stay. */
DV_MUST_CHECK int people_set_left(struct ledger *ledger, const char *name, struct dv_error *err);
/* What is noted of work on the t3 and home of somebody who is not present: results of steps, moves to another version,
 * restores, copies, deferrals, what the watchdog saw. In the caller's transaction. */
DV_MUST_CHECK int people_forget_work(struct ledger *ledger, const char *name, struct dv_error *err);
/* Free the name of somebody who left for another person: the tombstone goes on as NAME@N,
 * which no user can be called and which is no longer than a user's name, with identity, uid
 * and ports. The work on what was theirs is forgotten. */
DV_MUST_CHECK int people_retire(struct ledger *ledger, const char *name, struct dv_error *err);
DV_MUST_CHECK int people_set_account(struct ledger *ledger, const char *name,
				     enum people_account account, int64_t uid,
				     struct dv_error *err);
/* The column `cut`, as long as the person has this generation. */
DV_MUST_CHECK int people_set_cut(struct ledger *ledger, const char *name, int64_t generation,
				 int64_t cut, struct dv_error *err);
/* Those whose `cut` is not what it should be: who left and may have something running, and who is
 * back. */
DV_MUST_CHECK int people_list_uncut(struct ledger *ledger, struct people *ret_people,
				    struct dv_error *err);
DV_MUST_CHECK int people_set_archive(struct ledger *ledger, const char *name, const char *path,
				     struct dv_error *err);
DV_MUST_CHECK int people_set_login(struct ledger *ledger, const char *name, enum people_login login,
				   struct dv_error *err);
DV_MUST_CHECK int people_set_token(struct ledger *ledger, const char *name, const char *digest,
				   struct dv_error *err);

/* The row of a sorted list, NULL when it is not there. */
const struct people_row *people_find(const struct people *people, const char *name);

/* Names as written to the ledger and the wire. */
const char *people_state_name(enum people_state state);
const char *people_login_name(enum people_login login);
enum people_login people_login_from_name(const char *name); /* UNKNOWN for anything else */

#define DV_AUTO_PEOPLE DV_CLEANUP(people_done)
#define DV_AUTO_PEOPLE_ROW DV_CLEANUP(people_row_done)

#endif
