/* test_keep.c - what a rebuild cannot work out: written beside the ledger, taken by a new one, and nothing
 * taken of a file with a mistake in it. */
#include "steps/keep.h"

#include "scratch.h"

#define COMMENT                                                                                    \
	"# Who has which uid and ports on this machine, and who had them. Written by devvm; read " \
	"by it\n"                                                                                  \
	"# when its ledger is new. Keep a copy with /etc/devvm: these two make the machine "       \
	"again.\n"

static const struct step *step;
static char what[STEP_WHAT_BYTES];

static void put_people(struct scratch *scratch)
{
	step = step_find("keep");
	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_add_person(scratch, "wizard", 1, PEOPLE_LOGIN_NONE);
	assert_ok(scratch, people_set_account(scratch->ledger, "emo", PEOPLE_ACCOUNT_CREATED, 1001,
					      &scratch->err));
	assert_ok(scratch, people_set_left(scratch->ledger, "wizard", &scratch->err));
	assert_ok(scratch, people_set_archive(scratch->ledger, "wizard", "/var/backups/w.tar.zst",
					      &scratch->err));
}

static char *dump_people(struct scratch *scratch)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	size_t n_bytes = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &n_bytes);

	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	for (size_t i = 0; i < people.n_rows; i++)
		(void)fprintf(out, "%s %s %s %lld %u %u %lld %s\n", people.rows[i].name,
			      people_state_name(people.rows[i].state), people.rows[i].identity,
			      (long long)people.rows[i].uid, people.rows[i].ports[0],
			      people.rows[i].ports[1], (long long)people.rows[i].cut,
			      people.rows[i].archive ? people.rows[i].archive : "-");
	(void)fclose(out);
	return text;
}

static void it_is_written_when_it_changed(void **state)
{
	struct scratch *scratch = *state;

	put_people(scratch);
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_DIFFERS);
	assert_string_equal(what, "write /var/lib/devvm/people.kept");
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	assert_file(scratch, KEEP_FILE,
		    COMMENT "emo state=present identity=emo uid=1001 t3=3773 playwright=8931\n"
			    "wizard state=left identity=wizard uid=1002 t3=3774 playwright=8932 "
			    "archive=/var/backups/w.tar.zst\n");
	assert_int_equal(scratch_mode(scratch, KEEP_FILE), 0600);
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_FINE);
}

static void a_new_ledger_takes_it(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *people = NULL;
	size_t n = 9;

	scratch_write(
		scratch, KEEP_FILE,
		"# words\n\nemo state=present identity=emo.id uid=1001 t3=3773 playwright=8931\n"
		"emo@1 state=left identity=other uid=1000\n"
		"wizard state=left identity=w t3=4000 archive=/a\n",
		0600);
	assert_ok(scratch, keep_import(&scratch->env, scratch->ledger, &n, &scratch->err));
	assert_int_equal(n, 3);
	people = dump_people(scratch);
	assert_string_equal(people, "emo left emo.id 1001 3773 8931 1 -\n"
				    "emo@1 left other 1000 0 0 1 -\n"
				    "wizard left w -1 4000 0 1 /a\n");
}

static void a_ledger_without_people_writes_nothing_over_it(void **state)
{
	struct scratch *scratch = *state;

	step = step_find("keep");
	scratch_write(scratch, KEEP_FILE, "emo state=left identity=emo.id uid=1001\n", 0600);
	assert_int_equal(scratch_check_machine(scratch, step, what), STEP_FINE);
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	assert_file(scratch, KEEP_FILE, "emo state=left identity=emo.id uid=1001\n");
}

static void without_a_file_there_is_nothing_to_take(void **state)
{
	struct scratch *scratch = *state;
	size_t n = 9;

	assert_ok(scratch, keep_import(&scratch->env, scratch->ledger, &n, &scratch->err));
	assert_int_equal(n, 0);
}

static void a_mistake_is_told_with_its_line_and_nothing_is_taken(void **state)
{
	static const struct {
		const char *line, *what;
	} cases[] = {
		{ "Emo! identity=a", "the first word is no user name" },
		{ "emo@x identity=a", "the first word is no user name" },
		{ "emo", "identity is missing" },
		{ "emo identity", "a word is no KEY=VALUE" },
		{ "emo identity=", "a word is no KEY=VALUE" },
		{ "emo identity=a shoe=41", "there is no such key" },
		{ "emo identity=a uid=-1", "uid is a number" },
		{ "emo identity=a t3=70000", "t3 is a port" },
		{ "emo identity=a playwright=x", "playwright is a port" },
		{ "emo identity=a state=parked", "state is present or left" },
		{ "emo identity=a archive=b", "archive is an absolute path" },
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		DV_AUTO_FREE char *text = NULL;
		DV_AUTO_FREE char *expected = NULL;
		DV_AUTO_FREE char *people = NULL;
		size_t n = 9;

		assert_true(asprintf(&text, "anna identity=anna.id\n%s\n", cases[i].line) > 0);
		assert_true(
			asprintf(&expected,
				 "/var/lib/devvm/people.kept:2: %s; correct it, or move the file "
				 "away to begin without",
				 cases[i].what) > 0);
		scratch_write(scratch, KEEP_FILE, text, 0600);
		assert_int_equal(keep_import(&scratch->env, scratch->ledger, &n, &scratch->err),
				 -EINVAL);
		assert_string_equal(scratch->err.text, expected);
		people = dump_people(scratch);
		assert_string_equal(people, "");
	}
}

static void a_port_of_two_is_refused(void **state)
{
	struct scratch *scratch = *state;
	size_t n = 9;

	scratch_write(scratch, KEEP_FILE, "anna identity=a t3=3773\nbob identity=b t3=3773\n",
		      0600);
	assert_true(keep_import(&scratch->env, scratch->ledger, &n, &scratch->err) < 0);
	assert_contains(scratch->err.text, "/var/lib/devvm/people.kept:2: ");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_written_when_it_changed),
		TEST(a_new_ledger_takes_it),
		TEST(a_ledger_without_people_writes_nothing_over_it),
		TEST(without_a_file_there_is_nothing_to_take),
		TEST(a_mistake_is_told_with_its_line_and_nothing_is_taken),
		TEST(a_port_of_two_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
