/* test_update_verbs.c - update, versions, freeze and unfreeze: what is started, written and answered. */
#include "fake_daemon.h"

#include "ledger/known_bad.h"
#include "ledger/update_log.h"
#include "ledger/update_notes.h"
#include "store/tree.h"
#include "update/freeze.h"

#define UNIT "devvm-update@run.service"

static int say(const struct fake *fake, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, 0);

	fake_say(fake, fd, packet);
	return fd;
}

static void note(const struct fake *fake, const char *outcome, const char *text)
{
	assert_ok(fake->scratch, update_put_result(fake->scratch->ledger, "run", outcome, text,
						   &fake->scratch->err));
}

static void a_run_ends_with_its_outcome(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int one_fd = say(fake, "update\nv=1\n");
	DV_AUTO_CLOSE int two_fd = say(fake, "update\nv=1\n");

	assert_int_equal(fake_starts(UNIT), 1);
	assert_heard(fake, one_fd, "(nothing)");
	note(fake, "frozen", "on holiday");
	/* Its exit status is not 0, and it is an answer all the same. */
	fake_end(fake, UNIT, "failed");
	assert_heard(fake, one_fd, "done outcome=frozen text=on holiday");
	assert_heard(fake, two_fd, "done outcome=frozen text=on holiday");
}

static void a_killed_one_left_no_word(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = say(fake, "update\nv=1\n");

	fake_end(fake, UNIT, "signal");
	assert_heard(fake, fd, "error code=failed text=" UNIT ": signal; see journalctl -u " UNIT);
}

static void what_is_asked_for_is_in_the_name(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int dry_fd = say(fake, "update\nv=1\ndry-run=1\n");
	DV_AUTO_CLOSE int to_fd = say(fake, "update\nv=1\nto=0.0.28-nightly.20260616.571\n");
	DV_AUTO_CLOSE int both_fd = say(fake, "update\nv=1\ndry-run=1\nto=0.0.28\n");

	assert_true(fake_runs("devvm-update@dry.service"));
	assert_true(fake_runs("devvm-update@run-0.0.28-nightly.20260616.571.service"));
	assert_true(fake_runs("devvm-update@dry-0.0.28.service"));
}

static void nonsense_starts_nothing(void **state)
{
	const struct fake *fake = *state;
	static const char *const bad[] = { "to=nightly\n", "to=../x\n", "to=1.0.0+x\n",
					   "forgive=x y\n" };

	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		char packet[100];

		(void)snprintf(packet, sizeof(packet), "update\nv=1\n%s", bad[i]);
		assert_string_equal(fake_ask(fake, 0, packet),
				    "error code=bad-request text=that is no version");
	}
	assert_string_equal(
		fake_ask(fake, 0, "update\nv=1\nforgive=1.0.0\nto=1.0.0\n"),
		"error code=bad-request text=forgive goes alone, and dry-run not with stage");
	assert_int_equal(fake_starts(UNIT), 0);
}

static void a_bad_version_is_forgiven(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_FREE char *reason = NULL;

	assert_string_equal(fake_ask(fake, 0, "update\nv=1\nforgive=1.0.0\n"),
			    "error code=not-found text=t3 1.0.0 is not known to be bad");
	assert_ok(scratch, known_bad_add(scratch->ledger, "1.0.0", 1, 1, "broke", &scratch->err));
	assert_string_equal(fake_ask(fake, 0, "update\nv=1\nforgive=1.0.0\n"),
			    "done text=t3 1.0.0 is forgiven: the next run may take it");
	assert_ok(scratch, known_bad_reason(scratch->ledger, "1.0.0", &reason, &scratch->err));
	assert_null(reason);
	assert_int_equal(fake_starts(UNIT), 0);
}

static void a_freeze_is_set_and_lifted(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;

	assert_string_equal(fake_ask(fake, 0, "freeze\nv=1\nreason=on holiday\n"),
			    "done text=versions are frozen: on holiday");
	assert_file(scratch, FREEZE_PATH, "reason=on holiday\n");
	assert_string_equal(fake_ask(fake, 0, "freeze\nv=1\nreason=x\nuntil=1\n"),
			    "error code=bad-request text=that time is over already");
	assert_file(scratch, FREEZE_PATH, "reason=on holiday\n");
	assert_string_equal(fake_ask(fake, 0, "unfreeze\nv=1\n"),
			    "done text=versions are no longer frozen");
	assert_false(scratch_has(scratch, FREEZE_PATH));
	assert_string_equal(fake_ask(fake, 0, "unfreeze\nv=1\n"),
			    "done text=versions were not frozen");
}

static void link_to(struct scratch *scratch, const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, scratch->env.root_dirfd, path), 0);
}

static void versions_are_listed_newest_first(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_CLOSE int fd = -1;

	scratch_make_folder(scratch, "opt/devvm/t3/people", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/0.0.9", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/0.0.10", 0755);
	link_to(scratch, "versions/0.0.9", "opt/devvm/t3/current");
	link_to(scratch, "../versions/0.0.9", "opt/devvm/t3/people/anna");
	link_to(scratch, "../versions/0.0.9", "opt/devvm/t3/people/ben");
	link_to(scratch, "/etc", "opt/devvm/t3/people/odd");
	assert_ok(scratch, known_bad_add(scratch->ledger, "0.0.11", 1, 1, "broke", &scratch->err));
	assert_ok(scratch, update_set_last_good(scratch->ledger, "0.0.9", &scratch->err));
	fd = say(fake, "versions\nv=1\n");
	assert_heard(fake, fd,
		     "row kind=version version=0.0.11 staged=0 current=0 last-good=0 people= "
		     "bad=broke forgiven=0");
	assert_heard(fake, fd,
		     "row kind=version version=0.0.10 staged=1 current=0 last-good=0 people= bad= "
		     "forgiven=0");
	assert_heard(
		fake, fd,
		"row kind=version version=0.0.9 staged=1 current=1 last-good=1 people=anna, ben "
		"bad= forgiven=0");
	assert_heard(fake, fd, "done");
	DV_IGNORE(tree_remove(scratch->env.root_dirfd, "opt", NULL)); /* else the teardown */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define AT(test) cmocka_unit_test_setup_teardown(test, fake_setup, fake_teardown)
		AT(a_run_ends_with_its_outcome),      AT(a_killed_one_left_no_word),
		AT(what_is_asked_for_is_in_the_name), AT(nonsense_starts_nothing),
		AT(a_bad_version_is_forgiven),	      AT(a_freeze_is_set_and_lifted),
		AT(versions_are_listed_newest_first),
	};

	return cmocka_run_group_tests_name("update", tests, NULL, NULL);
}
