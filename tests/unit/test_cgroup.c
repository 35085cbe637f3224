/* test_cgroup.c - whether a unit runs, and what runs in it. */
#include "scratch.h"

#include "units/cgroup.h"

#define SLICE "system.slice/system-t3\\x2dserve.slice/t3-serve@emo.service"

static void assert_pids(struct scratch *scratch, const char *expected)
{
	DV_AUTO_CLOSE int fd = cgroup_open(&scratch->env, "t3-serve@emo.service", &scratch->err);
	DV_AUTO_FREE pid_t *pids = NULL;
	char text[256] = "";
	size_t n_pids = 0, n = 0;

	assert_true(fd >= 0);
	assert_ok(scratch, cgroup_list(fd, &pids, &n_pids, &scratch->err));
	for (size_t i = 0; i < n_pids; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d ", pids[i]);
	assert_string_equal(text, expected);
}

static void what_does_not_run_has_none(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(cgroup_open(&scratch->env, "t3-serve@emo.service", &scratch->err),
			 -ENOENT);
	assert_string_equal(scratch->err.text, "t3-serve@emo.service does not run");
}

static void its_processes_are_found_in_each_hierarchy(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "sys/fs/cgroup/systemd/" SLICE "/cgroup.procs", "7\n", 0644);
	assert_pids(scratch, "7 ");
	scratch_write(scratch, "sys/fs/cgroup/" SLICE "/cgroup.procs", "12\n13\n", 0644);
	assert_pids(scratch, "12 13 ");
}

static void those_in_groups_below_it_too(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, "sys/fs/cgroup/" SLICE "/cgroup.procs", "", 0644);
	scratch_write(scratch, "sys/fs/cgroup/" SLICE "/a/cgroup.procs", "", 0644);
	scratch_write(scratch, "sys/fs/cgroup/" SLICE "/a/b/cgroup.procs", "4000000\n", 0644);
	assert_pids(scratch, "4000000 ");
}

static void what_cannot_be_read_is_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_FREE pid_t *pids = NULL;
	size_t n_pids = 0;

	scratch_write(scratch, "sys/fs/cgroup/" SLICE "/cgroup.procs", "12x\n", 0644);
	fd = cgroup_open(&scratch->env, "t3-serve@emo.service", &scratch->err);
	assert_true(fd >= 0);
	assert_true(cgroup_list(fd, &pids, &n_pids, &scratch->err) < 0);
	assert_null(pids);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_does_not_run_has_none),
		TEST(its_processes_are_found_in_each_hierarchy),
		TEST(those_in_groups_below_it_too),
		TEST(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
}
