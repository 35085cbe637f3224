/* test_file.c - whole files: read with a cap, replaced whole, opened beneath a folder. */
#include "folder.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"

static struct file_spec spec_of(const char *text, mode_t mode)
{
	return (struct file_spec){ .data = text,
				   .n_bytes = strlen(text),
				   .mode = mode,
				   .uid = (uid_t)-1,
				   .gid = (gid_t)-1 };
}

static size_t count_entries(const struct folder *folder, const char *name)
{
	int fd = openat(folder->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n - 2; /* "." and ".." */
}

static void assert_content(const struct folder *folder, const char *name, const char *expected)
{
	DV_AUTO_FREE char *data = NULL;
	size_t n_bytes = 0;

	assert_int_equal(file_read(folder->dirfd, name, 1024, &data, &n_bytes, NULL, NULL), 0);
	assert_string_equal(data, expected);
}

static unsigned int mode_of(const struct folder *folder, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(folder->dirfd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 07777;
}

/* ---- reading -------------------------------------------------------------------------- */

static void read_gives_all_and_a_nul(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_FREE char *data = NULL;
	size_t n_bytes = 0;
	struct stat st;

	folder_write(folder, "f", "twelve bytes", 0640);
	assert_int_equal(file_read(folder->dirfd, "f", 12, &data, &n_bytes, &st, NULL), 0);
	assert_int_equal(n_bytes, 12);
	assert_string_equal(data, "twelve bytes");
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void read_of_an_empty_file_is_empty_text(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_FREE char *data = NULL;
	size_t n_bytes = 7;

	folder_write(folder, "f", "", 0644);
	assert_int_equal(file_read(folder->dirfd, "f", 0, &data, &n_bytes, NULL, NULL), 0);
	assert_int_equal(n_bytes, 0);
	assert_string_equal(data, "");
}

static void assert_read_fails(const struct folder *folder, const char *name, int r,
			      const char *sentence)
{
	char *data = NULL;
	size_t n_bytes = 7;
	struct dv_error err = { 0 };

	assert_int_equal(file_read(folder->dirfd, name, 10, &data, &n_bytes, NULL, &err), r);
	assert_string_equal(err.text, sentence);
	assert_null(data);
	assert_int_equal(n_bytes, 7);
}

static void read_refuses_what_is_no_plain_file(void **state)
{
	const struct folder *folder = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	DV_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	folder_write(folder, "large", "eleven byte", 0644);
	folder_make(folder, "dir", 0755);
	assert_int_equal(symlinkat("large", folder->dirfd, "link"), 0);
	assert_int_equal(mkfifoat(folder->dirfd, "fifo", 0644), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder->path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_read_fails(folder, "none", -ENOENT, "open none: No such file or directory");
	assert_read_fails(folder, "large", -EFBIG, "large is 11 bytes; at most 10 are read");
	assert_read_fails(folder, "dir", -EINVAL, "dir is not a regular file");
	assert_read_fails(folder, "link", -ELOOP, "open link: Too many levels of symbolic links");
	assert_read_fails(folder, "fifo", -EINVAL, "fifo is not a regular file"); /* at once */
	assert_read_fails(folder, "socket", -ENXIO, "open socket: No such device or address");
}

/* ---- matching ------------------------------------------------------------------------- */

static void assert_matches(const struct folder *folder, const struct file_spec *spec, bool expected)
{
	bool matches = !expected;
	struct dv_error err = { 0 };

	assert_int_equal(file_matches(folder->dirfd, "f", spec, &matches, &err), 0);
	assert_int_equal(matches, expected);
	assert_string_equal(err.text, ""); /* a plain "no" is no trouble to tell of */
}

static void match_is_of_content_mode_and_owner(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("text", 0640);

	assert_matches(folder, &spec, false); /* not there */
	folder_write(folder, "f", "text", 0640);
	assert_matches(folder, &spec, true);
	spec.uid = geteuid();
	assert_matches(folder, &spec, true);
	spec.uid = geteuid() + 1;
	assert_matches(folder, &spec, false);
	spec = spec_of("text", 0600);
	assert_matches(folder, &spec, false);
	spec = spec_of("tex", 0640);
	assert_matches(folder, &spec, false);
	spec = spec_of("texts", 0640);
	assert_matches(folder, &spec, false);
	spec = spec_of("tixt", 0640);
	assert_matches(folder, &spec, false);
	folder_write(folder, "f", "text", 04640);
	spec = spec_of("text", 0640);
	assert_matches(folder, &spec, false);
}

static void match_of_a_link_or_folder_is_no(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("text", 0640);

	folder_write(folder, "target", "text", 0640);
	assert_int_equal(symlinkat("target", folder->dirfd, "f"), 0);
	assert_matches(folder, &spec, false);
	assert_int_equal(unlinkat(folder->dirfd, "f", 0), 0);
	folder_make(folder, "f", 0755);
	assert_matches(folder, &spec, false);
}

/* ---- replacing ------------------------------------------------------------------------ */

static void replace_creates_and_replaces_with_the_exact_mode(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("one", 0664);
	mode_t umask_before = umask(077);

	assert_int_equal(file_replace(folder->dirfd, "f", &spec, NULL), 0);
	assert_content(folder, "f", "one");
	assert_int_equal(mode_of(folder, "f"), 0664); /* whatever the umask */
	spec = spec_of("", 0600);
	assert_int_equal(file_replace(folder->dirfd, "f", &spec, NULL), 0);
	assert_content(folder, "f", "");
	assert_int_equal(mode_of(folder, "f"), 0600);
	assert_int_equal(count_entries(folder, "."), 1); /* no temporary stays */
	(void)umask(umask_before);
}

static void replace_takes_the_place_of_a_link_not_of_its_target(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("new", 0644);

	folder_write(folder, "target", "old", 0644);
	assert_int_equal(symlinkat("target", folder->dirfd, "f"), 0);
	assert_int_equal(file_replace(folder->dirfd, "f", &spec, NULL), 0);
	assert_content(folder, "f", "new");
	assert_content(folder, "target", "old");
}

static void replace_that_fails_leaves_everything(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("new", 0644);
	struct dv_error err = { 0 };

	folder_make(folder, "f", 0755);
	folder_make(folder, "f/x", 0755);
	assert_int_equal(file_replace(folder->dirfd, "f", &spec, &err), -EISDIR);
	assert_string_equal(err.text, "rename to f: Is a directory");
	assert_int_equal(count_entries(folder, "."), 1);
	assert_int_equal(file_replace(folder->dirfd, "none/f", &spec, &err), -ENOENT);
	assert_string_equal(err.text, "open none: No such file or directory");
}

static void replace_gives_the_owner(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("x", 0600);
	struct stat st;
	struct dv_error err = { 0 };

	spec.uid = 4242;
	spec.gid = 4243;
	if (geteuid() != 0) { /* nothing is left behind when it may not */
		assert_int_equal(file_replace(folder->dirfd, "f", &spec, &err), -EPERM);
		assert_string_equal(err.text, "change the owner of f: Operation not permitted");
		assert_int_equal(count_entries(folder, "."), 0);
		return;
	}
	assert_int_equal(file_replace(folder->dirfd, "f", &spec, &err), 0);
	assert_int_equal(fstatat(folder->dirfd, "f", &st, 0), 0);
	assert_int_equal(st.st_uid, 4242);
	assert_int_equal(st.st_gid, 4243);
}

static void replace_leaves_a_file_untouched_where_asked(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("text", 0640);
	struct stat st;

	assert_int_equal(file_replace(folder->dirfd, "f", &spec, NULL), 0);
	assert_int_equal(fstatat(folder->dirfd, "f", &st, 0), 0);
	assert_true(st.st_mtim.tv_sec > 0);
	spec.untouched = true;
	assert_matches(folder, &spec, true); /* when it was written is not what it is */
	assert_int_equal(file_replace(folder->dirfd, "f", &spec, NULL), 0);
	assert_int_equal(fstatat(folder->dirfd, "f", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 0);
	assert_int_equal(st.st_mtim.tv_nsec, 0);
	assert_int_equal(utimensat(folder->dirfd, "f", NULL, 0), 0);
	assert_matches(folder, &spec, true);
}

static void replace_works_in_a_subfolder_and_at_an_absolute_path(void **state)
{
	const struct folder *folder = *state;
	struct file_spec spec = spec_of("x", 0644);
	char path[128];

	folder_make(folder, "sub", 0755);
	assert_int_equal(file_replace(folder->dirfd, "sub/f", &spec, NULL), 0);
	assert_content(folder, "sub/f", "x");
	(void)snprintf(path, sizeof(path), "%s/sub/g", folder->path);
	assert_int_equal(file_replace(AT_FDCWD, path, &spec, NULL), 0);
	assert_content(folder, "sub/g", "x");
	assert_int_equal(count_entries(folder, "sub"), 2);
}

static void remove_of_what_is_not_there_is_done(void **state)
{
	const struct folder *folder = *state;
	struct dv_error err = { 0 };

	folder_write(folder, "f", "x", 0644);
	assert_int_equal(file_remove(folder->dirfd, "f", &err), 0);
	assert_int_equal(count_entries(folder, "."), 0);
	assert_int_equal(file_remove(folder->dirfd, "f", &err), 0);
	folder_make(folder, "d", 0755);
	assert_true(file_remove(folder->dirfd, "d", &err) < 0);
	assert_string_equal(err.text, "remove d: Is a directory");
}

/* ---- folders -------------------------------------------------------------------------- */

static void folders_are_made_with_their_parents(void **state)
{
	const struct folder *folder = *state;
	mode_t umask_before = umask(077);

	assert_int_equal(file_make_dirs(folder->dirfd, "a/b/c", 0770, NULL), 0);
	assert_int_equal(mode_of(folder, "a"), 0755);
	assert_int_equal(mode_of(folder, "a/b"), 0755);
	assert_int_equal(mode_of(folder, "a/b/c"), 0770);
	assert_int_equal(file_make_dirs(folder->dirfd, "a/b", 0700, NULL), 0);
	assert_int_equal(mode_of(folder, "a/b"), 0755); /* it was there */
	assert_int_equal(file_make_dirs(folder->dirfd, "x//y/", 0700, NULL), 0);
	assert_int_equal(mode_of(folder, "x/y"), 0700);
	(void)umask(umask_before);
}

static void file_in_the_way_of_a_folder_is_told(void **state)
{
	const struct folder *folder = *state;
	struct dv_error err = { 0 };

	folder_write(folder, "f", "x", 0644);
	assert_int_equal(file_make_dirs(folder->dirfd, "f/a", 0755, &err), -ENOTDIR);
	assert_int_equal(file_make_dirs(folder->dirfd, "f", 0755, &err), -ENOTDIR);
	assert_string_equal(err.text, "create f: Not a directory");
	assert_int_equal(symlinkat("none", folder->dirfd, "dangling"), 0);
	assert_true(file_make_dirs(folder->dirfd, "dangling", 0755, &err) < 0);
}

/* ---- beneath -------------------------------------------------------------------------- */

static int open_beneath(const struct folder *folder, const char *path)
{
	DV_AUTO_CLOSE int fd = file_open_beneath(folder->dirfd, path, O_RDONLY, 0, NULL);

	return fd < 0 ? fd : 0;
}

static void beneath_there_are_no_links_and_no_way_out(void **state)
{
	const struct folder *folder = *state;
	struct dv_error err = { 0 };

	folder_make(folder, "d", 0755);
	folder_write(folder, "d/f", "x", 0644);
	assert_int_equal(symlinkat("d", folder->dirfd, "l"), 0);
	assert_int_equal(symlinkat("d/f", folder->dirfd, "lf"), 0);
	assert_int_equal(mkfifoat(folder->dirfd, "fifo", 0644), 0);
	assert_int_equal(open_beneath(folder, "d/f"), 0);
	assert_int_equal(open_beneath(folder, "d/../d/f"), 0);
	assert_int_equal(open_beneath(folder, "l/f"), -ELOOP);
	assert_int_equal(open_beneath(folder, "lf"), -ELOOP);
	assert_int_equal(open_beneath(folder, "../x"), -EXDEV);
	assert_int_equal(open_beneath(folder, "/etc/passwd"), -EXDEV);
	assert_int_equal(open_beneath(folder, "fifo"), 0); /* did not wait for a writer */
	assert_int_equal(file_open_beneath(folder->dirfd, "none", O_RDONLY, 0, &err), -ENOENT);
	assert_string_equal(err.text, "open none: No such file or directory");
}

static void beneath_a_file_can_be_created(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_CLOSE int fd =
		file_open_beneath(folder->dirfd, "new", O_WRONLY | O_CREAT | O_EXCL, 0600, NULL);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(mode_of(folder, "new"), 0600);
}

static void a_kernel_file_is_read_although_it_has_no_size(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_FREE char *maps = NULL;
	DV_AUTO_FREE char *large = NULL;
	DV_AUTO_FREE char *text = calloc(1, 9001);
	size_t n_maps = 0, n_large = 0;
	struct dv_error err = { "" };

	assert_int_equal(file_read_kernel(AT_FDCWD, "/proc/self/maps", 1 << 20, &maps, &n_maps,
					  &err),
			 0);
	assert_int_equal(strlen(maps), n_maps);
	assert_non_null(strstr(maps, "[stack]"));
	assert_int_equal(file_read_kernel(AT_FDCWD, "/proc/self/maps", 100, &large, &n_large, &err),
			 -EFBIG);
	assert_null(large);
	memset(text, 'x', 9000);
	folder_write(folder, "f", text, 0644);
	assert_int_equal(file_read_kernel(folder->dirfd, "f", 1 << 20, &large, &n_large, &err), 0);
	assert_string_equal(large, text);
	assert_int_equal(file_read_kernel(folder->dirfd, "g", 10, &large, &n_large, &err), -ENOENT);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

static void create_leaves_what_is_there(void **state)
{
	const struct folder *folder = *state;
	const struct file_spec spec = spec_of("new", 0755);
	struct dv_error err = { 0 };

	assert_int_equal(file_create(folder->dirfd, "f", &spec, &err), 0);
	assert_content(folder, "f", "new");
	assert_int_equal(mode_of(folder, "f"), 0755);
	folder_write(folder, "theirs", "own", 0600);
	assert_int_equal(symlinkat("nowhere", folder->dirfd, "dangling"), 0);
	assert_int_equal(file_create(folder->dirfd, "theirs", &spec, &err), -EEXIST);
	assert_int_equal(file_create(folder->dirfd, "dangling", &spec, &err), -EEXIST);
	assert_content(folder, "theirs", "own");
	assert_int_equal(count_entries(folder, "."), 3);
}

static void link_is_made_and_replaced_in_one_go(void **state)
{
	const struct folder *folder = *state;
	char target[16] = "";
	struct dv_error err = { 0 };

	assert_int_equal(file_link(folder->dirfd, "a", "l", false, &err), 0);
	assert_int_equal(file_link(folder->dirfd, "b", "l", false, &err), -EEXIST);
	assert_int_equal(readlinkat(folder->dirfd, "l", target, sizeof(target)), 1);
	assert_int_equal(target[0], 'a');
	assert_int_equal(file_link(folder->dirfd, "b", "l", true, &err), 0);
	assert_int_equal(readlinkat(folder->dirfd, "l", target, sizeof(target)), 1);
	assert_int_equal(target[0], 'b');
	assert_int_equal(file_link(folder->dirfd, "b", "none/l", true, &err), -ENOENT);
	assert_int_equal(count_entries(folder, "."), 1);
}

static void sweep_takes_temporaries_alone(void **state)
{
	const struct folder *folder = *state;

	folder_write(folder, FILE_TEMPORARY_PREFIX "0123", "left behind", 0600);
	assert_int_equal(symlinkat("x", folder->dirfd, FILE_TEMPORARY_PREFIX "link"), 0);
	folder_make(folder, FILE_TEMPORARY_PREFIX "folder", 0700);
	folder_write(folder, "file.devvm-", "stays", 0600);
	file_sweep(folder->dirfd, ".");
	file_sweep(folder->dirfd, "absent");
	assert_content(folder, "file.devvm-", "stays");
	assert_int_equal(count_entries(folder, "."), 2); /* and the folder, which is not ours */
}

static void sweep_leaves_what_a_living_one_writes(void **state)
{
	const struct folder *folder = *state;
	char name[FILE_TEMPORARY_BYTES];
	struct dv_error err = { 0 };
	int fd = file_create_temporary(folder->dirfd, "file", name, &err);

	assert_true(fd >= 0);
	file_sweep(folder->dirfd, ".");
	assert_int_equal(count_entries(folder, "."), 1);
	assert_int_equal(close(fd), 0); /* as at its death */
	file_sweep(folder->dirfd, ".");
	assert_int_equal(count_entries(folder, "."), 0);
}

/* A writer beside somebody who sweeps all the time: whoever has the file's name also has all of the file. */
static void writer_beside_a_sweep_succeeds(void **state)
{
	const struct folder *folder = *state;
	const struct file_spec spec = spec_of("whole", 0600);
	struct dv_error err = { 0 };
	pid_t sweeper = fork();

	assert_true(sweeper >= 0);
	if (sweeper == 0) {
		assert_int_equal(prctl(PR_SET_PDEATHSIG, SIGKILL), 0); /* should a check fail */
		for (;; (void)usleep(50))
			file_sweep(folder->dirfd, ".");
	}
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(file_replace(folder->dirfd, "file", &spec, &err), 0);
		assert_int_equal(file_link(folder->dirfd, "file", "link", true, &err), 0);
	}
	assert_int_equal(kill(sweeper, SIGKILL), 0);
	assert_int_equal(waitpid(sweeper, NULL, 0), sweeper);
	assert_content(folder, "file", "whole");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(create_leaves_what_is_there),
		WITH_FOLDER(link_is_made_and_replaced_in_one_go),
		WITH_FOLDER(sweep_takes_temporaries_alone),
		WITH_FOLDER(sweep_leaves_what_a_living_one_writes),
		WITH_FOLDER(writer_beside_a_sweep_succeeds),
		WITH_FOLDER(a_kernel_file_is_read_although_it_has_no_size),
		WITH_FOLDER(read_gives_all_and_a_nul),
		WITH_FOLDER(read_of_an_empty_file_is_empty_text),
		WITH_FOLDER(read_refuses_what_is_no_plain_file),
		WITH_FOLDER(match_is_of_content_mode_and_owner),
		WITH_FOLDER(match_of_a_link_or_folder_is_no),
		WITH_FOLDER(replace_creates_and_replaces_with_the_exact_mode),
		WITH_FOLDER(replace_takes_the_place_of_a_link_not_of_its_target),
		WITH_FOLDER(replace_that_fails_leaves_everything),
		WITH_FOLDER(replace_gives_the_owner),
		WITH_FOLDER(replace_leaves_a_file_untouched_where_asked),
		WITH_FOLDER(replace_works_in_a_subfolder_and_at_an_absolute_path),
		WITH_FOLDER(remove_of_what_is_not_there_is_done),
		WITH_FOLDER(folders_are_made_with_their_parents),
		WITH_FOLDER(file_in_the_way_of_a_folder_is_told),
		WITH_FOLDER(beneath_there_are_no_links_and_no_way_out),
		WITH_FOLDER(beneath_a_file_can_be_created),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
