/* test_ticket.c - what a ticket of the reconcile holds, for whom there is one, and which
 * account can never have one. The codec itself is wire/ticket.c. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/ticket.h"
#include "wire/ticket.h"

#define FILE_PATH "run/devvm/tickets/emo"

#define TICKET_WITH_PATH(path)                                                                     \
	"#devvm-ticket 1\nPATH=" path "\nT3_PORT=3773\nPLAYWRIGHT_PORT=8931\n"
#define PLAIN_TICKET TICKET_WITH_PATH("/home/emo/.local/bin:" SCRATCH_PATH)
#define TOKEN_LINE "CLAUDE_CODE_OAUTH_TOKEN=" SCRATCH_TOKEN "\n"

static int check(struct scratch *scratch)
{
	char what[STEP_WHAT_BYTES];

	return scratch_check(scratch, step_find("ticket"), "emo", what);
}

static int apply(struct scratch *scratch)
{
	return scratch_apply(scratch, step_find("ticket"), "emo");
}

static void assert_ticket(struct scratch *scratch, const char *expected)
{
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_file(scratch, FILE_PATH, expected);
	assert_int_equal(check(scratch), STEP_FINE);
}

static void set_base_path(struct scratch *scratch, const char *path)
{
	free(scratch->view.base_path);
	scratch->view.base_path = strdup(path);
}

static void it_holds_path_and_ports(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ticket(scratch, PLAIN_TICKET);
}

static void it_is_for_root_alone_whatever_the_umask(void **state)
{
	struct scratch *scratch = *state;
	mode_t before = umask(0077);
	int r;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	(void)umask(0);
	r = apply(scratch);
	(void)umask(before);
	assert_ok(scratch, r);
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0600);
	assert_int_equal(scratch_mode(scratch, "run/devvm/tickets"), 0700);
}

static void it_is_written_as_nobody_has_logged_in(void **state)
{
	struct scratch *scratch = *state;
	struct stat st;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, apply(scratch));
	assert_int_equal(fstatat(scratch->env.root_dirfd, FILE_PATH, &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 0);
	/* And a login is nothing to mend. */
	assert_int_equal(utimensat(scratch->env.root_dirfd, FILE_PATH, NULL, 0), 0);
	assert_int_equal(check(scratch), STEP_FINE);
}

static void the_login_reads_what_was_written(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = NULL;
	struct ticket ticket;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, apply(scratch));
	text = scratch_read(scratch, FILE_PATH);
	assert_ok(scratch, ticket_parse(&ticket, text, &scratch->err));
	assert_int_equal(ticket.n_lines, 3);
	assert_string_equal(ticket.lines[1], "T3_PORT=3773");
}

static void the_own_folder_is_first_and_once(void **state)
{
	static const struct {
		const char *base, *ticket;
	} cases[] = {
		{ "/home/emo/.local/bin:/usr/bin",
		  TICKET_WITH_PATH("/home/emo/.local/bin:/usr/bin") },
		{ "/usr/bin:/home/emo/.local/bin:/bin",
		  TICKET_WITH_PATH("/home/emo/.local/bin:/usr/bin:/bin") },
		{ "/home/emo/.local/bin", TICKET_WITH_PATH("/home/emo/.local/bin") },
		/* another's, and one that only begins like it */
		{ "/home/wizard/.local/bin:/home/emo/.local/binaries",
		  TICKET_WITH_PATH("/home/emo/.local/bin:/home/wizard/.local/bin:"
				   "/home/emo/.local/binaries") },
		/* an empty part is the working folder: never */
		{ ":/usr/bin::/bin:", TICKET_WITH_PATH("/home/emo/.local/bin:/usr/bin:/bin") },
		{ "/opt/b:/opt/a", TICKET_WITH_PATH("/home/emo/.local/bin:/opt/b:/opt/a") },
	};
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		set_base_path(scratch, cases[i].base);
		assert_ticket(scratch, cases[i].ticket);
	}
}

static void the_home_is_that_of_the_account(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	free(scratch->view.accounts[0].home);
	scratch->view.accounts[0].home = strdup("/srv/people/emo");
	assert_ticket(scratch, TICKET_WITH_PATH("/srv/people/emo/.local/bin:" SCRATCH_PATH));
}

struct token_case {
	const char *tier;
	enum people_login login;
	const char *noted;   /* in the ledger */
	const char *present; /* in the env file */
	bool has_token;
};

static void only_who_was_given_the_token_finds_it(void **state)
{
	static const struct token_case cases[] = {
		{ "power-user", PEOPLE_LOGIN_NONE, SCRATCH_TOKEN, SCRATCH_TOKEN, true },
		{ "namespace-owner", PEOPLE_LOGIN_NONE, SCRATCH_TOKEN, SCRATCH_TOKEN, true },
		{ "power-user", PEOPLE_LOGIN_NONE, SCRATCH_TOKEN, NULL, false },
		{ "power-user", PEOPLE_LOGIN_NONE, SCRATCH_TOKEN, "own", false },
		{ "power-user", PEOPLE_LOGIN_NONE, NULL, SCRATCH_TOKEN, false },
		{ "power-user", PEOPLE_LOGIN_OWN, SCRATCH_TOKEN, SCRATCH_TOKEN, false },
		{ "power-user", PEOPLE_LOGIN_UNREADABLE, SCRATCH_TOKEN, SCRATCH_TOKEN, false },
		{ "admin", PEOPLE_LOGIN_NONE, SCRATCH_TOKEN, SCRATCH_TOKEN, false },
	};
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "emo", 1001);
	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		const struct token_case *c = &cases[i];
		DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);
		DV_AUTO_FREE char *text = NULL;
		char digest[DIGEST_HEX_BYTES];

		free(row.tier);
		row.tier = strdup(c->tier);
		scratch_digest(c->noted ? c->noted : "", digest);
		assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
		assert_ok(scratch,
			  people_set_login(scratch->ledger, "emo", c->login, &scratch->err));
		assert_ok(scratch, people_set_token(scratch->ledger, "emo",
						    c->noted ? digest : NULL, &scratch->err));
		assert_true(asprintf(&text, "A=1\n%s%s\n",
				     c->present ? "CLAUDE_CODE_OAUTH_TOKEN=" : "",
				     c->present ? c->present : "") > 0);
		scratch_write(scratch, "etc/t3-serve/emo.env", text, 0600);
		assert_ok(scratch, apply(scratch));
		assert_file(scratch, FILE_PATH,
			    c->has_token ? PLAIN_TICKET TOKEN_LINE : PLAIN_TICKET);
	}
}

static void what_was_changed_by_hand_is_written_again(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_ticket(scratch, PLAIN_TICKET);
	scratch_write(scratch, FILE_PATH, PLAIN_TICKET "LD_PRELOAD=/tmp/x.so\n", 0600);
	assert_ticket(scratch, PLAIN_TICKET);
	scratch_write(scratch, FILE_PATH, PLAIN_TICKET, 0644);
	assert_ticket(scratch, PLAIN_TICKET);
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0600);
}

static void there_is_none_before_somebody_has_looked(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_UNKNOWN);
	assert_int_equal(check(scratch), STEP_SKIPPED);
	assert_false(scratch_has(scratch, FILE_PATH));
}

/* One that outlived the ledger that knew why it was written. */
static void one_that_is_there_without_a_look_goes(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_UNKNOWN);
	scratch_write(scratch, FILE_PATH, PLAIN_TICKET TOKEN_LINE, 0600);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_false(scratch_has(scratch, FILE_PATH));
	assert_int_equal(check(scratch), STEP_SKIPPED);
}

static void a_home_that_cannot_be_looked_into_has_one(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_UNREADABLE);
	assert_ticket(scratch, PLAIN_TICKET);
}

static void assert_refused(struct scratch *scratch)
{
	assert_int_equal(check(scratch), -EINVAL);
	assert_int_equal(apply(scratch), -EINVAL);
	assert_contains(scratch->err.text, "write the ticket (home /home/emo");
	assert_contains(scratch->err.text, ": Invalid argument");
	assert_null(strchr(scratch->err.text, '\n'));
	assert_false(scratch_has(scratch, FILE_PATH));
}

static void a_home_with_a_newline_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	free(scratch->view.accounts[0].home);
	scratch->view.accounts[0].home = strdup("/home/emo\nLD_PRELOAD=/tmp/x.so");
	assert_refused(scratch);
}

static void a_path_with_a_newline_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	set_base_path(scratch, "/usr/bin\nLD_PRELOAD=/tmp/x.so");
	assert_refused(scratch);
}

static void one_that_no_login_would_read_is_not_written(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *path = calloc(1, TICKET_MAX_BYTES);

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	(void)memset(path, 'x', TICKET_MAX_BYTES - 1);
	set_base_path(scratch, path);
	assert_int_equal(apply(scratch), -EMSGSIZE);
	assert_false(scratch_has(scratch, FILE_PATH));
}

static void nobody_without_an_account_has_one(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch,
		  people_set_login(scratch->ledger, "emo", PEOPLE_LOGIN_NONE, &scratch->err));
	assert_int_equal(check(scratch), -ENOENT);
	assert_string_equal(scratch->err.text, "there is no account emo");
	assert_int_equal(apply(scratch), -ENOENT);
}

static void removing_one_that_is_not_there_is_done(void **state)
{
	struct scratch *scratch = *state;

	assert_ok(scratch, ticket_remove(&scratch->env, "emo", &scratch->err));
	scratch_write(scratch, FILE_PATH, PLAIN_TICKET, 0600);
	scratch_write(scratch, FILE_PATH "2", PLAIN_TICKET, 0600);
	assert_ok(scratch, ticket_remove(&scratch->env, "emo", &scratch->err));
	assert_false(scratch_has(scratch, FILE_PATH));
	assert_true(scratch_has(scratch, FILE_PATH "2"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_holds_path_and_ports),
		TEST(it_is_for_root_alone_whatever_the_umask),
		TEST(it_is_written_as_nobody_has_logged_in),
		TEST(the_login_reads_what_was_written),
		TEST(the_own_folder_is_first_and_once),
		TEST(the_home_is_that_of_the_account),
		TEST(only_who_was_given_the_token_finds_it),
		TEST(what_was_changed_by_hand_is_written_again),
		TEST(there_is_none_before_somebody_has_looked),
		TEST(one_that_is_there_without_a_look_goes),
		TEST(a_home_that_cannot_be_looked_into_has_one),
		TEST(a_home_with_a_newline_is_refused),
		TEST(a_path_with_a_newline_is_refused),
		TEST(one_that_no_login_would_read_is_not_written),
		TEST(nobody_without_an_account_has_one),
		TEST(removing_one_that_is_not_there_is_done),
	};

	return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
