/* wrap.c - see wrap.h. */
#include "wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static struct {
	bool armed, fired;
	enum wrap_kind kind;
	unsigned int n_left;
	int error;
} plan;

/* Whether this call is the one to fail; errno is set then. */
static bool fails(enum wrap_kind kind)
{
	if (!plan.armed || plan.fired || plan.error == WRAP_KILL || plan.kind != kind ||
	    --plan.n_left > 0)
		return false;
	plan.fired = true;
	errno = plan.error;
	return true;
}

static bool is_last_change(void)
{
	return plan.armed && plan.error == WRAP_KILL && plan.n_left == 1;
}

/* Behind each call that may have changed a file: nothing else makes a state of its own. */
static int note_change(int r)
{
	if (r < 0)
		return r;
	if (is_last_change())
		(void)raise(SIGKILL);
	if (plan.armed && plan.error == WRAP_KILL)
		plan.n_left--;
	return r;
}

/* ---- our own calls -------------------------------------------------------------------- */

/* The names are the linker's: ld(1), --wrap. */
int __real_openat(int dirfd, const char *path, int flags, ...);
int __real_mkdirat(int dirfd, const char *path, mode_t mode);
ssize_t __real_write(int fd, const void *data, size_t n_bytes);
int __real_fchown(int fd, uid_t uid, gid_t gid);
int __real_fchmod(int fd, mode_t mode);
int __real_fchmodat(int dirfd, const char *path, mode_t mode, int flags);
int __real_futimens(int fd, const struct timespec times[2]);
int __real_renameat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path);
int __real_unlinkat(int dirfd, const char *path, int flags);
int __real_flock(int fd, int operation);
void *__real_malloc(size_t n_bytes);
void *__real_calloc(size_t n, size_t n_bytes);
void *__real_reallocarray(void *memory, size_t n, size_t n_bytes);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n_bytes);

int __wrap_openat(int dirfd, const char *path, int flags, ...);
int __wrap_mkdirat(int dirfd, const char *path, mode_t mode);
ssize_t __wrap_write(int fd, const void *data, size_t n_bytes);
int __wrap_fsync(int fd);
int __wrap_fchown(int fd, uid_t uid, gid_t gid);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_fchmodat(int dirfd, const char *path, mode_t mode, int flags);
int __wrap_futimens(int fd, const struct timespec times[2]);
int __wrap_renameat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path);
int __wrap_unlinkat(int dirfd, const char *path, int flags);
int __wrap_flock(int fd, int operation);
void *__wrap_malloc(size_t n_bytes);
void *__wrap_calloc(size_t n, size_t n_bytes);
void *__wrap_reallocarray(void *memory, size_t n, size_t n_bytes);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n_bytes);
int __wrap_asprintf(char **ret_text, const char *format, ...) DV_PRINTF(2, 3);

int __wrap_openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	if (flags & O_CREAT && plan.error == WRAP_KILL)
		return note_change(__real_openat(dirfd, path, flags, mode));
	/* Reading needs no room on a disk. */
	if (!(flags & O_CREAT) &&
	    (plan.error == ENOSPC || plan.error == EDQUOT || plan.error == EROFS))
		return __real_openat(dirfd, path, flags, mode);
	return fails(WRAP_FILES) ? -1 : __real_openat(dirfd, path, flags, mode);
}

int __wrap_mkdirat(int dirfd, const char *path, mode_t mode)
{
	return fails(WRAP_FILES) ? -1 : note_change(__real_mkdirat(dirfd, path, mode));
}

ssize_t __wrap_write(int fd, const void *data, size_t n_bytes)
{
	bool cut = is_last_change() || fails(WRAP_FILES);
	int error = errno;
	ssize_t n = __real_write(fd, data, cut ? n_bytes / 2 : n_bytes);

	(void)note_change(n < 0 ? -1 : 0);
	if (!cut)
		return n;
	errno = error;
	return -1;
}

int __wrap_fsync(int fd DV_UNUSED)
{
	return fails(WRAP_FILES) ? -1 : 0;
}

int __wrap_fchown(int fd, uid_t uid, gid_t gid)
{
	return fails(WRAP_FILES) ? -1 : note_change(__real_fchown(fd, uid, gid));
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails(WRAP_FILES) ? -1 : note_change(__real_fchmod(fd, mode));
}

int __wrap_fchmodat(int dirfd, const char *path, mode_t mode, int flags)
{
	return fails(WRAP_FILES) ? -1 : note_change(__real_fchmodat(dirfd, path, mode, flags));
}

int __wrap_futimens(int fd, const struct timespec times[2])
{
	return fails(WRAP_FILES) ? -1 : note_change(__real_futimens(fd, times));
}

int __wrap_renameat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path)
{
	return fails(WRAP_FILES)
		       ? -1
		       : note_change(__real_renameat(old_dirfd, old_path, new_dirfd, new_path));
}

int __wrap_unlinkat(int dirfd, const char *path, int flags)
{
	return fails(WRAP_FILES) ? -1 : note_change(__real_unlinkat(dirfd, path, flags));
}

int __wrap_flock(int fd, int operation)
{
	return fails(WRAP_FILES) ? -1 : __real_flock(fd, operation);
}

void *__wrap_malloc(size_t n_bytes)
{
	return fails(WRAP_MEMORY) ? NULL : __real_malloc(n_bytes);
}

void *__wrap_calloc(size_t n, size_t n_bytes)
{
	return fails(WRAP_MEMORY) ? NULL : __real_calloc(n, n_bytes);
}

void *__wrap_reallocarray(void *memory, size_t n, size_t n_bytes)
{
	return fails(WRAP_MEMORY) ? NULL : __real_reallocarray(memory, n, n_bytes);
}

char *__wrap_strdup(const char *text)
{
	return fails(WRAP_MEMORY) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n_bytes)
{
	return fails(WRAP_MEMORY) ? NULL : __real_strndup(text, n_bytes);
}

int __wrap_asprintf(char **ret_text, const char *format, ...)
{
	va_list args;
	int n;

	if (fails(WRAP_MEMORY))
		return -1;
	va_start(args, format);
	n = vasprintf(ret_text, format, args);
	va_end(args);
	return n;
}

/* ---- sqlite's ------------------------------------------------------------------------- */

/* libsqlite3 finds this one before libc's. */
int fdatasync(int fd DV_UNUSED)
{
	return 0;
}

static int sqlite_open(const char *path, int flags, int mode)
{
	int fd = fails(WRAP_FILES) ? -1 : open(path, flags, mode);

	return flags & O_CREAT ? note_change(fd) : fd;
}

static ssize_t sqlite_pwrite(int fd, const void *data, size_t n_bytes, off_t at)
{
	bool cut = is_last_change() || fails(WRAP_FILES);
	int error = errno;
	ssize_t n = pwrite(fd, data, cut ? n_bytes / 2 : n_bytes, at);

	(void)note_change(n < 0 ? -1 : 0);
	if (!cut)
		return n;
	errno = error;
	return -1;
}

static int sqlite_ftruncate(int fd, off_t n_bytes)
{
	return fails(WRAP_FILES) ? -1 : note_change(ftruncate(fd, n_bytes));
}

static int sqlite_unlink(const char *path)
{
	return fails(WRAP_FILES) ? -1 : note_change(unlink(path));
}

static void set_call(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr call)
{
	if (vfs->xSetSystemCall(vfs, name, call) == SQLITE_OK)
		return;
	(void)fprintf(stderr, "sqlite has no system call %s\n", name);
	abort();
}

__attribute__((constructor)) static void catch_sqlite(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	if (!vfs || vfs->iVersion < 3)
		abort();
	set_call(vfs, "open", (sqlite3_syscall_ptr)sqlite_open);
	set_call(vfs, "pwrite", (sqlite3_syscall_ptr)sqlite_pwrite);
	set_call(vfs, "pwrite64", (sqlite3_syscall_ptr)sqlite_pwrite);
	set_call(vfs, "ftruncate", (sqlite3_syscall_ptr)sqlite_ftruncate);
	set_call(vfs, "unlink", (sqlite3_syscall_ptr)sqlite_unlink);
}

/* ---- the test's side ------------------------------------------------------------------ */

void wrap_arm(enum wrap_kind kind, unsigned int n, int error)
{
	plan.kind = kind;
	plan.n_left = n;
	plan.error = error;
	plan.fired = false;
	plan.armed = true;
}

bool wrap_disarm(void)
{
	plan.armed = false;
	return plan.fired;
}
