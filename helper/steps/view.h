/* view.h - what a reconcile knows of the machine, read once.
 *
 * Asking NSS for each of 10,000 people would cost seconds (getpwnam over a local file is
 * linear), so accounts are enumerated once and looked up in a sorted table; a name that
 * enumeration does not give (LDAP often refuses it) is asked for alone. Groups are asked
 * for by name, once each. Tests fill the tables themselves.
 */
#ifndef DEVVM_STEPS_VIEW_H
#define DEVVM_STEPS_VIEW_H

#include <sys/types.h>

#include "base/digest.h"
#include "base/secret.h"
#include "base/str.h"
#include "config/config.h"
#include "ledger/ledger.h"
#include "steps/listing.h"

struct view_account {
	char *name;
	uid_t uid;
	gid_t gid;
	char *home;
};

struct view_group {
	char *name;
	gid_t gid;
	bool exists;
	struct str_list members; /* sorted */
};

#define VIEW_MAX_TEMPLATES 8
#define VIEW_TEMPLATE_BYTES 80
#define VIEW_DONE_BYTES 256

struct reconcile_view {
	const struct env *env;	     /* borrowed */
	const struct config *config; /* borrowed */
	struct ledger *ledger;	     /* borrowed */

	struct view_account *accounts; /* the first n_sorted sorted by name, later ones behind */
	size_t n_accounts, n_sorted;
	bool ask_nss; /* names that are not in the table are asked for */
	struct view_group *groups;
	size_t n_groups;

	char *base_path;     /* PATH without the person's own folder */
	struct secret token; /* the staged shared token; empty when none is staged */
	char token_digest[DIGEST_HEX_BYTES]; /* of it, "" when none is staged */
	/* Unit files of templates, by row of INSTANCE_UNITS; "" for one that is not there. */
	char templates[VIEW_MAX_TEMPLATES][VIEW_TEMPLATE_BYTES];
	unsigned int templates_known; /* a bit per row that was looked up */
	/* Of the folders that hold the units' links, by the same rows, the keys, the versions of
	 * t3 and people's pointers to them. */
	struct listing wants[VIEW_MAX_TEMPLATES], keys, t3, t3_people, denied;
	unsigned int settle_noted;	/* what this run has noted for the step settle */
	char *fence_text;		/* what the step fence has loaded last; see fence.h */
	struct str_list shared_digests; /* of every shared token ever staged */
	struct secrets_work
		*secrets;     /* what this run has found of the secrets; NULL: nothing yet */
	bool secrets_changed; /* it has staged one */
	/* What the step that was applied last has done, where that is more than its check could
	 * say; "" when there is nothing to tell. */
	bool has_done;
	char done[VIEW_DONE_BYTES];
};

/* Read accounts, PATH and token; note a new token in the ledger. `env`, `config`, `ledger` are kept,
 * borrowed. */
DV_MUST_CHECK int view_init(struct reconcile_view *view, const struct env *env,
			    const struct config *config, struct ledger *ledger,
			    struct dv_error *err);
void view_done(struct reconcile_view *view);

/* 0 and the account, or NULL when there is none; -errno when the name service cannot be asked,
 * which is not the same for whoever would make one then. Borrowed until the next call that
 * adds one. */
DV_MUST_CHECK int view_ask_account(struct reconcile_view *view, const char *name,
				   const struct view_account **ret_account, struct dv_error *err);
/* The same for whom both are no account. */
const struct view_account *view_account(struct reconcile_view *view, const char *name);
/* Whether some account, here or in the ledger's tombstones, has this uid is asked of NSS and
 * of the ledger by the account step; this is the table's part. */
bool view_has_uid(const struct reconcile_view *view, uid_t uid);
DV_MUST_CHECK int view_add_account(struct reconcile_view *view, const char *name, uid_t uid,
				   gid_t gid, const char *home);

/* NULL when memory is short; `exists` says whether the group is there. */
struct view_group *view_group(struct reconcile_view *view, const char *name);
bool view_group_has(const struct view_group *group, const struct view_account *account);
/* Forget what is known of a group after it was changed. */
void view_forget_group(struct reconcile_view *view, const char *name);

#define DV_AUTO_VIEW DV_CLEANUP(view_done)

#endif
