/* archive.c - the steps of an archive, in an order in which each can be the last; see offboard.h.
 *
 *   the owner reads the home into .NAME.new     nothing has changed
 *   the owner compares it with the home         nothing has changed
 *   sync, checksum, rename, the ledger          there is an archive, and it is known
 *   the owner empties the home, root removes    from here on the archive is all there is; each
 *   the empty folder, files of root's, userdel  of these is finished by the next run
 */
#include "job/offboard.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/process.h"
#include "base/str.h"
#include "job/leftovers.h"
#include "steps/hold.h"
#include "steps/lock.h"

#define LOCK_DEADLINE_MS 60000
#define USERDEL_DEADLINE_MS 60000
#define NAME_BYTES 128
#define PATH_BYTES (sizeof(OFFBOARD_HOMES) + NAME_BYTES + 2)

/* NAME-UID-TIME: whoever has the name later gets another one, and no archive replaces another. */
static void make_name(const struct offboard *run, char ret_name[static NAME_BYTES])
{
	time_t now = (time_t)(run->env.wall_usec(&run->env) / 1000000);
	struct tm utc = { 0 };
	char stamp[32];

	(void)gmtime_r(&now, &utc);
	(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	(void)snprintf(ret_name, NAME_BYTES, "%s-%" PRId64 "-%s.tar.zst", run->person.name,
		       run->person.uid, stamp);
}

static int digest_file(int folder_fd, const char *name, char ret_digest[static DIGEST_HEX_BYTES],
		       struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return dv_fail(err, -errno, "open %s", name);
	if (fsync(fd) < 0)
		return dv_fail(err, -errno, "sync %s", name);
	return digest_sha256_fd(fd, ret_digest, err);
}

/* As sha256sum writes it, so that `sha256sum -c` reads it. */
static int write_digest(int folder_fd, const char *name, const char *digest, struct dv_error *err)
{
	char text[DIGEST_HEX_BYTES + NAME_BYTES + 8], path[NAME_BYTES + 8];
	int n = snprintf(text, sizeof(text), "%s  %s\n", digest, name);

	(void)snprintf(path, sizeof(path), "%s.sha256", name);
	return file_replace(folder_fd, path,
			    &(struct file_spec){ .data = text,
						 .n_bytes = (size_t)n,
						 .mode = 0600,
						 .uid = geteuid(),
						 .gid = (gid_t)-1 },
			    err);
}

static int open_folder(const struct offboard *run, struct dv_error *err)
{
	int r = file_make_dirs(run->env.root_dirfd, OFFBOARD_HOMES, 0700, err);
	int fd = r < 0 ? -1
		       : openat(run->env.root_dirfd, OFFBOARD_HOMES,
				O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return r < 0 ? r : fd < 0 ? dv_fail(err, -errno, "open /%s", OFFBOARD_HOMES) : fd;
}

/* An empty one of root's for systemd to open, whatever was there. */
static int prepare_new(int folder_fd, const char *new_name, struct dv_error *err)
{
	return file_replace(folder_fd, new_name,
			    &(struct file_spec){
				    .data = "", .mode = 0600, .uid = geteuid(), .gid = (gid_t)-1 },
			    err);
}

static int make_archive(struct offboard *run, int folder_fd, char ret_path[static PATH_BYTES],
			struct dv_error *err)
{
	char new_name[NAME_BYTES], name[NAME_BYTES], digest[DIGEST_HEX_BYTES];
	int r;

	(void)snprintf(new_name, sizeof(new_name), ".%s.new", run->person.name);
	make_name(run, name);
	r = prepare_new(folder_fd, new_name, err);
	if (r == 0)
		r = offboard_run_unit(run, "devvm-home-archive", err);
	if (r == 0)
		r = offboard_run_unit(run, "devvm-home-compare", err);
	if (r == 0)
		r = digest_file(folder_fd, new_name, digest, err);
	if (r == 0)
		r = write_digest(folder_fd, name, digest, err);
	if (r == 0 && renameat(folder_fd, new_name, folder_fd, name) < 0)
		r = dv_fail(err, -errno, "rename %s", name);
	if (r == 0 && fsync(folder_fd) < 0)
		r = dv_fail(err, -errno, "sync /%s", OFFBOARD_HOMES);
	if (r < 0) {
		(void)unlinkat(folder_fd, new_name, 0); /* the next run makes it anew */
		return r;
	}
	(void)snprintf(ret_path, PATH_BYTES, "/" OFFBOARD_HOMES "/%s", name);
	return people_set_archive(run->ledger, run->person.name, ret_path, err);
}

/* What a run before this one made must still be what it was. */
static int check_archive(const struct offboard *run, int folder_fd, struct dv_error *err)
{
	const char *name = strrchr(run->person.archive, '/') + 1;
	DV_AUTO_FREE char *known = NULL;
	char digest[DIGEST_HEX_BYTES], path[NAME_BYTES + 8];
	size_t n_bytes = 0;
	int r = digest_file(folder_fd, name, digest, err);

	(void)snprintf(path, sizeof(path), "%.*s.sha256", NAME_BYTES, name);
	if (r == 0)
		r = file_read(folder_fd, path, NAME_BYTES * 2, &known, &n_bytes, NULL, err);
	if (r == 0 && strncmp(known, digest, strlen(digest)) != 0)
		r = dv_refuse(err, -EUCLEAN, "%s is not what was written: its sha256 is %s",
			      run->person.archive, digest);
	return r;
}

/* Their owner has emptied it; a folder that is not empty stays, and so does the account. */
static int remove_home(const struct offboard *run, struct dv_error *err)
{
	int r = run->has_home ? offboard_run_unit(run, "devvm-home-clear", err) : 0;

	if (r == 0 && run->has_home &&
	    unlinkat(run->env.root_dirfd, run->home + 1, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = dv_fail(err, -errno, "remove the empty %s", run->home);
	return r;
}

static int remove_account(const struct offboard *run, struct dv_error *err)
{
	const char *const argv[] = { "userdel", "--", run->person.name, NULL };

	return process_run_ok(&(struct process_spec){ .argv = argv,
						      .deadline_ms = clock_deadline_ms(
							      USERDEL_DEADLINE_MS) },
			      err);
}

/* Whoever has the name later is between no versions, waits for nothing, and is not on hold. */
static int forget_work(const struct offboard *run, struct dv_error *err)
{
	int r = ledger_begin(run->ledger, err);

	if (r < 0)
		return r;
	r = people_forget_work(run->ledger, run->person.name, err);
	if (r == 0)
		r = ledger_commit(run->ledger, err);
	if (r < 0) {
		ledger_rollback(run->ledger);
		return r;
	}
	return hold_release(&run->env, run->person.name, err);
}

static int remove_files(const struct offboard *run, struct dv_error *err)
{
	int r = leftovers_remove(&run->env, run->person.name, run->person.uid, err);

	return r < 0 ? r : forget_work(run, err);
}

static int keep_home(struct offboard *run, char ret_path[static PATH_BYTES], struct dv_error *err)
{
	DV_AUTO_CLOSE int folder_fd = open_folder(run, err);

	if (folder_fd < 0)
		return folder_fd;
	if (run->person.archive) {
		(void)snprintf(ret_path, PATH_BYTES, "%s", run->person.archive);
		return check_archive(run, folder_fd, err);
	}
	if (run->has_home)
		return make_archive(run, folder_fd, ret_path, err);
	*ret_path = '\0'; /* an account without a home has nothing to keep */
	return 0;
}

/* Under the lock, and again before what cannot be taken back: they may be back on the roster. */
static int check_unchanged(struct offboard *run, struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row now = { 0 };
	int r = people_get(run->ledger, run->person.name, &now, err);

	if (r == 0 && now.generation != run->person.generation)
		r = dv_refuse(err, -ESTALE, "%s was changed meanwhile; nothing is removed",
			      now.name);
	return r;
}

int offboard_archive(struct offboard *run, char ret_text[static ERROR_MAX_BYTES],
		     struct dv_error *err)
{
	/* The reconcile waits meanwhile only where it wants something of this person. */
	DV_AUTO_CLOSE int lock_fd =
		lock_take(&run->env, run->person.name, clock_deadline_ms(LOCK_DEADLINE_MS), err);
	char path[PATH_BYTES];
	int r = lock_fd < 0 ? lock_fd : offboard_check(run, err);

	if (r == 0)
		r = check_unchanged(run, err);
	if (r == 0)
		r = keep_home(run, path, err);
	if (r == 0)
		r = check_unchanged(run, err);
	if (r == 0 && run->has_account)
		r = remove_home(run, err);
	if (r == 0)
		r = remove_files(run, err);
	/* Last: without the account the name may go to another person. */
	if (r == 0 && run->has_account)
		r = remove_account(run, err);
	if (r < 0)
		return r;
	(void)snprintf(ret_text, ERROR_MAX_BYTES, "the account %s is removed; %s%s",
		       run->person.name, *path ? "the home is in " : "it had no home", path);
	return 0;
}
