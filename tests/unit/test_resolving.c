/* test_resolving.c - root's side of the question to the registry: what it takes of an answer. */
#include "scratch.h"

#include "steps/resolving.h"

#define FILE_OF(want) STAGE_RESOLVE_FOLDER "/t3-" want "/" CANDIDATE_FILE

static int take(struct scratch *scratch, const char *want, struct candidate *candidate)
{
	return resolving_take(&scratch->env, stage_find_item("t3"), want, candidate, &scratch->err);
}

static void an_answer_is_taken(void **state)
{
	struct scratch *scratch = *state;
	struct candidate candidate;

	scratch_write(scratch, FILE_OF("nightly"),
		      "{\"version\": \"1.0.0\", \"integrity\": \"sha512-x\", \"has_bin\": true}",
		      0644);
	assert_ok(scratch, take(scratch, "nightly", &candidate));
	assert_string_equal(candidate.version, "1.0.0");
	assert_true(candidate.has_bin);
}

static void an_answer_about_another_version_is_not(void **state)
{
	struct scratch *scratch = *state;
	struct candidate candidate;

	scratch_write(scratch, FILE_OF("1.0.0"), "{\"version\": \"1.0.1\"}", 0644);
	assert_int_equal(take(scratch, "1.0.0", &candidate), -EBADMSG);
	assert_string_equal(scratch->err.text, "1.0.0 was asked for and the answer is about 1.0.1");
	assert_int_equal(take(scratch, "2.0.0", &candidate), -ENOENT);
	assert_int_equal(resolving_run(&scratch->env, stage_find_item("t3"), "../x", &candidate,
				       &scratch->err),
			 -EINVAL);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_answer_is_taken),
		TEST(an_answer_about_another_version_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
