/* test_people.c - rows of people: what is written comes back, who leaves keeps uid, identity
 * and ports, and nobody gets a port that is somebody else's. */
#include "scratch.h"

#include "ledger/deferrals.h"
#include "ledger/moves.h"
#include "ledger/restores.h"

static void replace(char **text, const char *with)
{
	free(*text);
	*text = strdup(with);
}

static void assert_names(const struct people *people, const char *expected)
{
	char names[256] = "";

	for (size_t i = 0; i < people->n_rows; i++)
		(void)strcat(strcat(names, people->rows[i].name), " ");
	assert_string_equal(names, expected);
}

static void a_person_comes_back_as_written(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("ancamilea", 4);
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	replace(&wanted.identity, "ancaelena98");
	replace(&wanted.k8s_user, "anca");
	replace(&wanted.tier, "namespace-owner");
	replace(&wanted.shell, "/bin/zsh");
	replace(&wanted.groups, "docker\nvideo");
	replace(&wanted.layout, "workspace");
	replace(&wanted.repos, "plotting-book\nnotes");
	replace(&wanted.ssh_keys, "ssh-ed25519 AAAA anca's key");
	wanted.parked = true;
	wanted.wanted_uid = 1234;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &wanted, &scratch->err));
	row = scratch_person(scratch, "ancamilea");
	assert_string_equal(row.name, "ancamilea");
	assert_string_equal(row.identity, "ancaelena98");
	assert_string_equal(row.k8s_user, "anca");
	assert_string_equal(row.tier, "namespace-owner");
	assert_string_equal(row.shell, "/bin/zsh");
	assert_string_equal(row.groups, "docker\nvideo");
	assert_string_equal(row.layout, "workspace");
	assert_string_equal(row.repos, "plotting-book\nnotes");
	assert_string_equal(row.ssh_keys, "ssh-ed25519 AAAA anca's key");
	assert_int_equal(row.parked, true);
	assert_int_equal(row.eager, false);
	assert_int_equal(row.wanted_uid, 1234);
	assert_int_equal(row.ports[PEOPLE_PORT_T3], 3777);
	assert_int_equal(row.ports[PEOPLE_PORT_PLAYWRIGHT], 8935);
}

static void a_new_person_is_present_and_nobody_has_looked(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("emo", 0);
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	assert_ok(scratch, people_put_wanted(scratch->ledger, &wanted, &scratch->err));
	row = scratch_person(scratch, "emo");
	assert_string_equal(people_state_name(row.state), "present");
	assert_string_equal(people_login_name(row.login), "unknown");
	assert_int_equal(row.generation, 1);
	assert_int_equal(row.account, PEOPLE_ACCOUNT_UNKNOWN);
	assert_int_equal(row.uid, PEOPLE_NO_UID);
	assert_int_equal(row.wanted_uid, PEOPLE_NO_UID);
	assert_null(row.token_digest);
}

static void an_unknown_name_is_said_to_be_one(void **state)
{
	struct scratch *scratch = *state;
	struct people_row row = { 0 };

	assert_int_equal(people_get(scratch->ledger, "nobody", &row, &scratch->err), -ENOENT);
	assert_string_equal(scratch->err.text, "nobody is not in the ledger");
	assert_null(row.name);
}

static void a_change_raises_the_generation_and_keeps_what_is_ours(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("emo", 0);
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_OWN);
	assert_ok(scratch, people_set_token(scratch->ledger, "emo", "abc", &scratch->err));
	replace(&wanted.shell, "/bin/zsh");
	assert_ok(scratch, people_put_wanted(scratch->ledger, &wanted, &scratch->err));
	row = scratch_person(scratch, "emo");
	assert_string_equal(row.shell, "/bin/zsh");
	assert_int_equal(row.generation, 2);
	assert_int_equal(row.uid, 1001);
	assert_int_equal(row.account, PEOPLE_ACCOUNT_FOUND);
	assert_int_equal(row.login, PEOPLE_LOGIN_OWN);
	assert_string_equal(row.token_digest, "abc");
}

static void who_leaves_keeps_identity_uid_and_ports(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	row = scratch_person(scratch, "emo");
	assert_string_equal(people_state_name(row.state), "left");
	assert_int_equal(row.generation, 2);
	assert_string_equal(row.identity, "emo");
	assert_int_equal(row.uid, 1001);
	assert_int_equal(row.ports[PEOPLE_PORT_T3], 3773);
	assert_int_equal(row.ports[PEOPLE_PORT_PLAYWRIGHT], 8931);
}

static void who_comes_back_is_present_with_their_ports(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("emo", 0);
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, people_put_wanted(scratch->ledger, &wanted, &scratch->err));
	row = scratch_person(scratch, "emo");
	assert_string_equal(people_state_name(row.state), "present");
	assert_int_equal(row.generation, 3);
	assert_int_equal(row.uid, 1001);
	assert_int_equal(row.ports[PEOPLE_PORT_T3], 3773);
}

static void a_port_of_somebody_else_is_refused(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("wizard", 1);
	DV_AUTO_PEOPLE_ROW struct people_row emo = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	wanted.ports[PEOPLE_PORT_T3] = 3773;
	assert_int_equal(people_put_wanted(scratch->ledger, &wanted, &scratch->err), -EEXIST);
	emo = scratch_person(scratch, "emo");
	assert_int_equal(emo.ports[PEOPLE_PORT_T3], 3773);
}

static void a_port_of_another_service_is_refused(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("wizard", 1);

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	wanted.ports[PEOPLE_PORT_PLAYWRIGHT] = 3773; /* emo's t3 */
	assert_int_equal(people_put_wanted(scratch->ledger, &wanted, &scratch->err), -EEXIST);
}

static void a_port_of_somebody_who_left_is_refused(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row wanted = scratch_wanted("wizard", 0);

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(people_put_wanted(scratch->ledger, &wanted, &scratch->err), -EEXIST);
}

#define LONG_NAME "abcdefghijklmnopqrstuvwxyz-01234" /* as long as a name may be */

/* Rows are read a page at a time, behind a name of at most this length. */
static void a_retired_name_is_no_longer_than_a_users(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE struct people people = { 0 };

	for (unsigned int n = 0; n < 11; n++) {
		scratch_add_person(scratch, LONG_NAME, n, PEOPLE_LOGIN_NONE);
		assert_ok(scratch, people_set_left(scratch->ledger, LONG_NAME, &scratch->err));
		assert_ok(scratch, people_retire(scratch->ledger, LONG_NAME, &scratch->err));
	}
	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	assert_int_equal(people.n_rows, 11);
	for (size_t i = 0; i < people.n_rows; i++)
		assert_in_range(strlen(people.rows[i].name), 28, STR_USER_NAME_MAX);
	assert_string_equal(people.rows[0].name, "abcdefghijklmnopqrstuvwxyz@1");
	assert_int_equal(people.rows[0].ports[PEOPLE_PORT_T3], 3773);
}

static void who_is_present_is_not_retired(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_retire(scratch->ledger, "emo", &scratch->err));
	row = scratch_person(scratch, "emo");
	assert_string_equal(people_state_name(row.state), "present");
}

static unsigned int count_work(struct scratch *scratch, const char *name)
{
	DV_AUTO_MOVES struct moves moves = { 0 };
	DV_AUTO_RESTORES struct restores restores = { 0 };
	struct deferral deferral = { .name = "" };
	unsigned int n = 0;

	assert_ok(scratch, moves_list(scratch->ledger, MOVES_ALL_RUNS, &moves, &scratch->err));
	for (size_t i = 0; i < moves.n_rows; i++)
		n += str_equal(moves.rows[i].name, name);
	assert_ok(scratch, restores_list(scratch->ledger, &restores, &scratch->err));
	for (size_t i = 0; i < restores.n_rows; i++)
		n += str_equal(restores.rows[i].name, name);
	assert_ok(scratch, deferrals_get(scratch->ledger, name, &deferral, &scratch->err));
	return n + (*deferral.name != '\0');
}

static void put_work(struct scratch *scratch, const char *name)
{
	struct move_row move = { .run = 1, .state = UPDATE_STATE_COPIED };
	struct restore_row restore = { .id = "20261127-031500" };

	(void)snprintf(move.name, sizeof(move.name), "%s", name);
	(void)snprintf(restore.name, sizeof(restore.name), "%s", name);
	assert_ok(scratch, moves_enter(scratch->ledger, &move, 1, &scratch->err));
	assert_ok(scratch, restores_begin(scratch->ledger, &restore, &scratch->err));
	assert_ok(scratch,
		  deferrals_put(scratch->ledger, name, "1.1.0", 1, "at work", &scratch->err));
}

/* A recovery would go on with what another person has under the name. */
static void the_work_on_who_left_is_not_that_on_who_has_the_name(void **state)
{
	struct scratch *scratch = *state;
	int64_t run = 0;

	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 1, "1.0.0", "boot", &run, &scratch->err));
	scratch_add_person(scratch, "anca", 0, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "emo", 1, PEOPLE_LOGIN_NONE);
	put_work(scratch, "anca");
	put_work(scratch, "emo");
	assert_ok(scratch, people_forget_work(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(count_work(scratch, "emo"), 3); /* they are present */
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(count_work(scratch, "emo"), 3); /* they may come back */
	assert_ok(scratch, people_forget_work(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(count_work(scratch, "emo"), 0);
	put_work(scratch, "emo");
	assert_ok(scratch, people_retire(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(count_work(scratch, "emo"), 0);
	assert_int_equal(count_work(scratch, "anca"), 3);
}

static void the_list_is_sorted_and_has_who_left(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE struct people people = { 0 };

	scratch_add_person(scratch, "wizard", 0, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "ancamilea", 1, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "emo", 2, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	assert_names(&people, "ancamilea emo wizard ");
	assert_int_equal(people_find(&people, "emo")->ports[PEOPLE_PORT_T3], 3775);
	assert_null(people_find(&people, "em"));
	assert_null(people_find(&people, "zz"));
}

static void an_empty_list_is_one(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE struct people people = { 0 };

	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	assert_int_equal(people.n_rows, 0);
	assert_null(people_find(&people, "emo"));
}

static void pages_give_everybody_once(void **state)
{
	static const char *const pages[] = { "p00 p01 ", "p02 p03 ", "p04 ", "" };
	struct scratch *scratch = *state;
	char after[8] = "";

	for (unsigned int i = 0; i < 5; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "p%02u", i);
		scratch_add_person(scratch, name, i, PEOPLE_LOGIN_NONE);
	}
	for (size_t i = 0; i < DV_COUNT(pages); i++) {
		DV_AUTO_PEOPLE struct people page = { 0 };

		assert_ok(scratch,
			  people_list_page(scratch->ledger, after, 2, &page, &scratch->err));
		assert_names(&page, pages[i]);
		if (page.n_rows > 0)
			(void)snprintf(after, sizeof(after), "%s", page.rows[page.n_rows - 1].name);
	}
}

static void a_uid_is_found_for_who_is_present_alone(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };
	struct people_row gone = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "wizard", 1, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_ok(scratch, people_get_by_uid(scratch->ledger, 1002, &row, &scratch->err));
	assert_string_equal(row.name, "wizard");
	assert_int_equal(people_get_by_uid(scratch->ledger, 1001, &gone, &scratch->err), -ENOENT);
	assert_string_equal(scratch->err.text, "uid 1001 is nobody in the ledger");
}

static void names_of_logins_are_read_as_written(void **state DV_UNUSED)
{
	static const char *const names[] = { "unknown", "none", "own", "unreadable" };

	for (size_t i = 0; i < DV_COUNT(names); i++)
		assert_string_equal(people_login_name(people_login_from_name(names[i])), names[i]);
	assert_string_equal(people_login_name(people_login_from_name("bogus")), "unknown");
}

static void a_token_note_can_be_taken_back(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_token(scratch->ledger, "emo", "abc", &scratch->err));
	assert_ok(scratch, people_set_token(scratch->ledger, "emo", NULL, &scratch->err));
	row = scratch_person(scratch, "emo");
	assert_null(row.token_digest);
	assert_int_equal(row.generation, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_person_comes_back_as_written),
		TEST(a_new_person_is_present_and_nobody_has_looked),
		TEST(an_unknown_name_is_said_to_be_one),
		TEST(a_change_raises_the_generation_and_keeps_what_is_ours),
		TEST(who_leaves_keeps_identity_uid_and_ports),
		TEST(who_comes_back_is_present_with_their_ports),
		TEST(a_port_of_somebody_else_is_refused),
		TEST(a_port_of_another_service_is_refused),
		TEST(a_port_of_somebody_who_left_is_refused),
		TEST(a_retired_name_is_no_longer_than_a_users),
		TEST(who_is_present_is_not_retired),
		TEST(the_work_on_who_left_is_not_that_on_who_has_the_name),
		TEST(the_list_is_sorted_and_has_who_left),
		TEST(an_empty_list_is_one),
		TEST(pages_give_everybody_once),
		TEST(a_uid_is_found_for_who_is_present_alone),
		cmocka_unit_test(names_of_logins_are_read_as_written),
		TEST(a_token_note_can_be_taken_back),
	};

	return cmocka_run_group_tests_name("people", tests, NULL, NULL);
}
