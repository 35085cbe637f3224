/* test_account.c - what is to be done about an account, and what is only noted about one
 * that exists. Making one is useradd's and root's: see tests/host. */
#include "scratch.h"

#include <pwd.h>

/* The name service is down. */
int getpwnam_r(const char *name DV_UNUSED, struct passwd *entry DV_UNUSED, char *buffer DV_UNUSED,
	       size_t n_bytes DV_UNUSED, struct passwd **ret_entry)
{
	*ret_entry = NULL;
	return ECONNREFUSED;
}

#define NO_ACCOUNT 0 /* in the view */

struct account_case {
	uid_t present;		   /* the account's uid, or NO_ACCOUNT */
	enum people_account noted; /* in the ledger */
	int64_t noted_uid;
	int verdict;
	const char *what;
	enum people_account after; /* where applying only notes */
};

/* clang-format off */
static const struct account_case CASES[] = {
	/* nobody there yet, or killed before useradd */
	{ NO_ACCOUNT, PEOPLE_ACCOUNT_UNKNOWN,  -1,   STEP_DIFFERS, "create the account", 0 },
	{ NO_ACCOUNT, PEOPLE_ACCOUNT_CREATING, 1001, STEP_DIFFERS, "create the account", 0 },
	/* an administrator has removed it */
	{ NO_ACCOUNT, PEOPLE_ACCOUNT_CREATED,  1001, STEP_DIFFERS, "create the account", 0 },
	{ NO_ACCOUNT, PEOPLE_ACCOUNT_FOUND,    1001, STEP_DIFFERS, "create the account", 0 },
	/* killed behind useradd: finishing it is root's */
	{ 1001,       PEOPLE_ACCOUNT_CREATING, 1001, STEP_DIFFERS, "finish the account", 0 },
	/* somebody was faster with another uid: not ours to finish */
	{ 1007,       PEOPLE_ACCOUNT_CREATING, 1001, STEP_DIFFERS, "note the account with uid 1007", PEOPLE_ACCOUNT_FOUND },
	/* it was there before us */
	{ 1001,       PEOPLE_ACCOUNT_UNKNOWN,  -1,   STEP_DIFFERS, "note the account with uid 1001", PEOPLE_ACCOUNT_FOUND },
	/* an administrator has renumbered it */
	{ 1009,       PEOPLE_ACCOUNT_CREATED,  1001, STEP_DIFFERS, "note the account with uid 1009", PEOPLE_ACCOUNT_CREATED },
	{ 1009,       PEOPLE_ACCOUNT_FOUND,    1001, STEP_DIFFERS, "note the account with uid 1009", PEOPLE_ACCOUNT_FOUND },
	/* as it should be */
	{ 1001,       PEOPLE_ACCOUNT_CREATED,  1001, STEP_FINE,    "", 0 },
	{ 1001,       PEOPLE_ACCOUNT_FOUND,    1001, STEP_FINE,    "", 0 },
};
/* clang-format on */

static void put_case(struct scratch *scratch, const struct account_case *c)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	scratch_make_view(scratch);
	if (c->present != NO_ACCOUNT)
		scratch_add_account(scratch, "emo", c->present);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, people_set_account(scratch->ledger, "emo", c->noted, c->noted_uid,
					      &scratch->err));
}

static void each_state_has_its_plan(void **state)
{
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(CASES); i++) {
		char what[STEP_WHAT_BYTES];

		put_case(scratch, &CASES[i]);
		assert_int_equal(scratch_check(scratch, step_find("account"), "emo", what),
				 CASES[i].verdict);
		assert_string_equal(what, CASES[i].what);
	}
}

static void an_account_that_exists_is_only_noted(void **state)
{
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(CASES); i++) {
		DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };
		DV_AUTO_FREE char *tree = NULL;
		char what[STEP_WHAT_BYTES];

		if (CASES[i].after == PEOPLE_ACCOUNT_UNKNOWN)
			continue;
		put_case(scratch, &CASES[i]);
		assert_ok(scratch, scratch_apply(scratch, step_find("account"), "emo"));
		row = scratch_person(scratch, "emo");
		assert_int_equal(row.account, CASES[i].after);
		assert_int_equal(row.uid, CASES[i].present);
		assert_string_equal(people_login_name(row.login), "unknown");
		assert_int_equal(scratch_check(scratch, step_find("account"), "emo", what),
				 STEP_FINE);
		tree = scratch_dump_tree(scratch);
		assert_null(strstr(tree, "./home"));
	}
}

/* Nobody knows whether LDAP has an emo: no local one beside it. */
static void none_is_made_while_the_name_service_is_down(void **state)
{
	static const char *const steps[] = { "account", "groups", "ticket" };
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);
	DV_AUTO_PEOPLE_ROW struct people_row after = { 0 };
	char what[STEP_WHAT_BYTES];

	scratch_make_view(scratch);
	scratch->view.ask_nss = true;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch,
		  people_set_login(scratch->ledger, "emo", PEOPLE_LOGIN_NONE, &scratch->err));
	for (size_t i = 0; i < DV_COUNT(steps); i++) {
		scratch->err.text[0] = '\0';
		assert_int_equal(scratch_check(scratch, step_find(steps[i]), "emo", what),
				 -ECONNREFUSED);
		assert_string_equal(
			scratch->err.text,
			"the name service cannot be asked about emo: Connection refused");
		assert_int_equal(scratch_apply(scratch, step_find(steps[i]), "emo"), -ECONNREFUSED);
	}
	after = scratch_person(scratch, "emo");
	assert_int_equal(after.account, PEOPLE_ACCOUNT_UNKNOWN);
	assert_int_equal(after.uid, -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_state_has_its_plan),
		TEST(an_account_that_exists_is_only_noted),
		TEST(none_is_made_while_the_name_service_is_down),
	};

	return cmocka_run_group_tests_name("account", tests, NULL, NULL);
}
