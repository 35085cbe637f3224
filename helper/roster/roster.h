/* roster.h - roster.yaml: who exists.
 *
 * Model: text in, a sorted array of people out, or one line "file:line: user: what is
 * wrong" and nothing. Pure: no NSS, no files but the one given. What depends on the
 * machine (existing accounts, tombstones) is checked by roster_check_accounts() with
 * facts the caller hands in.
 */
#ifndef DEVVM_ROSTER_ROSTER_H
#define DEVVM_ROSTER_ROSTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/digest.h"
#include "base/env.h"
#include "base/str.h"
#include "roster/tiers.h"

#define ROSTER_UID_MIN 1000
#define ROSTER_UID_MAX 60000
#define ROSTER_NO_UID ((uid_t)-1)

enum code_layout {
	CODE_SINGLE,	/* ~/code is one tree */
	CODE_WORKSPACE, /* ~/code holds one clone per repo */
};

struct roster_person {
	char *name;	   /* the OS user */
	unsigned int line; /* of the name, for messages */
	char *identity;	   /* authentik_user */
	char *k8s_user;
	enum tier tier;
	struct str_list namespaces;
	enum code_layout layout;
	struct str_list repos;
	char *shell;		/* NULL: the default */
	uid_t uid;		/* ROSTER_NO_UID: any */
	struct str_list groups; /* beside the tier's */
	struct str_list ssh_keys;
	bool parked, eager, reuse;
};

struct roster {
	char *file;		      /* what messages call it */
	struct roster_person *people; /* sorted by name */
	size_t n_people;
	char digest[DIGEST_HEX_BYTES]; /* of the bytes it came from */
};

/* Parse text. Release with roster_done(). -EINVAL with the one line. */
DV_MUST_CHECK int roster_parse(struct roster *ret_roster, const char *file, const char *text,
			       size_t n_bytes, struct dv_error *err);

/* Read and parse `path` (relative to `dirfd`), shown as `shown` in messages. */
DV_MUST_CHECK int roster_load(struct roster *ret_roster, int dirfd, const char *path,
			      const char *shown, struct dv_error *err);

/* Refuse a file that somebody other than root and the trusted uids may write, replace or
 * rename: whoever edits the roster grants root. So its folder counts, and every folder
 * above it as far as `path` goes (up to "/", or to `dirfd`). Bits for group root are fine
 * without an ACL; a sticky folder is fine above the roster's own. -EPERM with a sentence
 * "shown: what"; a link is refused. */
DV_MUST_CHECK int roster_check_trust(int dirfd, const char *path, const char *shown,
				     const uid_t *trusted_uids, size_t n_trusted,
				     struct dv_error *err);

/* What the machine knows about a name; filled by the caller. */
struct roster_account {
	const char *name;
	uid_t uid;			/* of the existing account, or ROSTER_NO_UID */
	const char *tombstone_identity; /* of who left under this name, or NULL */
};

/* Hold the roster against the machine. `account_of` answers for a name. Refuses an
 * existing account outside ROSTER_UID_MIN..MAX, a `uid:` that differs from the existing
 * account's, and a tombstoned name with another identity without `reuse: true`, or while the account of who
 * left is still there. */
DV_MUST_CHECK int roster_check_accounts(const struct roster *roster,
					struct roster_account (*account_of)(const char *name,
									    void *context),
					void *context, struct dv_error *err);

const struct roster_person *roster_find(const struct roster *roster, const char *name);
void roster_done(struct roster *roster);

#define DV_AUTO_ROSTER DV_CLEANUP(roster_done)

#endif
