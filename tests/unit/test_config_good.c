/* test_config_good.c - what stays in force when devvm.yaml is not good. */
#include "folder.h"

#include "base/file.h"
#include "config/config_good.h"

#define SLIP "/etc/devvm/devvm.yaml:1: home.concurrency: must be a whole number from 1 to 64"

/* A root with the folders of both files. */
static void make_root(const struct folder *folder, struct env *env)
{
	struct dv_error err = { "" };

	assert_int_equal(env_init(env, folder->path, &err), 0);
	assert_int_equal(file_make_dirs(folder->dirfd, "etc/devvm", 0755, &err), 0);
	assert_int_equal(file_make_dirs(folder->dirfd, "var/lib/devvm", 0755, &err), 0);
}

static void what_must_start_gets_the_defaults_of_a_bad_file(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_CONFIG struct config good = { 0 };
	DV_AUTO_CONFIG struct config bad = { 0 };
	struct dv_error why = { "" }, err = { "" };

	make_root(folder, &env);
	folder_write(folder, CONFIG_PATH, "playwright: {idle_minutes: 9}\n", 0644);
	assert_int_equal(config_load_or_defaults(&good, &env, &why, &err), 0);
	assert_string_equal(why.text, "");
	assert_int_equal(good.playwright_idle_minutes, 9);
	folder_write(folder, CONFIG_PATH, "playwright: {idle_minutes: 9}\nhome: {concurrency: 0}\n",
		     0644);
	assert_int_equal(config_load_or_defaults(&bad, &env, &why, &err), 0);
	assert_string_equal(why.text,
			    "/etc/devvm/devvm.yaml:2: home.concurrency: must be a whole number "
			    "from 1 to 64; the defaults are used");
	assert_int_equal(bad.playwright_idle_minutes, 15);
}

static void last_good_settings_stay_in_force(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_CONFIG struct config started = { 0 };
	struct dv_error why = { "" }, err = { "" };
	struct stat st;

	make_root(folder, &env);
	folder_write(folder, CONFIG_PATH, "playwright: {idle_minutes: 9}\n", 0640);
	assert_int_equal(config_good_keep(&env, &err), 0);
	folder_write(folder, CONFIG_PATH, "home: {concurrency: 0}\n", 0644);
	assert_int_equal(config_good_keep(&env, &err), -EINVAL);
	assert_int_equal(config_load_or_good(&config, &env, &why, &err), 0);
	assert_string_equal(why.text, SLIP "; the last good settings stay in force");
	assert_int_equal(config.playwright_idle_minutes, 9);
	assert_int_equal(config_load_or_defaults(&started, &env, &why, &err), 0);
	assert_string_equal(why.text, SLIP "; the last good settings stay in force");
	assert_int_equal(started.playwright_idle_minutes, 9);
	/* Nobody may read in the copy what they may not in the file. */
	assert_int_equal(fstatat(folder->dirfd, CONFIG_GOOD_PATH, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void a_copy_that_is_right_is_not_touched(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	struct dv_error err = { "" };
	struct stat before, after;

	make_root(folder, &env);
	folder_write(folder, CONFIG_PATH, "playwright: {idle_minutes: 9}\n", 0644);
	assert_int_equal(config_good_keep(&env, &err), 0);
	assert_int_equal(fstatat(folder->dirfd, CONFIG_GOOD_PATH, &before, 0), 0);
	assert_int_equal(config_good_keep(&env, &err), 0);
	assert_int_equal(fstatat(folder->dirfd, CONFIG_GOOD_PATH, &after, 0), 0);
	assert_int_equal(after.st_ino, before.st_ino);
}

static void without_a_file_the_last_good_settings_are_the_defaults(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_CONFIG struct config config = { 0 };
	struct dv_error why = { "" }, err = { "" };

	make_root(folder, &env);
	assert_int_equal(config_good_keep(&env, &err), 0);
	folder_write(folder, CONFIG_PATH, "home: {concurrency: 0}\n", 0644);
	assert_int_equal(config_load_or_good(&config, &env, &why, &err), 0);
	assert_string_equal(why.text, SLIP "; the last good settings stay in force");
	assert_int_equal(config.playwright_idle_minutes, 15);
}

static void without_a_good_copy_the_slip_is_the_error(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_CONFIG struct config config = { 0 };
	struct dv_error why = { "" }, err = { "" };

	make_root(folder, &env);
	folder_write(folder, CONFIG_PATH, "home: {concurrency: 0}\n", 0644);
	assert_int_equal(config_load_or_good(&config, &env, &why, &err), -EINVAL);
	assert_string_equal(err.text, SLIP);
	assert_string_equal(why.text, "");
	/* Nor where the copy itself is spoilt, or of a version that knew other keys. */
	folder_write(folder, CONFIG_GOOD_PATH, "no_such_key: 1\n", 0644);
	assert_int_equal(config_load_or_good(&config, &env, &why, &err), -EINVAL);
	assert_string_equal(err.text, SLIP);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_must_start_gets_the_defaults_of_a_bad_file),
		WITH_FOLDER(last_good_settings_stay_in_force),
		WITH_FOLDER(a_copy_that_is_right_is_not_touched),
		WITH_FOLDER(without_a_file_the_last_good_settings_are_the_defaults),
		WITH_FOLDER(without_a_good_copy_the_slip_is_the_error),
	};

	return cmocka_run_group_tests_name("config_good", tests, NULL, NULL);
}
