/* test_config_tree.c - a file held against a table of keys: what goes where, and how what is not in it is refused. */
#include "scratch.h"

#include "config/config_tree.h"

struct target {
	unsigned int top, low, deep;
	unsigned int *list;
	size_t n_list;
};

static const struct config_key KEYS[] = {
	{ "top", config_read_uint, { 0, 9 }, offsetof(struct target, top), 0 },
	{ "a.low", config_read_uint, { 0, 9 }, offsetof(struct target, low), 0 },
	{ "a.b.deep", config_read_uint, { 0, 9 }, offsetof(struct target, deep), 0 },
	{ "a.list",
	  config_read_list,
	  { 0, 9 },
	  offsetof(struct target, list),
	  offsetof(struct target, n_list) },
	{ "ab.low", config_read_uint, { 0, 9 }, offsetof(struct target, low), 0 },
};
static const struct config_keys TABLE = { KEYS, DV_COUNT(KEYS) };

static int read_text(const char *text, struct target *target, struct dv_error *err)
{
	DV_AUTO_YAML struct yaml_node *root = NULL;

	if (yaml_parse("f", text, strlen(text), &root, err) < 0)
		fail_msg("%s", err->text);
	return config_tree_read(&TABLE, target, "f", root, err);
}

static void each_key_has_its_field(void **state DV_UNUSED)
{
	struct target target = { .top = 1, .deep = 2 };
	struct dv_error err = { "" };

	if (read_text("a: {b: {deep: 5}, low: 4, list: [7, 8]}\n", &target, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(target.top, 1); /* as it was */
	assert_int_equal(target.low, 4);
	assert_int_equal(target.deep, 5);
	assert_int_equal(target.n_list, 2);
	assert_int_equal(target.list[1], 8);
	free(target.list);
}

static void nothing_and_empty_sections_change_nothing(void **state DV_UNUSED)
{
	static const char *const texts[] = { "", "# no key\n", "a:\n", "a:\n  b:\n", "a: {}\n" };

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		struct target target = { .top = 1, .low = 2, .deep = 3 };
		struct dv_error err = { "" };

		if (read_text(texts[i], &target, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(target.top, 1);
		assert_int_equal(target.low, 2);
		assert_int_equal(target.deep, 3);
	}
}

static void what_is_not_in_the_table_is_refused(void **state DV_UNUSED)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "- 1\n", "f:1: the file must be a map of keys" },
		{ "to: 1\n", "f:1: to: unknown key; known here are top, a, ab" },
		{ "\na: {top: 1}\n", "f:2: a.top: unknown key; known here are low, b, list" },
		{ "a: {b: {low: 1}}\n", "f:1: a.b.low: unknown key; known here are deep" },
		{ "a: 1\n", "f:1: a: must be a map of keys" },
		{ "a: {b: [1]}\n", "f:1: a.b: must be a map of keys" },
		{ "top: {x: 1}\n", "f:1: top: must be a whole number from 0 to 9" },
		/* One word is not the way to a section's key. */
		{ "a.low: 3\n", "f:1: a.low: unknown key; known here are top, a, ab" },
		{ "a: {b.deep: 3}\n", "f:1: a.b.deep: unknown key; known here are low, b, list" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct target target = { 0 };
		struct dv_error err = { "" };

		assert_int_equal(read_text(rows[i].text, &target, &err), -EINVAL);
		assert_string_equal(err.text, rows[i].sentence);
	}
}

static void the_first_mistake_ends_it(void **state DV_UNUSED)
{
	struct target target = { 0 };
	struct dv_error err = { "" };

	assert_int_equal(read_text("top: 3\na: {low: 10}\nx: 1\n", &target, &err), -EINVAL);
	assert_string_equal(err.text, "f:2: a.low: must be a whole number from 0 to 9");
	assert_int_equal(target.top, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_its_field),
		cmocka_unit_test(nothing_and_empty_sections_change_nothing),
		cmocka_unit_test(what_is_not_in_the_table_is_refused),
		cmocka_unit_test(the_first_mistake_ends_it),
	};

	return cmocka_run_group_tests_name("config_tree", tests, NULL, NULL);
}
