/* test_item.c - what a check finds: its sentence, its verdict, and who listens. */
#include "steps/item.h"

#include "scratch.h"

static void hear(void *context, enum step_mark mark, const char *text)
{
	static const char *const signs[] = { "+", "~", "-" };
	char *heard = context;

	(void)strcat(strcat(strcat(heard, signs[mark]), text), "\n");
}

static void items_are_one_sentence_and_heard_one_by_one(void **state DV_UNUSED)
{
	char heard[256] = "", what[STEP_WHAT_BYTES] = "rest of before";
	enum step_verdict verdict = STEP_UNSET;
	struct step_context context = { .on_item = hear, .item_context = heard };
	const struct item_list items = { &context, &verdict, what };

	item_begin(&items);
	assert_int_equal(verdict, STEP_FINE);
	assert_string_equal(what, "");
	item_add(&items, STEP_ADD, "write /%s", "a");
	item_add(&items, STEP_REMOVE, "remove /b");
	assert_int_equal(verdict, STEP_DIFFERS);
	assert_string_equal(what, "write /a, remove /b");
	assert_string_equal(heard, "+write /a\n-remove /b\n");
}

static void too_many_items_are_cut(void **state DV_UNUSED)
{
	char what[STEP_WHAT_BYTES];
	enum step_verdict verdict = STEP_UNSET;
	struct step_context context = { 0 };
	const struct item_list items = { &context, &verdict, what };

	item_begin(&items);
	for (int i = 0; i < 100; i++)
		item_add(&items, STEP_CHANGE, "write /etc/a-long-name-%d", i);
	assert_int_equal(strlen(what), STEP_WHAT_BYTES - 1);
}

static void a_file_that_is_there_changes_and_another_is_added(void **state)
{
	struct scratch *scratch = *state;

	assert_int_equal(item_mark_of(&scratch->env, "etc/a"), STEP_ADD);
	scratch_write(scratch, "etc/a", "", 0600);
	assert_int_equal(item_mark_of(&scratch->env, "etc/a"), STEP_CHANGE);
	assert_int_equal(symlinkat("nowhere", scratch->env.root_dirfd, "etc/b"), 0);
	assert_int_equal(item_mark_of(&scratch->env, "etc/b"), STEP_CHANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_are_one_sentence_and_heard_one_by_one),
		cmocka_unit_test(too_many_items_are_cut),
		cmocka_unit_test_setup_teardown(a_file_that_is_there_changes_and_another_is_added,
						scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
