/* store.c - see store.h. */
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>

#include "base/file.h"
#include "store/tree.h"

#define PATH_BYTES 160 /* STORE_FOLDER, an item, "people", a user's name or a version */
#define NEW_PREFIX ".new-"
#define TAG_BYTES 32

bool store_is_version(const char *text)
{
	size_t n =
		strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-");

	return n > 0 && n <= STORE_VERSION_MAX && text[n] == '\0' && text[0] != '.' &&
	       text[0] != '-';
}

static void item_path(char ret_path[static PATH_BYTES], const char *item, const char *below)
{
	(void)snprintf(ret_path, PATH_BYTES, STORE_FOLDER "/%s/%s", item, below);
}

static int open_folder(const struct env *env, const char *path, struct dv_error *err)
{
	int fd = openat(env->root_dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? dv_fail(err, -errno, "open /%s", path) : fd;
}

typedef bool is_wanted(int folder_fd, const char *name);

static bool is_version_folder(int folder_fd, const char *name)
{
	struct stat st;

	return store_is_version(name) && fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(st.st_mode);
}

static bool is_pointer(int folder_fd, const char *name)
{
	struct stat st;

	return str_is_user_name(name) && fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISLNK(st.st_mode);
}

/* The wanted names in a folder of an item, sorted. No folder means none. */
static int list_folder(const struct env *env, const char *item, const char *below,
		       is_wanted *wanted, struct str_list *ret_names, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list names = { 0 };
	const struct dirent *entry;
	char path[PATH_BYTES];
	int fd, r = 0;
	DIR *dir;

	item_path(path, item, below);
	fd = open_folder(env, path, err);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		dv_closep(&fd);
		return dv_fail(err, -ENOMEM, "read /%s", path);
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (wanted(dirfd(dir), entry->d_name))
			r = str_list_add(&names, entry->d_name);
	}
	(void)closedir(dir); /* only read from */
	if (r < 0)
		return dv_fail(err, r, "read /%s", path);
	str_list_sort(&names);
	*ret_names = names;
	names = (struct str_list){ 0 }; /* handed over */
	return 0;
}

int store_list(const struct env *env, const char *item, struct str_list *ret_versions,
	       struct dv_error *err)
{
	return list_folder(env, item, "versions", is_version_folder, ret_versions, err);
}

int store_list_people(const struct env *env, const char *item, struct str_list *ret_users,
		      struct dv_error *err)
{
	return list_folder(env, item, "people", is_pointer, ret_users, err);
}

int store_open(const struct env *env, const char *item, const char *version, struct dv_error *err)
{
	char below[sizeof("versions/") + STORE_VERSION_MAX], path[PATH_BYTES];
	int fd;

	if (!store_is_version(version))
		return dv_refuse(err, -EINVAL, "that is no version of %s", item);
	(void)snprintf(below, sizeof(below), "versions/%s", version);
	item_path(path, item, below);
	fd = openat(env->root_dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? dv_fail(err, -errno, "open /%s", path) : fd;
}

bool store_has(const struct env *env, const char *item, const char *version)
{
	DV_AUTO_CLOSE int fd = store_open(env, item, version, NULL);

	return fd >= 0;
}

static int make_tag(const char *prefix, char ret_name[static TAG_BYTES], struct dv_error *err)
{
	unsigned long long tag = 0;

	if (getrandom(&tag, sizeof(tag), 0) != (ssize_t)sizeof(tag))
		return dv_fail(err, -errno, "getrandom");
	(void)snprintf(ret_name, TAG_BYTES, "%s%016llx", prefix, tag);
	return 0;
}

static int sweep(int versions_fd, struct dv_error *err)
{
	int fd = openat(versions_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r = 0;

	if (!dir) {
		dv_closep(&fd);
		return dv_fail(err, -errno, "read the folder of versions");
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (str_starts_with(entry->d_name, NEW_PREFIX))
			r = tree_remove(versions_fd, entry->d_name, err);
	}
	(void)closedir(dir); /* only read from */
	return r;
}

/* Copy into the new folder and make it last: syncfs(2) is one wait for thousands of files,
 * and tells of write errors since Linux 5.8. */
static int fill(int versions_fd, const char *name, int stage_fd, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	int r;

	if (mkdirat(versions_fd, name, 0700) < 0)
		return dv_fail(err, -errno, "create %s", name);
	fd = openat(versions_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dv_fail(err, -errno, "open %s", name);
	r = tree_copy(stage_fd, fd, err);
	if (r == 0 && fchmod(fd, 0555) < 0)
		r = dv_fail(err, -errno, "change the mode of %s", name);
	if (r == 0 && syncfs(fd) < 0)
		r = dv_fail(err, -errno, "sync %s", name);
	return r;
}

/* In the place of what has the name of the version, if something has. */
static int move_in(int versions_fd, const char *name, const char *version, struct dv_error *err)
{
	if (renameat2(versions_fd, name, versions_fd, version, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EEXIST ||
	    renameat2(versions_fd, name, versions_fd, version, RENAME_EXCHANGE) < 0)
		return dv_fail(err, -errno, "rename to %s", version);
	return tree_remove(versions_fd, name, err);
}

static int install_into(int versions_fd, const char *version, int stage_fd, struct dv_error *err)
{
	char name[TAG_BYTES];
	int r = sweep(versions_fd, err);

	if (r == 0)
		r = make_tag(NEW_PREFIX, name, err);
	if (r < 0)
		return r;
	r = fill(versions_fd, name, stage_fd, err);
	if (r == 0)
		r = move_in(versions_fd, name, version, err);
	if (r < 0) {
		DV_IGNORE(tree_remove(versions_fd, name, NULL)); /* else the next run's sweep */
		return r;
	}
	return fsync(versions_fd) < 0 ? dv_fail(err, -errno, "sync the folder of %s", version) : 0;
}

int store_install(const struct env *env, const char *item, const char *version, int stage_fd,
		  struct dv_error *err)
{
	return store_has(env, item, version) ? 0 : store_replace(env, item, version, stage_fd, err);
}

int store_replace(const struct env *env, const char *item, const char *version, int stage_fd,
		  struct dv_error *err)
{
	DV_AUTO_CLOSE int versions_fd = -1;
	char path[PATH_BYTES];
	int r;

	if (!store_is_version(version))
		return dv_refuse(err, -EINVAL, "that is no version of %s", item);
	item_path(path, item, "versions");
	r = file_make_dirs(env->root_dirfd, path, 0755, err);
	if (r < 0)
		return r;
	versions_fd = open_folder(env, path, err);
	if (versions_fd < 0)
		return versions_fd;
	r = install_into(versions_fd, version, stage_fd, err);
	return r < 0 ? dv_prefix(err, r, "take %s %s over", item, version) : 0;
}

int store_remove(const struct env *env, const char *item, const char *version, struct dv_error *err)
{
	DV_AUTO_CLOSE int versions_fd = -1;
	char path[PATH_BYTES], name[TAG_BYTES];
	int r;

	if (!store_is_version(version))
		return dv_refuse(err, -EINVAL, "that is no version of %s", item);
	item_path(path, item, "versions");
	versions_fd = open_folder(env, path, err);
	if (versions_fd < 0)
		return versions_fd;
	r = make_tag(NEW_PREFIX, name, err);
	if (r < 0)
		return r;
	if (renameat2(versions_fd, version, versions_fd, name, RENAME_NOREPLACE) < 0)
		return dv_fail(err, -errno, "remove %s %s", item, version);
	return tree_remove(versions_fd, name, err);
}

/* The folder of the pointer and its name there; targets from a person's begin with "../". */
static const char *pointer_place(char ret_folder[static PATH_BYTES], const char *item,
				 const char *user)
{
	if (user)
		item_path(ret_folder, item, "people");
	else
		(void)snprintf(ret_folder, PATH_BYTES, STORE_FOLDER "/%s", item);
	return user ? user : "current";
}

int store_get_pointer(const struct env *env, const char *item, const char *user,
		      char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	const char *prefix = user ? "../versions/" : "versions/";
	char folder[PATH_BYTES], path[PATH_BYTES * 2];
	char target[PATH_BYTES];
	const char *name = pointer_place(folder, item, user);
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	n = readlinkat(env->root_dirfd, path, target, sizeof(target) - 1);
	if (n < 0 && errno == ENOENT) {
		ret_version[0] = '\0';
		return 0;
	}
	if (n < 0 && errno != EINVAL)
		return dv_fail(err, -errno, "read the link /%s", path);
	target[n < 0 ? 0 : n] = '\0';
	if (n < 0 || !str_starts_with(target, prefix) || !store_is_version(target + strlen(prefix)))
		return dv_refuse(err, -EINVAL, "/%s is no link to %sVERSION; remove it", path,
				 prefix);
	(void)snprintf(ret_version, STORE_VERSION_BYTES, "%s", target + strlen(prefix));
	return 0;
}

static int put_link(int folder_fd, const char *name, const char *target, struct dv_error *err)
{
	char temporary[TAG_BYTES];
	int r = make_tag(FILE_TEMPORARY_PREFIX, temporary, err);

	if (r < 0)
		return r;
	if (symlinkat(target, folder_fd, temporary) < 0)
		return dv_fail(err, -errno, "create a link for %s", name);
	if (renameat(folder_fd, temporary, folder_fd, name) < 0) {
		r = dv_fail(err, -errno, "rename a link to %s", name);
		(void)unlinkat(folder_fd, temporary, 0); /* the failure above is the one to tell */
		return r;
	}
	return fsync(folder_fd) < 0 ? dv_fail(err, -errno, "sync the folder of %s", name) : 0;
}

int store_set_pointer(const struct env *env, const char *item, const char *user,
		      const char *version, struct dv_error *err)
{
	DV_AUTO_CLOSE int version_fd = store_open(env, item, version, err);
	DV_AUTO_CLOSE int folder_fd = -1;
	char folder[PATH_BYTES], target[PATH_BYTES];
	const char *name = pointer_place(folder, item, user);
	int r;

	if (version_fd < 0)
		return version_fd;
	r = file_make_dirs(env->root_dirfd, folder, 0755, err);
	if (r < 0)
		return r;
	folder_fd = open_folder(env, folder, err);
	if (folder_fd < 0)
		return folder_fd;
	(void)snprintf(target, sizeof(target), "%sversions/%s", user ? "../" : "", version);
	r = put_link(folder_fd, name, target, err);
	return r < 0 ? dv_prefix(err, r, "/%s", folder) : 0;
}
