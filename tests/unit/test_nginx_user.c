/* test_nginx_user.c - door.nginx_user in the drop-ins of what lets nginx in. */
#include "scratch.h"

#include "steps/nginx_user.h"

#define VENDOR "usr/lib/systemd/system/"
#define UNITS "etc/systemd/system/"
#define NAME "/50-devvm-nginx.conf"
#define SOCKET UNITS "devvm-dispatch.socket.d" NAME
#define SERVICE UNITS "devvm-dispatch.service.d" NAME
#define TTYD UNITS "ttyd@.socket.d" NAME
#define HEAD "# Written by devvm from door.nginx_user of /etc/devvm/devvm.yaml.\n"

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	scratch_write(*state, VENDOR "devvm-dispatch.socket", "", 0644);
	scratch_write(*state, VENDOR "devvm-dispatch.service", "", 0644);
	return r;
}

static struct step_context context_of(struct scratch *scratch)
{
	return (struct step_context){ .env = &scratch->env,
				      .config = &scratch->config,
				      .machine = &scratch->view };
}

static void say(struct scratch *scratch, const char *user)
{
	free(scratch->config.door_nginx_user);
	scratch->config.door_nginx_user = strdup(user);
}

static int check(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, nginx_user_check(&context, &verdict, what, &scratch->err));
	return (int)verdict;
}

static void apply(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);

	assert_ok(scratch, nginx_user_apply(&context, &scratch->err));
	assert_int_equal(check(scratch), STEP_FINE);
}

static void the_units_have_www_data(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(check(scratch), STEP_FINE); /* whether there is such an account or not */
	apply(scratch);
	assert_false(scratch_has(scratch, SOCKET));
	assert_false(scratch_has(scratch, SERVICE));
}

static void another_is_written_where_the_units_are(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *note = NULL;

	scratch_write(scratch, VENDOR "playwright-mcp@.socket", "", 0644);
	scratch_add_account(scratch, "webfront", 991);
	scratch_add_group(scratch, "webfront", 777, NULL);
	say(scratch, "webfront");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, SOCKET, HEAD "[Socket]\nSocketGroup=webfront\n");
	assert_file(scratch, SERVICE, HEAD "[Service]\nEnvironment=DEVVM_NGINX_USER=webfront\n");
	assert_int_equal(scratch_mode(scratch, SOCKET), 0644);
	assert_false(scratch_has(scratch, TTYD));
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "units-pending", &note, &scratch->err));
	assert_non_null(note);
	scratch_write(scratch, VENDOR "ttyd@.socket", "", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_file(scratch, TTYD, HEAD "[Socket]\nSocketGroup=webfront\n");
	scratch_write(scratch, SERVICE, "[Service]\nEnvironment=DEVVM_NGINX_USER=x\n", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	say(scratch, "www-data");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	apply(scratch);
	assert_false(scratch_has(scratch, SOCKET));
	assert_false(scratch_has(scratch, SERVICE));
	assert_false(scratch_has(scratch, TTYD));
}

static void without_a_group_of_its_name_it_is_its_own(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "webfront", 991);
	say(scratch, "webfront");
	apply(scratch);
	assert_file(scratch, SOCKET, HEAD "[Socket]\nSocketGroup=991\n");
}

static void one_that_does_not_exist_is_said(void **state)
{
	struct scratch *scratch = *state;
	struct step_context context = context_of(scratch);
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];

	say(scratch, "no-such-account-of-nginx");
	assert_int_equal(nginx_user_check(&context, &verdict, what, &scratch->err), -ENOENT);
	assert_string_equal(scratch->err.text,
			    "door.nginx_user: there is no account no-such-account-of-nginx: "
			    "correct /etc/devvm/devvm.yaml, or create it");
	assert_int_equal(nginx_user_apply(&context, &scratch->err), -ENOENT);
	assert_false(scratch_has(scratch, SOCKET));
}

static void a_machine_without_the_units_is_left_alone(void **state)
{
	struct scratch *scratch = *state;

	say(scratch, "no-such-account-of-nginx");
	assert_int_equal(check(scratch), STEP_SKIPPED);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_units_have_www_data),
		TEST(another_is_written_where_the_units_are),
		TEST(without_a_group_of_its_name_it_is_its_own),
		TEST(one_that_does_not_exist_is_said),
		cmocka_unit_test_setup_teardown(a_machine_without_the_units_is_left_alone,
						scratch_setup_ledger, scratch_teardown),
	};

	return cmocka_run_group_tests_name("nginx-user", tests, NULL, NULL);
}
