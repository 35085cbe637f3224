/* test_tree.c - what root takes over from a tree that somebody else made, and what it refuses. */
#include "folder.h"

#include <stdbool.h>

#include "store/tree.h"

static struct dv_error error;

static int teardown(void **state)
{
	struct folder *folder = *state;

	DV_IGNORE(tree_remove(folder->dirfd, "to", NULL));
	DV_IGNORE(tree_remove(folder->dirfd, "from", NULL));
	return folder_teardown(state);
}

static int setup(void **state)
{
	const struct folder *folder;

	if (folder_setup(state) < 0)
		return -1;
	folder = *state;
	assert_int_equal(mkdirat(folder->dirfd, "from", 0755), 0);
	assert_int_equal(mkdirat(folder->dirfd, "from/sub", 0755), 0);
	assert_int_equal(mkdirat(folder->dirfd, "to", 0755), 0);
	return 0;
}

static int copy(const struct folder *folder)
{
	DV_AUTO_CLOSE int from_fd = openat(folder->dirfd, "from", O_RDONLY | O_DIRECTORY);
	DV_AUTO_CLOSE int to_fd = openat(folder->dirfd, "to", O_RDONLY | O_DIRECTORY);

	error = (struct dv_error){ "" };
	return tree_copy(from_fd, to_fd, &error);
}

static struct stat stat_of(const struct folder *folder, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(folder->dirfd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void files_folders_and_inner_links_are_taken(void **state)
{
	const struct folder *folder = *state;
	char target[16] = "";

	folder_write(folder, "from/sub/run", "code", 0775);
	folder_write(folder, "from/data", "text", 0660);
	assert_int_equal(symlinkat("../data", folder->dirfd, "from/sub/up"), 0);
	assert_int_equal(symlinkat("sub", folder->dirfd, "from/down"), 0);
	assert_int_equal(copy(folder), 0);
	assert_int_equal(stat_of(folder, "to/sub/run").st_mode, S_IFREG | 0555);
	assert_int_equal(stat_of(folder, "to/data").st_mode, S_IFREG | 0444);
	assert_int_equal(stat_of(folder, "to/data").st_size, 4);
	assert_int_equal(stat_of(folder, "to/sub").st_mode, S_IFDIR | 0555);
	assert_int_equal(readlinkat(folder->dirfd, "to/sub/up", target, sizeof(target)), 7);
	assert_string_equal(target, "../data");
}

static void links_that_lead_out_are_refused(void **state)
{
	static const char *const targets[] = { "/etc/shadow",  "..",	      "../..",
					       "../x/../../y", "inner/../..", "./../.." };
	const struct folder *folder = *state;

	for (size_t i = 0; i < DV_COUNT(targets); i++) {
		/* In from/sub one step up is inside, and everything behind it may be a link. */
		bool is_inside = strcmp(targets[i], "..") == 0;

		assert_int_equal(symlinkat(targets[i], folder->dirfd, "from/sub/link"), 0);
		assert_int_equal(copy(folder), is_inside ? 0 : -EINVAL);
		if (!is_inside)
			assert_string_equal(error.text, "sub/link is a link that leads out");
		assert_int_equal(unlinkat(folder->dirfd, "from/sub/link", 0), 0);
		assert_int_equal(tree_remove(folder->dirfd, "to", NULL), 0);
		assert_int_equal(mkdirat(folder->dirfd, "to", 0755), 0);
	}
}

static void what_is_no_file_is_refused(void **state)
{
	const struct folder *folder = *state;

	assert_int_equal(mkfifoat(folder->dirfd, "from/sub/pipe", 0644), 0);
	assert_int_equal(copy(folder), -EINVAL);
	assert_string_equal(error.text, "sub/pipe is no file, folder or link");
}

static void set_id_files_are_refused(void **state)
{
	const struct folder *folder = *state;

	folder_write(folder, "from/tool", "code", 04755);
	assert_int_equal(copy(folder), -EINVAL);
	assert_string_equal(error.text, "tool is a set-id file");
}

static void names_of_one_file_become_files(void **state)
{
	const struct folder *folder = *state;

	folder_write(folder, "from/one", "text", 0644);
	assert_int_equal(linkat(folder->dirfd, "from/one", folder->dirfd, "from/two", 0), 0);
	assert_int_equal(copy(folder), 0);
	assert_int_equal(stat_of(folder, "to/one").st_nlink, 1);
	assert_int_equal(stat_of(folder, "to/two").st_nlink, 1);
	assert_int_not_equal(stat_of(folder, "to/one").st_ino, stat_of(folder, "to/two").st_ino);
}

static void a_tree_without_end_is_refused(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_CLOSE int fd = openat(folder->dirfd, "from", O_RDONLY | O_DIRECTORY);

	for (int i = 0; i <= TREE_MAX_DEPTH; i++) {
		int next_fd;

		assert_int_equal(mkdirat(fd, "d", 0755), 0);
		next_fd = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		assert_true(next_fd >= 0);
		(void)close(fd);
		fd = next_fd;
	}
	assert_int_equal(copy(folder), -ELOOP);
}

static void a_large_file_comes_whole(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_CLOSE int fd = openat(folder->dirfd, "from/large", O_WRONLY | O_CREAT, 0644);

	assert_int_equal(ftruncate(fd, 3 << 20), 0);
	assert_int_equal(pwrite(fd, "end", 3, (3 << 20) - 3), 3);
	assert_int_equal(copy(folder), 0);
	assert_int_equal(stat_of(folder, "to/large").st_size, 3 << 20);
}

static void removing_takes_read_only_folders_and_no_targets(void **state)
{
	const struct folder *folder = *state;

	folder_write(folder, "kept", "text", 0644);
	folder_write(folder, "from/sub/a", "text", 0444);
	assert_int_equal(symlinkat("../../kept", folder->dirfd, "from/sub/link"), 0);
	assert_int_equal(fchmodat(folder->dirfd, "from/sub", 0555, 0), 0);
	assert_int_equal(tree_remove(folder->dirfd, "from", NULL), 0);
	assert_int_equal(faccessat(folder->dirfd, "from", F_OK, 0), -1);
	assert_int_equal(faccessat(folder->dirfd, "kept", F_OK, 0), 0);
	assert_int_equal(tree_remove(folder->dirfd, "from", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define AT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
		AT(files_folders_and_inner_links_are_taken),
		AT(links_that_lead_out_are_refused),
		AT(what_is_no_file_is_refused),
		AT(set_id_files_are_refused),
		AT(names_of_one_file_become_files),
		AT(a_tree_without_end_is_refused),
		AT(a_large_file_comes_whole),
		AT(removing_takes_read_only_folders_and_no_targets),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
