/* test_home.c - what may lie in a home is read or refused, and never waited for. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/home.h"

#define MAX_BYTES 8192

static int read_there(struct scratch *scratch, const char *name, char **ret_text)
{
	size_t n_bytes = 0;

	return home_read(scratch->env.root_dirfd, name, MAX_BYTES, ret_text, &n_bytes,
			 &scratch->err);
}

static void files_and_links_to_them_are_read(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;
	DV_AUTO_FREE char *through_link = NULL;

	scratch_write(scratch, "dotfiles/x", "mine\n", 0600);
	assert_int_equal(symlinkat("dotfiles/x", scratch->env.root_dirfd, "x"), 0);
	assert_ok(scratch, read_there(scratch, "dotfiles/x", &text));
	assert_string_equal(text, "mine\n");
	assert_ok(scratch, read_there(scratch, "x", &through_link));
	assert_string_equal(through_link, "mine\n");
}

static void sizes_up_to_the_cap_are_whole(void **state)
{
	struct scratch *scratch = *state;
	static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, MAX_BYTES - 1, MAX_BYTES };

	for (size_t i = 0; i < DV_COUNT(sizes); i++) {
		DV_AUTO_FREE char *expected = calloc(1, MAX_BYTES + 1);
		DV_AUTO_FREE char *text = NULL;

		memset(expected, 'x', sizes[i]);
		scratch_write(scratch, "x", expected, 0600);
		assert_ok(scratch, read_there(scratch, "x", &text));
		assert_string_equal(text, expected);
	}
}

static void what_is_no_file_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *large = calloc(1, MAX_BYTES + 2);
	char *text = NULL;

	assert_int_equal(mkfifoat(scratch->env.root_dirfd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("/dev/zero", scratch->env.root_dirfd, "device"), 0);
	assert_int_equal(symlinkat("nowhere", scratch->env.root_dirfd, "dangling"), 0);
	scratch_make_folder(scratch, "folder", 0700);
	memset(large, 'x', MAX_BYTES + 1);
	scratch_write(scratch, "large", large, 0600);
	assert_int_equal(read_there(scratch, "fifo", &text), -EINVAL);
	assert_string_equal(scratch->err.text, "~/fifo is not a regular file");
	assert_int_equal(read_there(scratch, "device", &text), -EINVAL);
	assert_int_equal(read_there(scratch, "folder", &text), -EINVAL);
	assert_int_equal(read_there(scratch, "dangling", &text), -ENOENT);
	assert_int_equal(read_there(scratch, "none", &text), -ENOENT);
	assert_int_equal(read_there(scratch, "large", &text), -EFBIG);
	assert_string_equal(scratch->err.text, "~/large is 8193 bytes; at most 8192 are read");
	assert_null(text);
}

static void a_folder_is_made_with_its_mode(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int fd =
		home_open_folder(scratch->env.root_dirfd, ".config/x", 0700, &scratch->err);
	DV_AUTO_CLOSE int again =
		home_open_folder(scratch->env.root_dirfd, ".config/x", 0750, &scratch->err);

	assert_true(fd >= 0);
	assert_true(again >= 0);
	assert_int_equal(scratch_mode(scratch, ".config/x"), 0700);
}

static void a_link_out_of_the_home_is_refused(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(symlinkat("/tmp", scratch->env.root_dirfd, "link"), 0);
	assert_int_equal(home_open_folder(scratch->env.root_dirfd, "link", 0700, &scratch->err),
			 -EXDEV);
	assert_contains(scratch->err.text, "~/link leads out of the home, to /tmp");
	assert_int_equal(home_open_folder(scratch->env.root_dirfd, "link/more", 0700,
					  &scratch->err),
			 -EXDEV);
	assert_int_equal(access("/tmp/more", F_OK), -1);
}

/* Only root can make one. */
static void somebody_elses_folder_is_refused(void **state)
{
	struct scratch *scratch = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdirat(scratch->env.root_dirfd, "theirs", 0755), 0);
	assert_int_equal(fchownat(scratch->env.root_dirfd, "theirs", 1234, 1234, 0), 0);
	assert_int_equal(home_open_folder(scratch->env.root_dirfd, "theirs", 0700, &scratch->err),
			 -EPERM);
	assert_contains(scratch->err.text, "~/theirs belongs to somebody else (uid 1234)");
}

static void a_file_in_the_way_is_named(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(symlinkat("/etc/shadow", scratch->env.root_dirfd, ".config"), 0);
	assert_true(home_open_folder(scratch->env.root_dirfd, ".config/x", 0700, &scratch->err) <
		    0);
	assert_contains(scratch->err.text, ".config");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_and_links_to_them_are_read),	 TEST(sizes_up_to_the_cap_are_whole),
		TEST(what_is_no_file_is_named),		 TEST(a_folder_is_made_with_its_mode),
		TEST(a_link_out_of_the_home_is_refused), TEST(somebody_elses_folder_is_refused),
		TEST(a_file_in_the_way_is_named),
	};

	return cmocka_run_group_tests_name("home", tests, NULL, NULL);
}
