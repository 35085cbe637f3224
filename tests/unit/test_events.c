/* test_events.c - what `devvmctl events` has to show: in order, a window of it, one
 * person's, and never more than EVENTS_KEEP. */
#include "scratch.h"

#include <syslog.h>

#include "ledger/events.h"

static void add(struct scratch *scratch, const char *name, const char *text)
{
	assert_ok(scratch, events_add(scratch->ledger, SCRATCH_NOW_USEC, LOG_NOTICE, name, "code",
				      text, &scratch->err));
}

static int64_t assert_texts(struct scratch *scratch, int64_t after_id, const char *name,
			    unsigned int limit, const char *expected)
{
	DV_AUTO_EVENTS struct events events = { 0 };
	char texts[256] = "";

	assert_ok(scratch,
		  events_list(scratch->ledger, after_id, name, limit, &events, &scratch->err));
	for (size_t i = 0; i < events.n_rows; i++)
		(void)strcat(strcat(texts, events.rows[i].text), " ");
	assert_string_equal(texts, expected);
	return events.n_rows > 0 ? events.rows[events.n_rows - 1].id : after_id;
}

static void an_event_comes_back_as_written(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_EVENTS struct events events = { 0 };

	assert_ok(scratch, events_add(scratch->ledger, 5, LOG_WARNING, "emo", "code",
				      "clone notes: no route", &scratch->err));
	assert_ok(scratch,
		  events_add(scratch->ledger, 6, LOG_NOTICE, NULL, NULL, "hello", &scratch->err));
	assert_ok(scratch, events_list(scratch->ledger, 0, NULL, 10, &events, &scratch->err));
	assert_int_equal(events.n_rows, 2);
	assert_int_equal(events.rows[0].at_usec, 5);
	assert_int_equal(events.rows[0].priority, LOG_WARNING);
	assert_string_equal(events.rows[0].name, "emo");
	assert_string_equal(events.rows[0].step, "code");
	assert_string_equal(events.rows[0].text, "clone notes: no route");
	assert_null(events.rows[1].name);
	assert_null(events.rows[1].step);
}

static void the_newest_come_oldest_first(void **state)
{
	struct scratch *scratch = *state;

	add(scratch, "emo", "one");
	add(scratch, "emo", "two");
	add(scratch, "emo", "three");
	(void)assert_texts(scratch, 0, NULL, 10, "one two three ");
	(void)assert_texts(scratch, 0, NULL, 2, "two three ");
	(void)assert_texts(scratch, 0, NULL, 0, "");
}

static void a_follower_sees_what_came_since(void **state)
{
	struct scratch *scratch = *state;
	int64_t seen;

	(void)assert_texts(scratch, 0, NULL, 10, "");
	add(scratch, "emo", "one");
	seen = assert_texts(scratch, 0, NULL, 10, "one ");
	assert_int_equal(assert_texts(scratch, seen, NULL, 10, ""), seen);
	add(scratch, "emo", "two");
	add(scratch, "emo", "three");
	(void)assert_texts(scratch, seen, NULL, 10, "two three ");
}

static void one_person_sees_their_own(void **state)
{
	struct scratch *scratch = *state;

	add(scratch, "emo", "one");
	add(scratch, "wizard", "two");
	add(scratch, NULL, "three");
	add(scratch, "emo", "four");
	(void)assert_texts(scratch, 0, "emo", 10, "one four ");
	(void)assert_texts(scratch, 0, "emo", 1, "four ");
	(void)assert_texts(scratch, 0, "em", 10, "");
}

static void the_oldest_go_when_there_are_too_many(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_EVENTS struct events events = { 0 };
	const int n_added = EVENTS_KEEP + 25;

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (int i = 1; i <= n_added; i++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%d", i);
		add(scratch, "emo", text);
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	assert_ok(scratch,
		  events_list(scratch->ledger, 0, NULL, EVENTS_KEEP * 2, &events, &scratch->err));
	assert_int_equal(events.n_rows, EVENTS_KEEP);
	assert_string_equal(events.rows[0].text, "26");
	assert_string_equal(events.rows[EVENTS_KEEP - 1].text, "20025");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_event_comes_back_as_written),	     TEST(the_newest_come_oldest_first),
		TEST(a_follower_sees_what_came_since),	     TEST(one_person_sees_their_own),
		TEST(the_oldest_go_when_there_are_too_many),
	};

	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
