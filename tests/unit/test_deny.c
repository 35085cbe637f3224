/* test_deny.c - who left is denied and loses keys, units and ticket; who is back is let in; an
 * administrator's denial is theirs. */
#include "scratch.h"

#define DENIED "var/lib/devvm/denied/emo"
#define ANNA_SAYS "Please see Anna first.\n"

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	scratch_add_person(*state, "emo", 0, PEOPLE_LOGIN_NONE);
	return r;
}

static int check(struct scratch *scratch, const char *step)
{
	char what[STEP_WHAT_BYTES];

	return scratch_check(scratch, step_find(step), "emo", what);
}

static void apply(struct scratch *scratch, const char *step)
{
	assert_ok(scratch, scratch_apply(scratch, step_find(step), "emo"));
}

static void a_denial_is_written_and_lifted(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;

	assert_int_equal(check(scratch, "deny"), STEP_DIFFERS);
	apply(scratch, "deny");
	assert_int_equal(check(scratch, "deny"), STEP_FINE);
	text = scratch_read(scratch, DENIED);
	assert_contains(text, "Your access to this machine has ended: ");
	assert_int_equal(scratch_mode(scratch, DENIED), 0644);
	assert_int_equal(check(scratch, "admit"), STEP_DIFFERS);
	apply(scratch, "admit");
	assert_false(scratch_has(scratch, DENIED));
	assert_int_equal(check(scratch, "admit"), STEP_FINE);
}

static void an_administrators_denial_stays(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, DENIED, ANNA_SAYS, 0644);
	assert_int_equal(check(scratch, "deny"), STEP_FINE);
	apply(scratch, "deny");
	assert_int_equal(check(scratch, "admit"), STEP_FINE);
	apply(scratch, "admit");
	assert_file(scratch, DENIED, ANNA_SAYS);
}

static void keys_units_and_ticket_are_taken_away(void **state)
{
	struct scratch *scratch = *state;

	DV_AUTO_FREE char *note = NULL;

	scratch_write(scratch, "usr/lib/systemd/system/playwright-mcp@.socket", "", 0644);
	assert_int_equal(check(scratch, "withdraw"), STEP_FINE);
	scratch_write(scratch, "etc/devvm/keys/emo", "ssh-ed25519 A\n", 0644);
	scratch_write(scratch, "run/devvm/tickets/emo", "#devvm-ticket 1\n", 0600);
	scratch_write(scratch, "etc/systemd/system/playwright-mcp@emo.socket.d/50-devvm.conf", "",
		      0644);
	scratch_write(scratch, "etc/t3-serve/emo.env", "T3_PORT=3773\n", 0600);
	assert_int_equal(check(scratch, "withdraw"), STEP_DIFFERS);
	apply(scratch, "withdraw");
	assert_int_equal(check(scratch, "withdraw"), STEP_FINE);
	assert_false(scratch_has(scratch, "etc/devvm/keys/emo"));
	assert_false(scratch_has(scratch, "run/devvm/tickets/emo"));
	assert_false(scratch_has(scratch, "etc/systemd/system/playwright-mcp@emo.socket.d"));
	assert_true(scratch_has(scratch, "etc/t3-serve/emo.env"));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "units-pending", &note, &scratch->err));
	assert_non_null(note); /* systemd is told */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_denial_is_written_and_lifted),
		TEST(an_administrators_denial_stays),
		TEST(keys_units_and_ticket_are_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
