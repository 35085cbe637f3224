/* test_door_people.c - the maps are followed at once, and without one nobody is known. */
#include "scratch.h"

#include <pwd.h>

#include "dispatch/people.h"

#define EMO "{\"emo.id\": {\"os_user\": \"emo\", \"port\": 3773}"

static void refresh(struct scratch *scratch, struct door_people *people)
{
	assert_ok(scratch, door_people_refresh(people, scratch->env.root_dirfd, &scratch->err));
}

static void a_change_is_seen_at_once(void **state)
{
	struct scratch *scratch = *state;
	struct door_people people = { 0 };
	const struct door_person *person;

	scratch_write(scratch, DOOR_PEOPLE_PATH, EMO "}", 0644);
	refresh(scratch, &people);
	person = door_people_find(&people, "Emo.ID");
	assert_non_null(person);
	assert_string_equal(person->user, "emo");
	assert_int_equal(person->port, 3773);
	assert_null(door_people_find(&people, "emo"));

	scratch_write(
		scratch, DOOR_MORE_PATH,
		"{\"away\": {\"emo.id\": \"parked\", \"zoe\": \"left\"}, \"admins\": [\"zoe\", 7]}",
		0644);
	refresh(scratch, &people);
	assert_int_equal(door_people_find(&people, "emo.id")->away, DOOR_PARKED);
	assert_int_equal(door_people_find(&people, "zoe")->away, DOOR_LEFT);

	/* Somebody else has the identity of who left. */
	scratch_write(scratch, DOOR_PEOPLE_PATH,
		      EMO ", \"zoe\": {\"os_user\": \"z2\", \"port\": 9}}", 0644);
	refresh(scratch, &people);
	assert_int_equal(door_people_find(&people, "zoe")->away, DOOR_HERE);
	assert_true(door_people_find(&people, "zoe")->is_admin);
	assert_false(door_people_find(&people, "emo.id")->is_admin);
	assert_int_equal(people.n_rows, 2);
	door_people_done(&people);
}

static size_t n_asked;
static uid_t uid_of_root;

struct passwd *getpwnam(const char *name)
{
	static struct passwd root;

	n_asked++;
	root.pw_uid = uid_of_root;
	return strcmp(name, "root") == 0 ? &root : NULL;
}

static void accounts_are_looked_up(void **state)
{
	struct scratch *scratch = *state;
	struct door_people people = { 0 };

	scratch_write(scratch, DOOR_PEOPLE_PATH,
		      "{\"a\": {\"os_user\": \"root\", \"port\": 1}, "
		      "\"b\": {\"os_user\": \"no-such-account\", \"port\": 2}}",
		      0644);
	refresh(scratch, &people);
	assert_int_equal(door_people_uid(&people, door_people_find(&people, "a")), 0);
	assert_int_equal(door_people_uid(&people, door_people_find(&people, "a")), 0);
	assert_int_equal(n_asked, 1);
	/* The answer may take seconds, in which nobody else is served. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(door_people_uid(&people, door_people_find(&people, "b")),
				 (uid_t)-1);
	assert_int_equal(n_asked, 2);
	people.rows[1].look_again_ms = 0;
	assert_int_equal(door_people_uid(&people, door_people_find(&people, "b")), (uid_t)-1);
	assert_int_equal(n_asked, 3);
	door_people_done(&people);
}

/* As of `usermod -u`, of which no file of ours tells. */
static void an_account_with_another_uid_is_found(void **state)
{
	struct scratch *scratch = *state;
	struct door_people people = { 0 };
	const struct door_person *person;

	scratch_write(scratch, DOOR_PEOPLE_PATH, "{\"a\": {\"os_user\": \"root\", \"port\": 1}}",
		      0644);
	refresh(scratch, &people);
	person = door_people_find(&people, "a");
	assert_int_equal(door_people_uid(&people, person), 0);
	uid_of_root = 7;
	n_asked = 0;
	people.rows[0].look_again_ms = 0; /* a second later */
	assert_int_equal(door_people_uid(&people, person), 0);
	assert_int_equal(door_people_uid_anew(&people, person), 7);
	assert_int_equal(door_people_uid(&people, person), 7);
	/* Whose port is another's asks no more often. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(door_people_uid_anew(&people, person), 7);
	assert_int_equal(n_asked, 1);
	door_people_done(&people);
}

static void what_is_no_map_knows_nobody(void **state)
{
	struct scratch *scratch = *state;
	struct door_people people = { 0 };

	scratch_write(scratch, DOOR_PEOPLE_PATH, EMO "}", 0644);
	refresh(scratch, &people);
	scratch_write(scratch, DOOR_PEOPLE_PATH, "{\"emo.id\":", 0644);
	assert_int_equal(door_people_refresh(&people, scratch->env.root_dirfd, &scratch->err),
			 -EBADMSG);
	assert_null(door_people_find(&people, "emo.id"));
	assert_int_equal(unlinkat(scratch->env.root_dirfd, DOOR_PEOPLE_PATH, 0), 0);
	assert_int_equal(door_people_refresh(&people, scratch->env.root_dirfd, &scratch->err),
			 -ENOENT);
	scratch_write(scratch, DOOR_PEOPLE_PATH,
		      "{\"a\": {\"os_user\": \"../x\", \"port\": 1}, \"b\": {\"os_user\": \"b\", "
		      "\"port\": 0}, "
		      "\"c\": 3}",
		      0644);
	refresh(scratch, &people);
	assert_int_equal(people.n_rows, 0);
	door_people_done(&people);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(a_change_is_seen_at_once),
					    TEST(accounts_are_looked_up),
					    TEST(an_account_with_another_uid_is_found),
					    TEST(what_is_no_map_knows_nobody) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
