/* ticket.c - see ticket.h.
 *
 * The file may hold a login token, so its text is wiped and never quoted. Nobody but
 * root can reach the folder; that each file is checked all the same costs one fstat,
 * and turns a slip (a wrong umask, a restored backup, a link somebody thought handy)
 * into a line in the log instead of a foreign environment in a person's shell. The
 * folder is not opened by itself: that would be a quarter of what a login costs here.
 */
#include "ticket.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/secret.h"
#include "base/str.h"
#include "wire/paths.h"
#include "wire/ticket.h"

#define TICKET_MODE 0600
#define PATH_MAX_BYTES (sizeof(PATH_TICKETS) + 1 + STR_USER_NAME_MAX)

static int check_file(const char *path, const struct stat *st, struct dv_error *err)
{
	if (st->st_uid != 0)
		return dv_refuse(err, -EPERM, "%s belongs to uid %u", path, st->st_uid);
	if ((st->st_mode & 07777) != TICKET_MODE)
		return dv_refuse(err, -EPERM, "%s has mode %04o, not %04o", path,
				 st->st_mode & 07777, TICKET_MODE);
	/* None: the reconcile replaced it in the moment we opened it. That is the same as
	 * having come a moment earlier. */
	if (st->st_nlink > 1)
		return dv_refuse(err, -EPERM, "%s has %lu links", path,
				 (unsigned long)st->st_nlink);
	return 0;
}

static int read_file(int fd, const char *path, struct secret *ret_text, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret text = { 0 };
	struct stat st = { 0 };
	int r = file_read_fd(fd, path, TICKET_MAX_BYTES, &text.text, &text.n_bytes, &st, err);

	if (r < 0)
		return r;
	r = check_file(path, &st, err);
	if (r < 0)
		return r;
	if (memchr(text.text, '\0', text.n_bytes))
		return dv_refuse(err, -EBADMSG, "%s has a NUL byte", path);
	*ret_text = text;
	text = (struct secret){ 0 }; /* handed over */
	return 0;
}

static int put_lines(pam_handle_t *pamh, const char *path, struct secret *text,
		     struct dv_error *err)
{
	struct ticket ticket;
	int r = ticket_parse(&ticket, text->text, err);

	if (r < 0)
		return dv_prefix(err, r, "%s", path);
	for (size_t i = 0; i < ticket.n_lines; i++) {
		/* Fails only when memory is short (pam_putenv(3)): each line has its name. */
		if (pam_putenv(pamh, ticket.lines[i]) != PAM_SUCCESS)
			return dv_fail(err, -ENOMEM, "put %s into the environment", path);
	}
	return 0;
}

/* Through the descriptor that is open anyway: a fifth of what a datagram to the daemon
 * costs, and it is remembered while no daemon runs. Both times, as touch(1): the kernel tells
 * the modification time alone as IN_MODIFY, which every write is. */
static void touch(int fd)
{
	/* Fails on a file system that is read-only, full or frozen. What is in the ticket is
	 * right all the same, and a home job that is due is made good by the next login. */
	(void)futimens(fd, NULL);
}

int ticket_put(pam_handle_t *pamh, const char *user, enum ticket_use use, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret text = { 0 };
	DV_AUTO_CLOSE int fd = -1;
	char path[PATH_MAX_BYTES];
	int r;

	/* Fits: `user` is at most STR_USER_NAME_MAX bytes. */
	(void)stpcpy(stpcpy(path, PATH_TICKETS "/"), user);
	fd = open(path, FILE_READ_FLAGS);
	if (fd < 0)
		return dv_fail(err, -errno, "open %s", path);
	r = read_file(fd, path, &text, err);
	if (r == 0)
		r = put_lines(pamh, path, &text, err);
	if (r == 0 && use == TICKET_LOGIN)
		touch(fd);
	return r;
}
