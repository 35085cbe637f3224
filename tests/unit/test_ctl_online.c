/* test_ctl_online.c - the commands that ask the helper: what goes over the wire, what is
 * shown, the exit status; and each way in which a helper can fail to answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ctl/cmd_ensure.h"
#include "ctl/cmd_events.h"
#include "ctl/cmd_install.h"
#include "ctl/cmd_offboard.h"
#include "ctl/cmd_reconcile.h"
#include "ctl/cmd_status.h"
#include "ctl/online.h"
#include "fake_helper.h"

/* A command run against a script: what it said, and how it ended. */
struct session {
	struct fake_helper fake;
	struct ctl ctl;
	char *out, *messages;
	size_t n_out, n_messages;
};

static void session_start(struct session *session, const char *request, const char *const *script)
{
	fake_start(&session->fake, request, script);
	session->ctl = (struct ctl){
		.socket_path = session->fake.path,
		.out = open_memstream(&session->out, &session->n_out),
		.messages = open_memstream(&session->messages, &session->n_messages),
		.bar_fd = -1,
		.utf8 = true,
	};
}

static void session_read(struct session *session)
{
	(void)fflush(session->ctl.out);
	(void)fflush(session->ctl.messages);
}

static void session_end(struct session *session)
{
	(void)fclose(session->ctl.out);
	(void)fclose(session->ctl.messages);
	free(session->out);
	free(session->messages);
	assert_true(fake_stop(&session->fake));
}

static void assert_contains(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_said(struct session *session, const char *out, const char *messages)
{
	session_read(session);
	assert_string_equal(session->out, out);
	assert_string_equal(session->messages, messages);
}

#define MACHINE                                                                                    \
	"row\nkind=machine\nroster=ok\npeople=1\nrunning=0\nqueued=0\nreconcile=idle\n"            \
	"version=0.1.0\n"
#define EMO                                                                                        \
	"row\nkind=person\nuser=emo\nidentity=emil.barzin\ntier=power-user\nstate=present\n"       \
	"uid=1001\nt3-port=3773\nplaywright-port=8931\ngeneration=4\nlogin=none\nticket=yes\n"     \
	"home=idle\nparked=no\nsome-day=new\n"
#define EMO_CODE                                                                                   \
	"row\nkind=step\nuser=emo\nstep=code\nstatus=failed\nerror=no route\nattempts=2\n"         \
	"next-retry=99\nupdated=98\n"

static void an_install_says_what_is_there(void **state DV_UNUSED)
{
	const char *done[] = { "done\ntext=t3 0.0.24 is installed and current\n", NULL };
	const char *failed[] = { "error\ncode=failed\ntext=npm: E404: no such version\n", NULL };
	struct session s;

	session_start(&s, "install\nv=1\nitem=t3\nversion=0.0.24\n", done);
	assert_int_equal(install_run(&s.ctl, "t3", "0.0.24"), CTL_OK);
	assert_said(&s, "t3 0.0.24 is installed and current\n", "");
	session_end(&s);
	session_start(&s, "install\nv=1\nitem=t3\n", failed);
	assert_int_equal(install_run(&s.ctl, "t3", NULL), CTL_FAILED);
	assert_said(&s, "", "devvmctl: npm: E404: no such version\n");
	session_end(&s);
}

static void the_machine_job_says_how_it_went(void **state DV_UNUSED)
{
	const char *done[] = { "done\n", NULL };
	const char *failed[] = { "error\ncode=failed\ntext=1 step failed: x: y\n", NULL };
	struct session s;

	session_start(&s, "machine\nv=1\n", done);
	assert_int_equal(machine_run(&s.ctl, false), CTL_OK);
	assert_said(&s, "The machine's programs are as devvm.yaml says.\n", "");
	session_end(&s);
	session_start(&s, "machine\nv=1\n", failed);
	assert_int_equal(machine_run(&s.ctl, false), CTL_FAILED);
	assert_said(&s, "", "devvmctl: 1 step failed: x: y\n");
	session_end(&s);
}

static void status_is_a_table(void **state DV_UNUSED)
{
	const char *script[] = { MACHINE, EMO, EMO_CODE, "row\nkind=weather\n", "done\n", NULL };
	struct session s;

	session_start(&s, "status\nv=1\n", script);
	assert_int_equal(status_run(&s.ctl, NULL, false), CTL_OK);
	assert_said(&s,
		    "USER  TIER        STATE    UID   T3    PLAYWRIGHT  RUNS  HOME  PROBLEM\n"
		    "emo   power-user  present  1001  3773  8931        -     idle  code\n"
		    "emo: code failed: no route (tried 2 times, next try now)\n",
		    "");
	session_end(&s);
}

static void status_of_one(void **state DV_UNUSED)
{
	const char *script[] = { MACHINE, EMO, EMO_CODE, "done\n", NULL };
	struct session s;

	session_start(&s, "status\nv=1\nuser=emo\n", script);
	assert_int_equal(status_run(&s.ctl, "emo", false), CTL_OK);
	session_read(&s);
	assert_contains(s.out, "  identity    emil.barzin\n");
	assert_contains(s.out, "  login       no claude login of their own\n");
	assert_contains(s.out, "emo: code failed: no route");
	session_end(&s);
}

static void status_of_nobody(void **state DV_UNUSED)
{
	const char *script[] = { "done\n", NULL };
	struct session s;

	session_start(&s, NULL, script);
	assert_int_equal(status_run(&s.ctl, "emo", false), CTL_FAILED);
	assert_said(&s, "", "devvmctl: emo is nobody of this machine's roster\n");
	session_end(&s);
}

static void ensure_asks_once(void **state DV_UNUSED)
{
	const char *script[] = { "done\n", NULL };
	struct session s;

	session_start(&s, "ensure\nv=1\nuser=emo\n", script);
	assert_int_equal(ensure_run(&s.ctl, "emo", 0), CTL_OK);
	session_read(&s);
	assert_contains(s.out, "emo is being prepared");
	session_end(&s);
}

static void ensure_waits(void **state DV_UNUSED)
{
	const char *script[] = {
		"progress\nuser=emo\nstep=code\nstatus=running\ntext=cloning\nn=1\nof=2\n",
		"progress\nuser=emo\nstep=code\nstatus=ok\n", "done\n", NULL
	};
	struct session s;

	session_start(&s, "ensure\nv=1\nuser=emo\nwait=1\n", script);
	assert_int_equal(ensure_run(&s.ctl, "emo", 5), CTL_OK);
	assert_said(&s, "emo is prepared.\n", "");
	session_end(&s);
}

static void ensure_tells_failed_steps(void **state DV_UNUSED)
{
	const char *script[] = {
		"progress\nuser=emo\nstep=code\nstatus=failed\ntext=no \u202em route\n", "done\n",
		NULL
	};
	struct session s;

	session_start(&s, NULL, script);
	assert_int_equal(ensure_run(&s.ctl, "emo", 5), CTL_FAILED);
	assert_said(&s, "! emo code: no ?m route\n", "");
	session_end(&s);
}

static void ensure_gives_up_at_its_time(void **state DV_UNUSED)
{
	const char *script[] = { "progress\nuser=emo\nstep=code\nstatus=running\n", FAKE_SILENT,
				 NULL };
	struct session s;

	session_start(&s, NULL, script);
	assert_int_equal(ensure_run(&s.ctl, "emo", 1), CTL_FAILED);
	session_read(&s);
	assert_contains(s.messages, "not finished in time, the work goes on");
	session_end(&s);
}

static void dry_run_prints_a_plan(void **state DV_UNUSED)
{
	const char *script[] = {
		"progress\nuser=\nstep=sshd\nstatus=change\ntext=the drop-in is old\n",
		"progress\nuser=emo\nstep=account\nstatus=ok\n",
		"progress\nuser=emo\nstep=groups\nstatus=add\ntext=add to docker\n",
		"progress\nuser=anca\nstep=keys\nstatus=remove\ntext=remove a\n",
		"done\n",
		NULL
	};
	struct session s;

	session_start(&s, "reconcile\nv=1\nuser=emo\ndry-run=1\n", script);
	assert_int_equal(reconcile_run(&s.ctl, "emo", RECONCILE_DRY), CTL_OK);
	assert_said(&s,
		    "~ machine sshd: the drop-in is old\n"
		    "+ emo groups: add to docker\n"
		    "- anca keys: remove a\n"
		    "1 to add, 1 to change, 1 to remove.\n",
		    "");
	session_end(&s);
}

static void trouble_is_no_plan_that_went_well(void **state DV_UNUSED)
{
	const char *script[] = {
		"progress\nuser=\nstep=roster\nstatus=trouble\ntext=roster.yaml:1: no\n", "done\n",
		NULL
	};
	struct session s;

	session_start(&s, "reconcile\nv=1\ndry-run=1\n", script);
	assert_int_equal(reconcile_run(&s.ctl, NULL, RECONCILE_DRY), CTL_FAILED);
	assert_said(&s, "! machine roster: roster.yaml:1: no\n", "");
	session_end(&s);
}

static void a_plan_as_json_is_an_object_per_line(void **state DV_UNUSED)
{
	const char *script[] = { "progress\nuser=\nstep=maps\nstatus=change\ntext=write \"a\"\n",
				 "progress\nuser=emo\nstep=keys\nstatus=remove\n",
				 "done\ntext=3 more differences are not shown\n", NULL };
	struct session s;

	session_start(&s, "reconcile\nv=1\ndry-run=1\n", script);
	assert_int_equal(reconcile_run(&s.ctl, NULL, RECONCILE_DRY_JSON), CTL_OK);
	assert_said(&s,
		    "{\"action\":\"change\",\"user\":null,\"step\":\"maps\",\"what\":\"write "
		    "\\\"a\\\"\"}\n"
		    "{\"action\":\"remove\",\"user\":\"emo\",\"step\":\"keys\",\"what\":null}\n",
		    "(3 more differences are not shown)\n");
	session_end(&s);
}

static void empty_plan_says_so(void **state DV_UNUSED)
{
	const char *script[] = { "done\n", NULL };
	struct session s;

	session_start(&s, "reconcile\nv=1\ndry-run=1\n", script);
	assert_int_equal(reconcile_run(&s.ctl, NULL, RECONCILE_DRY), CTL_OK);
	assert_said(&s, "Nothing to do.\n", "");
	session_end(&s);
}

static void reconcile_counts_what_failed(void **state DV_UNUSED)
{
	const char *script[] = {
		"progress\nuser=emo\nstep=account\nstatus=failed\ntext=useradd: no\n",
		"progress\nuser=anca\nstep=groups\nstatus=failed\n", "done\n", NULL
	};
	struct session s;

	session_start(&s, "reconcile\nv=1\n", script);
	assert_int_equal(reconcile_run(&s.ctl, NULL, RECONCILE_PLAIN), CTL_FAILED);
	assert_said(&s,
		    "! emo account: useradd: no\n! anca groups\n"
		    "2 steps failed; devvmctl status says what happens next.\n",
		    "");
	session_end(&s);
}

static void a_mass_leave_is_asked_for(void **state DV_UNUSED)
{
	const char *script[] = { "done\n", NULL };
	struct session s;

	session_start(&s, "reconcile\nv=1\nallow-mass-leave=1\n", script);
	assert_int_equal(reconcile_run(&s.ctl, NULL, RECONCILE_MASS_LEAVE), CTL_OK);
	assert_said(&s, "The machine is as the roster says.\n", "");
	session_end(&s);
}

#define OFFBOARD_ROW                                                                               \
	"row\nkind=offboard\nuser=emo\nstate=left\nuid=1001\nhome=/home/emo\nsessions=0\n"         \
	"processes=0\nbytes=20480\nentries=7\n"
#define OFFBOARD_PLAN                                                                              \
	"emo (uid 1001): left the roster\n"                                                        \
	"  home       /home/emo, 20 KiB in 7 files and folders\n"                                  \
	"  running    0 session(s), 0 process(es)\n"                                               \
	"  archive    /var/backups/devvm/homes/emo-UID-TIME.tar.zst\n"                             \
	"  remove     the account emo, its home and its env files\n"                               \
	"  keep       uid, ports and backups: nobody else is given them\n"

static void offboard_shows_and_changes_nothing(void **state DV_UNUSED)
{
	const char *script[] = { OFFBOARD_ROW, "done\n", NULL };
	const struct offboard_query query = { .user = "emo" };
	struct session s;

	session_start(&s, "offboard\nv=1\nuser=emo\n", script);
	assert_int_equal(offboard_run(&s.ctl, &query), CTL_OK);
	assert_said(&s, OFFBOARD_PLAN "Nothing was changed.\n", "");
	session_end(&s);
}

static void offboard_wants_the_name(void **state DV_UNUSED)
{
	const char *script[] = { OFFBOARD_ROW, "done\n", NULL };
	char typed[] = "emil\n";
	struct offboard_query query = { .user = "emo", .is_archive = true };
	struct session s;

	query.in = fmemopen(typed, strlen(typed), "r");
	session_start(&s, "offboard\nv=1\nuser=emo\n", script);
	assert_int_equal(offboard_run(&s.ctl, &query), CTL_FAILED);
	assert_said(&s, OFFBOARD_PLAN "Type the name to archive the home and remove the account: ",
		    "devvmctl: offboard: that is not emo; nothing was changed\n");
	session_end(&s);
	(void)fclose(query.in);
}

static void offboard_stops_where_the_plan_is_refused(void **state DV_UNUSED)
{
	const char *script[] = { "row\nkind=offboard\nuser=emo\nstate=present\nuid=1001\n"
				 "refused=emo is on the roster: take them off it first\n",
				 "done\n", NULL };
	const struct offboard_query query = { .user = "emo", .is_archive = true, .is_sure = true };
	struct session s;

	session_start(&s, "offboard\nv=1\nuser=emo\n", script);
	assert_int_equal(offboard_run(&s.ctl, &query), CTL_FAILED);
	session_read(&s);
	assert_contains(s.out, "not now    emo is on the roster: take them off it first");
	session_end(&s);
}

#define EVENT                                                                                      \
	"row\nkind=event\nid=7\nat=1760000000000000\npriority=4\nuser=emo\nstep=code\n"            \
	"text=no \"route\"\n"

static void events_are_lines(void **state DV_UNUSED)
{
	const char *script[] = { EVENT, "row\nkind=event\nid=8\nat=1\npriority=5\ntext=boot\n",
				 "done\n", NULL };
	struct events_query query = { .user = "emo", .limit = 50 };
	struct session s;

	session_start(&s, "events\nv=1\nuser=emo\nlimit=50\n", script);
	assert_int_equal(events_run(&s.ctl, &query), CTL_OK);
	session_read(&s);
	assert_contains(s.out, "ago");
	assert_contains(s.out, "  emo code: no \"route\"\n");
	assert_contains(s.out, "  machine: boot\n");
	session_end(&s);
}

static void events_as_json_are_one_object_a_line(void **state DV_UNUSED)
{
	const char *script[] = { EVENT, "row\nkind=event\nid=8\nat=1\npriority=5\ntext=boot\n",
				 "done\n", NULL };
	struct events_query query = { .limit = 50, .as_json = true };
	struct session s;

	session_start(&s, "events\nv=1\nlimit=50\n", script);
	assert_int_equal(events_run(&s.ctl, &query), CTL_OK);
	assert_said(&s,
		    "{\"id\":7,\"at\":\"2025-10-09T08:53:20Z\",\"priority\":4,\"user\":\"emo\","
		    "\"step\":\"code\",\"text\":\"no \\\"route\\\"\"}\n"
		    "{\"id\":8,\"at\":\"1970-01-01T00:00:00Z\",\"priority\":5,\"user\":null,"
		    "\"step\":null,\"text\":\"boot\"}\n",
		    "");
	session_end(&s);
}

static void followed_events_come_at_once(void **state DV_UNUSED)
{
	/* The helper goes away: what came before has been printed by then. */
	const char *script[] = { EVENT, NULL };
	struct events_query query = { .limit = 5, .follow = true };
	struct session s;

	session_start(&s, "events\nv=1\nlimit=5\nfollow=1\n", script);
	assert_int_equal(events_run(&s.ctl, &query), CTL_UNREACHABLE);
	session_read(&s);
	assert_contains(s.out, "emo code: no");
	assert_contains(s.messages, "journalctl -n 20 -u devvm-helperd");
	session_end(&s);
}

/* What each broken helper comes to. */
static void assert_unanswered(const char *const *script, enum ctl_exit exit_status,
			      const char *sentence)
{
	struct session s;

	session_start(&s, NULL, script);
	assert_int_equal(status_run(&s.ctl, NULL, false), exit_status);
	session_read(&s);
	assert_contains(s.messages, sentence);
	assert_string_equal(s.out, "");
	assert_ptr_equal(strchr(s.messages, '\n') + 1, s.messages + strlen(s.messages));
	session_end(&s);
}

static void helper_that_closes(void **state DV_UNUSED)
{
	const char *script[] = { MACHINE, NULL };

	assert_unanswered(script, CTL_UNREACHABLE, "it went away: journalctl");
}

static void helper_that_talks_garbage(void **state DV_UNUSED)
{
	const char *garbage[] = { "\xff\xfe\x01", NULL };
	const char *unknown[] = { "banana\n", NULL };
	const char *bare[] = { "error\ncode=failed\n", NULL };
	const char *bad_key[] = { "done\nfoo=bar\n", NULL };
	const char *request[] = { "status\nv=1\n", NULL };

	assert_unanswered(garbage, CTL_UNREACHABLE, "systemctl restart devvm-helperd");
	assert_unanswered(unknown, CTL_UNREACHABLE, "unknown verb banana");
	assert_unanswered(bare, CTL_UNREACHABLE, "error needs the key text");
	assert_unanswered(bad_key, CTL_UNREACHABLE, "does not take the key foo");
	assert_unanswered(request, CTL_UNREACHABLE, "unknown verb status");
}

static void helper_of_another_version(void **state DV_UNUSED)
{
	const char *script[] = { "error\ncode=version\ntext=this side speaks 2\n", NULL };

	assert_unanswered(script, CTL_UNREACHABLE,
			  "speaks another version (this side speaks 2); systemctl restart "
			  "devvm-helperd starts the installed one");
}

static void helper_that_refuses(void **state DV_UNUSED)
{
	const char *denied[] = { "error\ncode=denied\ntext=events is only for root\n", NULL };
	const char *busy[] = { "error\ncode=busy\ntext=too many connections\n", NULL };
	const char *failed[] = { "error\ncode=failed\ntext=the ledger is locked\n", NULL };

	assert_unanswered(denied, CTL_DENIED, "devvmctl: events is only for root\n");
	assert_unanswered(busy, CTL_FAILED, "too many connections; try again in a moment");
	assert_unanswered(failed, CTL_FAILED, "devvmctl: the ledger is locked\n");
}

static int on_row(const struct record *row DV_UNUSED, void *context DV_UNUSED,
		  struct dv_error *err DV_UNUSED)
{
	return 0;
}

static void helper_that_is_silent(void **state DV_UNUSED)
{
	const char *script[] = { MACHINE, FAKE_SILENT, NULL };
	const struct online_limits idle = { .idle_ms = 100 }, total = { .total_ms = 100 };
	int64_t start_ms = clock_now_ms();
	struct record_writer request;
	struct session s;

	proto_begin_request(&request, PROTO_STATUS);
	session_start(&s, NULL, script);
	assert_int_equal(online_collect(&s.ctl, &request, &idle, on_row, NULL), CTL_UNREACHABLE);
	session_read(&s);
	assert_contains(s.messages, "it does not answer: systemctl status devvm-helperd");
	session_end(&s);
	session_start(&s, NULL, script);
	assert_int_equal(online_collect(&s.ctl, &request, &total, on_row, NULL), CTL_UNREACHABLE);
	session_end(&s);
	assert_in_range(clock_now_ms() - start_ms, 200, 900);
}

static void helper_that_is_absent(void **state DV_UNUSED)
{
	const char *script[] = { NULL };
	struct session s;

	session_start(&s, NULL, script);
	s.ctl.socket_path = "/nonexistent/devvm/helper.sock";
	assert_int_equal(status_run(&s.ctl, NULL, false), CTL_UNREACHABLE);
	session_read(&s);
	assert_contains(s.messages, "it is not running: systemctl status devvm-helperd.socket");
	s.ctl.socket_path = s.fake.folder;
	assert_int_equal(status_run(&s.ctl, NULL, false), CTL_UNREACHABLE);
	session_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_is_a_table),
		cmocka_unit_test(an_install_says_what_is_there),
		cmocka_unit_test(the_machine_job_says_how_it_went),
		cmocka_unit_test(status_of_one),
		cmocka_unit_test(status_of_nobody),
		cmocka_unit_test(ensure_asks_once),
		cmocka_unit_test(ensure_waits),
		cmocka_unit_test(ensure_tells_failed_steps),
		cmocka_unit_test(ensure_gives_up_at_its_time),
		cmocka_unit_test(dry_run_prints_a_plan),
		cmocka_unit_test(trouble_is_no_plan_that_went_well),
		cmocka_unit_test(a_plan_as_json_is_an_object_per_line),
		cmocka_unit_test(empty_plan_says_so),
		cmocka_unit_test(reconcile_counts_what_failed),
		cmocka_unit_test(offboard_stops_where_the_plan_is_refused),
		cmocka_unit_test(offboard_wants_the_name),
		cmocka_unit_test(offboard_shows_and_changes_nothing),
		cmocka_unit_test(a_mass_leave_is_asked_for),
		cmocka_unit_test(events_are_lines),
		cmocka_unit_test(events_as_json_are_one_object_a_line),
		cmocka_unit_test(followed_events_come_at_once),
		cmocka_unit_test(helper_that_closes),
		cmocka_unit_test(helper_that_talks_garbage),
		cmocka_unit_test(helper_of_another_version),
		cmocka_unit_test(helper_that_refuses),
		cmocka_unit_test(helper_that_is_silent),
		cmocka_unit_test(helper_that_is_absent),
	};

	if (!fake_become_root()) {
		(void)fputs("skipped: neither root nor a user namespace to be had\n", stderr);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
