/* test_envfile.c - one line of a file that administrators write too: theirs survive byte for
 * byte, nothing is written that stands there already, and what is no plain file is refused. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/envfile.h"

#define FILE_PATH "etc/t3-serve/emo.env"

static void set(struct scratch *scratch, const char *value)
{
	assert_ok(scratch, envfile_set(&scratch->env, FILE_PATH, "T3_PORT", value, &scratch->err));
}

static void assert_value(struct scratch *scratch, const char *expected)
{
	DV_AUTO_SECRET struct secret value = { 0 };

	assert_ok(scratch,
		  envfile_get(&scratch->env, NULL, FILE_PATH, "T3_PORT", &value, &scratch->err));
	assert_string_equal(value.text ? value.text : "(none)", expected);
}

static void assert_says(struct scratch *scratch, const char *value, bool expected)
{
	bool says = !expected;

	assert_ok(scratch, envfile_says(&scratch->env, NULL, FILE_PATH, "T3_PORT", value, &says,
					&scratch->err));
	assert_int_equal(says, expected);
}

static ino_t inode_of(struct scratch *scratch)
{
	struct stat st = { 0 };

	assert_int_equal(fstatat(scratch->env.root_dirfd, FILE_PATH, &st, 0), 0);
	return st.st_ino;
}

struct set_case {
	const char *before; /* NULL: no file */
	const char *value;  /* NULL: remove */
	const char *after;
};

static const struct set_case SET_CASES[] = {
	/* a file of its own */
	{ NULL, "3773", "T3_PORT=3773\n" },
	{ "", "3773", "T3_PORT=3773\n" },
	{ "T3_PORT=1\n", "3773", "T3_PORT=3773\n" },
	{ "T3_PORT=1", "3773", "T3_PORT=3773\n" },
	{ "T3_PORT=\n", "3773", "T3_PORT=3773\n" },
	/* other lines */
	{ "A=1\n", "3773", "A=1\nT3_PORT=3773\n" },
	{ "# mine\n\nA=1\n\n", "3773", "# mine\n\nA=1\n\nT3_PORT=3773\n" },
	{ "# T3_PORT=1\nT3_PORTS=2\nXT3_PORT=3\nT3_PORT\n", "3773",
	  "# T3_PORT=1\nT3_PORTS=2\nXT3_PORT=3\nT3_PORT\nT3_PORT=3773\n" },
	{ "A=\"x y\"\t\n  B=2 \n", "3773", "A=\"x y\"\t\n  B=2 \nT3_PORT=3773\n" },
	{ "A=1\r\nB=2\r\n", "3773", "A=1\r\nB=2\r\nT3_PORT=3773\n" },
	{ "\xff\xfe=\x80\n", "3773", "\xff\xfe=\x80\nT3_PORT=3773\n" },
	/* no newline at the end */
	{ "A=1", "3773", "A=1\nT3_PORT=3773\n" },
	/* the line keeps its place */
	{ "A=1\nT3_PORT=1\nB=2\n", "3773", "A=1\nT3_PORT=3773\nB=2\n" },
	{ "# the port\nT3_PORT=1\n# the rest\nB=2", "3773",
	  "# the port\nT3_PORT=3773\n# the rest\nB=2" },
	/* one that stands there twice: the last counts, one is left */
	{ "T3_PORT=1\nA=1\nT3_PORT=2\n", "3773", "A=1\nT3_PORT=3773\n" },
	/* removal */
	{ "T3_PORT=1\n", NULL, "" },
	{ "A=1\nT3_PORT=1\nB=2\n", NULL, "A=1\nB=2\n" },
	{ "A=1\nT3_PORT=1\nB=2", NULL, "A=1\nB=2" },
	{ "A=1\nT3_PORT=1", NULL, "A=1\n" },
	{ "T3_PORT=1\nA=1\nT3_PORT=2\n", NULL, "A=1\n" },
	{ NULL, NULL, "(none)" },
};

static void other_lines_survive_byte_for_byte(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, "etc/t3-serve", 0755);
	for (size_t i = 0; i < DV_COUNT(SET_CASES); i++) {
		const struct set_case *c = &SET_CASES[i];

		assert_ok(scratch, file_remove(scratch->env.root_dirfd, FILE_PATH, &scratch->err));
		if (c->before)
			scratch_write(scratch, FILE_PATH, c->before, 0600);
		set(scratch, c->value);
		assert_file(scratch, FILE_PATH, c->after);
		assert_value(scratch, c->value ? c->value : "(none)");
	}
}

static void what_it_says_already_is_not_written_again(void **state)
{
	static const char *const texts[] = {
		"T3_PORT=3773\n",	    "T3_PORT=3773",	      "A=1\nT3_PORT=3773",
		"A=1\nT3_PORT=3773\nB=2\n", "T3_PORT=3773\nA=1\nB=2", "T3_PORT=1\nT3_PORT=3773\n",
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		ino_t before;

		scratch_write(scratch, FILE_PATH, texts[i], 0600);
		before = inode_of(scratch);
		assert_says(scratch, "3773", true);
		set(scratch, "3773");
		assert_int_equal(inode_of(scratch), before);
		assert_file(scratch, FILE_PATH, texts[i]);
	}
}

static void removing_what_is_not_there_writes_nothing(void **state)
{
	static const char *const texts[] = { "", "A=1\n", "A=1", "# T3_PORT=1" };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		ino_t before;

		scratch_write(scratch, FILE_PATH, texts[i], 0600);
		before = inode_of(scratch);
		set(scratch, NULL);
		assert_int_equal(inode_of(scratch), before);
		assert_file(scratch, FILE_PATH, texts[i]);
	}
}

static void the_last_of_two_lines_counts(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, FILE_PATH, "T3_PORT=1\nA=1\nT3_PORT=2\n", 0600);
	assert_value(scratch, "2");
	assert_says(scratch, "2", true);
	assert_says(scratch, "1", false);
}

static void a_value_is_taken_as_it_stands(void **state)
{
	struct scratch *scratch = *state;

	assert_value(scratch, "(none)");
	scratch_write(scratch, FILE_PATH, "T3_PORT=\"37 73\" = x \r\n", 0600);
	assert_value(scratch, "\"37 73\" = x \r");
	scratch_write(scratch, FILE_PATH, "T3_PORT=\n", 0600);
	assert_value(scratch, "");
	assert_says(scratch, "", true);
	assert_says(scratch, "3773", false);
}

static void a_part_of_the_value_is_not_the_value(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, FILE_PATH, "T3_PORT=3773\n", 0600);
	assert_says(scratch, "377", false);
	assert_says(scratch, "37730", false);
}

static void a_file_others_may_read_is_closed(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, FILE_PATH, "T3_PORT=3773\nA=1\n", 0644);
	assert_says(scratch, "3773", false);
	set(scratch, "3773");
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0600);
	assert_says(scratch, "3773", true);
	assert_file(scratch, FILE_PATH, "T3_PORT=3773\nA=1\n");
}

static void it_is_private_whatever_the_umask(void **state)
{
	struct scratch *scratch = *state;
	mode_t before;

	scratch_make_folder(scratch, "etc/t3-serve", 0755);
	before = umask(0277);
	set(scratch, "3773");
	(void)umask(before);
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0600);
}

static int try_all(struct scratch *scratch)
{
	DV_AUTO_SECRET struct secret value = { 0 };
	bool says = false;
	int r = envfile_get(&scratch->env, NULL, FILE_PATH, "T3_PORT", &value, &scratch->err);

	assert_int_equal(envfile_says(&scratch->env, NULL, FILE_PATH, "T3_PORT", "1", &says, NULL),
			 r);
	assert_int_equal(envfile_set(&scratch->env, FILE_PATH, "T3_PORT", NULL, NULL), r);
	assert_int_equal(envfile_set(&scratch->env, FILE_PATH, "T3_PORT", "1", NULL), r);
	return r;
}

static void a_link_is_refused_and_stays(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "etc/t3-serve/other", "T3_PORT=1\n", 0600);
	assert_int_equal(symlinkat("other", scratch->env.root_dirfd, FILE_PATH), 0);
	assert_int_equal(try_all(scratch), -ELOOP);
	assert_string_equal(scratch->err.text,
			    "open etc/t3-serve/emo.env: Too many levels of symbolic links");
	assert_file(scratch, "etc/t3-serve/other", "T3_PORT=1\n");
}

static void a_fifo_is_refused_and_does_not_hang(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, "etc/t3-serve", 0755);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, FILE_PATH, 0600), 0);
	assert_int_equal(try_all(scratch), -EINVAL);
	assert_string_equal(scratch->err.text, "etc/t3-serve/emo.env is not a regular file");
}

static void a_folder_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, FILE_PATH, 0755);
	assert_int_equal(try_all(scratch), -EINVAL);
}

static void a_huge_one_is_refused_and_stays(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = calloc(1, 70001);

	(void)memset(text, 'x', 70000);
	scratch_write(scratch, FILE_PATH, text, 0600);
	assert_int_equal(try_all(scratch), -EFBIG);
	assert_file(scratch, FILE_PATH, text);
}

/* A power cut can leave zeroes at the end of a file that somebody was writing. */
static void one_with_a_nul_byte_is_refused_and_stays(void **state)
{
	static const char bytes[] = "A=1\n\0\0B=2\n";
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int fd = -1;
	struct stat st = { 0 };

	scratch_write(scratch, FILE_PATH, "", 0600);
	fd = openat(scratch->env.root_dirfd, FILE_PATH, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	assert_int_equal(try_all(scratch), -EINVAL);
	assert_string_equal(scratch->err.text, "etc/t3-serve/emo.env holds a NUL byte");
	assert_int_equal(fstatat(scratch->env.root_dirfd, FILE_PATH, &st, 0), 0);
	assert_int_equal(st.st_size, sizeof(bytes));
}

static void a_value_of_two_lines_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, FILE_PATH, "A=1\n", 0600);
	assert_int_equal(envfile_set(&scratch->env, FILE_PATH, "T3_PORT", "3773\nPATH=/tmp",
				     &scratch->err),
			 -EINVAL);
	assert_string_equal(scratch->err.text,
			    "T3_PORT for etc/t3-serve/emo.env is more than one line");
	assert_file(scratch, FILE_PATH, "A=1\n");
}

static void what_is_kept_is_read_once(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_ENVFILE struct envfile kept = { 0 };
	DV_AUTO_SECRET struct secret value = { 0 };
	bool says = true;

	assert_ok(scratch, envfile_says(&scratch->env, &kept, FILE_PATH, "T3_PORT", "3773", &says,
					&scratch->err));
	assert_false(says);
	scratch_write(scratch, FILE_PATH, "T3_PORT=3773\n", 0600);
	assert_ok(scratch,
		  envfile_get(&scratch->env, &kept, FILE_PATH, "T3_PORT", &value, &scratch->err));
	assert_null(value.text);
	envfile_done(&kept);
	assert_ok(scratch,
		  envfile_get(&scratch->env, &kept, FILE_PATH, "T3_PORT", &value, &scratch->err));
	assert_string_equal(value.text, "3773");
	assert_ok(scratch, envfile_says(&scratch->env, &kept, FILE_PATH, "T3_PORT", "3773", &says,
					&scratch->err));
	assert_true(says);
}

static void no_folder_is_no_value(void **state)
{
	struct scratch *scratch = *state;

	assert_value(scratch, "(none)");
	assert_says(scratch, "3773", false);
	set(scratch, NULL);
	assert_false(scratch_has(scratch, "etc"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(other_lines_survive_byte_for_byte),
		TEST(what_it_says_already_is_not_written_again),
		TEST(removing_what_is_not_there_writes_nothing),
		TEST(the_last_of_two_lines_counts),
		TEST(a_value_is_taken_as_it_stands),
		TEST(a_part_of_the_value_is_not_the_value),
		TEST(a_file_others_may_read_is_closed),
		TEST(it_is_private_whatever_the_umask),
		TEST(a_link_is_refused_and_stays),
		TEST(a_fifo_is_refused_and_does_not_hang),
		TEST(a_folder_is_refused),
		TEST(a_huge_one_is_refused_and_stays),
		TEST(one_with_a_nul_byte_is_refused_and_stays),
		TEST(a_value_of_two_lines_is_refused),
		TEST(what_is_kept_is_read_once),
		TEST(no_folder_is_no_value),
	};

	return cmocka_run_group_tests_name("envfile", tests, NULL, NULL);
}
