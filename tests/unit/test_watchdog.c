/* test_watchdog.c - what is to be done about a t3 that does not answer, as a table. */
#include "scratch.h"

#include "move/watchdog.h"

#define MINUTE INT64_C(60000000)
#define NOW (INT64_C(1769860800) * 1000000)
#define AGO(minutes) (NOW - (minutes)*MINUTE)
#define STARTED AGO(600) /* the server */

static const struct watchdog_rules RULES = { .n_fails = 3,
					     .grace_usec = 3 * MINUTE,
					     .force_after_usec = 60 * MINUTE };

/* A row of this run of the server. */
#define ROW(...)                                                                                   \
	{                                                                                          \
		.name = "emo", .started_usec = STARTED, __VA_ARGS__                                \
	}
#define FAILED(n, since, ...) ROW(.n_fails = (n), .first_fail_usec = AGO(since), __VA_ARGS__)
#define BLANK                                                                                      \
	{                                                                                          \
		.name = "emo"                                                                      \
	}
#define RESTARTS(...) .restart_usec = { __VA_ARGS__ }

struct decision {
	const char *what;
	struct watch_row before;
	enum alive_answer answer;
	enum watchdog_turn turn;
	int64_t started_usec; /* 0: STARTED */
	enum watchdog_action action;
	struct watch_row after;
};

static const struct decision DECISIONS[] = {
	{ "well, and nothing known", BLANK, ALIVE_YES, 0, 0, WATCHDOG_NOTHING, BLANK },
	{ "well again after two", FAILED(2, 2), ALIVE_YES, 0, 0, WATCHDOG_NOTHING, BLANK },
	{ "well again after an alert", FAILED(9, 9, .alerted_usec = AGO(7)), ALIVE_YES, 0, 0,
	  WATCHDOG_RECOVERED, BLANK },
	{ "well again after standing down",
	  FAILED(9, 9, .stood_down_usec = AGO(7), RESTARTS(AGO(9), AGO(15), AGO(31))),
	  ALIVE_YES,
	  0,
	  0,
	  WATCHDOG_RECOVERED,
	  { .name = "emo", RESTARTS(AGO(9), AGO(15)) } },
	{ "the first fail", BLANK, ALIVE_TIMEOUT, 0, 0, WATCHDOG_NOTHING, FAILED(1, 0) },
	{ "the second", FAILED(1, 1), ALIVE_REFUSED, 0, 0, WATCHDOG_NOTHING, FAILED(2, 1) },
	{ "the third is asked about", FAILED(2, 2), ALIVE_ERROR, 0, 0, WATCHDOG_ASK, FAILED(3, 2) },
	{ "idle",
	  FAILED(2, 2),
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE,
	  0,
	  WATCHDOG_RESTART,
	  { .name = "emo", RESTARTS(NOW) } },
	{ "idle, the third time",
	  FAILED(2, 2, RESTARTS(AGO(9), AGO(29))),
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE,
	  0,
	  WATCHDOG_RESTART,
	  { .name = "emo", RESTARTS(NOW, AGO(9), AGO(29)) } },
	{ "idle, the fourth time", FAILED(2, 2, RESTARTS(AGO(9), AGO(15), AGO(29))), ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE, 0, WATCHDOG_STAND_DOWN,
	  FAILED(3, 2, .stood_down_usec = NOW, RESTARTS(AGO(9), AGO(15), AGO(29))) },
	{ "it stands down without asking", FAILED(2, 2, RESTARTS(AGO(9), AGO(15), AGO(29))),
	  ALIVE_TIMEOUT, 0, 0, WATCHDOG_STAND_DOWN,
	  FAILED(3, 2, .stood_down_usec = NOW, RESTARTS(AGO(9), AGO(15), AGO(29))) },
	{ "and once only, however late", FAILED(90, 90, .stood_down_usec = AGO(80)), ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE, 0, WATCHDOG_NOTHING, FAILED(91, 90, .stood_down_usec = AGO(80)) },
	{ "the fourth time, the first half an hour ago",
	  FAILED(2, 2, RESTARTS(AGO(9), AGO(15), AGO(30))),
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE,
	  0,
	  WATCHDOG_RESTART,
	  { .name = "emo", RESTARTS(NOW, AGO(9), AGO(15)) } },
	{ "restarts of a future do not count",
	  FAILED(2, 2, RESTARTS(NOW + 1, AGO(9), AGO(15))),
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE,
	  0,
	  WATCHDOG_RESTART,
	  { .name = "emo", RESTARTS(NOW, AGO(9), AGO(15)) } },
	{ "busy", FAILED(2, 2), ALIVE_TIMEOUT, WATCHDOG_TURN_BUSY, 0, WATCHDOG_ALERT,
	  FAILED(3, 2, .alerted_usec = NOW) },
	{ "busy, and told", FAILED(3, 3, .alerted_usec = AGO(1)), ALIVE_TIMEOUT, WATCHDOG_TURN_BUSY,
	  0, WATCHDOG_NOTHING, FAILED(4, 3, .alerted_usec = AGO(1)) },
	{ "busy, a moment before force_after",
	  { .name = "emo",
	    .started_usec = STARTED,
	    .n_fails = 59,
	    .first_fail_usec = AGO(60) + 1,
	    .alerted_usec = AGO(57) },
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_BUSY,
	  0,
	  WATCHDOG_NOTHING,
	  { .name = "emo",
	    .started_usec = STARTED,
	    .n_fails = 60,
	    .first_fail_usec = AGO(60) + 1,
	    .alerted_usec = AGO(57) } },
	{ "busy, at force_after",
	  FAILED(60, 60, .alerted_usec = AGO(57)),
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_BUSY,
	  0,
	  WATCHDOG_FORCE,
	  { .name = "emo", RESTARTS(NOW) } },
	{ "busy for long, and never told: an alert comes first", FAILED(60, 60), ALIVE_TIMEOUT,
	  WATCHDOG_TURN_BUSY, 0, WATCHDOG_ALERT, FAILED(61, 60, .alerted_usec = NOW) },
	{ "idle after an alert",
	  FAILED(9, 9, .alerted_usec = AGO(7)),
	  ALIVE_TIMEOUT,
	  WATCHDOG_TURN_IDLE,
	  0,
	  WATCHDOG_RESTART,
	  { .name = "emo", RESTARTS(NOW) } },
	{ "somebody else's port", FAILED(2, 2), ALIVE_FOREIGN, 0, 0, WATCHDOG_ALERT_FOREIGN,
	  FAILED(3, 2, .alerted_usec = NOW) },
	{ "it is told once, and nothing is restarted", FAILED(90, 90, .alerted_usec = AGO(88)),
	  ALIVE_FOREIGN, WATCHDOG_TURN_IDLE, 0, WATCHDOG_NOTHING,
	  FAILED(91, 90, .alerted_usec = AGO(88)) },
	{ "our own trouble is not theirs", FAILED(2, 2), ALIVE_UNSET, WATCHDOG_TURN_IDLE, 0,
	  WATCHDOG_NOTHING, FAILED(2, 2) },
	{ "in its grace", BLANK, ALIVE_REFUSED, 0, AGO(3) + 1, WATCHDOG_NOTHING, BLANK },
	{ "at the end of its grace",
	  BLANK,
	  ALIVE_REFUSED,
	  0,
	  AGO(3),
	  WATCHDOG_NOTHING,
	  { .name = "emo", .started_usec = AGO(3), .n_fails = 1, .first_fail_usec = NOW } },
	{ "started by somebody since",
	  FAILED(9, 9, .alerted_usec = AGO(7), RESTARTS(AGO(20))),
	  ALIVE_TIMEOUT,
	  0,
	  AGO(5),
	  WATCHDOG_NOTHING,
	  { .name = "emo",
	    .started_usec = AGO(5),
	    .n_fails = 1,
	    .first_fail_usec = NOW,
	    RESTARTS(AGO(20)) } },
	{ "started by somebody after it stood down, in its grace",
	  FAILED(9, 9, .stood_down_usec = AGO(7), RESTARTS(AGO(9), AGO(15), AGO(29))),
	  ALIVE_REFUSED,
	  0,
	  AGO(1),
	  WATCHDOG_NOTHING,
	  { .name = "emo", RESTARTS(AGO(9), AGO(15), AGO(29)) } },
	{ "well after somebody started it: no news", FAILED(9, 9, .stood_down_usec = AGO(7)),
	  ALIVE_YES, 0, AGO(1), WATCHDOG_NOTHING, BLANK },
	{ "the clock was set back", FAILED(9, -9, .alerted_usec = AGO(-7)), ALIVE_TIMEOUT, 0, 0,
	  WATCHDOG_NOTHING, FAILED(1, 0) },
	{ "the clock was set back behind its start: the first fail",
	  BLANK,
	  ALIVE_TIMEOUT,
	  0,
	  AGO(-90),
	  WATCHDOG_NOTHING,
	  { .name = "emo", .started_usec = AGO(-90), .n_fails = 1, .first_fail_usec = NOW } },
	{ "it may have started just before the first of three",
	  { .name = "emo", .started_usec = AGO(-90), .n_fails = 2, .first_fail_usec = AGO(2) },
	  ALIVE_TIMEOUT,
	  0,
	  AGO(-90),
	  WATCHDOG_NOTHING,
	  { .name = "emo", .started_usec = AGO(-90), .n_fails = 3, .first_fail_usec = AGO(2) } },
	{ "it has failed for as long as its grace",
	  { .name = "emo", .started_usec = AGO(-90), .n_fails = 3, .first_fail_usec = AGO(3) },
	  ALIVE_TIMEOUT,
	  0,
	  AGO(-90),
	  WATCHDOG_ASK,
	  { .name = "emo", .started_usec = AGO(-90), .n_fails = 4, .first_fail_usec = AGO(3) } },
};

static void assert_row(const char *what, const struct watch_row *expected,
		       const struct watch_row *got)
{
	if (!watchdog_is_same(expected, got))
		fail_msg("%s: %lld fails since %lld, started %lld, restarts %lld %lld %lld, "
			 "alerted %lld, stood down %lld",
			 what, (long long)got->n_fails, (long long)(NOW - got->first_fail_usec),
			 (long long)(NOW - got->started_usec), (long long)got->restart_usec[0],
			 (long long)got->restart_usec[1], (long long)got->restart_usec[2],
			 (long long)got->alerted_usec, (long long)got->stood_down_usec);
	assert_string_equal(got->name, expected->name);
}

static void each_is_decided(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(DECISIONS); i++) {
		const struct decision *row = &DECISIONS[i];
		const struct watchdog_seen seen = {
			.now_usec = NOW,
			.started_usec = row->started_usec ? row->started_usec : STARTED,
			.answer = row->answer,
			.turn = row->turn,
		};
		struct watch_row after = row->before;
		enum watchdog_action action = watchdog_decide(&RULES, &seen, &after, &after);

		if (action != row->action)
			fail_msg("%s: %d, not %d", row->what, action, row->action);
		assert_row(row->what, &row->after, &after);
	}
}

static void without_force_after_it_waits_for_ever(void **state DV_UNUSED)
{
	const struct watchdog_rules rules = { .n_fails = 3 };
	const struct watchdog_seen seen = { .now_usec = NOW,
					    .started_usec = STARTED,
					    .answer = ALIVE_TIMEOUT,
					    .turn = WATCHDOG_TURN_BUSY };
	const struct watch_row before = FAILED(599, 599, .alerted_usec = AGO(590));
	struct watch_row after;

	assert_int_equal(watchdog_decide(&rules, &seen, &before, &after), WATCHDOG_NOTHING);
}

/* However it goes on, of a server that always hangs. */
static void never_more_than_three_in_half_an_hour(void **state DV_UNUSED)
{
	struct watch_row row = BLANK;
	int64_t started_usec = STARTED, restarts[64] = { 0 };
	size_t n = 0;

	for (int64_t minute = 0; minute < 240; minute++) {
		struct watchdog_seen seen = { .now_usec = NOW + minute * MINUTE,
					      .started_usec = started_usec,
					      .answer = ALIVE_TIMEOUT,
					      .turn = WATCHDOG_TURN_IDLE };
		enum watchdog_action action = watchdog_decide(&RULES, &seen, &row, &row);

		/* And somebody restarts it by hand each time it stood down. */
		if (action == WATCHDOG_RESTART || action == WATCHDOG_STAND_DOWN)
			started_usec = seen.now_usec;
		if (action == WATCHDOG_RESTART)
			restarts[n++] = seen.now_usec;
		if (action == WATCHDOG_RESTART && n > 3)
			assert_true(restarts[n - 1] - restarts[n - 4] >= WATCHDOG_WINDOW_USEC);
	}
	assert_true(n > 12);
}

static void what_is_set_aside_keeps_its_restarts(void **state DV_UNUSED)
{
	const struct watch_row before = FAILED(9, 9, .alerted_usec = AGO(7), .stood_down_usec = 1,
					       RESTARTS(AGO(9), AGO(15), AGO(31)));
	const struct watch_row expected = { .name = "emo", RESTARTS(AGO(9), AGO(15)) };
	struct watch_row after = watchdog_set_aside(&before, NOW);

	assert_row("set aside", &expected, &after);
	assert_false(watchdog_is_blank(&after));
	after = watchdog_set_aside(&after, NOW + WATCHDOG_WINDOW_USEC);
	assert_true(watchdog_is_blank(&after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_decided),
		cmocka_unit_test(without_force_after_it_waits_for_ever),
		cmocka_unit_test(never_more_than_three_in_half_an_hour),
		cmocka_unit_test(what_is_set_aside_keeps_its_restarts),
	};

	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
