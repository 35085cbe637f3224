/* test_keys.c - the roster's ssh keys as sshd finds them. */
#include "scratch.h"

#include <sys/stat.h>

#include "steps/keys.h"

#define FILE_PATH "etc/devvm/keys/emo"
#define KEY_ONE "ssh-ed25519 AAAAone emo@laptop"
#define KEY_TWO "ssh-rsa AAAAtwo"

static int check(struct scratch *scratch, char ret_what[static STEP_WHAT_BYTES])
{
	return scratch_check(scratch, step_find("keys"), "emo", ret_what);
}

static int apply(struct scratch *scratch)
{
	return scratch_apply(scratch, step_find("keys"), "emo");
}

static void put_keys(struct scratch *scratch, const char *keys)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	free(row.ssh_keys);
	row.ssh_keys = strdup(keys);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
}

static void assert_applied(struct scratch *scratch, const char *expected)
{
	char what[STEP_WHAT_BYTES];

	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, FILE_PATH, expected);
	assert_int_equal(check(scratch, what), STEP_FINE);
}

static void each_key_is_a_line(void **state)
{
	struct scratch *scratch = *state;

	put_keys(scratch, KEY_ONE "\n" KEY_TWO);
	assert_applied(scratch, KEY_ONE "\n" KEY_TWO "\n");
}

/* StrictModes: nobody but the owner may write the file or a folder above it. */
static void sshd_may_read_them_and_nobody_write(void **state)
{
	struct scratch *scratch = *state;
	mode_t before;
	int r;

	put_keys(scratch, KEY_ONE);
	before = umask(0);
	r = apply(scratch);
	(void)umask(before);
	assert_ok(scratch, r);
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0644);
	assert_int_equal(scratch_mode(scratch, "etc/devvm/keys"), 0755);
	assert_int_equal(scratch_mode(scratch, "etc/devvm"), 0755);
	assert_int_equal(scratch_mode(scratch, "etc"), 0755);
}

static void a_withdrawn_key_goes(void **state)
{
	struct scratch *scratch = *state;

	put_keys(scratch, KEY_ONE "\n" KEY_TWO);
	assert_applied(scratch, KEY_ONE "\n" KEY_TWO "\n");
	put_keys(scratch, KEY_TWO);
	assert_applied(scratch, KEY_TWO "\n");
	put_keys(scratch, "");
	assert_applied(scratch, "(none)");
}

static void a_key_added_by_hand_goes(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	put_keys(scratch, KEY_ONE);
	assert_applied(scratch, KEY_ONE "\n");
	scratch_write(scratch, FILE_PATH, KEY_ONE "\n" KEY_TWO "\n", 0644);
	assert_int_equal(check(scratch, what), STEP_DIFFERS);
	assert_string_equal(what, "write /etc/devvm/keys/emo");
	assert_applied(scratch, KEY_ONE "\n");
}

static void a_link_is_replaced_and_not_followed(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "etc/devvm/roster.yaml", "users: {}\n", 0644);
	scratch_make_folder(scratch, "etc/devvm/keys", 0755);
	assert_int_equal(symlinkat("../roster.yaml", scratch->env.root_dirfd, FILE_PATH), 0);
	put_keys(scratch, KEY_ONE);
	assert_applied(scratch, KEY_ONE "\n");
	assert_file(scratch, "etc/devvm/roster.yaml", "users: {}\n");
}

static void who_has_none_has_no_file_and_no_folder(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	put_keys(scratch, "");
	assert_int_equal(check(scratch, what), STEP_FINE);
	assert_ok(scratch, apply(scratch));
	assert_ok(scratch, keys_remove(&scratch->env, "emo", &scratch->err));
	assert_false(scratch_has(scratch, "etc"));
}

static void removing_takes_one_persons_alone(void **state)
{
	struct scratch *scratch = *state;

	put_keys(scratch, KEY_ONE);
	assert_applied(scratch, KEY_ONE "\n");
	scratch_write(scratch, "etc/devvm/keys/emo2", KEY_TWO "\n", 0644);
	assert_ok(scratch, keys_remove(&scratch->env, "emo", &scratch->err));
	assert_false(scratch_has(scratch, FILE_PATH));
	assert_file(scratch, "etc/devvm/keys/emo2", KEY_TWO "\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_key_is_a_line),
		TEST(sshd_may_read_them_and_nobody_write),
		TEST(a_withdrawn_key_goes),
		TEST(a_key_added_by_hand_goes),
		TEST(a_link_is_replaced_and_not_followed),
		TEST(who_has_none_has_no_file_and_no_folder),
		TEST(removing_takes_one_persons_alone),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
