/* roster_trust.c - who may write the roster, and what the machine says to it. See
 * roster.h.
 *
 * Whoever edits the roster grants root, so every folder on the way down to it counts:
 * who may rename a folder may put another roster in its place.
 */
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "roster/roster.h"
#include "roster/roster_fields.h"

struct trust {
	const uid_t *uids;
	size_t n_uids;
	const char *shown; /* what messages call the roster */
	struct dv_error *err;
};

static bool is_trusted(const struct trust *trust, uid_t uid)
{
	if (uid == 0)
		return true;
	for (size_t i = 0; i < trust->n_uids; i++) {
		if (trust->uids[i] == uid)
			return true;
	}
	return false;
}

/* With an ACL the group bits are a mask: they say what somebody may, not who. */
static bool has_acl(int path_fd)
{
	char link[32];

	/* fgetxattr(2) refuses O_PATH descriptors; their link in /proc it takes. */
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", path_fd);
	return getxattr(link, "system.posix_acl_access", NULL, 0) >= 0;
}

/* `what` is "the file" or a folder's name. `sticky_is_fine`: of a folder above the
 * roster's own; in a sticky one nobody can rename what belongs to others. */
static int check_writers(const struct trust *trust, int path_fd, const struct stat *st,
			 const char *what, bool sticky_is_fine)
{
	bool is_sticky = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX) && sticky_is_fine;

	if (!is_trusted(trust, st->st_uid))
		return dv_refuse(
			trust->err, -EPERM,
			"%s: %s belongs to uid %u, which is neither root nor in trusted_uids",
			trust->shown, what, st->st_uid);
	if ((st->st_mode & S_IWOTH) && !is_sticky)
		return dv_refuse(trust->err, -EPERM,
				 "%s: %s may be written by everybody (mode %04o)", trust->shown,
				 what, st->st_mode & 07777);
	if ((st->st_mode & S_IWGRP) && !is_sticky && (st->st_gid != 0 || has_acl(path_fd)))
		return dv_refuse(trust->err, -EPERM,
				 "%s: %s may be written by its group %u%s (mode %04o)",
				 trust->shown, what, st->st_gid,
				 has_acl(path_fd) ? " or by an ACL" : "", st->st_mode & 07777);
	return 0;
}

static int check_file(const struct trust *trust, int dirfd, const char *path)
{
	DV_AUTO_CLOSE int fd = openat(dirfd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return dv_fail(trust->err, -errno, "read %s", trust->shown);
	if (S_ISLNK(st.st_mode))
		return dv_refuse(trust->err, -EPERM, "%s: is a link; name the file itself",
				 trust->shown);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(trust->err, -EPERM, "%s: not a regular file", trust->shown);
	return check_writers(trust, fd, &st, "the file", false);
}

static int check_folder(const struct trust *trust, int dirfd, const char *path, bool is_own)
{
	DV_AUTO_CLOSE int fd = openat(dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	DV_AUTO_FREE char *what = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return dv_fail(trust->err, -errno, "look at the folder of %s", trust->shown);
	if (asprintf(&what, "%s folder %s", is_own ? "its" : "the", path) < 0) {
		what = NULL; /* undefined after a failure, asprintf(3) */
		return dv_fail(trust->err, -ENOMEM, "look at the folder of %s", trust->shown);
	}
	return check_writers(trust, fd, &st, what, !is_own);
}

/* "a/b/c" -> "a/b" -> "a" -> "."; "/a" -> "/". False at the end. `path` is not empty. */
static bool step_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
		return false;
	if (!slash)
		path[0] = '.';
	path[!slash || slash == path ? 1 : slash - path] = '\0';
	return true;
}

int roster_check_trust(int dirfd, const char *path, const char *shown, const uid_t *trusted_uids,
		       size_t n_trusted, struct dv_error *err)
{
	const struct trust trust = {
		.uids = trusted_uids, .n_uids = n_trusted, .shown = shown, .err = err
	};
	DV_AUTO_FREE char *folder = strdup(path);
	bool is_own = true;
	int r;

	if (!folder)
		return dv_fail(err, -ENOMEM, "look at %s", shown);
	r = check_file(&trust, dirfd, path);
	while (r == 0 && step_up(folder)) {
		r = check_folder(&trust, dirfd, folder, is_own);
		is_own = false;
	}
	return r;
}

static int check_account(const struct roster_place *place, const struct roster_person *person,
			 const struct roster_account *account)
{
	if (account->uid != ROSTER_NO_UID &&
	    (account->uid < ROSTER_UID_MIN || account->uid > ROSTER_UID_MAX))
		return roster_refuse(place, person->line,
				     "the existing account has uid %u, outside %d to %d",
				     account->uid, ROSTER_UID_MIN, ROSTER_UID_MAX);
	if (account->uid != ROSTER_NO_UID && person->uid != ROSTER_NO_UID &&
	    account->uid != person->uid)
		return roster_refuse(place, person->line, "the existing account has uid %u, not %u",
				     account->uid, person->uid);
	if (account->tombstone_identity && !person->reuse &&
	    strcasecmp(account->tombstone_identity, person->identity) != 0)
		return roster_refuse(
			place, person->line,
			"the name belonged to %s, who left; reuse: true gives it to %s",
			account->tombstone_identity, person->identity);
	/* The account, its home and all that goes by the name are still who left's. */
	if (account->tombstone_identity &&
	    strcasecmp(account->tombstone_identity, person->identity) != 0 &&
	    account->uid != ROSTER_NO_UID)
		return roster_refuse(place, person->line,
				     "the account (uid %u) and its home are still those of %s, who "
				     "left: devvmctl offboard %s --archive comes first",
				     account->uid, account->tombstone_identity, person->name);
	return 0;
}

int roster_check_accounts(const struct roster *roster,
			  struct roster_account (*account_of)(const char *name, void *context),
			  void *context, struct dv_error *err)
{
	for (size_t i = 0; i < roster->n_people; i++) {
		const struct roster_person *person = &roster->people[i];
		const struct roster_account account = account_of(person->name, context);
		const struct roster_place place = { .file = roster->file,
						    .user = person->name,
						    .err = err };
		int r = check_account(&place, person, &account);

		if (r < 0)
			return r;
	}
	return 0;
}
