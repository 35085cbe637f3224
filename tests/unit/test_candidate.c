/* test_candidate.c - what the registry says of a version, by way of npm and by way of a file. */
#include "scratch.h"

#include "update/candidate.h"

#define VIEW                                                                                       \
	"{\"version\": \"0.0.28\", \"dist.integrity\": \"sha512-abc==\", \"bin\": {\"t3\": "       \
	"\"dist/t3.js\"}, \"time[0.0.28]\": \"2026-01-31T12:00:00.123Z\"}"

static void a_whole_answer(void **state DV_UNUSED)
{
	struct candidate candidate;

	assert_int_equal(candidate_parse(VIEW, &candidate, NULL), 0);
	assert_string_equal(candidate.version, "0.0.28");
	assert_string_equal(candidate.integrity, "sha512-abc==");
	assert_string_equal(candidate.deprecated, "");
	assert_true(candidate.has_bin);
	assert_int_equal(candidate.published_usec, INT64_C(1769860800000000));
}

static void what_is_missing_is_empty(void **state DV_UNUSED)
{
	struct candidate candidate;

	assert_int_equal(candidate_parse("{\"version\": \"1.0.0\"}", &candidate, NULL), 0);
	assert_string_equal(candidate.integrity, "");
	assert_false(candidate.has_bin);
	assert_int_equal(candidate.published_usec, 0);
	assert_int_equal(candidate_parse("{\"version\": \"1.0.0\", \"dist.integrity\": "
					 "\"md5-x\", \"bin\": {}, \"time[1.0.0]\": \"now\"}",
					 &candidate, NULL),
			 0);
	assert_string_equal(candidate.integrity, "");
	assert_false(candidate.has_bin);
	assert_int_equal(candidate.published_usec, 0);
	assert_int_equal(candidate_parse("{\"version\": \"1.0.0\", \"time[1.0.0]\": "
					 "\"1601-01-31T12:00:00Z\"}",
					 &candidate, NULL),
			 0);
	assert_int_equal(candidate.published_usec, 0);
	assert_int_equal(candidate_parse("{\"version\": \"1.0.0\", \"bin\": \"x.js\"}", &candidate,
					 NULL),
			 0);
	assert_true(candidate.has_bin);
}

static void deprecated_is_what_npm_takes_for_it(void **state DV_UNUSED)
{
	static const struct {
		const char *value, *words;
	} rows[] = {
		{ "\"\"", "" },
		{ "false", "" },
		{ "null", "" },
		{ "true", "no reason is given" },
		{ "\"a\\u001bb\"", "a?b" },
		{ "\"use 2\"", "use 2" },
	};
	char text[100];

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct candidate candidate;

		(void)snprintf(text, sizeof(text), "{\"version\": \"1.0.0\", \"deprecated\": %s}",
			       rows[i].value);
		assert_int_equal(candidate_parse(text, &candidate, NULL), 0);
		assert_string_equal(candidate.deprecated, rows[i].words);
	}
}

static void nonsense_is_refused(void **state DV_UNUSED)
{
	static const char *const bad[] = { "",
					   "[]",
					   "\"0.0.28\"",
					   "{}",
					   "{\"version\": 1}",
					   "{\"version\": \"../x\"}",
					   "{\"version\": \"\"}",
					   "[{\"version\": \"1.0.0\"}]" };
	struct candidate candidate;

	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_int_equal(candidate_parse(bad[i], &candidate, NULL), -EBADMSG);
}

static void there_and_back_by_a_file(void **state)
{
	struct scratch *scratch = *state;
	struct candidate candidate, again;

	assert_int_equal(candidate_parse(VIEW, &candidate, NULL), 0);
	(void)snprintf(candidate.deprecated, sizeof(candidate.deprecated), "old");
	assert_ok(scratch, candidate_write(scratch->env.root_dirfd, &candidate, &scratch->err));
	assert_ok(scratch, candidate_read(scratch->env.root_dirfd, &again, &scratch->err));
	assert_string_equal(again.version, candidate.version);
	assert_string_equal(again.integrity, candidate.integrity);
	assert_string_equal(again.deprecated, "old");
	assert_true(again.has_bin);
	assert_int_equal(again.published_usec, candidate.published_usec);
}

static void a_file_of_somebody_else_is_not_believed(void **state)
{
	static const char *const bad[] = { "", "x", "[]", "{\"version\": \"a b\"}",
					   "{\"version\": \"1.0.0\", \"version\": \"2.0.0\"}" };
	struct scratch *scratch = *state;
	struct candidate candidate;
	DV_AUTO_FREE char *big = calloc(1, 10000);

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		scratch_write(scratch, CANDIDATE_FILE, bad[i], 0644);
		assert_int_equal(candidate_read(scratch->env.root_dirfd, &candidate, NULL),
				 -EBADMSG);
	}
	scratch_write(scratch, CANDIDATE_FILE,
		      "{\"version\": \"1.0.0\", \"published_usec\": -9223372036854775808}", 0644);
	assert_ok(scratch, candidate_read(scratch->env.root_dirfd, &candidate, &scratch->err));
	assert_int_equal(candidate.published_usec, 0);
	memset(big, ' ', 9999);
	scratch_write(scratch, CANDIDATE_FILE, big, 0644);
	assert_int_equal(candidate_read(scratch->env.root_dirfd, &candidate, NULL), -EFBIG);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, CANDIDATE_FILE, 0), 0);
	assert_int_equal(candidate_read(scratch->env.root_dirfd, &candidate, NULL), -ENOENT);
	assert_int_equal(symlinkat("/etc/passwd", scratch->env.root_dirfd, CANDIDATE_FILE), 0);
	assert_int_equal(candidate_read(scratch->env.root_dirfd, &candidate, NULL), -ELOOP);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer),
		cmocka_unit_test(what_is_missing_is_empty),
		cmocka_unit_test(deprecated_is_what_npm_takes_for_it),
		cmocka_unit_test(nonsense_is_refused),
		TEST(there_and_back_by_a_file),
		TEST(a_file_of_somebody_else_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
