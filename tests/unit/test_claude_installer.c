/* test_claude_installer.c - the vendor's script, from a file: run as it should be, and what is
 * said when it goes wrong. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#define BIN "home/emo/.local/bin/claude"

static const struct step *step;
static char what[STEP_WHAT_BYTES];
static struct home_work work;

/* With a TMPDIR below the scratch, so that what is left behind shows. */
static struct scratch *setup(void **state, const char *script)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;

	step = step_find("claude");
	work_done(&work);
	work = scratch_make_home(scratch);
	scratch_write(scratch, "srv/install.sh", script, 0644);
	scratch->config.claude_source = CLAUDE_INSTALLER;
	assert_true(asprintf(&text, "file://%s/srv/install.sh", scratch->folder) > 0);
	scratch_set(&scratch->config.claude_installer, text);
	scratch_make_folder(scratch, "tmp", 0700);
	free(text);
	assert_true(asprintf(&text, "%s/tmp", scratch->folder) > 0);
	assert_int_equal(setenv("TMPDIR", text, 1), 0);
	return scratch;
}

static int teardown(void **state)
{
	(void)unsetenv("TMPDIR");
	work_done(&work);
	return scratch_teardown(state);
}

static int apply(struct scratch *scratch)
{
	DV_AUTO_FREE char *dump = NULL;
	int r = scratch_apply_home(scratch, step, &work);

	dump = scratch_dump_tree(scratch);
	assert_null(strstr(dump, "./tmp/")); /* whatever came of it */
	return r;
}

static void it_runs_as_the_person_in_their_home(void **state)
{
	struct scratch *scratch =
		setup(state,
		      "set -eu\n"
		      "v=$HOME/.local/share/claude/versions/1.2.3\n"
		      "mkdir -p ${v%/*} ~/.local/bin\n"
		      "echo \"$# ${1-} $USER $LOGNAME $PWD ${PATH%%:*} ${DEVVM-unset}\" >$v\n"
		      "chmod +x $v\n"
		      "ln -s $v ~/.local/bin/claude\n");
	DV_AUTO_FREE char *expected = NULL;

	assert_int_equal(setenv("DEVVM", "not the script's business", 1), 0);
	assert_int_equal(scratch_check_home(scratch, step, &work, what), STEP_DIFFERS);
	assert_string_equal(what, "install claude");
	assert_ok(scratch, apply(scratch));
	assert_int_equal(scratch_check_home(scratch, step, &work, what), STEP_FINE);
	assert_true(asprintf(&expected, "0  emo emo %s %s/.local/bin unset\n", work.home,
			     work.home) > 0);
	assert_file(scratch, "home/emo/.local/share/claude/versions/1.2.3", expected);
}

static void it_is_given_the_version(void **state)
{
	struct scratch *scratch = setup(state, "mkdir -p ~/.local/bin\n"
					       "echo \"$*\" >~/.local/bin/claude\n"
					       "chmod +x ~/.local/bin/claude\n");

	scratch_set(&scratch->config.claude_version, "2.1.0");
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, BIN, "2.1.0\n");
}

static void its_last_lines_are_told(void **state)
{
	struct scratch *scratch = setup(state, "echo one; echo two\n"
					       "printf 'three\\n\\n\\033[31mfour\\n' >&2\n"
					       "echo five; exit 7\n");

	assert_int_equal(apply(scratch), -EIO);
	assert_string_equal(scratch->err.text, "the installer exited with status 7: three | "
					       "?[31mfour | five");
	scratch = setup(state, "exit 1\n");
	assert_int_equal(apply(scratch), -EIO);
	assert_string_equal(scratch->err.text,
			    "the installer exited with status 1: it said nothing");
	scratch = setup(state, "echo dying; kill -9 $$\n");
	assert_int_equal(apply(scratch), -EIO);
	assert_string_equal(scratch->err.text, "the installer was ended by signal 9: dying");
}

static void a_script_that_installs_nothing_is_told(void **state)
{
	struct scratch *scratch = setup(state, "echo done\n");

	assert_int_equal(apply(scratch), -ENOENT);
	assert_string_equal(
		scratch->err.text,
		"the installer ended well, but there is no program at ~/.local/bin/claude");
}

static void a_script_that_cannot_be_had_is_told(void **state)
{
	struct scratch *scratch = setup(state, "");

	scratch_set(&scratch->config.claude_installer, "file:///nonexistent/install.sh");
	assert_int_equal(apply(scratch), -ENOENT);
	assert_string_equal(scratch->err.text,
			    "the installer: file:///nonexistent/install.sh: there is no such file, "
			    "or it cannot be read");
}

#define CLAUDE_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAUDE_TEST(it_runs_as_the_person_in_their_home),
		CLAUDE_TEST(it_is_given_the_version),
		CLAUDE_TEST(its_last_lines_are_told),
		CLAUDE_TEST(a_script_that_installs_nothing_is_told),
		CLAUDE_TEST(a_script_that_cannot_be_had_is_told),
	};

	return cmocka_run_group_tests_name("claude installer", tests, NULL, NULL);
}
