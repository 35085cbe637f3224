/* test_playwright.c - what starts the browser server: its words, its seed, and what a client hears
 * where it cannot be started. That the real server takes the words is shown on the host. */
#include "scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/playwright.h"

#define STATE "home/emo/.config/playwright/storage-state.json"
#define EMPTY "{\"cookies\":[],\"origins\":[]}\n"

static void the_server_is_told_everything(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PLAYWRIGHT_START struct playwright_start start = { 0 };
	struct caller caller = { .home = (char *)"/srv/emo", .home_fd = -1 };
	DV_AUTO_STR_LIST struct str_list words = { 0 };
	DV_AUTO_FREE char *line = NULL;

	caller.config = scratch->config;
	assert_ok(scratch, playwright_words(&start, &caller, "/usr/bin/node", 8931, &scratch->err));
	for (size_t i = 0; start.argv[i]; i++)
		assert_int_equal(str_list_add(&words, start.argv[i]), 0);
	line = str_list_join(&words, " ");
	assert_contains(line, "/usr/bin/node --require /usr/libexec/devvm/socket-activation.cjs "
			      "/opt/devvm/playwright/current/node_modules/@playwright/mcp/cli.js ");
	assert_contains(line, " --isolated --storage-state "
			      "/srv/emo/.config/playwright/storage-state.json");
	assert_contains(line, " --executable-path /usr/bin/chromium ");
	assert_contains(line, " --allowed-hosts 127.0.0.1:8931,localhost:8931,[::1]:8931");
	assert_string_equal(start.idle_seconds, "900");
}

static void without_a_node_that_will_do_one_sentence_says_so(void **state)
{
	struct scratch *scratch = *state;
	struct caller caller = { .home_fd = -1 };
	DV_AUTO_NODE struct node_found node = { 0 };
	DV_AUTO_FREE char *old = NULL;

	scratch_set(&scratch->config.node_path, "/nowhere/node");
	caller.config = scratch->config;
	assert_int_equal(playwright_find_parts(&caller, &node, &scratch->err), -ENOENT);
	assert_string_equal(scratch->err.text,
			    "there is no node, and playwright needs 18.0 or newer; set node.path "
			    "in /etc/devvm/devvm.yaml");
	scratch_write(scratch, "old", "#!/bin/sh\necho v16.20.2\n", 0755);
	assert_true(asprintf(&old, "%s/old", scratch->folder) > 0);
	scratch_set(&scratch->config.node_path, old);
	caller.config = scratch->config;
	assert_int_equal(playwright_find_parts(&caller, &node, &scratch->err), -ENOENT);
	assert_contains(scratch->err.text, "older than 18.0, which playwright needs");
	assert_null(node.path);
}

static void an_empty_state_is_seeded_once(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	assert_ok(scratch, playwright_seed_state(work.home_fd, &scratch->err));
	assert_file(scratch, STATE, EMPTY);
	assert_int_equal(scratch_mode(scratch, STATE), 0600);
	scratch_write(scratch, STATE, "theirs", 0600);
	assert_ok(scratch, playwright_seed_state(work.home_fd, &scratch->err));
	assert_file(scratch, STATE, "theirs");
}

static void odd_states_are_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = scratch_make_home(scratch);

	scratch_make_folder(scratch, "home/emo/.config/playwright", 0700);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, STATE, 0600), 0);
	assert_int_equal(playwright_seed_state(work.home_fd, &scratch->err), -EINVAL);
	assert_contains(scratch->err.text, "is not a regular file: move it away");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, STATE, 0), 0);
	assert_int_equal(symlinkat("/nowhere", scratch->env.root_dirfd, STATE), 0);
	assert_int_equal(playwright_seed_state(work.home_fd, &scratch->err), -ENOENT);
	assert_contains(scratch->err.text, "is a link that leads nowhere");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_server_is_told_everything),
		TEST(without_a_node_that_will_do_one_sentence_says_so),
		TEST(an_empty_state_is_seeded_once),
		TEST(odd_states_are_named),
	};

	return cmocka_run_group_tests_name("playwright", tests, NULL, NULL);
}
