/* test_fence.c - the generated nftables table: who may connect to whose port. */
#include "fake_manager.h"

#include "base/file.h"
#include "base/log.h"
#include "steps/fence.h"

#define FILE_PATH "run/devvm/ports.nft"
#define UNIT "devvm-ports.service"

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	fake_manager_reset();
	fake_manager.loaded = UNIT " active";
	scratch_write(*state, "usr/sbin/nft", "", 0755);
	scratch_make_folder(*state, "run/devvm", 0755);
	return r;
}

static struct step_context context_of(struct scratch *scratch)
{
	return (struct step_context){ .env = &scratch->env,
				      .config = &scratch->config,
				      .machine = &scratch->view };
}

static void next_run(struct scratch *scratch)
{
	free(DV_TAKE_PTR(scratch->view.fence_text));
}

static int check(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, fence_check(&context, &verdict, what, &scratch->err));
	return (int)verdict;
}

static int apply(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);

	return fence_apply(&context, &scratch->err);
}

static void each_port_is_its_owners_and_the_front_doors(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "wizard", 1, PEOPLE_LOGIN_NONE);
	scratch_add_account(scratch, "www-data", 33);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_asked("reload-or-restart " UNIT "; ");
	assert_file(scratch, FILE_PATH,
		    "# Written by devvm: who may connect to whose port on this machine.\n"
		    "table inet devvm {}\n"
		    "delete table inet devvm\n"
		    "table inet devvm {\n"
		    "\tset ports {\n"
		    "\t\ttype inet_service\n"
		    "\t\telements = { 3773,\n\t\t\t8931,\n\t\t\t3774,\n\t\t\t8932 }\n"
		    "\t}\n"
		    "\tset owners {\n"
		    "\t\ttype inet_service . uid\n"
		    "\t\telements = { 3773 . 1001,\n\t\t\t8931 . 1001,\n"
		    "\t\t\t3774 . 1002,\n\t\t\t8932 . 1002 }\n"
		    "\t}\n"
		    "\tchain output {\n"
		    "\t\ttype filter hook output priority filter; policy accept;\n"
		    "\t\toif \"lo\" tcp flags & (syn | ack) == syn tcp dport @ports jump owned\n"
		    "\t\toif \"lo\" tcp flags & (syn | ack) == (syn | ack) tcp sport @ports jump "
		    "answers\n"
		    "\t}\n"
		    "\tchain owned {\n"
		    "\t\tmeta skuid { 0, 33 } accept\n"
		    "\t\ttcp dport . meta skuid @owners accept\n"
		    "\t\treject with tcp reset\n"
		    "\t}\n"
		    "\tchain answers {\n"
		    "\t\tmeta skuid 0 accept\n"
		    "\t\ttcp sport . meta skuid @owners accept\n"
		    "\t\tmeta skuid >= 0 drop\n"
		    "\t}\n"
		    "\tchain input {\n"
		    "\t\ttype filter hook input priority filter; policy accept;\n"
		    "\t\tiif != \"lo\" tcp dport @ports drop\n"
		    "\t}\n"
		    "}\n");
	assert_int_equal(check(scratch), STEP_FINE);
}

static void let_in(struct scratch *scratch, const char *expected)
{
	DV_AUTO_FREE char *text = NULL;
	char line[64];

	assert_ok(scratch, apply(scratch));
	text = scratch_read(scratch, FILE_PATH);
	(void)snprintf(line, sizeof(line), "\t\tmeta skuid { %s } accept\n", expected);
	assert_contains(text, line);
	next_run(scratch);
}

static void the_account_of_nginx_is_that_of_devvm_yaml(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "devvm-dispatch", 990);
	scratch_add_account(scratch, "www-data", 33);
	scratch_add_account(scratch, "webfront", 991);
	let_in(scratch, "0, 990, 33");
	assert_int_equal(check(scratch), STEP_FINE);
	free(scratch->config.door_nginx_user);
	scratch->config.door_nginx_user = strdup("webfront");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	let_in(scratch, "0, 990, 991");
	/* No hole for whoever gets its uid, and everybody's ports stay fenced. */
	free(scratch->config.door_nginx_user);
	scratch->config.door_nginx_user = strdup("gone");
	let_in(scratch, "0, 990");
}

static void a_port_without_an_account_is_nobodys(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);
	DV_AUTO_FREE char *text = NULL;

	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, apply(scratch));
	text = scratch_read(scratch, FILE_PATH);
	assert_contains(text, "elements = { 3773,\n\t\t\t8931 }");
	assert_contains(text, "type inet_service . uid\n\t}");
}

static void who_left_has_none(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
	next_run(scratch);
	assert_ok(scratch, people_set_left(scratch->ledger, "emo", &scratch->err));
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	text = scratch_read(scratch, FILE_PATH);
	assert_null(strstr(text, "3773"));
	assert_contains(text, "type inet_service\n\t}"); /* an empty set has no elements */
}

static void a_table_that_is_not_loaded_is_loaded(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, apply(scratch));
	assert_int_equal(check(scratch), STEP_FINE);
	fake_manager.loaded = UNIT " failed";
	assert_int_equal(check(scratch), STEP_DIFFERS);
	fake_manager.loaded = "";
	assert_int_equal(check(scratch), STEP_DIFFERS);
}

static void one_that_was_not_loaded_does_not_look_like_one_that_was(void **state)
{
	struct scratch *scratch = *state;

	fake_manager.fails = UNIT;
	assert_int_equal(apply(scratch), -EIO);
	assert_string_equal(scratch->err.text, "reload-or-restart " UNIT ": failed");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	fake_manager.is_down = true;
	assert_int_equal(apply(scratch), -ENOTCONN);
}

/* A reconcile makes people beside it. */
static void who_comes_meanwhile_is_no_failure_and_not_forgotten(void **state)
{
	struct scratch *scratch = *state;
	struct step_context context = context_of(scratch);

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_false(fence_is_outdated(&context)); /* nothing was loaded */
	assert_ok(scratch, apply(scratch));
	assert_false(fence_is_outdated(&context));
	scratch_add_person(scratch, "anna", 1, PEOPLE_LOGIN_NONE);
	assert_int_equal(check(scratch), STEP_FINE);
	assert_true(fence_is_outdated(&context));
	next_run(scratch);
	assert_int_equal(check(scratch), STEP_DIFFERS);
}

static void without_nft_it_is_left_out(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, file_remove(scratch->env.root_dirfd, "usr/sbin/nft", &scratch->err));
	assert_int_equal(check(scratch), STEP_SKIPPED);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_port_is_its_owners_and_the_front_doors),
		TEST(the_account_of_nginx_is_that_of_devvm_yaml),
		TEST(a_port_without_an_account_is_nobodys),
		TEST(who_left_has_none),
		TEST(a_table_that_is_not_loaded_is_loaded),
		TEST(one_that_was_not_loaded_does_not_look_like_one_that_was),
		TEST(who_comes_meanwhile_is_no_failure_and_not_forgotten),
		TEST(without_nft_it_is_left_out),
	};

	log_init("test_fence", LOG_CRIT); /* the failures here are asked for */
	return cmocka_run_group_tests_name("fence", tests, NULL, NULL);
}
