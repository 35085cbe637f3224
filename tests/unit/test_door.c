/* test_door.c - nginx's files have those who may come in, and nothing that nginx would misread. */
#include "scratch.h"

#define PEOPLE "etc/t3-serve/nginx-people.conf"
#define MORE "etc/t3-serve/door.json"
#define SECRET "etc/t3-serve/nginx-secret.conf"

static void put_tier(struct scratch *scratch, const char *name, const char *identity,
		     unsigned int n, bool parked, const char *tier)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted(name, n);

	scratch_set(&row.identity, identity);
	scratch_set(&row.tier, tier);
	row.parked = parked;
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
}

static void put(struct scratch *scratch, const char *name, const char *identity, unsigned int n,
		bool parked)
{
	put_tier(scratch, name, identity, n, parked, "power-user");
}

static void those_on_the_roster_are_in(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	put(scratch, "anca", "zoe", 0, false);
	put(scratch, "emo", "emil.barzin", 1, false);
	put_tier(scratch, "boss", "root.of.all", 4, false, "admin");
	put(scratch, "park", "pia", 2, true);
	put(scratch, "left", "lea", 3, false);
	assert_ok(scratch, people_set_left(scratch->ledger, "left", &scratch->err));
	assert_int_equal(scratch_check_machine(scratch, step_find("door"), what), STEP_DIFFERS);
	assert_string_equal(what, "write /" PEOPLE ", write /" MORE);
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("door")));
	assert_int_equal(scratch_check_machine(scratch, step_find("door"), what), STEP_FINE);
	assert_file(
		scratch, PEOPLE,
		"# Written by devvm from its roster; changes are lost.\n"
		"map $devvm_identity $devvm_upstream {\n\tdefault \"\";\n"
		"\t\"\\\\zoe\" devvm_person_anca;\n\t\"\\\\root.of.all\" devvm_person_boss;\n"
		"\t\"\\\\emil.barzin\" devvm_person_emo;\n}\n"
		"map $devvm_identity $devvm_terminal {\n\tdefault \"\";\n"
		"\t\"\\\\zoe\" anca;\n\t\"\\\\root.of.all\" boss;\n\t\"\\\\emil.barzin\" emo;\n}\n"
		"upstream devvm_person_anca { server 127.0.0.1:3773 max_fails=0; keepalive 64; }\n"
		"upstream devvm_person_boss { server 127.0.0.1:3777 max_fails=0; keepalive 64; }\n"
		"upstream devvm_person_emo { server 127.0.0.1:3774 max_fails=0; keepalive 64; }\n");
	assert_file(scratch, MORE,
		    "{\n  \"admins\": [\n    \"root.of.all\"\n  ],\n  \"away\": {\n    \"lea\": "
		    "\"left\",\n    \"pia\": \"parked\"\n  }\n}");
}

static void what_nginx_would_misread_is_left_out(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;
	size_t n = 0;

	put(scratch, "anca", "a\" x; } http {", 0, false);
	put(scratch, "ina", "$host", 1, false);
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("door")));
	assert_ok(scratch,
		  file_read(scratch->env.root_dirfd, PEOPLE, 4096, &text, &n, NULL, &scratch->err));
	assert_null(strstr(text, "upstream devvm_"));
}

/* Whether nginx takes it so is the host case door-names's to say. */
static void what_nginx_has_a_meaning_for_is_a_word(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;
	size_t n = 0;

	put(scratch, "anca", "default", 0, false);
	put(scratch, "dispatch", "~.*", 1, false);
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("door")));
	assert_ok(scratch,
		  file_read(scratch->env.root_dirfd, PEOPLE, 4096, &text, &n, NULL, &scratch->err));
	assert_non_null(strstr(text, "\t\"\\\\default\" devvm_person_anca;\n"));
	assert_non_null(strstr(text, "\t\"\\\\~.*\" devvm_person_dispatch;\n"));
	assert_null(strstr(text, "devvm_dispatch"));
}

static void the_secret_is_roots_alone(void **state)
{
	struct scratch *scratch = *state;
	char what[STEP_WHAT_BYTES];

	scratch_write(scratch, "etc/devvm/door-secret", "abc/+=_.-123\n", 0600);
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("door")));
	assert_file(scratch, SECRET, "secure_link \"PcmgUOR_5Lsf1xj1ad-K8Q\";\n");
	assert_int_equal(scratch_mode(scratch, SECRET), 0600);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "etc/devvm/door-secret", 0), 0);
	assert_int_equal(scratch_check_machine(scratch, step_find("door"), what), STEP_DIFFERS);
	assert_ok(scratch, scratch_apply_machine(scratch, step_find("door")));
	assert_int_equal(faccessat(scratch->env.root_dirfd, SECRET, F_OK, 0), -1);
	scratch_write(scratch, "etc/devvm/door-secret", "a\" 1; include x;\n", 0600);
	assert_int_equal(scratch_apply_machine(scratch, step_find("door")), -EINVAL);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_on_the_roster_are_in),
		TEST(what_nginx_would_misread_is_left_out),
		TEST(what_nginx_has_a_meaning_for_is_a_word),
		TEST(the_secret_is_roots_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
