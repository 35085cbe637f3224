/* listing.c - see listing.h. */
#include "steps/listing.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

static int read_names(DIR *dir, struct str_list *names)
{
	const struct dirent *entry;
	int r = 0;

	while (r == 0 && (errno = 0, entry = readdir(dir)))
		r = str_list_add(names, entry->d_name);
	return r == 0 && errno != 0 ? -errno : r;
}

static int read_folder(struct str_list *names, const struct env *env, const char *folder)
{
	int fd = openat(env->root_dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int r;

	if (!dir) {
		r = errno == ENOENT ? 0 : -errno;
		dv_closep(&fd);
		return r;
	}
	r = read_names(dir, names);
	(void)closedir(dir); /* only read from */
	str_list_sort(names);
	return r;
}

enum listing_answer listing_ask(struct listing *listing, const struct env *env, const char *folder,
				const char *name)
{
	if (listing->state == LISTING_UNREAD)
		listing->state = read_folder(&listing->names, env, folder) < 0 ? LISTING_OUTDATED
									       : LISTING_READ;
	if (listing->state == LISTING_OUTDATED)
		return LISTING_UNKNOWN;
	return str_list_has_sorted(&listing->names, name) ? LISTING_PRESENT : LISTING_ABSENT;
}

void listing_outdate(struct listing *listing)
{
	listing->state = LISTING_OUTDATED;
}

void listing_done(struct listing *listing)
{
	str_list_done(&listing->names);
	*listing = (struct listing){ 0 };
}
