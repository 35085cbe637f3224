/* test_view.c - what a reconcile reads of the machine: PATH as a login would have it
 * without us, the staged token, accounts and groups. */
#include "scratch.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>

#include "ledger/tokens.h"

#define ENVIRONMENT "etc/environment"
#define LOGIN_DEFS "etc/login.defs"
#define TOKEN_FILE "etc/t3-serve/claude-oauth-token"
#define DISTRIBUTION_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"

/* The name service: knows nobody, or one with a long entry, or cannot be asked. */
static int nss_failure;	   /* an errno */
static size_t nss_n_bytes; /* of the entry of "anna"; 0: there is none */

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t n_bytes,
	       struct passwd **ret_entry)
{
	*ret_entry = NULL;
	if (nss_failure || nss_n_bytes == 0 || strcmp(name, "anna") != 0)
		return nss_failure;
	if (n_bytes < nss_n_bytes)
		return ERANGE;
	(void)snprintf(buffer, n_bytes, "/srv/anna");
	*entry = (struct passwd){ .pw_uid = 1234, .pw_gid = 1235, .pw_dir = buffer };
	*ret_entry = entry;
	return 0;
}

static void read_view(struct scratch *scratch)
{
	view_done(&scratch->view);
	assert_ok(scratch, view_init(&scratch->view, &scratch->env, &scratch->config,
				     scratch->ledger, &scratch->err));
}

struct path_case {
	const char *environment; /* NULL: no such file */
	const char *login_defs;
	const char *path;
};

static const struct path_case PATH_CASES[] = {
	{ NULL, NULL, DISTRIBUTION_PATH },
	{ "PATH=/opt/bin:/bin\n", NULL, "/opt/bin:/bin" },
	{ "PATH=\"/opt/bin:/bin\"\n", NULL, "/opt/bin:/bin" },
	{ "PATH='/opt/bin:/bin'\n", NULL, "/opt/bin:/bin" },
	{ "export PATH=/opt/bin:/bin\n", NULL, "/opt/bin:/bin" },
	{ "export PATH=\"/opt/bin:/bin\"\n", NULL, "/opt/bin:/bin" },
	{ "  PATH=/opt/bin\n", NULL, "/opt/bin" },
	{ "PATH=/opt/bin", NULL, "/opt/bin" },
	/* what stands behind it is not PATH */
	{ "PATH=/opt/bin # ours\n", NULL, "/opt/bin" },
	{ "PATH=\"/opt/bin\" # ours\n", NULL, "/opt/bin" },
	{ "PATH=/opt/bin  \t\n", NULL, "/opt/bin" },
	{ "PATH=/opt/bin\r\nLANG=C\r\n", NULL, "/opt/bin" },
	{ "PATH=\"/opt/bin\"\r\n", NULL, "/opt/bin" },
	/* the last one counts, and no other variable */
	{ "PATH=/first\nLANG=C\nPATH=/second\n", NULL, "/second" },
	{ "# PATH=/no\nMANPATH=/no\nPATHS=/no\nLANG=C\n", NULL, DISTRIBUTION_PATH },
	/* an empty one says nothing */
	{ "PATH=\n", NULL, DISTRIBUTION_PATH },
	{ "PATH=\"\"\n", NULL, DISTRIBUTION_PATH },
	{ "", "", DISTRIBUTION_PATH },
	/* login.defs(5): with or without PATH=, behind any white space */
	{ NULL, "ENV_PATH\tPATH=/opt/bin:/bin\n", "/opt/bin:/bin" },
	{ NULL, "ENV_PATH        PATH=/opt/bin:/bin\n", "/opt/bin:/bin" },
	{ NULL, "ENV_PATH /opt/bin:/bin\n", "/opt/bin:/bin" },
	{ NULL, "#ENV_PATH\tPATH=/no\nENV_SUPATH\tPATH=/no\nENV_PATH_X /no\n", DISTRIBUTION_PATH },
	{ "LANG=C\n", "ENV_PATH\tPATH=/opt/bin\n", "/opt/bin" },
	{ "PATH=/first\n", "ENV_PATH\tPATH=/second\n", "/first" },
};

static void path_is_what_a_login_would_have_without_us(void **state)
{
	struct scratch *scratch = *state;
	int root_fd = scratch->env.root_dirfd;

	for (size_t i = 0; i < DV_COUNT(PATH_CASES); i++) {
		const struct path_case *c = &PATH_CASES[i];

		assert_ok(scratch, file_remove(root_fd, ENVIRONMENT, &scratch->err));
		assert_ok(scratch, file_remove(root_fd, LOGIN_DEFS, &scratch->err));
		if (c->environment)
			scratch_write(scratch, ENVIRONMENT, c->environment, 0644);
		if (c->login_defs)
			scratch_write(scratch, LOGIN_DEFS, c->login_defs, 0644);
		read_view(scratch);
		assert_string_equal(scratch->view.base_path, c->path);
	}
}

static void files_that_cannot_be_read_say_nothing_of_path(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, ENVIRONMENT, 0755);
	assert_int_equal(mkfifoat(scratch->env.root_dirfd, LOGIN_DEFS, 0644), 0);
	read_view(scratch);
	assert_string_equal(scratch->view.base_path, DISTRIBUTION_PATH);
}

static void assert_token(struct scratch *scratch, const char *expected)
{
	char digest[DIGEST_HEX_BYTES] = "";

	if (*expected)
		scratch_digest(expected, digest);
	read_view(scratch);
	assert_string_equal(scratch->view.token.text ? scratch->view.token.text : "", expected);
	assert_int_equal(scratch->view.token.n_bytes, strlen(expected));
	assert_string_equal(scratch->view.token_digest, digest);
}

static void line_ends_do_not_belong_to_the_token(void **state)
{
	static const char *const texts[] = { SCRATCH_TOKEN, SCRATCH_TOKEN "\n",
					     SCRATCH_TOKEN "\r\n", SCRATCH_TOKEN " \n\n" };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		scratch_write(scratch, TOKEN_FILE, texts[i], 0600);
		assert_token(scratch, SCRATCH_TOKEN);
	}
}

static void an_empty_or_missing_file_stages_none(void **state)
{
	struct scratch *scratch = *state;

	assert_token(scratch, "");
	scratch_write(scratch, TOKEN_FILE, "", 0600);
	assert_token(scratch, "");
	scratch_write(scratch, TOKEN_FILE, " \n", 0600);
	assert_token(scratch, "");
}

/* A login must not depend on whether a secret is in order. */
static void a_token_that_cannot_be_read_stops_nobody(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = calloc(1, 5001);

	scratch_make_folder(scratch, TOKEN_FILE, 0700);
	assert_token(scratch, "");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, TOKEN_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("elsewhere", scratch->env.root_dirfd, TOKEN_FILE), 0);
	assert_token(scratch, "");
	assert_ok(scratch, file_remove(scratch->env.root_dirfd, TOKEN_FILE, &scratch->err));
	(void)memset(text, 'x', 5000);
	scratch_write(scratch, TOKEN_FILE, text, 0600);
	assert_token(scratch, "");
}

static void every_staged_token_is_remembered(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_STR_LIST struct str_list digests = { 0 };
	char first[DIGEST_HEX_BYTES], second[DIGEST_HEX_BYTES];

	scratch_digest("first", first);
	scratch_digest("second", second);
	scratch_write(scratch, TOKEN_FILE, "first\n", 0600);
	read_view(scratch);
	scratch_write(scratch, TOKEN_FILE, "second\n", 0600);
	read_view(scratch);
	assert_ok(scratch, tokens_list(scratch->ledger, &digests, &scratch->err));
	assert_int_equal(digests.n_items, 2);
	assert_true(str_list_has(&digests, first));
	assert_true(str_list_has(&digests, second));
	assert_true(str_list_has(&scratch->view.shared_digests, first));
	assert_true(str_list_has(&scratch->view.shared_digests, second));
}

static void the_machines_accounts_are_found_sorted(void **state)
{
	struct scratch *scratch = *state;
	const struct view_account *root;

	read_view(scratch);
	root = view_account(&scratch->view, "root");
	assert_non_null(root);
	assert_int_equal(root->uid, 0);
	assert_true(view_has_uid(&scratch->view, 0));
	assert_null(view_account(&scratch->view, "devvm-nobody-has-this-name"));
	for (size_t i = 1; i < scratch->view.n_sorted; i++)
		assert_true(strcmp(scratch->view.accounts[i - 1].name,
				   scratch->view.accounts[i].name) <= 0);
}

static void accounts_that_were_added_are_found(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_view(scratch);
	for (uid_t uid = 1000; uid < 1040; uid++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "p%u", uid);
		scratch_add_account(scratch, name, uid);
	}
	for (uid_t uid = 1000; uid < 1040; uid++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "p%u", uid);
		assert_int_equal(view_account(&scratch->view, name)->uid, uid);
		assert_true(view_has_uid(&scratch->view, uid));
	}
	assert_null(view_account(&scratch->view, "p1040"));
	assert_false(view_has_uid(&scratch->view, 1040));
}

static void who_is_not_enumerated_is_asked_for(void **state)
{
	static const size_t sizes[] = { 10, 1024, 1025, 100000, 1024 * 1024 };
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(sizes); i++) {
		const struct view_account *account = NULL;

		scratch_make_view(scratch);
		scratch->view.ask_nss = true;
		nss_n_bytes = sizes[i];
		assert_ok(scratch,
			  view_ask_account(&scratch->view, "anna", &account, &scratch->err));
		assert_non_null(account);
		assert_int_equal(account->uid, 1234);
		assert_int_equal(account->gid, 1235);
		assert_string_equal(account->home, "/srv/anna");
		assert_ptr_equal(view_account(&scratch->view, "anna"), account);
		assert_int_equal(scratch->view.n_accounts, 1); /* asked once */
	}
	nss_n_bytes = 0;
}

static void who_is_not_there_is_no_failure(void **state)
{
	static const int answers[] = { 0, ENOENT, ESRCH };
	struct scratch *scratch = *state;
	const struct view_account *account;

	scratch_make_view(scratch);
	scratch->view.ask_nss = true;
	for (size_t i = 0; i < DV_COUNT(answers); i++) {
		nss_failure = answers[i];
		assert_ok(scratch,
			  view_ask_account(&scratch->view, "anna", &account, &scratch->err));
		assert_null(account);
	}
	nss_failure = 0;
}

static void a_name_service_that_cannot_be_asked_is_told(void **state)
{
	static const int failures[] = { ECONNREFUSED, EAGAIN, EIO, EMFILE, ETIMEDOUT, ERANGE };
	struct scratch *scratch = *state;
	const struct view_account *account;

	scratch_make_view(scratch);
	scratch_add_account(scratch, "emo", 1001);
	scratch->view.ask_nss = true;
	for (size_t i = 0; i < DV_COUNT(failures); i++) {
		nss_failure = failures[i];
		assert_int_equal(view_ask_account(&scratch->view, "anna", &account, &scratch->err),
				 -failures[i]);
		assert_contains(scratch->err.text, "the name service cannot be asked about anna: ");
		assert_null(view_account(&scratch->view, "anna"));
		/* Who is in the table needs no asking. */
		assert_ok(scratch,
			  view_ask_account(&scratch->view, "emo", &account, &scratch->err));
		assert_non_null(account);
	}
	nss_failure = 0;
}

static void a_group_has_members_and_who_has_it_as_their_own(void **state)
{
	static const char *const members[] = { "ancamilea", "emo", "wizard", NULL };
	struct scratch *scratch = *state;
	const struct view_group *docker;

	scratch_make_view(scratch);
	scratch_add_account(scratch, "emo", 1001);
	scratch_add_account(scratch, "em", 1002);
	scratch_add_account(scratch, "other", 900);
	scratch_add_group(scratch, "docker", 900, members);
	docker = view_group(&scratch->view, "docker");
	assert_true(docker->exists);
	assert_true(view_group_has(docker, view_account(&scratch->view, "emo")));
	assert_true(view_group_has(docker, view_account(&scratch->view, "other")));
	assert_false(view_group_has(docker, view_account(&scratch->view, "em")));
}

static void a_forgotten_group_is_asked_for_again(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_view(scratch);
	scratch_add_group(scratch, "docker", 900, NULL);
	scratch_add_group(scratch, "video", 44, NULL);
	view_forget_group(&scratch->view, "docker");
	view_forget_group(&scratch->view, "docker"); /* twice is no harm */
	assert_false(view_group(&scratch->view, "docker")->exists);
	assert_true(view_group(&scratch->view, "video")->exists);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(path_is_what_a_login_would_have_without_us),
		TEST(files_that_cannot_be_read_say_nothing_of_path),
		TEST(line_ends_do_not_belong_to_the_token),
		TEST(an_empty_or_missing_file_stages_none),
		TEST(a_token_that_cannot_be_read_stops_nobody),
		TEST(every_staged_token_is_remembered),
		TEST(the_machines_accounts_are_found_sorted),
		TEST(accounts_that_were_added_are_found),
		TEST(who_is_not_enumerated_is_asked_for),
		TEST(who_is_not_there_is_no_failure),
		TEST(a_name_service_that_cannot_be_asked_is_told),
		TEST(a_group_has_members_and_who_has_it_as_their_own),
		TEST(a_forgotten_group_is_asked_for_again),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
