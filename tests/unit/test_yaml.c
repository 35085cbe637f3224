/* test_yaml.c - what the tree looks like, and what is refused with which line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/yaml.h"

static struct yaml_node *parse(const char *text)
{
	struct yaml_node *root = NULL;
	struct dv_error err = { 0 };
	int r = yaml_parse("f", text, strlen(text), &root, &err);

	if (r != 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return root;
}

static void assert_refused_bytes(const char *text, size_t n_bytes, const char *sentence)
{
	struct yaml_node *root = NULL;
	struct dv_error err = { 0 };

	assert_true(yaml_parse("f", text, n_bytes, &root, &err) < 0);
	assert_null(root);
	assert_string_equal(err.text, sentence);
}

static void assert_refused(const char *text, const char *sentence)
{
	assert_refused_bytes(text, strlen(text), sentence);
}

static void tree_holds_kinds_keys_and_lines(void **state DV_UNUSED)
{
	DV_AUTO_YAML struct yaml_node *root = parse("# first\n"
						    "a: 1\n"
						    "b:\n"
						    "  - x\n"
						    "  - 'y'\n"
						    "c: {d: ~, e: \"\"}\n");
	const struct yaml_node *b = yaml_get(root, "b");
	const struct yaml_node *c = yaml_get(root, "c");

	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->n_children, 3);
	assert_string_equal(yaml_get(root, "a")->scalar, "1");
	assert_int_equal(yaml_get(root, "a")->line, 2);
	assert_int_equal(b->kind, YAML_LIST);
	assert_int_equal(b->line, 3);
	assert_int_equal(b->n_children, 2);
	assert_int_equal(b->children[1].line, 5);
	assert_null(b->children[1].key);
	assert_false(b->children[1].is_plain);
	assert_string_equal(b->children[1].scalar, "y");
	assert_true(yaml_get(c, "d")->is_null);
	assert_string_equal(yaml_get(c, "d")->scalar, "");
	assert_false(yaml_get(c, "e")->is_null);
	assert_null(yaml_get(c, "z"));
	assert_null(yaml_get(b, "a"));
}

static void empty_files_are_null(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		"", "\n\n", "# nothing\n", "---\n", "~\n", "null", "--- \n...\n",
	};

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		DV_AUTO_YAML struct yaml_node *root = parse(texts[i]);

		assert_int_equal(root->kind, YAML_SCALAR);
		assert_true(root->is_null);
		assert_true(root->line >= 1);
	}
}

static void quoted_words_are_not_null(void **state DV_UNUSED)
{
	DV_AUTO_YAML struct yaml_node *root = parse("[~, '~', null, 'null', Null]");
	static const bool expected[] = { true, false, true, false, false };

	for (size_t i = 0; i < DV_COUNT(expected); i++)
		assert_int_equal(root->children[i].is_null, expected[i]);
}

static void text_may_have_crlf_a_bom_and_any_script(void **state DV_UNUSED)
{
	DV_AUTO_YAML struct yaml_node *root = parse("\xef\xbb\xbf"
						    "a: gr\u00fc\u00dfe\r\nb: \U0001f600\r\n");

	assert_string_equal(yaml_get(root, "a")->scalar, "gr\u00fc\u00dfe");
	assert_string_equal(yaml_get(root, "b")->scalar, "\U0001f600");
	assert_int_equal(yaml_get(root, "b")->line, 2);
}

static void booleans_are_plain_true_and_false(void **state DV_UNUSED)
{
	DV_AUTO_YAML struct yaml_node *root = parse("[true, false, yes, 'true', True, ~, [true]]");
	bool value = false;

	assert_int_equal(yaml_to_bool(&root->children[0], &value), 0);
	assert_true(value);
	assert_int_equal(yaml_to_bool(&root->children[1], &value), 0);
	assert_false(value);
	for (size_t i = 2; i < root->n_children; i++)
		assert_int_equal(yaml_to_bool(&root->children[i], &value), -EINVAL);
}

static void numbers_are_plain_digits_within_the_limit(void **state DV_UNUSED)
{
	DV_AUTO_YAML struct yaml_node *root =
		parse("[0, 42, 100, 101, '42', -1, 0x10, 4.2, ~, {}]");
	static const int64_t expected[] = { 0, 42, 100, -1, -1, -1, -1, -1, -1, -1 };

	for (size_t i = 0; i < root->n_children; i++) {
		uint64_t value = 7;
		int r = yaml_to_uint(&root->children[i], 100, &value);

		assert_int_equal(r, expected[i] < 0 ? -EINVAL : 0);
		assert_int_equal(value, expected[i] < 0 ? 7 : expected[i]);
	}
}

static void what_a_config_has_no_use_for_is_refused(void **state DV_UNUSED)
{
	assert_refused("a: &x 1\n", "f:1: an anchor (&name) is not allowed");
	assert_refused("\na: &x {b: c}\n", "f:2: an anchor (&name) is not allowed");
	assert_refused("a: 1\nb: *x\n", "f:2: an alias (*name) is not allowed");
	assert_refused("a: 1\n*x : 2\n", "f:2: an alias (*name) is not allowed");
	assert_refused("a: !!str 1\n", "f:1: a tag (!name) is not allowed");
	assert_refused("a: ! 1\n", "f:1: a tag (!name) is not allowed");
	assert_refused("a: !!map {b: c}\n", "f:1: a tag (!name) is not allowed");
	assert_refused("a: 1\n---\nb: 2\n", "f:2: a second document begins here; there may be one");
	assert_refused("{[a]: b}\n", "f:1: a key must be a word, not a list or a map");
	assert_refused("a: 1\n? {b: c}\n: 2\n", "f:2: a key must be a word, not a list or a map");
	assert_refused("a: 1\n?\n: 2\n", "f:2: a key is empty");
	assert_refused("'': 2\n", "f:1: a key is empty");
}

/* The bomb of a billion laughs needs an anchor, so it ends at the first one. */
static void yaml_bomb_ends_at_its_first_anchor(void **state DV_UNUSED)
{
	assert_refused("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		       "f:1: an anchor (&name) is not allowed");
}

static void duplicate_keys_are_refused_with_both_lines(void **state DV_UNUSED)
{
	assert_refused("a: 1\nb: 2\na: 3\n", "f:3: a is there twice (first on line 1)");
	assert_refused("x: {a: 1, a: 2}\n", "f:1: a is there twice (first on line 1)");
	assert_refused("'a': 1\n\"a\": 2\n", "f:2: a is there twice (first on line 1)");
	/* the first repetition in the file is told, not the first in the alphabet */
	assert_refused("a: 1\nz: 1\nz: 2\na: 2\n", "f:3: z is there twice (first on line 2)");
}

static void tabs_are_named(void **state DV_UNUSED)
{
	assert_refused("users:\n\temo: 1\n", "f:2: a tab is used for indentation; use spaces");
	assert_refused("a:\n  b: 1\n \tc: 2\n", "f:3: a tab is used for indentation; use spaces");
	assert_refused("a:\n  b: 1\n  \tc: 2\n", "f:3: a tab is used for indentation; use spaces");
}

static void syntax_errors_carry_their_line(void **state DV_UNUSED)
{
	assert_refused("a: 1\nb: [1, 2\n",
		       "f:3: did not find expected ',' or ']', while parsing a flow sequence that "
		       "begins on line 2");
	assert_refused("a: 1\nb: c: d\n", "f:2: mapping values are not allowed in this context");
	assert_refused("a: 'x\n",
		       "f:2: found unexpected end of stream, while scanning a quoted scalar that "
		       "begins on line 1");
	assert_refused("a: 1\n  b\nc\n",
		       "f:4: could not find expected ':', while scanning a simple key that begins "
		       "on line 3");
	assert_refused("a: \"\\q\"\n", "f:1: found unknown escape character");
	assert_refused("@a\n", "f:1: found character that cannot start any token");
}

static void bytes_are_checked_first(void **state DV_UNUSED)
{
	assert_refused("a: 1\nb: \xff\n", "f:2: not UTF-8");
	assert_refused("a: 1\nb: 2\nc: \xc0\xaf", "f:3: not UTF-8");
	assert_refused("\xff\xfe"
		       "a",
		       "f:1: not UTF-8");		       /* UTF-16 with its mark */
	assert_refused("a: \xed\xa0\x80\n", "f:1: not UTF-8"); /* a surrogate */
	assert_refused_bytes("a: 1\nb\0: 2\n", 11, "f:2: a NUL byte (U+0000)");
	assert_refused("a: 1\n# \033[31m\n", "f:2: a control character (U+001B)");
	assert_refused("a: \x7f\n", "f:1: a control character (U+007F)");
	assert_refused("a: \xc2\x85\n", "f:1: a control character (U+0085)");
	assert_refused("a: 1\rb: 2\n", "f:1: a carriage return without a line feed");
	assert_refused("a: 1\n\r", "f:2: a carriage return without a line feed");
}

/* A comment that YAML ends where no editor does would smuggle in a person. */
static void invisible_characters_are_refused(void **state DV_UNUSED)
{
	assert_refused("# nothing\u2028users: {}\n", "f:1: an invisible line separator (U+2028)");
	assert_refused("a: 1\n# \u202e\n",
		       "f:2: an invisible character that changes the writing direction (U+202E)");
	assert_refused("a: \u2067x\n",
		       "f:1: an invisible character that changes the writing direction (U+2067)");
	assert_refused("a: \ufeff\n", "f:1: a byte order mark inside the text (U+FEFF)");
}

static char *repeat(const char *text, size_t n, size_t *ret_n_bytes)
{
	size_t n_text = strlen(text);
	char *repeated = malloc(n * n_text + 1);

	assert_non_null(repeated);
	for (size_t i = 0; i < n; i++)
		memcpy(repeated + i * n_text, text, n_text);
	repeated[n * n_text] = '\0';
	*ret_n_bytes = n * n_text;
	return repeated;
}

/* libyaml holds each %TAG against all before it: 3 MB of them took more than a minute. */
static void directives_are_refused_at_once(void **state DV_UNUSED)
{
	size_t n_bytes = 0;
	DV_AUTO_FREE char *many = repeat("%TAG !a! tag:a,b:\n", 200000, &n_bytes);

	assert_refused_bytes(many, n_bytes, "f:1: a directive (%name) is not allowed");
	assert_refused("%YAML 1.2\n---\na: 1\n", "f:1: a directive (%name) is not allowed");
	assert_refused("# x\r\n%FOO\n---\n", "f:2: a directive (%name) is not allowed");
	yaml_node_free(parse("a: 100%\nb: '%'\nc%: d\n"));
}

static void nul_by_escape_is_refused(void **state DV_UNUSED)
{
	assert_refused("a: \"b\\0c\"\n", "f:1: a NUL in a value");
	assert_refused("\"b\\0c\": 1\n", "f:1: a NUL in a key");
}

static void depth_is_limited(void **state DV_UNUSED)
{
	DV_AUTO_YAML struct yaml_node *root = parse("[[[[[[[[x]]]]]]]]");

	assert_int_equal(root->kind, YAML_LIST);
	assert_refused("\n[[[[[[[[[x]]]]]]]]]", "f:2: nested more than 8 deep");
	assert_refused("{a: {a: {a: {a: {a: {a: {a: {a: {a: 1}}}}}}}}}",
		       "f:1: nested more than 8 deep");
}

static void size_and_number_are_limited(void **state DV_UNUSED)
{
	size_t n_bytes = 0;
	DV_AUTO_FREE char *large = repeat("# x\n", YAML_MAX_BYTES / 4 + 1, &n_bytes);
	DV_AUTO_FREE char *many = NULL;

	assert_refused_bytes(large, n_bytes, "f:1: larger than 4 MiB");
	many = repeat("- a\n", 500001, &n_bytes);
	assert_refused_bytes(many, n_bytes, "f:500001: more than 500000 values");
}

static void deep_brackets_are_refused_at_once(void **state DV_UNUSED)
{
	size_t n_brackets = 0, n_braces = 0;
	DV_AUTO_FREE char *brackets = repeat("[", 1000000, &n_brackets);
	DV_AUTO_FREE char *braces = repeat("{a: ", 1000000, &n_braces);

	assert_refused_bytes(brackets, n_brackets, "f:1: nested more than 8 deep");
	assert_refused_bytes(braces, n_braces, "f:1: nested more than 8 deep");
}

static void message_shows_a_strange_key_escaped(void **state DV_UNUSED)
{
	assert_refused("\"a\\nb\": 1\n\"a\\nb\": 2\n",
		       "f:2: a\\nb is there twice (first on line 1)");
}

static void error_text_is_optional(void **state DV_UNUSED)
{
	struct yaml_node *root = NULL;

	assert_int_equal(yaml_parse("f", "[", 1, &root, NULL), -EINVAL);
	assert_null(root);
	yaml_node_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_holds_kinds_keys_and_lines),
		cmocka_unit_test(empty_files_are_null),
		cmocka_unit_test(quoted_words_are_not_null),
		cmocka_unit_test(text_may_have_crlf_a_bom_and_any_script),
		cmocka_unit_test(booleans_are_plain_true_and_false),
		cmocka_unit_test(numbers_are_plain_digits_within_the_limit),
		cmocka_unit_test(what_a_config_has_no_use_for_is_refused),
		cmocka_unit_test(yaml_bomb_ends_at_its_first_anchor),
		cmocka_unit_test(duplicate_keys_are_refused_with_both_lines),
		cmocka_unit_test(tabs_are_named),
		cmocka_unit_test(syntax_errors_carry_their_line),
		cmocka_unit_test(bytes_are_checked_first),
		cmocka_unit_test(invisible_characters_are_refused),
		cmocka_unit_test(directives_are_refused_at_once),
		cmocka_unit_test(nul_by_escape_is_refused),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(size_and_number_are_limited),
		cmocka_unit_test(deep_brackets_are_refused_at_once),
		cmocka_unit_test(message_shows_a_strange_key_escaped),
		cmocka_unit_test(error_text_is_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
