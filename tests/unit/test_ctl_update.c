/* test_ctl_update.c - `devvmctl update`, `versions`, `freeze`, `unfreeze`: what is asked, and the exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cmd_update.h"
#include "ctl/cmd_update_person.h"
#include "ctl/update_end.h"
#include "fake_helper.h"
#include "unit_file.h"
#include "update/outcome.h"

struct result {
	int exit_status;
	char *out, *messages;
};

static void result_done(struct result *result)
{
	free(result->out);
	free(result->messages);
}

#define AUTO_RESULT DV_CLEANUP(result_done)

typedef int command(const struct ctl *ctl, const void *words);

static struct result run(command *act, const void *words, const char *asked,
			 const char *const *script)
{
	struct result result = { 0 };
	struct fake_helper fake;
	size_t n_out = 0, n_messages = 0;
	struct ctl ctl = { .out = open_memstream(&result.out, &n_out),
			   .messages = open_memstream(&result.messages, &n_messages),
			   .bar_fd = -1,
			   .utf8 = true };

	fake_start(&fake, asked, script);
	ctl.socket_path = fake.path;
	result.exit_status = act(&ctl, words);
	(void)fclose(ctl.out);
	(void)fclose(ctl.messages);
	assert_true(fake_stop(&fake));
	return result;
}

static int act_update(const struct ctl *ctl, const void *words)
{
	return update_run(ctl, words);
}

static int act_versions(const struct ctl *ctl, const void *as_json)
{
	return (int)versions_run(ctl, *(const bool *)as_json);
}

static int act_freeze(const struct ctl *ctl, const void *reason)
{
	return (int)freeze_run(ctl, reason, 5);
}

static int act_unfreeze(const struct ctl *ctl, const void *words DV_UNUSED)
{
	return (int)unfreeze_run(ctl);
}

static int act_now(const struct ctl *ctl, const void *user)
{
	return update_now_run(ctl, user);
}

static int act_not_before(const struct ctl *ctl, const void *until)
{
	return update_not_before_run(ctl, "anna", *(const int64_t *)until);
}

/* One person's has the exit statuses of a run. */
static void a_person_says_now(void **state DV_UNUSED)
{
	static const char *const busy[] = { "done\noutcome=deferred\ntext=a turn\n", NULL };
	static const char *const done[] = { "done\noutcome=done\ntext=anna has it\n", NULL };
	static const char *const error[] = { "error\ncode=denied\ntext=no\n", NULL };
	static const char asked[] = "update-now\nv=1\nuser=anna\n";
	AUTO_RESULT struct result deferred = run(act_now, "anna", asked, busy);
	AUTO_RESULT struct result moved = run(act_now, "anna", asked, done);
	AUTO_RESULT struct result refused = run(act_now, "anna", asked, error);

	assert_int_equal(deferred.exit_status, 14);
	assert_string_equal(deferred.messages, "devvmctl: update: deferred: a turn\n");
	assert_int_equal(moved.exit_status, CTL_OK);
	assert_string_equal(moved.out, "anna has it\n");
	assert_int_equal(refused.exit_status, CTL_DENIED);
}

static void a_person_says_later(void **state DV_UNUSED)
{
	static const char *const done[] = { "done\ntext=later\n", NULL };
	static const char *const error[] = { "error\ncode=bad-request\ntext=too far\n", NULL };
	static const int64_t until = 5, never = 0;
	AUTO_RESULT struct result set =
		run(act_not_before, &until, "not-before\nv=1\nuser=anna\nuntil=5\n", done);
	AUTO_RESULT struct result lifted =
		run(act_not_before, &never, "not-before\nv=1\nuser=anna\nuntil=0\n", done);
	AUTO_RESULT struct result refused =
		run(act_not_before, &until, "not-before\nv=1\nuser=anna\nuntil=5\n", error);

	assert_int_equal(set.exit_status, CTL_OK);
	assert_string_equal(set.out, "later\n");
	assert_int_equal(lifted.exit_status, CTL_OK);
	assert_int_not_equal(refused.exit_status, CTL_OK);
	assert_string_equal(refused.out, "");
}

static void the_exit_status_is_the_outcomes(void **state DV_UNUSED)
{
	static const struct update_words words = { 0 };

	for (int i = UPDATE_UNSET + 1; i < UPDATE_N_OUTCOMES; i++) {
		const struct update_outcome_row *row = update_outcome_row((enum update_outcome)i);
		char done[100], said[100];
		const char *const script[] = { done, NULL };
		AUTO_RESULT struct result result = { 0 };

		(void)snprintf(done, sizeof(done), "done\noutcome=%s\ntext=so it is\n", row->name);
		result = run(act_update, &words, "update\nv=1\n", script);
		assert_int_equal(result.exit_status, row->exit_status);
		(void)snprintf(said, sizeof(said), "devvmctl: update: %s: so it is\n", row->name);
		assert_string_equal(result.out, row->exit_status == 0 ? "so it is\n" : "");
		assert_string_equal(result.messages, row->exit_status == 0 ? "" : said);
	}
}

static void an_outcome_of_another_version_is_a_failure(void **state DV_UNUSED)
{
	static const char *const script[] = { "done\noutcome=splendid\ntext=x\n", NULL };
	static const struct update_words words = { 0 };
	AUTO_RESULT struct result result = run(act_update, &words, "update\nv=1\n", script);

	assert_int_equal(result.exit_status, CTL_FAILED);
}

static void what_is_asked(void **state DV_UNUSED)
{
	static const char *const done[] = { "done\ntext=it is forgiven\n", NULL };
	static const char *const error[] = { "error\ncode=denied\ntext=no\n", NULL };
	AUTO_RESULT struct result forgiven =
		run(act_update, &(struct update_words){ .forgive = "1.0.0" },
		    "update\nv=1\nforgive=1.0.0\n", done);
	AUTO_RESULT struct result refused =
		run(act_update, &(struct update_words){ .dry_run = true, .to = "1.0.0" },
		    "update\nv=1\nto=1.0.0\ndry-run=1\n", error);

	assert_int_equal(forgiven.exit_status, CTL_OK);
	assert_string_equal(forgiven.out, "it is forgiven\n");
	assert_int_equal(refused.exit_status, CTL_DENIED);
}

#define ROW                                                                                        \
	"row\nkind=version\nversion=1.0.0\nstaged=1\ncurrent=1\nlast-good=1\npeople=anna, ben\n"   \
	"bad=\nforgiven=0\n"
#define BAD                                                                                        \
	"row\nkind=version\nversion=1.0.1\nstaged=0\ncurrent=0\nlast-good=0\npeople=\nbad=broke\n" \
	"forgiven=0\n"
#define FORGIVEN                                                                                   \
	"row\nkind=version\nversion=1.0.2\nstaged=0\ncurrent=0\nlast-good=0\npeople=\nbad=broke\n" \
	"forgiven=1760000000000000\n"

static void versions_as_a_table_and_as_json(void **state DV_UNUSED)
{
	static const char *const script[] = {
		FORGIVEN, BAD, ROW, "row\nkind=new\n", "done\n", NULL
	};
	static const char *const none[] = { "done\n", NULL };
	static const bool table = false, json = true;
	AUTO_RESULT struct result as_table = run(act_versions, &table, "versions\nv=1\n", script);
	AUTO_RESULT struct result as_json = run(act_versions, &json, "versions\nv=1\n", script);
	AUTO_RESULT struct result empty = run(act_versions, &table, "versions\nv=1\n", none);

	assert_int_equal(as_table.exit_status, CTL_OK);
	assert_non_null(strstr(as_table.out, "current, last good"));
	assert_non_null(strstr(as_table.out, "anna, ben"));
	assert_non_null(strstr(as_table.out, "bad, not here"));
	assert_non_null(strstr(as_table.out, "forgiven, not here"));
	assert_non_null(strstr(as_json.out,
			       "{\"version\":\"1.0.0\",\"staged\":true,\"current\":true,"
			       "\"last_good\":true,\"people\":[\"anna\",\"ben\"],\"bad\":null,"
			       "\"forgiven\":null}\n"));
	assert_non_null(
		strstr(as_json.out, "\"people\":[],\"bad\":\"broke\",\"forgiven\":\"2025-"));
	assert_non_null(strstr(empty.out, "devvmctl install t3"));
}

static void the_freeze(void **state DV_UNUSED)
{
	static const char *const script[] = { "done\ntext=versions are frozen: x\n", NULL };
	static const char *const error[] = { "error\ncode=failed\ntext=made by hand\n", NULL };
	AUTO_RESULT struct result set =
		run(act_freeze, "x", "freeze\nv=1\nreason=x\nuntil=5\n", script);
	AUTO_RESULT struct result lifted = run(act_unfreeze, NULL, "unfreeze\nv=1\n", error);

	assert_int_equal(set.exit_status, CTL_OK);
	assert_string_equal(set.out, "versions are frozen: x\n");
	assert_int_equal(lifted.exit_status, CTL_FAILED);
	assert_non_null(strstr(lifted.messages, "made by hand"));
}

/* Who gave up before would say that a run failed that goes on. */
static void a_run_is_waited_for_to_its_end(void **state DV_UNUSED)
{
	static const char *const units[] = { "units/devvm-update@.service",
					     "units/devvm-drain@.service" };

	for (size_t i = 0; i < DV_COUNT(units); i++) {
		int64_t unit_ms = unit_file_timeout_ms(units[i]);

		assert_in_range(unit_ms, 1, UPDATE_TOTAL_MS - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_exit_status_is_the_outcomes),
		cmocka_unit_test(an_outcome_of_another_version_is_a_failure),
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(a_person_says_now),
		cmocka_unit_test(a_person_says_later),
		cmocka_unit_test(versions_as_a_table_and_as_json),
		cmocka_unit_test(the_freeze),
		cmocka_unit_test(a_run_is_waited_for_to_its_end),
	};

	if (!fake_become_root()) {
		(void)puts("skipped: no user namespace can be had here");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
