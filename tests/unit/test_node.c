/* test_node.c - which node is taken, and the sentence where none will do. */
#include "scratch.h"

#include "store/node.h"

static void what_node_prints_is_its_version(void **state DV_UNUSED)
{
	static const char *const bad[] = { "",		 "22.1.0",    "v22",
					   "v22.1",	 "v22.1.0.1", "v22.x.0",
					   "v22.1.0\nx", "node!",     "v1234567.0.0" };
	struct node_version version = { 0 };

	assert_int_equal(node_version_parse("v22.16.3\n", &version), 0);
	assert_int_equal(version.major, 22);
	assert_int_equal(version.minor, 16);
	assert_int_equal(version.patch, 3);
	assert_int_equal(node_version_parse("v25.0.0-nightly2026\n", &version), 0);
	assert_int_equal(version.major, 25);
	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_int_equal(node_version_parse(bad[i], &version), -EINVAL);
}

static void each_purpose_needs_its_own(void **state DV_UNUSED)
{
	static const struct {
		struct node_version version;
		bool for_t3, for_playwright;
	} rows[] = {
		{ { 17, 9, 0 }, false, false }, { { 18, 0, 0 }, false, true },
		{ { 20, 20, 2 }, false, true }, { { 22, 15, 9 }, false, true },
		{ { 22, 16, 0 }, true, true },	{ { 23, 10, 0 }, false, true },
		{ { 23, 11, 0 }, true, true },	{ { 24, 9, 0 }, false, true },
		{ { 24, 10, 0 }, true, true },	{ { 25, 0, 0 }, true, true },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		assert_int_equal(node_is_enough(&rows[i].version, NODE_FOR_T3), rows[i].for_t3);
		assert_int_equal(node_is_enough(&rows[i].version, NODE_FOR_PLAYWRIGHT),
				 rows[i].for_playwright);
	}
}

/* A node that prints `version`, and its absolute path. */
static char *make_node(struct scratch *scratch, const char *name, const char *script)
{
	char *path = NULL;

	scratch_write(scratch, name, script, 0755);
	assert_true(asprintf(&path, "%s/%s", scratch->folder, name) > 0);
	return path;
}

static void the_first_that_will_do_is_taken(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *old = make_node(scratch, "old", "#!/bin/sh\necho v20.20.2\n");
	DV_AUTO_FREE char *good = make_node(scratch, "good", "#!/bin/sh\necho v22.16.0\n");
	DV_AUTO_FREE char *later = make_node(scratch, "later", "#!/bin/sh\necho v24.10.0\n");
	const char *const paths[] = { "/nowhere/node", old, good, later, NULL };
	DV_AUTO_NODE struct node_found found = { 0 };

	assert_ok(scratch, store_find_node_among(paths, NODE_FOR_T3, &found, &scratch->err));
	assert_string_equal(found.path, good);
	assert_int_equal(found.version.minor, 16);
}

static void assert_refused(struct scratch *scratch, const char *const *paths, const char *expected)
{
	struct node_found found = { 0 };

	assert_int_equal(store_find_node_among(paths, NODE_FOR_T3, &found, &scratch->err), -ENOENT);
	assert_string_equal(scratch->err.text, expected);
	assert_null(found.path);
}

static void the_sentence_says_what_was_found_and_what_to_do(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *old = make_node(scratch, "old", "#!/bin/sh\necho v18.20.4\n");
	DV_AUTO_FREE char *odd = make_node(scratch, "odd", "#!/bin/sh\necho v23.5.0\n");
	DV_AUTO_FREE char *mute = make_node(scratch, "mute", "#!/bin/sh\nexit 0\n");
	DV_AUTO_FREE char *expected = NULL;
	DV_AUTO_FREE char *expected_odd = NULL;
	DV_AUTO_FREE char *expected_mute = NULL;

	assert_true(asprintf(&expected,
			     "node 18.20 at %s is older than 22.16, which t3 needs; set node.path "
			     "in /etc/devvm/devvm.yaml",
			     old) > 0);
	assert_refused(scratch, (const char *[]){ "/nowhere/node", old, mute, NULL }, expected);
	assert_true(asprintf(&expected_odd,
			     "node 23.5 at %s is older than 23.11, which t3 needs; set node.path "
			     "in /etc/devvm/devvm.yaml",
			     odd) > 0);
	assert_refused(scratch, (const char *[]){ odd, NULL }, expected_odd);
	assert_true(asprintf(&expected_mute,
			     "%s prints no version of node; set node.path in "
			     "/etc/devvm/devvm.yaml",
			     mute) > 0);
	assert_refused(scratch, (const char *[]){ mute, NULL }, expected_mute);
	assert_refused(scratch, (const char *[]){ "/nowhere/node", NULL },
		       "there is no node, and t3 needs 22.16 or newer; set node.path in "
		       "/etc/devvm/devvm.yaml");
}

/* What it says on exit is no help: one that is too old for a program ends with 0 as well. */
static void the_exit_status_says_nothing(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *node = make_node(scratch, "n", "#!/bin/sh\necho v22.16.0\nexit 3\n");
	DV_AUTO_NODE struct node_found found = { 0 };

	assert_ok(scratch, store_find_node_among((const char *[]){ node, NULL }, NODE_FOR_T3,
						 &found, &scratch->err));
}

static void a_path_that_is_set_is_the_only_one(void **state)
{
	struct scratch *scratch = *state;
	struct node_found found = { 0 };

	scratch->config.node_path = strdup("/nowhere/node");
	assert_int_equal(store_find_node(&scratch->config, NODE_FOR_PLAYWRIGHT, &found,
					 &scratch->err),
			 -ENOENT);
	assert_string_equal(scratch->err.text, "there is no node, and playwright needs 18.0 or "
					       "newer; set node.path in /etc/devvm/devvm.yaml");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_node_prints_is_its_version),
		cmocka_unit_test(each_purpose_needs_its_own),
#define AT(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
		AT(the_first_that_will_do_is_taken),
		AT(the_sentence_says_what_was_found_and_what_to_do),
		AT(the_exit_status_says_nothing),
		AT(a_path_that_is_set_is_the_only_one),
	};

	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
