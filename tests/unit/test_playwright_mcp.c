/* test_playwright_mcp.c - claude's entry for the browser server: looked up as data, made by claude
 * (a script here that writes down how it was called), and never written by us. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SETTINGS "home/emo/.claude.json"
#define CLAUDE "home/emo/.local/bin/claude"

static const char FAKE_CLAUDE[] =
	"#!/bin/sh\n"
	"{ echo \"$@\"; env | sort; pwd; } >\"$HOME/called\"\n"
	"echo '{\"mcpServers\":{\"playwright\":{\"type\":\"http\"}}}' >\"$HOME/.claude.json\"\n";

static struct home_work make_work(struct scratch *scratch)
{
	struct home_work work = scratch_make_home(scratch);

	scratch->config.claude_source = CLAUDE_CACHE;
	work.ports[PEOPLE_PORT_PLAYWRIGHT] = 8931;
	return work;
}

static int check(struct scratch *scratch, struct home_work *work, char what[static STEP_WHAT_BYTES])
{
	return scratch_check_home(scratch, step_find("playwright-mcp"), work, what);
}

static int apply(struct scratch *scratch, struct home_work *work)
{
	return scratch_apply_home(scratch, step_find("playwright-mcp"), work);
}

static void claude_is_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);
	DV_AUTO_FREE char *called = NULL;
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, CLAUDE, FAKE_CLAUDE, 0755);
	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_string_equal(what, "tell claude of the browser server on port 8931");
	assert_string_equal(scratch->err.text, "");
	assert_ok(scratch, apply(scratch, &work));
	called = scratch_read(scratch, "home/emo/called");
	assert_contains(called, "mcp add --scope user --transport http playwright "
				"http://127.0.0.1:8931/mcp\n");
	assert_contains(called, work.home);
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

static void an_entry_of_theirs_stays(void **state)
{
	static const char *const entries[] = {
		"{\"mcpServers\":{\"playwright\":{\"command\":\"npx\"}}}",
		"{\"a\":[1,2],\"mcpServers\":{\"x\":{},\"playwright\":null}}",
	};
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);
	char what[STEP_WHAT_BYTES];

	for (size_t i = 0; i < DV_COUNT(entries); i++) {
		scratch_write(scratch, SETTINGS, entries[i], 0600);
		assert_int_equal(check(scratch, &work, what), STEP_FINE);
		assert_file(scratch, SETTINGS, entries[i]);
	}
}

static void others_settings_are_no_entry(void **state)
{
	static const char *const others[] = {
		"{}",
		"{\"mcpServers\":{}}",
		"{\"mcpServers\":{\"play\":{}}}",
		"{\"projects\":{\"/x\":{\"mcpServers\":{\"playwright\":{}}}}}",
	};
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);
	char what[STEP_WHAT_BYTES];

	for (size_t i = 0; i < DV_COUNT(others); i++) {
		scratch_write(scratch, SETTINGS, others[i], 0600);
		assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	}
}

static void a_corrupt_file_stays_and_is_told(void **state)
{
	static const char *const corrupt[] = { "", "{\"mcpServers\":", "[]", "nonsense\n" };
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);
	char what[STEP_WHAT_BYTES];

	for (size_t i = 0; i < DV_COUNT(corrupt); i++) {
		scratch_write(scratch, SETTINGS, corrupt[i], 0600);
		assert_int_equal(check(scratch, &work, what), -EBADMSG);
		assert_contains(scratch->err.text, "~/.claude.json is not what claude writes");
		assert_contains(scratch->err.text, "mend it or move it away");
		assert_file(scratch, SETTINGS, corrupt[i]);
	}
}

static void odd_things_are_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);
	char what[STEP_WHAT_BYTES];

	assert_int_equal(mkfifoat(scratch->env.root_dirfd, SETTINGS, 0600), 0);
	assert_int_equal(check(scratch, &work, what), -EINVAL);
	assert_string_equal(scratch->err.text, "~/.claude.json is not a regular file");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, SETTINGS, 0), 0);
	scratch_make_folder(scratch, SETTINGS, 0700);
	assert_int_equal(check(scratch, &work, what), -EINVAL);
}

static void without_claude_it_waits(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);

	assert_int_equal(apply(scratch, &work), -ENOENT);
	assert_string_equal(scratch->err.text,
			    "claude is not there yet (~/.local/bin/claude): it is told once it is");
	assert_false(scratch_has(scratch, SETTINGS));
}

/* Else everybody on a machine without claude had a failed step for good. */
static void where_nobody_is_given_claude_only_their_own_is_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);
	char what[STEP_WHAT_BYTES];

	scratch->config.claude_source = CLAUDE_NONE;
	assert_int_equal(check(scratch, &work, what), STEP_SKIPPED);
	scratch_write(scratch, CLAUDE, FAKE_CLAUDE, 0755);
	assert_int_equal(check(scratch, &work, what), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch, &work));
	assert_int_equal(check(scratch, &work, what), STEP_FINE);
}

static void what_claude_says_is_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_work(scratch);

	scratch_write(scratch, CLAUDE, "#!/bin/sh\necho no room; exit 1\n", 0755);
	assert_int_equal(apply(scratch, &work), -EIO);
	assert_contains(scratch->err.text, "claude mcp add playwright: ");
	assert_contains(scratch->err.text, "no room");
}

static void without_a_port_there_is_nothing_to_tell(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);
	char what[STEP_WHAT_BYTES];

	assert_int_equal(check(scratch, &work, what), STEP_SKIPPED);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(claude_is_told),
		TEST(an_entry_of_theirs_stays),
		TEST(others_settings_are_no_entry),
		TEST(a_corrupt_file_stays_and_is_told),
		TEST(odd_things_are_named),
		TEST(without_claude_it_waits),
		TEST(where_nobody_is_given_claude_only_their_own_is_told),
		TEST(what_claude_says_is_told),
		TEST(without_a_port_there_is_nothing_to_tell),
	};

	return cmocka_run_group_tests_name("playwright_mcp", tests, NULL, NULL);
}
