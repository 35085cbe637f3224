/* test_roster_trust.c - a roster that somebody else may write is refused. The test's own
 * uid stands for root where it is not root: it is trusted then. */
#include "folder.h"

#include <sys/xattr.h>

#include "roster/roster.h"

#define NAME "etc/devvm/r.yaml"

static void make_roster(const struct folder *folder)
{
	folder_make(folder, "etc", 0755);
	folder_make(folder, "etc/devvm", 0755);
	folder_write(folder, NAME, "users: {}\n", 0644);
}

static void chmod_at(const struct folder *folder, const char *name, mode_t mode)
{
	assert_int_equal(fchmodat(folder->dirfd, name, mode, 0), 0);
}

/* `sentence` "" for a roster that is trusted. */
static void assert_trust(const struct folder *folder, const char *name, const char *sentence)
{
	const uid_t uid = geteuid();
	struct dv_error err = { 0 };
	int r = roster_check_trust(folder->dirfd, name, "/r.yaml", &uid, 1, &err);

	assert_string_equal(err.text, sentence);
	assert_int_equal(r < 0, *sentence != '\0');
}

static void ordinary_modes_are_trusted(void **state)
{
	const struct folder *folder = *state;

	make_roster(folder);
	assert_trust(folder, NAME, "");
	chmod_at(folder, NAME, 0600);
	chmod_at(folder, "etc/devvm", 0700);
	assert_trust(folder, NAME, "");
}

static void world_writable_is_refused(void **state)
{
	const struct folder *folder = *state;

	make_roster(folder);
	chmod_at(folder, NAME, 0666);
	assert_trust(folder, NAME, "/r.yaml: the file may be written by everybody (mode 0666)");
	chmod_at(folder, NAME, 0644);
	chmod_at(folder, "etc/devvm", 0777);
	assert_trust(folder, NAME,
		     "/r.yaml: its folder etc/devvm may be written by everybody (mode 0777)");
	/* In a sticky folder nobody renames the file, but anybody can be the first. */
	chmod_at(folder, "etc/devvm", 01777);
	assert_trust(folder, NAME,
		     "/r.yaml: its folder etc/devvm may be written by everybody (mode 1777)");
	chmod_at(folder, "etc/devvm", 0755);
	chmod_at(folder, "etc", 0777);
	assert_trust(folder, NAME,
		     "/r.yaml: the folder etc may be written by everybody (mode 0777)");
	chmod_at(folder, "etc", 01777);
	assert_trust(folder, NAME, "");
	chmod_at(folder, "etc", 0755);
	chmod_at(folder, ".", 0777);
	assert_trust(folder, NAME, "/r.yaml: the folder . may be written by everybody (mode 0777)");
}

static void group_writable_is_fine_for_group_root_alone(void **state)
{
	const struct folder *folder = *state;
	char sentence[128];

	make_roster(folder);
	chmod_at(folder, NAME, 0664);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(folder->dirfd, NAME, 0, 0, 0), 0);
		assert_trust(folder, NAME, "");
		assert_int_equal(fchownat(folder->dirfd, NAME, 0, 4242, 0), 0);
		chmod_at(folder, NAME, 0664);
	}
	(void)snprintf(sentence, sizeof(sentence),
		       "/r.yaml: the file may be written by its group %u (mode 0664)",
		       geteuid() == 0 ? 4242 : getegid());
	assert_trust(folder, NAME, sentence);
}

/* An ACL for another user shows as group bits, whatever the group. */
static void acl_is_not_hidden_by_group_root(void **state)
{
	/* linux/posix_acl_xattr.h: version, then {tag, perm, id}, little-endian */
	static const unsigned char acl[] = {
		2,    0, 0, 0,			     /* version 2 */
		1,    0, 6, 0, 255,  255,  255, 255, /* owner rw- */
		2,    0, 6, 0, 0x92, 0x10, 0,	0,   /* user 4242 rw- */
		4,    0, 4, 0, 255,  255,  255, 255, /* group r-- */
		0x10, 0, 6, 0, 255,  255,  255, 255, /* mask rw- */
		0x20, 0, 4, 0, 255,  255,  255, 255, /* others r-- */
	};
	const struct folder *folder = *state;
	char path[128];

	make_roster(folder);
	(void)snprintf(path, sizeof(path), "%s/" NAME, folder->path);
	if (geteuid() != 0 || setxattr(path, "system.posix_acl_access", acl, sizeof(acl), 0) < 0)
		skip(); /* not root, or a file system without ACLs */
	assert_trust(folder, NAME,
		     "/r.yaml: the file may be written by its group 0 or by an ACL (mode 0664)");
}

static void others_files_are_refused(void **state)
{
	const struct folder *folder = *state;

	if (geteuid() != 0)
		skip(); /* cannot give a file away */
	make_roster(folder);
	assert_int_equal(fchownat(folder->dirfd, NAME, 4242, 0, 0), 0);
	assert_trust(folder, NAME,
		     "/r.yaml: the file belongs to uid 4242, which is neither root nor in "
		     "trusted_uids");
	assert_int_equal(fchownat(folder->dirfd, NAME, 0, 0, 0), 0);
	assert_int_equal(fchownat(folder->dirfd, "etc", 4242, 0, 0), 0);
	assert_trust(folder, NAME,
		     "/r.yaml: the folder etc belongs to uid 4242, which is neither root nor in "
		     "trusted_uids");
}

static void trusted_uid_may_own_it(void **state)
{
	const struct folder *folder = *state;
	const uid_t uids[] = { 4243, 4242, geteuid() };

	make_roster(folder);
	if (geteuid() == 0) {
		assert_int_equal(fchownat(folder->dirfd, NAME, 4242, 0, 0), 0);
		assert_int_equal(fchownat(folder->dirfd, "etc/devvm", 4243, 0, 0), 0);
	}
	assert_int_equal(roster_check_trust(folder->dirfd, NAME, "r", uids, DV_COUNT(uids), NULL),
			 0);
}

static void only_a_plain_file_will_do(void **state)
{
	const struct folder *folder = *state;

	make_roster(folder);
	assert_int_equal(symlinkat("etc/devvm/r.yaml", folder->dirfd, "link"), 0);
	assert_trust(folder, "link", "/r.yaml: is a link; name the file itself");
	assert_trust(folder, "etc", "/r.yaml: not a regular file");
	assert_trust(folder, "none", "read /r.yaml: No such file or directory");
}

static void absolute_paths_are_followed_up_to_the_root(void **state)
{
	const struct folder *folder = *state;
	char path[128];
	const uid_t uid = geteuid();

	make_roster(folder);
	(void)snprintf(path, sizeof(path), "%s/" NAME, folder->path);
	/* /tmp is sticky, and not the roster's own folder */
	assert_int_equal(roster_check_trust(AT_FDCWD, path, "r", &uid, 1, NULL), 0);
	(void)snprintf(path, sizeof(path), "%s.yaml", folder->path);
	{
		DV_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		struct dv_error err = { 0 };

		assert_true(fd >= 0);
		assert_true(roster_check_trust(AT_FDCWD, path, "r", &uid, 1, &err) < 0);
		assert_string_equal(err.text,
				    "r: its folder /tmp may be written by everybody (mode 1777)");
		assert_int_equal(unlink(path), 0);
	}
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(ordinary_modes_are_trusted),
		WITH_FOLDER(world_writable_is_refused),
		WITH_FOLDER(group_writable_is_fine_for_group_root_alone),
		WITH_FOLDER(acl_is_not_hidden_by_group_root),
		WITH_FOLDER(others_files_are_refused),
		WITH_FOLDER(trusted_uid_may_own_it),
		WITH_FOLDER(only_a_plain_file_will_do),
		WITH_FOLDER(absolute_paths_are_followed_up_to_the_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
