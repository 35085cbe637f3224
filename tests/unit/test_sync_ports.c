/* test_sync_ports.c - the ports that people hold already: the ledger's, and those of files of the scripts before. */
#include "scratch.h"

#include "job/sync_ports.h"

#define ENV "etc/t3-serve/"
#define LINE(name) "  " name ": {authentik_user: " name ", k8s_user: " name ", tier: power-user}\n"

/* "emo t3 4100" a line, of the ledger's `before` and the people emo and wizard. */
static void assert_held(struct scratch *scratch, const struct people *before, const char *reused,
			const char *expected)
{
	static const char text[] = "users:\n" LINE("emo") LINE("wizard");
	DV_AUTO_ROSTER struct roster roster = { 0 };
	DV_AUTO_STR_LIST struct str_list names = { 0 };
	DV_AUTO_FREE struct derive_port *given = NULL;
	const struct sync_ports_input input = { .env = &scratch->env,
						.config = &scratch->config,
						.roster = &roster,
						.before = before,
						.reused = &names };
	char held[256] = "";
	size_t n_given = 0, n = 0;

	assert_ok(scratch, roster_parse(&roster, "test", text, sizeof(text) - 1, &scratch->err));
	if (reused)
		assert_int_equal(str_list_add(&names, reused), 0);
	assert_ok(scratch, sync_ports_list(&input, &given, &n_given, &scratch->err));
	for (size_t i = 0; i < n_given; i++) {
		n += (size_t)snprintf(held + n, sizeof(held) - n, "%s %s %u\n", given[i].name,
				      config_service_name(given[i].service), given[i].port);
		assert_in_range(n, 0, sizeof(held) - 1);
	}
	assert_string_equal(held, expected);
}

static const struct people NOBODY = { 0 };

static void who_was_here_before_keeps_their_ports(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ENV "emo.env", "OTHER=x\nT3_PORT=4100\n", 0600);
	scratch_write(scratch, ENV "playwright-emo.env", "PLAYWRIGHT_PORT=9100\n", 0600);
	assert_held(scratch, &NOBODY, NULL, "emo t3 4100\nemo playwright 9100\n");
}

static void the_ledger_comes_first_and_its_people_have_no_files(void **state)
{
	struct scratch *scratch = *state;
	struct people_row rows[] = {
		{ .name = (char[]){ "anca" },
		  .state = PEOPLE_LEFT,
		  .ports = { [CONFIG_PLAYWRIGHT] = 8931 } },
		{ .name = (char[]){ "emo" },
		  .state = PEOPLE_PRESENT,
		  .ports = { [CONFIG_T3] = 3773 } },
	};
	const struct people before = { .rows = rows, .n_rows = DV_COUNT(rows) };

	scratch_write(scratch, ENV "emo.env", "T3_PORT=4100\n", 0600);
	scratch_write(scratch, ENV "wizard.env", "T3_PORT=4200\n", 0600);
	assert_held(scratch, &before, NULL, "anca playwright 8931\nemo t3 3773\nwizard t3 4200\n");
	assert_held(scratch, &before, "wizard", "anca playwright 8931\nemo t3 3773\n");
	scratch_write(scratch, ENV "wizard.env", "T3_PORT=8931\n", 0600); /* one who left has it */
	assert_held(scratch, &before, NULL, "anca playwright 8931\nemo t3 3773\n");
}

static void a_file_without_the_line_is_skipped(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ENV "emo.env", "OTHER=1\n", 0600);
	scratch_write(scratch, ENV "playwright-emo.env", "T3_PORT=4100\n", 0600);
	scratch_make_folder(scratch, ENV "wizard.env", 0755);
	assert_held(scratch, &NOBODY, NULL, "");
}

static void ports_that_nobody_can_have_are_not_taken_over(void **state)
{
	static const char *const bad[] = {
		"T3_PORT=\n",	   "T3_PORT=80\n",    "T3_PORT=3780\n",
		"T3_PORT=70000\n", "T3_PORT=41 00\n", "T3_PORT=0x1000\n"
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		scratch_write(scratch, ENV "emo.env", bad[i], 0600);
		assert_held(scratch, &NOBODY, NULL, "");
	}
}

static void of_two_with_one_port_the_first_has_it(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ENV "emo.env", "T3_PORT=3773\n", 0600);
	scratch_write(scratch, ENV "wizard.env", "T3_PORT=3773\n", 0600);
	scratch_write(scratch, ENV "playwright-wizard.env", "PLAYWRIGHT_PORT=3773\n", 0600);
	assert_held(scratch, &NOBODY, NULL, "emo t3 3773\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_was_here_before_keeps_their_ports),
		TEST(the_ledger_comes_first_and_its_people_have_no_files),
		TEST(a_file_without_the_line_is_skipped),
		TEST(ports_that_nobody_can_have_are_not_taken_over),
		TEST(of_two_with_one_port_the_first_has_it),
	};

	return cmocka_run_group_tests_name("sync_ports", tests, NULL, NULL);
}
