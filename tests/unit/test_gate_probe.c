/* test_gate_probe.c - what the gate says of a version that does not come up, or is not where it should be. The server
 * is a shell script that ends or sleeps, and what answers on its port is a web server of the test's; a whole t3
 * is in tests/host/cases/update-gate. */
#include "scratch.h"

#include "base/clock.h"
#include "fake_web.h"
#include "gate/probe.h"

#define LONG_MS 20000
#define OK(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body
#define ENVIRONMENT "/.well-known/t3/environment"

static const char *const ENVP[] = { "PATH=/usr/bin:/bin", NULL };

struct stage {
	struct scratch *scratch;
	struct fake_web web;
	struct box box;
	struct check_plan plan;
	struct gate_result result;
	struct probe probe;
	char program[256];
};

/* As the account that the test runs as: then a box kills what it started, and nothing else. */
static void set(struct stage *stage, struct scratch *scratch, const char *script,
		const struct fake_web_page *pages)
{
	*stage = (struct stage){ .scratch = scratch };
	scratch_write(scratch, "t3.sh", script, 0644);
	(void)snprintf(stage->program, sizeof(stage->program), "%s/t3.sh", scratch->folder);
	assert_true(fake_web_start(&stage->web, pages));
	stage->box =
		(struct box){ .uid = geteuid(), .gid = getegid(), .envp = ENVP, .folder = "/" };
	stage->plan = (struct check_plan){
		.node = "/bin/sh",
		.candidate = { "0.0.26", stage->program },
		.base_dir = scratch->folder,
		.port = (uint16_t)stage->web.port,
		.start_ms = 300,
		.deadline_ms = clock_deadline_ms(LONG_MS),
	};
	stage->probe = (struct probe){ .box = &stage->box,
				       .plan = &stage->plan,
				       .build = &stage->plan.candidate,
				       .base_dir = scratch->folder,
				       .result = &stage->result,
				       .at = GATE_CHECK_START };
}

static void end(struct stage *stage)
{
	bool in_time = false;

	box_stop(&stage->box, clock_deadline_ms(LONG_MS), &in_time);
	fake_web_stop(&stage->web);
}

static void a_start_is_judged_by_what_answers(void **state)
{
	static const struct {
		const char *script, *answer;
		int r;
		const char *why;
	} rows[] = {
		{ "exec sleep 600", OK("{\"serverVersion\":\"0.0.26\"}"), 0, "" },
		{ "exec sleep 600", OK("{\"serverVersion\":\"0.0.27\"}"), -1,
		  "its server says that it is version 0.0.27" },
		{ "exec sleep 600", OK("<html>"), -1,
		  "its server did not say its version within 0 " },
		{ "exit 0", OK("<html>"), -1,
		  "its server exited with status 0 before it answered" },
		{ "kill -9 $$", OK("<html>"), -1, "its server was ended by signal 9 before" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const struct fake_web_page pages[] = { { ENVIRONMENT, rows[i].answer },
						       { NULL, NULL } };
		struct stage stage;
		int r;

		set(&stage, *state, rows[i].script, pages);
		assert_int_equal(probe_launch(&stage.probe), 0);
		r = probe_wait_version(&stage.probe);
		if (r != rows[i].r || !strstr(stage.result.text, rows[i].why))
			fail_msg("row %zu: expected %d, %s; got %d, %s", i, rows[i].r, rows[i].why,
				 r, stage.result.text);
		assert_int_equal(stage.result.outcome, r < 0 ? GATE_FAILED : GATE_UNSET);
		end(&stage);
	}
}

/* A machine that was slow for minutes: what comes last is not to be blamed. */
static void without_time_left_the_version_is_not_to_blame(void **state)
{
	static const struct fake_web_page pages[] = { { NULL, NULL } };
	struct stage stage;

	set(&stage, *state, "exec sleep 600", pages);
	stage.plan.deadline_ms = clock_deadline_ms(100);
	stage.plan.start_ms = LONG_MS;
	assert_int_equal(probe_launch(&stage.probe), 0);
	assert_int_equal(probe_wait_version(&stage.probe), -1);
	assert_int_equal(stage.result.outcome, GATE_ERROR);
	end(&stage);
}

static void loopback_alone_is_told(void **state)
{
	static const struct fake_web_page pages[] = {
		{ ENVIRONMENT, OK("{\"serverVersion\":\"0.0.26\"}") }, { NULL, NULL }
	};
	struct stage stage;

	set(&stage, *state, "exec sleep 600", pages);
	assert_int_equal(probe_check_port(&stage.probe), -1);
	assert_int_equal(stage.result.check, GATE_CHECK_PORT);
	assert_non_null(strstr(stage.result.text, "answers on loopback alone"));
	end(&stage);
}

static void a_pairing_that_fails_is_told_without_the_credential(void **state)
{
	static const struct {
		const char *script;
		struct fake_web_page pages[3];
		const char *why;
	} rows[] = {
		{ "exit 0", { { NULL, NULL } }, "t3 printed nothing" },
		{ "echo '{}'", { { NULL, NULL } }, "t3 printed no credential" },
		{ "echo '{\"credential\":\"CRED\"}'", { { NULL, NULL } }, "answered 404 to a new" },
		{ "echo '{\"credential\":\"CRED\"}'",
		  { { "/api/auth/bootstrap", "HTTP/1.1 200 OK\r\nSet-Cookie: a=CRED\r\n\r\n" },
		    { "/api/auth/session", OK("{\"authenticated\":false}") } },
		  "does not say authenticated: true" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct stage stage;

		set(&stage, *state, rows[i].script, rows[i].pages);
		assert_int_equal(probe_use(&stage.probe), -1);
		assert_int_equal(stage.result.check, GATE_CHECK_PAIR);
		if (!strstr(stage.result.text, rows[i].why))
			fail_msg("row %zu: %s", i, stage.result.text);
		assert_null(strstr(stage.result.text, "CRED"));
		end(&stage);
	}
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		WITH(a_start_is_judged_by_what_answers),
		WITH(without_time_left_the_version_is_not_to_blame),
		WITH(loopback_alone_is_told),
		WITH(a_pairing_that_fails_is_told_without_the_credential),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
