/* file.h - whole files, read with a cap and replaced whole.
 *
 * Model: a path is (dirfd, name) and relative. Readers refuse anything that is
 * not a regular file and anything larger than the caller allows. A file that is
 * replaced is never seen half-written: temporary beside it, fsync, rename, fsync
 * of the folder. These functions are for trees that only root can write; what a
 * user can reach goes through file_open_beneath().
 */
#ifndef DEVVM_BASE_FILE_H
#define DEVVM_BASE_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/error.h"

/* What a file should be. `uid`/`gid` of (uid_t)-1 leave the owner as created. `untouched`
 * leaves it modified at the epoch, for a file that its readers touch; that is how it is
 * made, and never compared. */
struct file_spec {
	const char *data;
	size_t n_bytes;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	bool untouched;
};

/* Read all of a regular file, at most `max_bytes` (-EFBIG above that). The
 * result is NUL-terminated behind its last byte and owned by the caller.
 * -ENOENT when absent: `err` is written then too. `ret_stat` may be NULL. */
DV_MUST_CHECK int file_read(int dirfd, const char *path, size_t max_bytes, char **ret_data,
			    size_t *ret_n_bytes, struct stat *ret_stat, struct dv_error *err);

/* The same through a descriptor that stays the caller's; `path` is for the sentences. */
DV_MUST_CHECK int file_read_fd(int fd, const char *path, size_t max_bytes, char **ret_data,
			       size_t *ret_n_bytes, struct stat *ret_stat, struct dv_error *err);

/* How file_read() opens: a FIFO or a terminal somebody left there must not hang us. */
#define FILE_READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW)

/* The same of a file whose size the kernel does not tell: /proc, /sys. */
DV_MUST_CHECK int file_read_kernel(int dirfd, const char *path, size_t max_bytes, char **ret_data,
				   size_t *ret_n_bytes, struct dv_error *err);

/* Whether the file exists with exactly this content, mode and owner. A missing
 * file is a plain "no". */
DV_MUST_CHECK int file_matches(int dirfd, const char *path, const struct file_spec *spec,
			       bool *ret_matches, struct dv_error *err);

/* Replace the file whole (or create it). The old one stays on any failure. Who is killed in
 * the midst leaves a temporary beside it, of a name that begins with this. */
#define FILE_TEMPORARY_PREFIX ".devvm-"
DV_MUST_CHECK int file_replace(int dirfd, const char *path, const struct file_spec *spec,
			       struct dv_error *err);

/* The same, but -EEXIST where something of that name came to be meanwhile: it stays. */
DV_MUST_CHECK int file_create(int dirfd, const char *path, const struct file_spec *spec,
			      struct dv_error *err);

/* A symbolic link `path` with the text `target`, in one rename. What is there is replaced
 * when `replaces`, else -EEXIST and it stays. */
DV_MUST_CHECK int file_link(int dirfd, const char *target, const char *path, bool replaces,
			    struct dv_error *err);

/* A new, empty file of mode 0600 in the folder `folder_fd`, opened for writing, for whoever
 * fills a file some other way and renames it. Returns the fd; `for_name` is for the error. As long as the fd is open the
 * file is locked (flock(2)), so keep it until the rename is done: no sweep takes the file away. */
#define FILE_TEMPORARY_BYTES 64
DV_MUST_CHECK int file_create_temporary(int folder_fd, const char *for_name,
					char ret_name[static FILE_TEMPORARY_BYTES],
					struct dv_error *err);

/* Remove what a killed process left in a folder: files and links of FILE_TEMPORARY_PREFIX that
 * belong to us. What another process is about to rename stays; what cannot be removed, for the next sweep. */
void file_sweep(int dirfd, const char *path);
/* The same for the folder that `path`, of a file, is in. */
void file_sweep_beside(int dirfd, const char *path);

/* Remove the file; absent is success. */
DV_MUST_CHECK int file_remove(int dirfd, const char *path, struct dv_error *err);

/* Create the folder and its parents (0755, root) where absent; the last one with
 * `mode`, whatever the umask. An existing folder is left as it is. */
DV_MUST_CHECK int file_make_dirs(int dirfd, const char *path, mode_t mode, struct dv_error *err);

/* Open with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS):
 * for trees that somebody else may change. Never blocks on a FIFO. Returns an fd
 * or -errno (-ELOOP for a link, -EXDEV for a way out). */
DV_MUST_CHECK int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode,
				    struct dv_error *err);

#endif
