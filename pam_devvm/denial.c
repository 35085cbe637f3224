/* denial.c - see denial.h.
 *
 * A denial is a regular file of root's in a folder of root's; its first line is what
 * the person is shown. That the file is there is the denial, so one whose text cannot
 * be read (by a screen locker, which is not root) or is empty denies with a sentence
 * of ours. What root has not plainly written (another owner, writable for others, a
 * link, a folder) lets in and is logged: whoever could plant such a thing could lock
 * everybody out, and a login never fails because of a slip of ours.
 */
#include "denial.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "wire/paths.h"

#define DEFAULT_SENTENCE "Your access to this machine has been withdrawn."
#define PATH_MAX_BYTES (sizeof(PATH_DENIED) + 1 + STR_USER_NAME_MAX)

/* 1 when `path` is there and root's, 0 when it is not there. lstat(2) needs no
 * descriptor: sudo runs us under the limits of its caller, and who is short of them must
 * get the same answer. */
static int check_entry(const char *path, mode_t type, struct dv_error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : dv_fail(err, -errno, "stat %s", path);
	if ((st.st_mode & S_IFMT) != type)
		return dv_refuse(err, -EINVAL, "%s is not a %s", path,
				 type == S_IFDIR ? "folder" : "regular file");
	if (st.st_uid != 0)
		return dv_refuse(err, -EPERM, "%s belongs to uid %u", path, st.st_uid);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return dv_refuse(err, -EPERM, "others than root may write %s", path);
	return 1;
}

/* The cap may have cut the last character in two: leave out the last one that is not
 * ASCII. */
static size_t without_cut_character(const char *text, size_t n)
{
	while (n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80)
		n--;
	return n > 0 && (unsigned char)text[n - 1] >= 0xc0 ? n - 1 : n;
}

/* One line of text that a terminal can be given. */
static void clean_sentence(char *text)
{
	size_t n = strcspn(text, "\n");
	bool is_utf8 = str_is_utf8(text, n);

	text[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < ' ' || c == 0x7f || (c >= 0x80 && !is_utf8))
			text[i] = '?';
	}
}

static void read_sentence(const char *path, char ret_sentence[static DENIAL_MAX_BYTES + 1])
{
	DV_AUTO_CLOSE int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_sentence, DENIAL_MAX_BYTES);

	if (n == DENIAL_MAX_BYTES)
		n = (ssize_t)without_cut_character(ret_sentence, DENIAL_MAX_BYTES);
	ret_sentence[n > 0 ? n : 0] = '\0';
	clean_sentence(ret_sentence);
	if (!ret_sentence[0])
		memcpy(ret_sentence, DEFAULT_SENTENCE, sizeof(DEFAULT_SENTENCE));
}

enum outcome denial_check(const char *user, char ret_sentence[static DENIAL_MAX_BYTES + 1],
			  struct dv_error *err)
{
	char path[PATH_MAX_BYTES];
	int r = check_entry(PATH_DENIED, S_IFDIR, err);

	if (r > 0) {
		/* Fits: `user` is at most STR_USER_NAME_MAX bytes. */
		(void)stpcpy(stpcpy(path, PATH_DENIED "/"), user);
		r = check_entry(path, S_IFREG, err);
	}
	if (r < 0)
		return OUTCOME_BAD_DENIAL;
	if (r == 0)
		return OUTCOME_ALLOWED;
	read_sentence(path, ret_sentence);
	return OUTCOME_DENIED;
}
