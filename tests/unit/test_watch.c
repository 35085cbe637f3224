/* test_watch.c - a roster or configuration that is written in any of the usual ways is seen,
 * once, within its time; nothing else is. */
#include "fake_daemon.h"

#include <sys/inotify.h>

#include "daemon/watch.h"

#define ROSTER "etc/devvm/roster.yaml"

/* A reconcile was asked for since the last time; ends it. */
static bool was_seen(const struct fake *fake)
{
	if (!fake_runs("devvm-reconcile.service"))
		return false;
	fake_end(fake, "devvm-reconcile.service", "done");
	assert_false(fake_runs("devvm-reconcile.service"));
	return true;
}

static void write_roster(const struct fake *fake)
{
	scratch_write(fake->scratch, ROSTER, "users: {}\n", 0644);
	fake_turn(fake);
}

static void nothing_written_nothing_seen(void **state)
{
	const struct fake *fake = *state;

	fake_pass_ms(fake, 5000);
	assert_false(was_seen(fake));
}

static void a_write_is_seen_after_a_quiet_moment(void **state)
{
	const struct fake *fake = *state;

	write_roster(fake);
	assert_true(watch_is_armed(fake->daemon->watch));
	assert_false(was_seen(fake));
	fake_pass_ms(fake, WATCH_QUIET_MS + 20);
	assert_true(was_seen(fake));
	assert_false(watch_is_armed(fake->daemon->watch));
	fake_pass_ms(fake, 5000);
	assert_false(was_seen(fake));
}

static void many_writes_are_one_change(void **state)
{
	const struct fake *fake = *state;

	for (int i = 0; i < 5; i++) {
		write_roster(fake);
		fake_pass_ms(fake, 30);
	}
	fake_pass_ms(fake, WATCH_QUIET_MS + 20);
	assert_true(was_seen(fake));
}

static void writes_without_end_are_seen_all_the_same(void **state)
{
	const struct fake *fake = *state;
	int64_t passed_ms = 0;

	while (!fake_runs("devvm-reconcile.service") && passed_ms < 2000) {
		write_roster(fake);
		fake_pass_ms(fake, 50);
		passed_ms += 50;
	}
	assert_in_range(passed_ms, WATCH_QUIET_MS + 1, WATCH_MAX_MS + 100);
}

static void a_file_moved_in_place_is_seen(void **state)
{
	const struct fake *fake = *state;
	int dirfd = fake->scratch->env.root_dirfd;

	scratch_write(fake->scratch, "etc/devvm/.roster.tmp", "users: {}\n", 0644);
	fake_pass_ms(fake, 200);
	assert_false(was_seen(fake)); /* not a name of ours yet */
	assert_int_equal(renameat(dirfd, "etc/devvm/.roster.tmp", dirfd, ROSTER), 0);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	assert_int_equal(unlinkat(dirfd, ROSTER, 0), 0);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	assert_int_equal(symlinkat("/nowhere", dirfd, ROSTER), 0);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

static void a_change_of_mode_is_seen(void **state)
{
	const struct fake *fake = *state;
	int dirfd = fake->scratch->env.root_dirfd;

	write_roster(fake);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	assert_int_equal(fchmodat(dirfd, ROSTER, 0600, 0), 0);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	assert_int_equal(fchmodat(dirfd, "etc/devvm", 0700, 0), 0); /* its folder's, too */
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

static void other_files_are_none_of_ours(void **state)
{
	const struct fake *fake = *state;

	scratch_write(fake->scratch, "etc/devvm/roster.yaml~", "", 0644);
	scratch_write(fake->scratch, "etc/devvm/roster", "", 0644);
	scratch_write(fake->scratch, "etc/devvm/keys/anna", "", 0644);
	fake_pass_ms(fake, 200);
	assert_false(was_seen(fake));
}

static void a_folder_that_goes_away_is_found_again(void **state)
{
	const struct fake *fake = *state;
	int dirfd = fake->scratch->env.root_dirfd;

	write_roster(fake);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	assert_int_equal(renameat(dirfd, "etc/devvm", dirfd, "etc/old"), 0);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	scratch_write(fake->scratch, "etc/old/roster.yaml", "users: {}\n", 0644);
	fake_pass_ms(fake, 200);
	assert_false(was_seen(fake)); /* that folder is not ours any more */
	scratch_make_folder(fake->scratch, "etc/devvm", 0755);
	write_roster(fake);
	fake_pass_ms(fake, WATCH_RETRY_MS + 200);
	assert_true(was_seen(fake));
	write_roster(fake);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

static void a_folder_put_in_the_place_of_another_is_watched(void **state)
{
	const struct fake *fake = *state;
	int dirfd = fake->scratch->env.root_dirfd;

	scratch_make_folder(fake->scratch, "etc/new", 0755);
	assert_int_equal(renameat2(dirfd, "etc/new", dirfd, "etc/devvm", RENAME_EXCHANGE), 0);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	write_roster(fake);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

static void the_roster_may_lie_elsewhere(void **state)
{
	const struct fake *fake = *state;

	scratch_write(fake->scratch, CONFIG_PATH, "roster: /srv/infra/people.yaml\n", 0644);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake)); /* the configuration */
	write_roster(fake);	     /* the old place */
	fake_pass_ms(fake, 200);
	assert_false(was_seen(fake));
	scratch_write(fake->scratch, "srv/infra/people.yaml", "users: {}\n", 0644);
	fake_pass_ms(fake, WATCH_RETRY_MS + 200); /* a folder that is new altogether */
	assert_true(was_seen(fake));
	scratch_write(fake->scratch, "srv/infra/people.yaml", "users: {}\n", 0644);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	scratch_write(fake->scratch, CONFIG_PATH, "roster: /etc/devvm/roster.yaml\n", 0644);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
	scratch_write(fake->scratch, "srv/infra/people.yaml", "users: {}\n", 0644);
	fake_pass_ms(fake, 200);
	assert_false(was_seen(fake));
	write_roster(fake);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

static void a_bad_configuration_leaves_the_old_one(void **state)
{
	const struct fake *fake = *state;

	scratch_write(fake->scratch, CONFIG_PATH, "home:\n  concurrency: 7\n", 0644);
	fake_pass_ms(fake, 200);
	assert_int_equal(fake->daemon->config.home_concurrency, 7);
	assert_true(was_seen(fake));
	scratch_write(fake->scratch, CONFIG_PATH, "home:\n  concurrency: many\n", 0644);
	fake_pass_ms(fake, 200);
	assert_int_equal(fake->daemon->config.home_concurrency, 7);
	assert_true(was_seen(fake));
	assert_int_equal(unlinkat(fake->scratch->env.root_dirfd, CONFIG_PATH, 0), 0);
	fake_pass_ms(fake, 200);
	assert_int_equal(fake->daemon->config.home_concurrency, 4);
}

static void a_bad_configuration_at_the_start_means_the_defaults(void **state)
{
	struct fake *fake = *state;

	fake_stop(fake);
	scratch_write(fake->scratch, CONFIG_PATH, "no: such key\n", 0644);
	fake_start(fake);
	assert_int_equal(fake->daemon->config.home_concurrency, 4);
	assert_true(was_seen(fake));
	write_roster(fake);
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

static void an_overflow_counts_as_a_change(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
	char digits[16] = "";

	assert_true(fd >= 0 && read(fd, digits, sizeof(digits) - 1) > 0);
	for (int i = atoi(digits); i >= 0; i--) { /* two names, or they would be merged */
		scratch_write(fake->scratch, i % 2 ? "etc/devvm/a" : "etc/devvm/b", "", 0644);
	}
	fake_pass_ms(fake, 200);
	assert_true(was_seen(fake));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_written_nothing_seen),
		TEST(a_write_is_seen_after_a_quiet_moment),
		TEST(many_writes_are_one_change),
		TEST(writes_without_end_are_seen_all_the_same),
		TEST(a_file_moved_in_place_is_seen),
		TEST(a_change_of_mode_is_seen),
		TEST(other_files_are_none_of_ours),
		TEST(a_folder_that_goes_away_is_found_again),
		TEST(a_folder_put_in_the_place_of_another_is_watched),
		TEST(the_roster_may_lie_elsewhere),
		TEST(a_bad_configuration_leaves_the_old_one),
		TEST(a_bad_configuration_at_the_start_means_the_defaults),
		TEST(an_overflow_counts_as_a_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
