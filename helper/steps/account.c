/* account.c - the account of a person who has none.
 *
 * An account that exists is never touched, and where the name service cannot say whether it
 * does, nothing is made. One that does not is made in an order that a
 * kill at any point leaves finishable: the ledger says `creating` with the uid, useradd(8)
 * adds the account without a home, the home is built under another name in a folder only
 * root can enter, and one rename puts it in place. Nobody can log in to it before that:
 * its password is locked and its keys are written by a later step.
 */
#include "steps/account.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "roster/roster.h"
#include "steps/item.h"
#include "steps/view.h"

#define HOMES "home" /* below the root; useradd(8)'s default */
#define OUR_SKEL "/usr/share/devvm/skel"
#define PROGRAM_DEADLINE_MS 30000

int account_check(struct step_context *context, enum step_verdict *ret_verdict,
		  char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	const struct people_row *person = context->person;
	const struct view_account *account;
	int r = view_ask_account(context->machine, person->name, &account, err);

	if (r < 0)
		return r;
	item_begin(&items);
	if (!account)
		item_add(&items, STEP_ADD, "create the account");
	else if (person->account == PEOPLE_ACCOUNT_CREATING && person->uid == account->uid)
		item_add(&items, STEP_CHANGE, "finish the account");
	else if (person->account == PEOPLE_ACCOUNT_UNKNOWN || person->uid != account->uid)
		item_add(&items, STEP_CHANGE, "note the account with uid %u", account->uid);
	return 0;
}

static int run(const char *const *argv, struct dv_error *err)
{
	return process_run_ok(&(struct process_spec){ .argv = argv,
						      .deadline_ms = clock_deadline_ms(
							      PROGRAM_DEADLINE_MS) },
			      err);
}

/* The roster's uid, the one they had, or the lowest that no account and no tombstone has. */
static int choose_uid(struct step_context *context, uid_t *ret_uid, struct dv_error *err)
{
	const struct people_row *person = context->person;
	DV_AUTO_PEOPLE struct people everybody = { 0 };
	DV_AUTO_FREE bool *taken = calloc(ROSTER_UID_MAX + 1, sizeof(bool));
	int r;

	if (!taken)
		return dv_fail(err, -ENOMEM, "choose a uid");
	if (person->wanted_uid >= 0 || person->uid >= 0) {
		*ret_uid = (uid_t)(person->wanted_uid >= 0 ? person->wanted_uid : person->uid);
		return 0;
	}
	r = people_list(context->machine->ledger, &everybody, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < everybody.n_rows; i++) {
		const struct people_row *row = &everybody.rows[i];

		if (row->uid >= 0 && row->uid <= ROSTER_UID_MAX)
			taken[row->uid] = true;
		if (row->wanted_uid >= 0 && row->wanted_uid <= ROSTER_UID_MAX)
			taken[row->wanted_uid] = true;
	}
	for (size_t i = 0; i < context->machine->n_accounts; i++) {
		if (context->machine->accounts[i].uid <= ROSTER_UID_MAX)
			taken[context->machine->accounts[i].uid] = true;
	}
	for (uid_t uid = ROSTER_UID_MIN; uid <= ROSTER_UID_MAX; uid++) {
		/* Groups share the number with their account, and NSS may know more than it
		 * enumerates. */
		if (taken[uid] || getpwuid(uid) || getgrgid(uid))
			continue;
		*ret_uid = uid;
		return 0;
	}
	return dv_refuse(err, -ENOSPC, "no uid between %d and %d is free", ROSTER_UID_MIN,
			 ROSTER_UID_MAX);
}

static int add_user(const struct people_row *person, uid_t uid, struct dv_error *err)
{
	char number[16];
	const char *argv[] = { "useradd", "--no-create-home", "--user-group", "--uid",	    number,
			       "--shell", person->shell,      "--",	      person->name, NULL };

	(void)snprintf(number, sizeof(number), "%u", uid);
	return run(argv, err);
}

/* The person's own group where no account has it: a userdel was killed. Any other of the name is
 * not ours: choose_uid() takes no number that a group has. */
static int remove_half_group(const struct people_row *person, struct dv_error *err)
{
	const char *const argv[] = { "groupdel", "--", person->name, NULL };
	const struct group *group = getgrnam(person->name);

	if (!group || *group->gr_mem || person->uid < 0 || group->gr_gid != (gid_t)person->uid)
		return 0;
	return run(argv, err);
}

/* A useradd that was killed between its files leaves the account in some of them: it goes, and is
 * made again as a whole. Nobody has used it, for it has no home yet. */
static int add_user_again(const struct people_row *person, struct dv_error *err)
{
	const char *const argv[] = { "userdel", "--", person->name, NULL };
	int r = run(argv, err);

	if (r == 0)
		r = remove_half_group(person, err);
	return r < 0 ? r : add_user(person, (uid_t)person->uid, err);
}

/* Fill `home` (absolute, empty, in a folder of root's) with the machine's skeleton, then
 * with what ours adds, and give it away as a whole. Nobody else can reach it yet. */
static int fill_home(const char *home, const struct view_account *account, struct dv_error *err)
{
	char owner[32];
	const char *const copy[] = { "cp",
				     "--recursive",
				     "--preserve=mode,links",
				     "--no-target-directory",
				     "--",
				     "/etc/skel",
				     home,
				     NULL };
	const char *const add[] = { "cp",
				    "--recursive",
				    "--preserve=mode,links",
				    "--no-clobber",
				    "--no-target-directory",
				    "--",
				    OUR_SKEL,
				    home,
				    NULL };
	const char *const give[] = { "chown", "--recursive", "--no-dereference", "--", owner,
				     home,    NULL };
	int r = 0;

	(void)snprintf(owner, sizeof(owner), "%u:%u", account->uid, account->gid);
	if (access("/etc/skel", F_OK) == 0)
		r = run(copy, err);
	if (r == 0 && access(OUR_SKEL, F_OK) == 0)
		r = run(add, err);
	return r < 0 ? r : run(give, err);
}

/* A home that is there already is kept when it is theirs: somebody who comes back. */
static int build_home(struct step_context *context, const struct view_account *account,
		      struct dv_error *err)
{
	const char *name = context->person->name;
	char building[64], target[64];
	const char *const discard[] = { "rm", "--recursive", "--force", "--", building, NULL };
	int root_fd = context->env->root_dirfd;
	struct stat st;
	int r;

	(void)snprintf(building, sizeof(building), "/" HOMES "/.devvm-%s", name);
	(void)snprintf(target, sizeof(target), "/" HOMES "/%s", name);
	if (strcmp(account->home, target) != 0)
		return dv_refuse(err, -EINVAL,
				 "useradd made the home %s, not %s: check HOME= in "
				 "/etc/default/useradd",
				 account->home, target);
	if (fstatat(root_fd, target + 1, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode) && st.st_uid == account->uid)
			return 0;
		return dv_refuse(err, -EEXIST,
				 "%s is there already and belongs to uid %u: move it away or give "
				 "it to uid %u",
				 target, st.st_uid, account->uid);
	}
	r = run(discard, err);
	if (r == 0)
		r = file_make_dirs(root_fd, building + 1, 0700, err);
	if (r == 0)
		r = fill_home(building, account, err);
	if (r < 0)
		return r;
	if (fchmodat(root_fd, building + 1, 0700, 0) < 0)
		return dv_fail(err, -errno, "change the mode of %s", building);
	/* A home we have just made holds no login: nobody needs to look. Said before anybody can
	 * find it, or after a kill between the two it would be one that was there before us. */
	r = people_set_login(context->machine->ledger, name, PEOPLE_LOGIN_NONE, err);
	if (r == 0 && renameat(root_fd, building + 1, root_fd, target + 1) < 0)
		r = dv_fail(err, -errno, "rename %s to %s", building, target);
	return r;
}

static bool has_home(const struct step_context *context, const struct view_account *account)
{
	return *account->home == '/' && faccessat(context->env->root_dirfd, account->home + 1, F_OK,
						  AT_SYMLINK_NOFOLLOW) == 0;
}

/* The account is in passwd and is the one the ledger says we are making. */
static int finish(struct step_context *context, const struct view_account *account,
		  struct dv_error *err)
{
	int r = build_home(context, account, err);

	return r < 0 ? r
		     : people_set_account(context->machine->ledger, context->person->name,
					  PEOPLE_ACCOUNT_CREATED, account->uid, err);
}

static int create(struct step_context *context, struct dv_error *err)
{
	const struct people_row *person = context->person;
	const struct view_account *account;
	uid_t uid = 0;
	int r = choose_uid(context, &uid, err);

	if (r == 0 && person->account == PEOPLE_ACCOUNT_CREATING)
		r = remove_half_group(person, err);
	if (r == 0)
		r = people_set_account(context->machine->ledger, person->name,
				       PEOPLE_ACCOUNT_CREATING, uid, err);
	if (r == 0)
		r = add_user(person, uid, err);
	if (r < 0)
		return r;
	r = view_ask_account(context->machine, person->name, &account, err);
	if (r < 0)
		return r;
	if (!account)
		return dv_refuse(err, -ENOENT, "useradd made no account %s", person->name);
	return finish(context, account, err);
}

int account_apply(struct step_context *context, struct dv_error *err)
{
	const struct people_row *person = context->person;
	enum people_account kind = PEOPLE_ACCOUNT_FOUND;
	const struct view_account *account;
	int r = view_ask_account(context->machine, person->name, &account, err);

	if (r < 0)
		return r;
	if (!account)
		return create(context, err);
	if (person->account == PEOPLE_ACCOUNT_CREATING && person->uid == account->uid) {
		r = has_home(context, account) ? 0 : add_user_again(person, err);
		return r < 0 ? r : finish(context, account, err);
	}
	if (person->account == PEOPLE_ACCOUNT_CREATED)
		kind = PEOPLE_ACCOUNT_CREATED;
	return people_set_account(context->machine->ledger, person->name, kind, account->uid, err);
}
