/* test_mirror_run.c - where a unit of a mirror is pointed to, and destinations that are refused. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/mirror_run.h"

#define DESTINATION "srv/mirrors/docs"
#define LINKS "run/devvm/mirrors/"

static char name[] = "docs", source[] = "/srv/from", destination[] = "/" DESTINATION,
	    secret_name[] = "k", secret_path[] = "/etc/k";
static struct config_mirror mirror;
static struct config_secret secret;

static struct scratch *setup(void **state)
{
	struct scratch *scratch = *state;

	mirror = (struct config_mirror){ .head.name = name,
					 .source = source,
					 .destination = destination };
	scratch_make_folder(scratch, "srv", 0755);
	return scratch;
}

static int prepare(struct scratch *scratch)
{
	return mirror_prepare(&scratch->env, &scratch->config, &mirror, getuid(), getgid(),
			      &scratch->err);
}

static void assert_link(struct scratch *scratch, const char *path, const char *expected)
{
	char target[256] = "";

	assert_true(readlinkat(scratch->env.root_dirfd, path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, expected);
}

static void a_destination_is_made_and_linked(void **state)
{
	struct scratch *scratch = setup(state);

	assert_ok(scratch, prepare(scratch));
	assert_int_equal(scratch_mode(scratch, DESTINATION), 0755);
	assert_link(scratch, LINKS "docs.destination", "/" DESTINATION);
	assert_false(scratch_has(scratch, LINKS "docs.credential"));
	assert_int_equal(scratch_mode(scratch, LINKS), 0700);
	assert_ok(scratch, prepare(scratch));
	mirror_forget(&scratch->env, "docs");
	assert_false(scratch_has(scratch, LINKS "docs.destination"));
	assert_true(scratch_has(scratch, DESTINATION));
}

static void links_are_refused(void **state)
{
	struct scratch *scratch = setup(state);

	scratch_make_folder(scratch, "elsewhere", 0755);
	scratch_make_folder(scratch, "srv/mirrors", 0755);
	assert_int_equal(symlinkat("../../elsewhere", scratch->env.root_dirfd, DESTINATION), 0);
	assert_int_equal(prepare(scratch), -ENOTDIR);
	assert_string_equal(scratch->err.text,
			    "the destination /srv/mirrors/docs: docs is a link or no folder");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, DESTINATION, 0), 0);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "srv/mirrors", AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("../elsewhere", scratch->env.root_dirfd, "srv/mirrors"), 0);
	assert_int_equal(prepare(scratch), -ENOTDIR);
	assert_string_equal(scratch->err.text,
			    "the destination /srv/mirrors/docs: mirrors is a link or no folder");
	assert_false(scratch_has(scratch, "elsewhere/docs"));
	assert_false(scratch_has(scratch, LINKS "docs.destination"));
}

static void a_parent_that_others_write_to_is_refused(void **state)
{
	struct scratch *scratch = setup(state);

	scratch_make_folder(scratch, "srv/mirrors", 0775);
	assert_int_equal(prepare(scratch), -EPERM);
	assert_string_equal(scratch->err.text,
			    "the destination /srv/mirrors/docs: others than root may write to "
			    "mirrors above it: name a folder below one that is root's alone");
	assert_false(scratch_has(scratch, DESTINATION));
}

static void what_is_somebody_elses_is_not_taken(void **state)
{
	struct scratch *scratch = setup(state);

	scratch_make_folder(scratch, DESTINATION, 0700);
	assert_int_equal(mirror_prepare(&scratch->env, &scratch->config, &mirror, getuid() + 1,
					getgid(), &scratch->err),
			 -EPERM);
	assert_contains(scratch->err.text, "chown -R devvm-mirror it");
	assert_int_equal(scratch_mode(scratch, DESTINATION), 0700);
}

static void a_credential_is_linked_when_it_is_staged(void **state)
{
	struct scratch *scratch = setup(state);
	struct config_secrets kept = scratch->config.secrets;

	secret = (struct config_secret){ .head.name = secret_name, .path = secret_path };
	mirror.secret = secret_name;
	scratch->config.secrets = (struct config_secrets){ .rows = &secret, .n_rows = 1 };
	assert_int_equal(prepare(scratch), -ENOENT);
	assert_string_equal(scratch->err.text,
			    "its secret k is not staged at /etc/k; see devvmctl secrets");
	scratch_write(scratch, "etc/k", "x", 0600);
	assert_ok(scratch, prepare(scratch));
	assert_link(scratch, LINKS "docs.credential", "/etc/k");
	mirror.secret = NULL;
	assert_ok(scratch, prepare(scratch));
	assert_false(scratch_has(scratch, LINKS "docs.credential"));
	scratch->config.secrets = kept;
}

static void only_a_result_of_this_run_is_heard(void **state)
{
	struct scratch *scratch = setup(state);
	struct mirror_result result = { 0 };

	assert_int_equal(mirror_hear(&scratch->env, "docs", 100, &result, &scratch->err), -ESRCH);
	assert_contains(scratch->err.text, "devvm-mirror@docs.service ended without a result");
	scratch_write(scratch, MIRROR_STATE_FOLDER "/docs/" MIRROR_RESULT,
		      "{\"state\":\"ok\",\"text\":\"\",\"started\":100,\"ended\":200,\"checked\":3,"
		      "\"copied\":4,\"deleted\":5,\"errors\":6,\"bytes\":7}",
		      0644);
	assert_int_equal(mirror_hear(&scratch->env, "docs", 201, &result, &scratch->err), -ESRCH);
	assert_ok(scratch, mirror_hear(&scratch->env, "docs", 150, &result, &scratch->err));
	assert_int_equal(result.copied, 4);
	scratch_write(scratch, MIRROR_STATE_FOLDER "/docs/" MIRROR_RESULT, "{}", 0644);
	assert_int_equal(mirror_hear(&scratch->env, "docs", 100, &result, &scratch->err), -ESRCH);
}

#define SCRATCH_TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCRATCH_TEST(a_destination_is_made_and_linked),
		SCRATCH_TEST(links_are_refused),
		SCRATCH_TEST(a_parent_that_others_write_to_is_refused),
		SCRATCH_TEST(what_is_somebody_elses_is_not_taken),
		SCRATCH_TEST(a_credential_is_linked_when_it_is_staged),
		SCRATCH_TEST(only_a_result_of_this_run_is_heard),
	};

	return cmocka_run_group_tests_name("mirror_run", tests, NULL, NULL);
}
