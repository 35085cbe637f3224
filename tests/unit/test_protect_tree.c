/* test_protect_tree.c - closing a tree to others: what is closed, what is refused, and that nothing
 * else of the mode and nothing behind a link changes. */
#include "steps/protect_tree.h"

#include <sys/stat.h>

#include "scratch.h"

#define TREE "srv/tree"

static int look(struct scratch *scratch, const char *path, enum protect_state *ret_state,
		mode_t *ret_mode)
{
	return protect_look(scratch->env.root_dirfd, path, geteuid(), getegid(), ret_state,
			    ret_mode, &scratch->err);
}

static void make_tree(struct scratch *scratch, mode_t mode)
{
	scratch_make_folder(scratch, TREE, 0700);
	assert_int_equal(fchownat(scratch->env.root_dirfd, TREE, geteuid(), getegid(), 0), 0);
	assert_int_equal(fchmodat(scratch->env.root_dirfd, TREE, mode, 0), 0);
}

static mode_t mode_of(struct scratch *scratch, const char *path)
{
	struct stat st = { 0 };

	assert_int_equal(fstatat(scratch->env.root_dirfd, path, &st, 0), 0);
	return st.st_mode & 07777;
}

static void an_open_tree_is_closed_and_keeps_the_rest_of_its_mode(void **state)
{
	static const mode_t modes[] = { 0755, 0701, 0702, 02775, 01777, 0004 };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(modes); i++) {
		enum protect_state found = PROTECT_UNSET;
		mode_t mode = 0;

		make_tree(scratch, modes[i]);
		assert_ok(scratch, look(scratch, "/" TREE, &found, &mode));
		assert_int_equal(found, PROTECT_OPEN);
		assert_int_equal(mode, modes[i]);
		assert_ok(scratch, protect_close(scratch->env.root_dirfd, "/" TREE, geteuid(),
						 getegid(), &scratch->err));
		assert_int_equal(mode_of(scratch, TREE), modes[i] & ~(mode_t)07);
		assert_ok(scratch, look(scratch, "/" TREE, &found, &mode));
		assert_int_equal(found, PROTECT_CLOSED);
	}
}

static void a_file_is_closed_too(void **state)
{
	struct scratch *scratch = *state;
	enum protect_state found = PROTECT_UNSET;
	mode_t mode = 0;

	scratch_write(scratch, "srv/key", "k", 0644);
	assert_int_equal(fchownat(scratch->env.root_dirfd, "srv/key", geteuid(), getegid(), 0), 0);
	assert_ok(scratch, look(scratch, "/srv/key", &found, &mode));
	assert_int_equal(found, PROTECT_OPEN);
	assert_ok(scratch, protect_close(scratch->env.root_dirfd, "/srv/key", geteuid(), getegid(),
					 &scratch->err));
	assert_int_equal(mode_of(scratch, "srv/key"), 0640);
}

static void what_is_not_there_lets_nobody_in(void **state)
{
	struct scratch *scratch = *state;
	enum protect_state found = PROTECT_UNSET;
	mode_t mode = 0;

	assert_ok(scratch, look(scratch, "/srv/nothing", &found, &mode));
	assert_int_equal(found, PROTECT_ABSENT);
	assert_ok(scratch, protect_close(scratch->env.root_dirfd, "/srv/nothing", geteuid(),
					 getegid(), &scratch->err));
}

static void another_owner_or_group_is_told_and_left(void **state)
{
	struct scratch *scratch = *state;
	enum protect_state found = PROTECT_UNSET;
	mode_t mode = 0;

	make_tree(scratch, 0755);
	assert_int_equal(protect_look(scratch->env.root_dirfd, "/" TREE, geteuid() + 1, getegid(),
				      &found, &mode, &scratch->err),
			 -EPERM);
	assert_contains(scratch->err.text, "/srv/tree is of uid ");
	assert_contains(scratch->err.text, "chown it, or correct devvm.yaml");
	assert_int_equal(protect_close(scratch->env.root_dirfd, "/" TREE, geteuid(), getegid() + 1,
				       &scratch->err),
			 -EPERM);
	assert_int_equal(mode_of(scratch, TREE), 0755);
}

static void links_are_not_followed(void **state)
{
	struct scratch *scratch = *state;
	int root_fd = scratch->env.root_dirfd;
	enum protect_state found = PROTECT_UNSET;
	mode_t mode = 0;

	make_tree(scratch, 0755);
	scratch_make_folder(scratch, TREE "/inner", 0755);
	assert_int_equal(symlinkat("tree", root_fd, "srv/link"), 0);
	assert_int_equal(look(scratch, "/srv/link", &found, &mode), -ELOOP);
	assert_string_equal(scratch->err.text, "/srv/link is a link: name what it points to");
	assert_int_equal(look(scratch, "/srv/link/inner", &found, &mode), -ELOOP);
	assert_int_equal(protect_close(root_fd, "/srv/link", geteuid(), getegid(), &scratch->err),
			 -ELOOP);
	assert_int_equal(mode_of(scratch, TREE), 0755);
}

static void a_pipe_is_no_tree(void **state)
{
	struct scratch *scratch = *state;
	enum protect_state found = PROTECT_UNSET;
	mode_t mode = 0;

	scratch_make_folder(scratch, "srv", 0755);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, "srv/pipe", 0666), 0);
	assert_int_equal(look(scratch, "/srv/pipe", &found, &mode), -EINVAL);
	assert_string_equal(scratch->err.text, "/srv/pipe is neither a folder nor a file");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_open_tree_is_closed_and_keeps_the_rest_of_its_mode),
		TEST(a_file_is_closed_too),
		TEST(what_is_not_there_lets_nobody_in),
		TEST(another_owner_or_group_is_told_and_left),
		TEST(links_are_not_followed),
		TEST(a_pipe_is_no_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
