/* test_t3.c - which program a caller's t3 is. */
#include "scratch.h"

#include "agent/t3.h"
#include "store/store.h"

static void make_version(struct scratch *scratch, const char *version)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "opt/devvm/t3/versions/%s/node_modules/t3/cli.js",
		       version);
	scratch_write(scratch, path, "code", 0555);
	(void)snprintf(path, sizeof(path), "opt/devvm/t3/versions/%s/node_modules/t3/package.json",
		       version);
	scratch_write(scratch, path, "{\"bin\": {\"t3\": \"cli.js\"}}", 0444);
}

static void assert_program(struct scratch *scratch, const char *user, const char *expected)
{
	DV_AUTO_FREE char *program = NULL;

	assert_ok(scratch,
		  t3_find_program(&scratch->env, &scratch->config, user, &program, &scratch->err));
	assert_string_equal(program, expected);
}

static void a_person_runs_their_own_and_others_the_current_one(void **state)
{
	struct scratch *scratch = *state;

	make_version(scratch, "1.0.0");
	make_version(scratch, "2.0.0");
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", NULL, "2.0.0", &scratch->err));
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", "emo", "1.0.0", &scratch->err));
	assert_program(scratch, "emo", "/opt/devvm/t3/versions/1.0.0/node_modules/t3/cli.js");
	assert_program(scratch, "anca", "/opt/devvm/t3/versions/2.0.0/node_modules/t3/cli.js");
	assert_program(scratch, NULL, "/opt/devvm/t3/versions/2.0.0/node_modules/t3/cli.js");
	assert_program(scratch, "../current",
		       "/opt/devvm/t3/versions/2.0.0/node_modules/t3/cli.js");
}

static void the_version_says_which_package_it_is(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "opt/devvm/t3/versions/1.0.0/node_modules/@a/b/x.js", "code", 0555);
	scratch_write(scratch, "opt/devvm/t3/versions/1.0.0/node_modules/@a/b/package.json",
		      "{\"bin\": \"x.js\"}", 0444);
	scratch_write(
		scratch, "opt/devvm/t3/versions/1.0.0/devvm.json",
		"{\"package\": \"@a/b\", \"version\": \"1.0.0\", \"integrity\": \"sha512-x\"}",
		0444);
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", NULL, "1.0.0", &scratch->err));
	assert_program(scratch, NULL, "/opt/devvm/t3/versions/1.0.0/node_modules/@a/b/x.js");
}

static void without_a_version_it_says_what_to_do(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *program = NULL;

	assert_int_equal(t3_find_program(&scratch->env, &scratch->config, "emo", &program,
					 &scratch->err),
			 -ENOENT);
	assert_string_equal(scratch->err.text, "no version of t3 is installed here; an "
					       "administrator types: devvmctl install t3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define AT(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
		AT(a_person_runs_their_own_and_others_the_current_one),
		AT(the_version_says_which_package_it_is),
		AT(without_a_version_it_says_what_to_do),
	};

	return cmocka_run_group_tests_name("t3", tests, NULL, NULL);
}
