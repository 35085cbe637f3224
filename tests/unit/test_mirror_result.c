/* test_mirror_result.c - what a run tells root, and what root does not believe. */
#include "scratch.h"

#include <fcntl.h>

#include "steps/mirror_result.h"

#define FOLDER MIRROR_STATE_FOLDER "/docs"
#define FILE_PATH FOLDER "/" MIRROR_RESULT
#define GOOD                                                                                       \
	"\"started\":1,\"ended\":2,\"checked\":3,\"copied\":4,\"deleted\":5,\"errors\":6,"         \
	"\"bytes\":"                                                                               \
	"7"

static void what_is_written_is_read(void **state)
{
	struct scratch *scratch = *state;
	struct mirror_result written = { .state = MIRRORS_LOG_FAILED,
					 .started_usec = 10,
					 .ended_usec = 20,
					 .checked = 1,
					 .copied = 2,
					 .deleted = 3,
					 .errors = 4,
					 .bytes = INT64_C(5000000000),
					 .text = "a \"quoted\" word" };
	struct mirror_result read = { 0 };
	DV_AUTO_CLOSE int fd = -1;

	scratch_make_folder(scratch, FOLDER, 0755);
	fd = openat(scratch->env.root_dirfd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(scratch, mirror_result_write(fd, &written, &scratch->err));
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0644);
	assert_ok(scratch, mirror_result_read(&scratch->env, "docs", &read, &scratch->err));
	assert_int_equal(read.state, written.state);
	assert_int_equal(read.started_usec, 10);
	assert_int_equal(read.ended_usec, 20);
	assert_int_equal(read.checked, 1);
	assert_int_equal(read.copied, 2);
	assert_int_equal(read.deleted, 3);
	assert_int_equal(read.errors, 4);
	assert_int_equal(read.bytes, written.bytes);
	assert_string_equal(read.text, written.text);
}

static void what_is_no_result_is_not_believed(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{}",
		"{\"state\":\"ok\",\"text\":\"\"}",
		"{\"state\":\"fine\",\"text\":\"\"," GOOD "}",
		"{\"state\":\"ok\",\"text\":\"a\\nb\"," GOOD "}",
		"{\"state\":\"ok\",\"text\":\"\\u001b[2J\"," GOOD "}",
		"{\"state\":\"ok\",\"text\":1," GOOD "}",
		"{\"state\":\"ok\",\"text\":\"\"," GOOD ",\"bytes\":8}",
		"{\"state\":\"ok\",\"text\":\"\",\"started\":3,\"ended\":2,\"checked\":3,"
		"\"copied\":4,"
		"\"deleted\":5,\"errors\":6,\"bytes\":7}",
		"{\"state\":\"ok\",\"text\":\"\",\"started\":1,\"ended\":2,\"checked\":-3,"
		"\"copied\":4,"
		"\"deleted\":5,\"errors\":6,\"bytes\":7}",
	};
	struct scratch *scratch = *state;
	struct mirror_result result = { 0 };

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		scratch_write(scratch, FILE_PATH, bad[i], 0644);
		if (mirror_result_read(&scratch->env, "docs", &result, &scratch->err) != -EBADMSG)
			fail_msg("%s was believed", bad[i]);
	}
	scratch_write(scratch, FILE_PATH, "{\"state\":\"ok\",\"text\":\"\"," GOOD "}", 0644);
	assert_ok(scratch, mirror_result_read(&scratch->env, "docs", &result, &scratch->err));
}

static void only_a_small_plain_file_is_read(void **state)
{
	struct scratch *scratch = *state;
	struct mirror_result result = { 0 };
	DV_AUTO_FREE char *large = calloc(1, 5001);

	assert_int_equal(mirror_result_read(&scratch->env, "docs", &result, &scratch->err),
			 -ENOENT);
	memset(large, ' ', 5000);
	scratch_write(scratch, FILE_PATH, large, 0644);
	assert_int_equal(mirror_result_read(&scratch->env, "docs", &result, &scratch->err), -EFBIG);
	scratch_write(scratch, "elsewhere", "{\"state\":\"ok\",\"text\":\"\"," GOOD "}", 0644);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, FILE_PATH, 0), 0);
	assert_int_equal(symlinkat("../../../../elsewhere", scratch->env.root_dirfd, FILE_PATH), 0);
	assert_int_equal(mirror_result_read(&scratch->env, "docs", &result, &scratch->err), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_result_is_not_believed, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(only_a_small_plain_file_is_read, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests_name("mirror_result", tests, NULL, NULL);
}
