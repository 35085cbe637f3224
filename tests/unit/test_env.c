/* test_env.c - a root and a clock as a value. */
#include "folder.h"

#include "base/clock.h"
#include "base/env.h"

static void paths_are_below_the_root(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	struct dv_error err = { 0 };

	folder_write(folder, "file", "x", 0644);
	assert_int_equal(env_init(&env, folder->path, &err), 0);
	assert_int_equal(faccessat(env.root_dirfd, "file", F_OK, 0), 0);
	assert_int_equal(fcntl(env.root_dirfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void missing_root_is_named(void **state DV_UNUSED)
{
	struct env env = ENV_EMPTY;
	struct dv_error err = { 0 };

	assert_int_equal(env_init(&env, "/nonexistent", &err), -ENOENT);
	assert_string_equal(err.text, "open /nonexistent: No such file or directory");
	assert_int_equal(env.root_dirfd, -1);
	assert_int_equal(env_init(&env, "/dev/null", &err), -ENOTDIR);
	env_done(&env); /* of an empty one */
}

static void clocks_are_real_or_fixed(void **state DV_UNUSED)
{
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	int64_t before_usec = clock_wall_usec();

	assert_int_equal(env_init(&env, "/", NULL), 0);
	assert_true(env.wall_usec(&env) >= before_usec);
	env.wall_usec = env_fixed_clock;
	env.fixed_usec = 42;
	assert_int_equal(env.wall_usec(&env), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(paths_are_below_the_root, folder_setup,
						folder_teardown),
		cmocka_unit_test(missing_root_is_named),
		cmocka_unit_test(clocks_are_real_or_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
