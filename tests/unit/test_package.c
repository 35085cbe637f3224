/* test_package.c - what npm and its packages say is read strictly. */
#include "scratch.h"

#include "store/package.h"

static int root_fd(const struct scratch *scratch)
{
	return scratch->env.root_dirfd;
}

static void names_of_packages(void **state DV_UNUSED)
{
	static const char *const good[] = { "t3", "@playwright/mcp", "a.b-c_d" };
	static const char *const bad[] = { "",	 "..", "a/b", "@/x",  "@x",    "@x/",	"@x/../y",
					   "-g", "A",  "a b", ".bin", "@x/.y", "@x/y/z" };

	for (size_t i = 0; i < DV_COUNT(good); i++)
		assert_true(package_is_name(good[i]));
	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_false(package_is_name(bad[i]));
}

static void the_version_that_is_there(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES];

	scratch_write(scratch, "node_modules/@x/y/package.json", "{\"version\": \"1.2.3\"}", 0644);
	assert_ok(scratch, package_read_version(root_fd(scratch), "@x/y", version, &scratch->err));
	assert_string_equal(version, "1.2.3");
	scratch_write(scratch, "node_modules/z/package.json", "{\"version\": \"../x\"}", 0644);
	assert_int_equal(package_read_version(root_fd(scratch), "z", version, &scratch->err),
			 -EBADMSG);
	assert_int_equal(package_read_version(root_fd(scratch), "none", version, &scratch->err),
			 -ENOENT);
}

static void assert_bin(struct scratch *scratch, const char *json, int expected_r,
		       const char *expected)
{
	char path[PACKAGE_PATH_BYTES] = "";
	int r;

	scratch_write(scratch, "node_modules/t3/package.json", json, 0644);
	r = package_find_bin(root_fd(scratch), "t3", "t3", path, &scratch->err);
	if (r != expected_r)
		print_error("%s: %s\n", json, scratch->err.text);
	assert_int_equal(r, expected_r);
	assert_string_equal(path, expected);
}

static void the_program_a_package_names(void **state)
{
	static const char where[] = "node_modules/t3/dist/cli.js";
	struct scratch *scratch = *state;

	scratch_write(scratch, where, "code", 0755);
	scratch_write(scratch, "outside.js", "code", 0755);
	assert_bin(scratch, "{\"bin\": \"dist/cli.js\"}", 0, where);
	assert_bin(scratch, "{\"bin\": \"./dist/cli.js\"}", 0, where);
	assert_bin(scratch, "{\"bin\": {\"x\": \"no.js\", \"t3\": \"dist/cli.js\"}}", 0, where);
	assert_bin(scratch, "{\"bin\": {\"other\": \"dist/cli.js\"}}", 0, where);
	assert_bin(scratch, "{\"bin\": {\"a\": \"dist/cli.js\", \"b\": \"b\"}}", -EBADMSG, "");
	assert_bin(scratch, "{\"bin\": \"missing.js\"}", -ENOENT, "");
	assert_bin(scratch, "{}", -EBADMSG, "");
	assert_bin(scratch, "no json", -EBADMSG, "");
	/* Beside the package but inside the version; and a link, which a version may hold. */
	assert_bin(scratch, "{\"bin\": \"../../../../etc/passwd\"}", -EXDEV, "");
}

static void the_lock_names_a_hash(void **state DV_UNUSED)
{
	static const char good[] = "{\"lockfileVersion\": 3, \"packages\": {\"\": {}, "
				   "\"node_modules/@x/y\": {\"integrity\": \"sha512-abc==\"}}}";
	char integrity[PACKAGE_INTEGRITY_MAX + 1];
	struct dv_error err = { "" };

	assert_int_equal(package_parse_lock(good, strlen(good), "@x/y", integrity, &err), 0);
	assert_string_equal(integrity, "sha512-abc==");
	assert_int_equal(package_parse_lock(good, strlen(good), "y", integrity, &err), -EBADMSG);
	assert_string_equal(err.text, "the package in package-lock.json has no integrity hash");
	assert_int_equal(package_parse_lock("{", 1, "y", integrity, &err), -EBADMSG);
}

static void the_registry_names_a_hash(void **state DV_UNUSED)
{
	char integrity[PACKAGE_INTEGRITY_MAX + 1];

	assert_int_equal(package_parse_integrity("\"sha512-abc==\"\n", integrity, NULL), 0);
	assert_string_equal(integrity, "sha512-abc==");
	assert_int_equal(package_parse_integrity("", integrity, NULL), -EBADMSG);
	assert_int_equal(package_parse_integrity("{\"error\": 1}", integrity, NULL), -EBADMSG);
	assert_int_equal(package_parse_integrity("\"md5-x\"", integrity, NULL), -EBADMSG);
}

static void tags_name_versions(void **state DV_UNUSED)
{
	static const char tags[] = "{\"latest\": \"0.0.24\", \"nightly\": \"0.0.28-nightly.1.2\", "
				   "\"bad\": \"../x\"}";
	char version[STORE_VERSION_BYTES];
	struct dv_error err = { "" };

	assert_int_equal(package_parse_tags(tags, "nightly", version, &err), 0);
	assert_string_equal(version, "0.0.28-nightly.1.2");
	assert_int_equal(package_parse_tags(tags, "beta", version, &err), -ENOENT);
	assert_string_equal(err.text, "there is no tag beta; there are latest, nightly, bad");
	assert_int_equal(package_parse_tags(tags, "bad", version, &err), -EBADMSG);
	assert_int_equal(package_parse_tags("oops", "bad", version, &err), -EBADMSG);
}

static void npm_says_why_in_one_line(void **state DV_UNUSED)
{
	static const struct {
		const char *output, *sentence;
	} rows[] = {
		{ "npm error code ETARGET\nnpm error notarget No matching version found for t3@9.\n"
		  "npm error notarget In most cases\nnpm error A complete log of this run\n",
		  "npm: ETARGET: notarget No matching version found for t3@9." },
		{ "npm ERR! code E404\nnpm ERR! 404 Not Found\n", "npm: E404: 404 Not Found" },
		{ "npm error code ENOTFOUND\nnpm error syscall getaddrinfo\nnpm error errno X\n"
		  "npm error network request to the registry failed\n",
		  "npm: ENOTFOUND: network request to the registry failed" },
		{ "npm error code 1\n", "npm: 1" },
		{ "something else\nlast words\n", "npm: last words" },
		{ "npm error \x1b[31mred\n", "npm:  [31mred" },
		{ "", "npm says nothing" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		char sentence[128];

		package_npm_sentence(rows[i].output, sentence, sizeof(sentence));
		assert_string_equal(sentence, rows[i].sentence);
	}
}

static void the_manifest_comes_back(void **state)
{
	struct scratch *scratch = *state;
	const struct package_manifest written = { "@x/y", "1.2.3", "sha512-abc" };
	struct package_manifest read = { 0 };

	assert_int_equal(package_read_manifest(root_fd(scratch), &read, &scratch->err), -ENOENT);
	assert_ok(scratch, package_write_manifest(root_fd(scratch), &written, &scratch->err));
	assert_ok(scratch, package_read_manifest(root_fd(scratch), &read, &scratch->err));
	assert_string_equal(read.package, "@x/y");
	assert_string_equal(read.version, "1.2.3");
	assert_string_equal(read.integrity, "sha512-abc");
	scratch_write(scratch, PACKAGE_MANIFEST, "{\"package\": \"../x\"}", 0644);
	assert_int_equal(package_read_manifest(root_fd(scratch), &read, &scratch->err), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_packages),
		cmocka_unit_test(the_lock_names_a_hash),
		cmocka_unit_test(the_registry_names_a_hash),
		cmocka_unit_test(tags_name_versions),
		cmocka_unit_test(npm_says_why_in_one_line),
#define AT(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
		AT(the_version_that_is_there),
		AT(the_program_a_package_names),
		AT(the_manifest_comes_back),
	};

	return cmocka_run_group_tests_name("package", tests, NULL, NULL);
}
