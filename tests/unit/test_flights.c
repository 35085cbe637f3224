/* test_flights.c - many requests, one pairing, one visit, one question: who waits gets the outcome. */
#include "scratch.h"

#include <systemd/sd-event.h>

#include "dispatch/pairing.h"
#include "dispatch/status_ask.h"
#include "dispatch/visit.h"
#include "fake_helper.h"
#include "fake_web.h"

#define MAX_CALLS (PAIRING_MAX_CALLS + 1)
#define OK(headers, body) "HTTP/1.1 200 OK\r\n" headers "Connection: close\r\n\r\n" body

static const char *const MINTED[] = {
	"row\nkind=credential\ncredential=CRED\nexpires=1\nversion=V\n", "done\n", NULL
};
static const char *const REFUSED[] = { "error\ncode=failed\ntext=emo is on hold\n", NULL };

struct told {
	struct door_call call;
	char *text;
};

static struct {
	sd_event *event;
	struct work_pool *pool;
	struct keeper keeper;
	struct fake_helper helper;
	struct fake_web web;
	struct scratch *scratch;
	struct door_people people;
	struct pair_target target;
	struct told calls[MAX_CALLS];
	size_t n_calls, n_told;
} stage;

static void on_reply(struct door_call *call, char *text, size_t n_bytes)
{
	struct told *told = (struct told *)call;

	assert_non_null(text);
	assert_int_equal(strlen(text), n_bytes);
	assert_null(told->text); /* once */
	told->text = text;
	stage.n_told++;
}

static struct door_call *new_call(const char *target, const char *cookies)
{
	struct told *told = &stage.calls[stage.n_calls++];

	assert_true(stage.n_calls <= MAX_CALLS);
	*told = (struct told){ .call = { .reply = on_reply,
					 .identity = strdup("emil"),
					 .target = strdup(target),
					 .cookies = cookies ? strdup(cookies) : NULL } };
	return &told->call;
}

/* Until each call has its answer. */
static void turn(void)
{
	for (int i = 0; i < 1000 && stage.n_told < stage.n_calls; i++)
		assert_true(sd_event_run(stage.event, 100000) >= 0);
	assert_int_equal(stage.n_told, stage.n_calls);
}

static void forget_calls(void)
{
	for (size_t i = 0; i < stage.n_calls; i++)
		free(stage.calls[i].text);
	stage.n_calls = stage.n_told = 0;
}

/* Who `emil` is from now on. */
static void map_to(const char *user, uint16_t port, uid_t uid)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "{\"emil\": {\"os_user\": \"%s\", \"port\": %u}}", user,
		       port);
	scratch_write(stage.scratch, DOOR_PEOPLE_PATH, text, 0644);
	assert_ok(stage.scratch, door_people_refresh(&stage.people, stage.scratch->env.root_dirfd,
						     &stage.scratch->err));
	assert_int_equal(stage.people.n_rows, 1);
	stage.people.rows[0].uid = uid; /* there is no such account */
}

static void begin(const char *const *script, const struct fake_web_page *pages)
{
	if (!fake_become_root())
		skip();
	if (script)
		fake_start(&stage.helper, NULL, script);
	if (pages)
		assert_true(fake_web_start(&stage.web, pages));
	stage.scratch = scratch_new();
	stage.target = (struct pair_target){ .helper_path = script ? stage.helper.path : "/nowhere",
					     .root_fd = stage.scratch->env.root_dirfd,
					     .user = "emo",
					     .uid = geteuid(),
					     .port = pages ? (uint16_t)stage.web.port : 1 };
	map_to("emo", stage.target.port, stage.target.uid);
}

static void end(void)
{
	forget_calls();
	keeper_done(&stage.keeper);
	stage.keeper = (struct keeper){ .event = stage.event };
	door_people_done(&stage.people);
	stage.people = (struct door_people){ 0 };
	scratch_free(stage.scratch);
	if (stage.web.pid > 0)
		fake_web_stop(&stage.web);
	if (stage.helper.pid > 0)
		assert_true(fake_stop(&stage.helper));
	stage.web = (struct fake_web){ 0 };
	stage.helper = (struct fake_helper){ 0 };
}

/* The helper takes one connection: a second mint would fail. */
static void ten_tabs_share_a_pairing(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = {
		{ "/api/auth/browser-session", OK("Set-Cookie: t3_session=x; Path=/\r\n", "{}") },
		{ NULL, NULL }
	};
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(MINTED, pages);
	for (int i = 0; i < 10; i++) {
		char target[16];

		(void)snprintf(target, sizeof(target), "/tab%d", i);
		pairings_join(&pairings, &stage.target, new_call(target, NULL));
	}
	turn();
	for (int i = 0; i < 10; i++) {
		char location[64];

		(void)snprintf(location, sizeof(location),
			       "Status: 302 Found\r\nLocation: /tab%d\r\n", i);
		assert_contains(stage.calls[i].text, location);
		assert_contains(stage.calls[i].text, "Set-Cookie: t3_session=x; Path=/\r\n");
	}
	end();
}

static void a_pairing_that_fails_says_why(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = { { NULL, NULL } };
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(REFUSED, pages);
	pairings_join(&pairings, &stage.target, new_call("/deep?x=1", NULL));
	turn();
	assert_contains(stage.calls[0].text, "Status: 502 ");
	assert_contains(stage.calls[0].text, "pair emo: emo is on hold");
	assert_contains(stage.calls[0].text, "<a href=\"/deep?x=1\">Try again</a>");
	end();
}

static void a_browser_without_memory_is_stopped(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = {
		{ "/api/auth/browser-session", OK("Set-Cookie: t3_session=x; Path=/\r\n", "{}") },
		{ NULL, NULL }
	};
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(NULL, pages);
	for (unsigned int i = 0; i < PAIRING_MAX; i++) {
		fake_start(&stage.helper, NULL, MINTED);
		stage.target.helper_path = stage.helper.path;
		pairings_join(&pairings, &stage.target, new_call("/", NULL));
		turn();
		assert_contains(stage.calls[0].text, "Status: 302 ");
		forget_calls();
		assert_true(fake_stop(&stage.helper));
		stage.helper.pid = 0;
	}
	pairings_join(&pairings, &stage.target, new_call("/", NULL));
	turn();
	assert_contains(stage.calls[0].text, "Status: 429 ");
	assert_contains(stage.calls[0].text, "Allow cookies of this address");
	end();
}

static void who_is_never_let_in_hears_why_to_the_end(void **state DV_UNUSED)
{
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(NULL, NULL);
	for (unsigned int i = 0; i <= PAIRING_MAX; i++) {
		pairings_join(&pairings, &stage.target, new_call("/", NULL));
		turn();
	}
	assert_contains(stage.calls[PAIRING_MAX - 1].text, "Status: 502 ");
	assert_contains(stage.calls[PAIRING_MAX].text, "Status: 429 ");
	assert_contains(stage.calls[PAIRING_MAX].text, "pair emo: connect to /nowhere");
	end();
}

/* Or one person, whose server is slow and whose browser goes on asking, would fill the door. */
static void no_more_than_so_many_wait_for_a_pairing(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = {
		{ "/api/auth/browser-session", OK("Set-Cookie: t3_session=x; Path=/\r\n", "{}") },
		{ NULL, NULL }
	};
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(MINTED, pages);
	for (int i = 0; i <= PAIRING_MAX_CALLS; i++)
		pairings_join(&pairings, &stage.target, new_call("/x", NULL));
	assert_int_equal(stage.n_told, 1);
	assert_contains(stage.calls[PAIRING_MAX_CALLS].text, "Status: 429 ");
	assert_contains(stage.calls[PAIRING_MAX_CALLS].text, "<a href=\"/x\">Try again</a>");
	turn();
	for (int i = 0; i < PAIRING_MAX_CALLS; i++)
		assert_contains(stage.calls[i].text, "Set-Cookie: t3_session=x; Path=/\r\n");
	end();
}

#define ANEW "Status: 302 Found\r\nLocation: /x\r\nCache-Control: "

/* The account that somebody has, its uid, or its port, is another one while they are let in. */
static void who_is_somebody_else_by_then_gets_no_session(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = {
		{ "/api/auth/browser-session", OK("Set-Cookie: t3_session=x; Path=/\r\n", "{}") },
		{ "/api/auth/session", OK("", "{\"authenticated\": false}") },
		{ NULL, NULL }
	};
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	for (int i = 0; i < 6; i++) {
		const bool is_checked = i >= 3;

		begin(is_checked ? NULL : MINTED, pages);
		if (is_checked)
			pairings_check(&pairings, &stage.target, new_call("/x", "t3_session=y"));
		else
			pairings_join(&pairings, &stage.target, new_call("/x", NULL));
		if (i % 3 == 0)
			map_to("anca", stage.target.port, stage.target.uid);
		else if (i % 3 == 1)
			map_to("emo", stage.target.port, stage.target.uid + 1);
		else
			map_to("emo", (uint16_t)(stage.target.port - 1), stage.target.uid);
		turn();
		assert_contains(stage.calls[0].text, ANEW);
		end();
	}
}

static void who_comes_meanwhile_is_let_in_where_they_are_now(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = {
		{ "/api/auth/browser-session", OK("Set-Cookie: t3_session=x; Path=/\r\n", "{}") },
		{ NULL, NULL }
	};
	static struct pairings pairings; /* which keeps what it counts */
	struct pair_target before;

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(MINTED, pages);
	before = stage.target;
	before.port = 1;
	before.helper_path = "/nowhere";
	map_to("emo", before.port, before.uid);
	pairings_join(&pairings, &before, new_call("/x", NULL));
	map_to("emo", stage.target.port, stage.target.uid);
	pairings_join(&pairings, &stage.target, new_call("/y", NULL));
	turn();
	assert_contains(stage.calls[0].text, ANEW);
	assert_contains(stage.calls[1].text,
			"Location: /y\r\nSet-Cookie: t3_session=x; Path=/\r\n");
	end();
}

static void a_session_is_passed_on_unless_it_is_dead(void **state DV_UNUSED)
{
	static const struct {
		const char *session, *expected;
	} rows[] = {
		{ OK("", "{\"authenticated\": true}"), "X-Accel-Redirect: @devvm_person\r\n" },
		{ OK("", "<html>"), "X-Accel-Redirect: @devvm_person\r\n" },
		{ OK("", "{\"authenticated\": false}"), "Status: 302 Found\r\nLocation: /x\r\n" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const struct fake_web_page pages[] = { { "/api/auth/session", rows[i].session },
						       { "/api/auth/browser-session",
							 OK("Set-Cookie: a=b\r\n", "{}") },
						       { NULL, NULL } };
		static struct pairings pairings; /* which keeps what it counts */

		pairings.pool = stage.pool;
		pairings.keeper = &stage.keeper;
		pairings.people = &stage.people;
		begin(i == 2 ? MINTED : NULL, pages);
		pairings_check(&pairings, &stage.target, new_call("/x", "t3_session=y"));
		turn();
		assert_contains(stage.calls[0].text, rows[i].expected);
		end();
	}
}

static void a_session_that_nobody_can_be_asked_about_is_passed_on(void **state DV_UNUSED)
{
	static struct pairings pairings; /* which keeps what it counts */

	pairings.pool = stage.pool;
	pairings.keeper = &stage.keeper;
	pairings.people = &stage.people;
	begin(NULL, NULL);
	pairings_check(&pairings, &stage.target, new_call("/x", "t3_session=y"));
	turn();
	assert_contains(stage.calls[0].text, "X-Accel-Redirect: @devvm_person\r\n");
	end();
}

static const char *ask_progress(struct visits *visits, enum pair_what what)
{
	forget_calls();
	visits_progress(visits, "emo", what, new_call("/devvm/progress", NULL));
	assert_int_equal(stage.n_told, 1);
	return stage.calls[0].text;
}

static void wait_for_progress(struct visits *visits, enum pair_what what, const char *part)
{
	for (int i = 0; i < 1000; i++) {
		(void)sd_event_run(stage.event, 10000);
		if (strstr(ask_progress(visits, what), part))
			return;
	}
	fail_msg("never heard %s, but %s", part, stage.calls[0].text);
}

static void a_visit_is_told_step_by_step(void **state DV_UNUSED)
{
	static const char *const script[] = {
		"progress\nuser=emo\nstep=code\nstatus=running\ntext=clone it\n",
		"progress\nuser=emo\nstep=claude\nstatus=running\ntext=\"quoted\"\n",
		FAKE_PAUSE,
		"progress\nuser=emo\nstep=code\nstatus=ok\n",
		"error\ncode=failed\ntext=claude: no route\n",
		NULL
	};
	static const struct fake_web_page pages[] = { { NULL, NULL } };
	static struct visits visits; /* which outlive this test */

	visits.pool = stage.pool;
	begin(script, pages);
	stage.target.port = 1; /* nobody listens there */
	visits_wait(&visits, &stage.target, new_call("/deep", NULL));
	visits_wait(&visits, &stage.target, new_call("/other", NULL));
	assert_int_equal(stage.n_told, 2);
	assert_contains(stage.calls[0].text, "Status: 503 ");
	assert_contains(stage.calls[0].text, "Your workspace is starting");
	assert_contains(stage.calls[1].text, "href=\"/other\"");
	assert_int_equal(visits.n_visits, 1);
	wait_for_progress(
		&visits, PAIR_T3,
		"{\"step\":\"claude\",\"status\":\"running\",\"text\":\"\\\"quoted\\\"\"}");
	wait_for_progress(&visits, PAIR_T3,
			  "{\"step\":\"code\",\"status\":\"ok\",\"text\":\"clone it\"}");
	wait_for_progress(&visits, PAIR_T3, "{\"state\":\"failed\",\"text\":\"claude: no route\"");

	/* Ten tabs: each asks in its own second, and then comes for the sentence. */
	for (int i = 0; i < 10; i++) {
		forget_calls();
		visits_wait(&visits, &stage.target, new_call("/deep", NULL));
		assert_contains(stage.calls[0].text, "could not be started");
		assert_contains(stage.calls[0].text, "claude: no route");
		assert_contains(stage.calls[0].text, "<a href=\"/deep\">Try again</a>");
		if (i < 9)
			assert_contains(ask_progress(&visits, PAIR_T3), "{\"state\":\"failed\"");
	}

	/* Whoever tries again begins anew. */
	forget_calls();
	stage.target.port = (uint16_t)stage.web.port;
	visits_wait(&visits, &stage.target, new_call("/deep", NULL));
	assert_contains(stage.calls[0].text, "Your workspace is starting");
	wait_for_progress(&visits, PAIR_T3, "{\"state\":\"ready\"");
	end();
}

#define E10 "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
#define E100 E10 E10 E10 E10 E10 E10 E10 E10 E10 E10

/* Or it would not be told at all, and the page would wait for good. */
static void a_text_that_is_cut_amid_a_character_is_told(void **state DV_UNUSED)
{
	static const char *const script[] = {
		"progress\nuser=emo\nstep=code\nstatus=failed\ntext=" E100 E100 "\n",
		"error\ncode=failed\ntext=" E100 E100 E100 "\n", NULL
	};
	static struct visits visits; /* which outlive this test */

	visits.pool = stage.pool;
	begin(script, NULL);
	visits_wait(&visits, &stage.target, new_call("/", NULL));
	wait_for_progress(&visits, PAIR_T3, "{\"state\":\"failed\",\"text\":\"" E100 E100);
	assert_contains(stage.calls[0].text,
			"\"step\":\"code\",\"status\":\"failed\",\"text\":\"" E100);
	end();
}

/* Not held up by a visit to their server, which goes on meanwhile. */
static void a_visit_to_the_terminal_is_one_of_its_own(void **state DV_UNUSED)
{
	static struct visits visits; /* which outlive this test */
	struct pair_target terminal;

	visits.pool = stage.pool;
	begin(REFUSED, NULL); /* it takes the one that comes first, and hangs up on the other */
	stage.target.port = 1;
	terminal = stage.target;
	terminal.what = PAIR_TERMINAL;
	visits_wait(&visits, &stage.target, new_call("/", NULL));
	visits_wait(&visits, &terminal, new_call("/terminal/", NULL));
	assert_int_equal(visits.n_visits, 2);
	assert_contains(stage.calls[0].text, "<h1>Your workspace is starting</h1>");
	assert_contains(stage.calls[1].text, "<h1>Your terminal is starting</h1>");
	/* What a thread still asks for must not meet the next test. */
	wait_for_progress(&visits, PAIR_T3, "{\"state\":\"failed\"");
	wait_for_progress(&visits, PAIR_TERMINAL, "{\"state\":\"failed\"");
	end();
}

static void pages_of_the_status_share_a_question(void **state DV_UNUSED)
{
	static const char *const script[] = {
		"row\nkind=person\nuser=emo\nidentity=emil\ntier=admin\nstate=present\n",
		"row\nkind=machine\nroster=ok\npeople=1\nversion=1\n", "done\n", NULL
	};
	struct status_ask ask = { .pool = stage.pool };

	begin(script, NULL);
	ask.helper_path = stage.helper.path;
	status_ask(&ask, new_call("/devvm/", NULL));
	status_ask(&ask, new_call("/devvm/status.json", NULL));
	turn();
	assert_contains(stage.calls[0].text, "<th scope=\"row\">emo</th>");
	assert_contains(stage.calls[1].text, "\"user\": \"emo\"");
	assert_null(ask.flight);
	end();
}

static void a_helper_that_is_away_is_said(void **state DV_UNUSED)
{
	struct status_ask ask = { .pool = stage.pool, .helper_path = "/nowhere" };

	begin(NULL, NULL);
	status_ask(&ask, new_call("/devvm/", NULL));
	status_ask(&ask, new_call("/devvm/status.json", NULL));
	turn();
	assert_contains(stage.calls[0].text, "The machine did not say how it is");
	assert_contains(stage.calls[0].text, "connect to /nowhere");
	assert_contains(stage.calls[1].text, "Status: 502 ");
	assert_contains(stage.calls[1].text, "text/plain");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_tabs_share_a_pairing),
		cmocka_unit_test(a_pairing_that_fails_says_why),
		cmocka_unit_test(a_browser_without_memory_is_stopped),
		cmocka_unit_test(who_is_never_let_in_hears_why_to_the_end),
		cmocka_unit_test(no_more_than_so_many_wait_for_a_pairing),
		cmocka_unit_test(who_is_somebody_else_by_then_gets_no_session),
		cmocka_unit_test(who_comes_meanwhile_is_let_in_where_they_are_now),
		cmocka_unit_test(a_session_is_passed_on_unless_it_is_dead),
		cmocka_unit_test(a_session_that_nobody_can_be_asked_about_is_passed_on),
		cmocka_unit_test(a_visit_is_told_step_by_step),
		cmocka_unit_test(a_text_that_is_cut_amid_a_character_is_told),
		cmocka_unit_test(a_visit_to_the_terminal_is_one_of_its_own),
		cmocka_unit_test(pages_of_the_status_share_a_question),
		cmocka_unit_test(a_helper_that_is_away_is_said),
	};
	struct dv_error err = { "" };

	if (sd_event_default(&stage.event) < 0 || work_pool_new(&stage.pool, stage.event, &err) < 0)
		return 1;
	stage.keeper.event = stage.event;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
