/* folder.h - an empty folder for a test that needs files, and nothing else of the
 * project above base (scratch.h is the larger one, with a ledger). Header only. */
#ifndef DEVVM_TESTS_FOLDER_H
#define DEVVM_TESTS_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/cleanup.h"

struct folder {
	char path[64]; /* absolute */
	int dirfd;
};

static inline int folder_setup(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	assert_non_null(folder);
	(void)snprintf(folder->path, sizeof(folder->path), "/tmp/devvm-test-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	folder->dirfd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder->dirfd >= 0);
	*state = folder;
	return 0;
}

static inline int folder_remove_entry(const char *path, const struct stat *st DV_UNUSED,
				      int type DV_UNUSED, struct FTW *at DV_UNUSED)
{
	return remove(path);
}

static inline int folder_teardown(void **state)
{
	struct folder *folder = *state;

	(void)close(folder->dirfd);
	(void)nftw(folder->path, folder_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return 0;
}

/* A file with exactly this mode, whatever the umask. */
static inline void folder_write(const struct folder *folder, const char *name, const char *text,
				mode_t mode)
{
	DV_AUTO_CLOSE int fd =
		openat(folder->dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
}

static inline void folder_make(const struct folder *folder, const char *name, mode_t mode)
{
	assert_int_equal(mkdirat(folder->dirfd, name, 0700), 0);
	assert_int_equal(fchmodat(folder->dirfd, name, mode, 0), 0);
}

#endif
