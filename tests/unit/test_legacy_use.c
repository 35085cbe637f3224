/* test_legacy_use.c - is a unit in use? On a /proc and a /sys of the test's making. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/legacy_use.h"

#define CGROUP "/user.slice/app.slice/playwright-mcp.service"
#define PROCESSES "sys/fs/cgroup" CGROUP "/cgroup.procs"
#define HEADING                                                                                    \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
#define LISTENING                                                                                  \
	"   0: 0100007F:22E3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001       " \
	" "                                                                                        \
	"0 4711 1 0000000000000000 100 0 0 10 0\n"
#define CONNECTED                                                                                  \
	"   1: 0100007F:22E3 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1001       " \
	" "                                                                                        \
	"0 4712 1 0000000000000000 20 4 30 10 -1\n"

static void add_process(struct scratch *scratch, unsigned int pid, const char *name,
			const char *socket)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%u/comm", pid);
	scratch_write(scratch, path, name, 0444);
	(void)snprintf(path, sizeof(path), "proc/%u/fd", pid);
	scratch_make_folder(scratch, path, 0700);
	(void)snprintf(path, sizeof(path), "proc/%u/fd/0", pid);
	assert_int_equal(symlinkat("/dev/null", scratch->env.root_dirfd, path), 0);
	(void)snprintf(path, sizeof(path), "proc/%u/fd/17", pid);
	assert_int_equal(symlinkat(socket, scratch->env.root_dirfd, path), 0);
}

static bool is_in_use(struct scratch *scratch, const char *cgroup,
		      char ret_why[static LEGACY_USE_WHY_BYTES])
{
	ret_why[0] = '\0';
	return legacy_use_find(&scratch->env, cgroup, ret_why);
}

static void a_server_that_only_listens_is_idle(void **state)
{
	struct scratch *scratch = *state;
	char why[LEGACY_USE_WHY_BYTES];

	scratch_write(scratch, PROCESSES, "40\n41\n", 0444);
	add_process(scratch, 40, "npm exec @playw\n", "pipe:[4712]");
	add_process(scratch, 41, "node\n", "socket:[4711]");
	/* The connection is somebody else's. */
	scratch_write(scratch, "proc/net/tcp", HEADING LISTENING CONNECTED, 0444);
	scratch_write(scratch, "proc/net/tcp6", HEADING, 0444);
	assert_false(is_in_use(scratch, CGROUP, why));
	assert_false(is_in_use(scratch, "", why));
}

static void a_connection_is_use(void **state)
{
	static const char *const tables[] = { "proc/net/tcp", "proc/net/tcp6" };
	struct scratch *scratch = *state;
	char why[LEGACY_USE_WHY_BYTES];

	scratch_write(scratch, PROCESSES, "41\n", 0444);
	add_process(scratch, 41, "node\n", "socket:[4712]");
	for (size_t i = 0; i < DV_COUNT(tables); i++) {
		scratch_write(scratch, tables[i], HEADING LISTENING CONNECTED, 0444);
		assert_true(is_in_use(scratch, CGROUP, why));
		assert_string_equal(why, "somebody is connected to it");
		scratch_write(scratch, tables[i], HEADING LISTENING, 0444);
		assert_false(is_in_use(scratch, CGROUP, why));
	}
}

static void a_browser_is_use(void **state)
{
	struct scratch *scratch = *state;
	char why[LEGACY_USE_WHY_BYTES];

	scratch_write(scratch, PROCESSES, "41\n42\n", 0444);
	add_process(scratch, 41, "node\n", "pipe:[1]");
	add_process(scratch, 42, "chromium\n", "pipe:[1]");
	assert_true(is_in_use(scratch, CGROUP, why));
	assert_string_equal(why, "its browser is open");
}

static void other_places_of_the_cgroup_are_found(void **state)
{
	struct scratch *scratch = *state;
	char why[LEGACY_USE_WHY_BYTES];

	scratch_write(scratch, "sys/fs/cgroup/systemd" CGROUP "/cgroup.procs", "42\n", 0444);
	add_process(scratch, 42, "chrome\n", "pipe:[1]");
	assert_true(is_in_use(scratch, CGROUP, why));
	assert_string_equal(why, "its browser is open");
}

static void what_cannot_be_looked_at_is_in_use(void **state)
{
	struct scratch *scratch = *state;
	char why[LEGACY_USE_WHY_BYTES];

	assert_true(is_in_use(scratch, CGROUP, why));
	assert_string_equal(why, "nobody can tell what it does");
	scratch_write(scratch, PROCESSES, "41\n", 0444);
	scratch_write(scratch, "proc/41/comm", "node\n", 0444);
	scratch_write(scratch, "proc/41/fd", "no folder", 0400);
	assert_true(is_in_use(scratch, CGROUP, why));
	assert_string_equal(why, "nobody can tell what it does");
}

static void a_process_that_has_ended_is_none(void **state)
{
	struct scratch *scratch = *state;
	char why[LEGACY_USE_WHY_BYTES];

	scratch_write(scratch, PROCESSES, "43\n", 0444);
	assert_false(is_in_use(scratch, CGROUP, why));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_server_that_only_listens_is_idle),
		TEST(a_connection_is_use),
		TEST(a_browser_is_use),
		TEST(other_places_of_the_cgroup_are_found),
		TEST(what_cannot_be_looked_at_is_in_use),
		TEST(a_process_that_has_ended_is_none),
	};

	return cmocka_run_group_tests_name("legacy_use", tests, NULL, NULL);
}
