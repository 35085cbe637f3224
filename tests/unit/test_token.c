/* test_token.c - who has the shared claude token afterwards, over everything that a person,
 * their home, their env file and the ledger can say; so also after a kill between the ledger
 * and the file, which leaves no other states than these. */
#include "scratch.h"

#define FILE_PATH "etc/t3-serve/emo.env"
#define OLD_TOKEN "sk-ant-oat01-rotated-out"
#define OWN_TOKEN "sk-ant-oat01-emos-own"

enum who {
	MAY_HAVE,
	MUST_NOT_HAVE,
	CANNOT_TELL,
};

static const struct {
	const char *tier;
	enum people_login login;
	enum who who;
} PEOPLE[] = {
	{ "admin", PEOPLE_LOGIN_UNKNOWN, MUST_NOT_HAVE },
	{ "admin", PEOPLE_LOGIN_NONE, MUST_NOT_HAVE },
	{ "admin", PEOPLE_LOGIN_OWN, MUST_NOT_HAVE },
	{ "admin", PEOPLE_LOGIN_UNREADABLE, MUST_NOT_HAVE },
	{ "power-user", PEOPLE_LOGIN_UNKNOWN, CANNOT_TELL },
	{ "power-user", PEOPLE_LOGIN_NONE, MAY_HAVE },
	{ "power-user", PEOPLE_LOGIN_OWN, MUST_NOT_HAVE },
	{ "power-user", PEOPLE_LOGIN_UNREADABLE, CANNOT_TELL },
	{ "namespace-owner", PEOPLE_LOGIN_UNKNOWN, CANNOT_TELL },
	{ "namespace-owner", PEOPLE_LOGIN_NONE, MAY_HAVE },
	{ "namespace-owner", PEOPLE_LOGIN_OWN, MUST_NOT_HAVE },
	{ "namespace-owner", PEOPLE_LOGIN_UNREADABLE, CANNOT_TELL },
};

/* Tokens by letter: '-' none, 'o' the person's own, 's' the staged one, 'x' an older
 * shared one. Two letters: what the file has, and what the ledger says was given. */
static const struct {
	const char *before;
	const char *may_have, *must_not_have, *cannot_tell;
	const char *none_staged; /* for who may have one, where no token is staged */
} STATES[] = {
	/* a fresh person; given and taken by a kill between the ledger and the file */
	{ "--", "ss", "--", "--", "--" },
	{ "-s", "ss", "--", "-s", "-s" },
	{ "-x", "ss", "--", "-x", "-x" },
	/* their own one stays, whatever we noted once */
	{ "o-", "o-", "o-", "o-", "o-" },
	{ "os", "o-", "o-", "os", "os" },
	{ "ox", "o-", "o-", "ox", "ox" },
	/* the staged one, put there by us or by the scripts before us */
	{ "s-", "ss", "--", "s-", "s-" },
	{ "ss", "ss", "--", "ss", "ss" },
	{ "sx", "ss", "--", "sx", "sx" },
	/* rotated: an older shared one gives way */
	{ "x-", "ss", "--", "x-", "x-" },
	{ "xs", "ss", "--", "xs", "xs" },
	{ "xx", "ss", "--", "xx", "xx" },
};

static const char *token_of(char letter)
{
	switch (letter) {
	case 'o':
		return OWN_TOKEN;
	case 's':
		return SCRATCH_TOKEN;
	case 'x':
		return OLD_TOKEN;
	default:
		return NULL;
	}
}

static void put_file(struct scratch *scratch, char letter)
{
	DV_AUTO_FREE char *text = NULL;

	assert_true(asprintf(&text, "T3_PORT=3773\n%s%s%s# end\n",
			     token_of(letter) ? "CLAUDE_CODE_OAUTH_TOKEN=" : "",
			     token_of(letter) ? token_of(letter) : "",
			     token_of(letter) ? "\n" : "") > 0);
	scratch_write(scratch, FILE_PATH, text, 0600);
}

static void put_note(struct scratch *scratch, char letter)
{
	char digest[DIGEST_HEX_BYTES];

	if (token_of(letter))
		scratch_digest(token_of(letter), digest);
	assert_ok(scratch, people_set_token(scratch->ledger, "emo",
					    token_of(letter) ? digest : NULL, &scratch->err));
}

static void read_state(struct scratch *scratch, char ret_state[static 3])
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_person(scratch, "emo");
	DV_AUTO_FREE char *text = scratch_read(scratch, FILE_PATH);

	assert_contains(text, "T3_PORT=3773\n"); /* the other lines are still there */
	assert_contains(text, "# end\n");
	(void)strcpy(ret_state, "--");
	for (const char *letter = "osx"; *letter; letter++) {
		char digest[DIGEST_HEX_BYTES];

		scratch_digest(token_of(*letter), digest);
		if (strstr(text, token_of(*letter)))
			ret_state[0] = *letter;
		if (row.token_digest && strcmp(row.token_digest, digest) == 0)
			ret_state[1] = *letter;
	}
}

static void assert_outcome(struct scratch *scratch, const char *before, const char *expected)
{
	const struct step *step = step_find("token");
	char what[STEP_WHAT_BYTES];
	char after[3];
	int expected_verdict = strcmp(before, expected) == 0 ? STEP_FINE : STEP_DIFFERS;

	put_file(scratch, before[0]);
	put_note(scratch, before[1]);
	assert_int_equal(scratch_check(scratch, step, "emo", what), expected_verdict);
	assert_ok(scratch, scratch_apply(scratch, step, "emo"));
	read_state(scratch, after);
	assert_string_equal(after, expected);
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_FINE);
}

static void put_person(struct scratch *scratch, const char *tier, enum people_login login)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted("emo", 0);

	free(row.tier);
	row.tier = strdup(tier);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, people_set_login(scratch->ledger, "emo", login, &scratch->err));
}

static const char *expected_for(size_t at, enum who who)
{
	switch (who) {
	case MAY_HAVE:
		return STATES[at].may_have;
	case MUST_NOT_HAVE:
		return STATES[at].must_not_have;
	case CANNOT_TELL:
		return STATES[at].cannot_tell;
	}
	return NULL;
}

static void everybody_ends_with_what_is_theirs(void **state)
{
	struct scratch *scratch = *state;

	scratch_stage_token(scratch, SCRATCH_TOKEN);
	scratch_note_old_token(scratch, OLD_TOKEN);
	for (size_t i = 0; i < DV_COUNT(PEOPLE); i++) {
		put_person(scratch, PEOPLE[i].tier, PEOPLE[i].login);
		for (size_t at = 0; at < DV_COUNT(STATES); at++)
			assert_outcome(scratch, STATES[at].before, expected_for(at, PEOPLE[i].who));
	}
}

static void without_a_staged_one_it_is_only_ever_taken(void **state)
{
	struct scratch *scratch = *state;

	scratch_note_old_token(scratch, SCRATCH_TOKEN);
	scratch_note_old_token(scratch, OLD_TOKEN);
	for (size_t at = 0; at < DV_COUNT(STATES); at++) {
		put_person(scratch, "power-user", PEOPLE_LOGIN_NONE);
		assert_outcome(scratch, STATES[at].before, STATES[at].none_staged);
		put_person(scratch, "power-user", PEOPLE_LOGIN_OWN);
		assert_outcome(scratch, STATES[at].before, STATES[at].must_not_have);
	}
}

static void the_plan_says_what_and_not_the_token(void **state)
{
	struct scratch *scratch = *state;
	const struct step *step = step_find("token");
	char what[STEP_WHAT_BYTES];

	scratch_stage_token(scratch, SCRATCH_TOKEN);
	put_person(scratch, "power-user", PEOPLE_LOGIN_NONE);
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_DIFFERS);
	assert_string_equal(what, "give the shared claude token");
	put_file(scratch, 's');
	put_person(scratch, "power-user", PEOPLE_LOGIN_OWN);
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_DIFFERS);
	assert_string_equal(what, "remove the shared claude token");
}

static void it_is_given_where_there_is_no_file_yet(void **state)
{
	struct scratch *scratch = *state;

	scratch_make_folder(scratch, "etc/t3-serve", 0755); /* the ports step's */
	scratch_stage_token(scratch, SCRATCH_TOKEN);
	put_person(scratch, "power-user", PEOPLE_LOGIN_NONE);
	assert_ok(scratch, scratch_apply(scratch, step_find("token"), "emo"));
	assert_file(scratch, FILE_PATH, "CLAUDE_CODE_OAUTH_TOKEN=" SCRATCH_TOKEN "\n");
	assert_int_equal(scratch_mode(scratch, FILE_PATH), 0600);
}

/* As if somebody had pasted a line into the staged file. */
static void one_that_would_write_other_lines_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_stage_token(scratch, SCRATCH_TOKEN "\nLD_PRELOAD=/tmp/x.so");
	put_person(scratch, "power-user", PEOPLE_LOGIN_NONE);
	put_file(scratch, '-');
	assert_int_equal(scratch_apply(scratch, step_find("token"), "emo"), -EINVAL);
	assert_string_equal(scratch->err.text, "CLAUDE_CODE_OAUTH_TOKEN for etc/t3-serve/emo.env "
					       "is more than one line");
	assert_file(scratch, FILE_PATH, "T3_PORT=3773\n# end\n");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everybody_ends_with_what_is_theirs),
		TEST(without_a_staged_one_it_is_only_ever_taken),
		TEST(the_plan_says_what_and_not_the_token),
		TEST(it_is_given_where_there_is_no_file_yet),
		TEST(one_that_would_write_other_lines_is_refused),
	};

	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
