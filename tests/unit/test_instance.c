/* test_instance.c - the files by which systemd knows a person's units. */
#include "scratch.h"

#include <fcntl.h>

#include "steps/instance.h"
#include "steps/instance_units.h"

#define VENDOR "usr/lib/systemd/system/"
#define UNITS "etc/systemd/system/"
#define SOCKET_DROPIN UNITS "playwright-mcp@emo.socket.d/50-devvm.conf"
#define SOCKET_LINK UNITS "sockets.target.wants/playwright-mcp@emo.socket"
#define TIMER_LINK UNITS "timers.target.wants/playwright-snapshot-refresh@emo.timer"
#define T3_LINK UNITS "multi-user.target.wants/t3-serve@emo.service"

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);
	struct scratch *scratch = *state;

	scratch_write(scratch, VENDOR "playwright-mcp@.socket", "", 0644);
	scratch_write(scratch, VENDOR "playwright-snapshot-refresh@.timer", "", 0644);
	scratch_write(scratch, VENDOR "t3-serve@.service", "", 0644);
	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_set(&scratch->config.playwright_snapshot_url, "https://state.example/");
	return r;
}

static int check(struct scratch *scratch, char ret_what[static STEP_WHAT_BYTES])
{
	return scratch_check(scratch, step_find("units"), "emo", ret_what);
}

static void apply(struct scratch *scratch)
{
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, scratch_apply(scratch, step_find("units"), "emo"));
	assert_int_equal(check(scratch, what), STEP_FINE);
}

static char *pending(struct scratch *scratch)
{
	char *note = NULL;

	assert_ok(scratch, ledger_get_meta(scratch->ledger, "units-pending", &note, &scratch->err));
	return note;
}

static void assert_link(struct scratch *scratch, const char *path, const char *expected)
{
	char target[128] = "(none)";
	ssize_t n = readlinkat(scratch->env.root_dirfd, path, target, sizeof(target) - 1);

	if (n >= 0)
		target[n] = '\0';
	assert_string_equal(target, expected);
}

static void put(struct scratch *scratch, bool parked)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	row.parked = parked;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
}

static void the_port_is_in_a_dropin_and_what_comes_up_is_linked(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *note = NULL;
	char what[STEP_WHAT_BYTES];

	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, SOCKET_DROPIN,
		    "# Written by devvm; the port is emo's for good.\n[Socket]\n"
		    "ListenStream=127.0.0.1:8931\nListenStream=[::1]:8931\n");
	assert_int_equal(scratch_mode(scratch, SOCKET_DROPIN), 0644);
	assert_link(scratch, SOCKET_LINK, "/" VENDOR "playwright-mcp@.socket");
	assert_link(scratch, TIMER_LINK, "/" VENDOR "playwright-snapshot-refresh@.timer");
	assert_link(scratch, T3_LINK, "(none)");
	note = pending(scratch);
	assert_contains(note, "1 ");
}

static void without_an_address_no_timer_fetches(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	apply(scratch);
	scratch_set(&scratch->config.playwright_snapshot_url, NULL);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "disable playwright-snapshot-refresh@emo.timer");
	apply(scratch);
	assert_link(scratch, TIMER_LINK, "(none)");
	assert_link(scratch, SOCKET_LINK, "/" VENDOR "playwright-mcp@.socket");
}

static void with_start_always_t3_is_linked_and_not_after_it(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch->config.instances_start = CONFIG_START_ALWAYS;
	apply(scratch);
	assert_link(scratch, T3_LINK, "/" VENDOR "t3-serve@.service");
	scratch->config.instances_start = CONFIG_START_LOGIN;
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "disable t3-serve@emo.service");
	apply(scratch);
	assert_link(scratch, T3_LINK, "(none)");
}

static void parked_people_keep_the_port_and_lose_the_links(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	apply(scratch);
	before = scratch_dump_tree(scratch);
	put(scratch, true);
	apply(scratch);
	assert_link(scratch, SOCKET_LINK, "(none)");
	assert_link(scratch, TIMER_LINK, "(none)");
	assert_true(scratch_has(scratch, SOCKET_DROPIN));
	put(scratch, false);
	apply(scratch);
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void a_link_made_by_hand_stays(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch_make_folder(scratch, UNITS "sockets.target.wants", 0755);
	assert_int_equal(symlinkat("/srv/other.socket", scratch->env.root_dirfd, SOCKET_LINK), 0);
	scratch_make_folder(scratch, UNITS "timers.target.wants", 0755);
	/* As `systemctl enable` of Debian 12 makes it. */
	assert_int_equal(symlinkat("/lib/systemd/system/playwright-snapshot-refresh@.timer",
				   scratch->env.root_dirfd, TIMER_LINK),
			 0);
	apply(scratch);
	assert_link(scratch, SOCKET_LINK, "/srv/other.socket");
	put(scratch, true);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	apply(scratch);
	assert_link(scratch, SOCKET_LINK, "/srv/other.socket");
	assert_link(scratch, TIMER_LINK, "(none)");
}

static void a_dropin_that_was_changed_is_written_anew(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	apply(scratch);
	scratch_write(scratch, SOCKET_DROPIN, "[Socket]\nListenStream=80\n", 0644);
	scratch_write(scratch, UNITS "playwright-mcp@emo.socket.d/.devvm-0123", "half", 0600);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "write /" SOCKET_DROPIN);
	apply(scratch);
	assert_false(scratch_has(scratch, UNITS "playwright-mcp@emo.socket.d/.devvm-0123"));
}

static void without_the_package_nothing_is_written(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	assert_int_equal(unlinkat(scratch->env.root_dirfd, VENDOR "playwright-mcp@.socket", 0), 0);
	assert_int_equal(check(scratch, what), STEP_SKIPPED);
	assert_false(scratch_has(scratch, "etc/systemd"));
}

static void who_leaves_takes_the_files_along(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;
	DV_AUTO_FREE char *note = NULL;

	scratch_make_folder(scratch, UNITS "sockets.target.wants", 0755);
	scratch_make_folder(scratch, UNITS "timers.target.wants", 0755);
	before = scratch_dump_tree(scratch);
	apply(scratch);
	scratch->view.settle_noted = 0;
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "units-pending", NULL, &scratch->err));
	assert_ok(scratch, instance_remove(&scratch->view, "emo", &scratch->err));
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
	note = pending(scratch);
	assert_contains(note, "1 ");
	assert_ok(scratch, instance_remove(&scratch->view, "emo", &scratch->err));
}

static void what_an_administrator_put_beside_it_stays(void **state)
{
	struct scratch *scratch = *state;
	const char *mine = UNITS "playwright-mcp@emo.socket.d/10-mine.conf";

	apply(scratch);
	scratch_write(scratch, mine, "[Socket]\n", 0644);
	assert_ok(scratch, instance_remove(&scratch->view, "emo", &scratch->err));
	assert_file(scratch, mine, "[Socket]\n");
	assert_false(scratch_has(scratch, SOCKET_DROPIN));
}

static void names_are_taken_apart(void **state DV_UNUSED)
{
	static const char *const others[] = { "t3-serve@.service", "t3-serve@a.socket",
					      "ssh@a.service", "t3-serve.service", "" };
	char user[STR_USER_NAME_MAX + 1];
	char longest[] = "t3-serve@abcdefghijklmnopqrstuvwxyzabcdefg.service";

	for (const struct instance_unit *unit = INSTANCE_UNITS; unit->prefix; unit++) {
		char name[INSTANCE_UNIT_BYTES];

		instance_unit_name(unit, "a.b-c_d", name);
		assert_ptr_equal(instance_parse(name, user), unit);
		assert_string_equal(user, "a.b-c_d");
		assert_in_range(unit - INSTANCE_UNITS, 0, VIEW_MAX_TEMPLATES - 1);
	}
	for (size_t i = 0; i < DV_COUNT(others); i++)
		assert_null(instance_parse(others[i], user));
	assert_null(instance_parse(longest, user));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_port_is_in_a_dropin_and_what_comes_up_is_linked),
		TEST(without_an_address_no_timer_fetches),
		TEST(with_start_always_t3_is_linked_and_not_after_it),
		TEST(parked_people_keep_the_port_and_lose_the_links),
		TEST(a_link_made_by_hand_stays),
		TEST(a_dropin_that_was_changed_is_written_anew),
		TEST(without_the_package_nothing_is_written),
		TEST(who_leaves_takes_the_files_along),
		TEST(what_an_administrator_put_beside_it_stays),
		TEST(names_are_taken_apart),
	};

	return cmocka_run_group_tests_name("instance", tests, NULL, NULL);
}
