/* test_status.c - the verbs status and events: what is shown to whom, and that thousands of
 * rows neither hold up others nor get lost on a slow reader. */
#include "fake_daemon.h"
#include "ledger/update_log.h"

#include "ledger/update_log.h"
#include "update/freeze.h"

#define STATUS "status\nv=1\n"

static int say(const struct fake *fake, uid_t uid, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, uid);

	fake_say(fake, fd, packet);
	return fd;
}

static void the_machine_and_everybody(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "admin");
	fake_ticket(fake, "anna");
	fake_step(fake, "", "sshd", STEPS_LOG_FAILED, "sshd -t says no");
	fake_step(fake, "anna", "account", STEPS_LOG_OK, NULL);
	assert_ok(fake->scratch,
		  people_set_left(fake->scratch->ledger, "bob", &fake->scratch->err));
	fd = say(fake, 0, STATUS);
	assert_heard(fake, fd,
		     "row kind=person user=anna identity=anna tier=power-user state=present "
		     "uid=1001 t3-port=3773 playwright-port=8931 generation=1 login=none "
		     "ticket=yes home=idle parked=no t3=stopped browser=stopped "
		     "terminal=stopped held=no");
	assert_heard(fake, fd,
		     "row kind=step user=anna step=account status=ok attempts=0 next-retry=0 "
		     "updated=1760000000000000");
	assert_heard(fake, fd,
		     "row kind=person user=bob identity=bob tier=admin state=left uid=1002 "
		     "t3-port=3774 playwright-port=8932 generation=2 login=none ticket=no "
		     "home=idle parked=no t3=stopped browser=stopped terminal=stopped held=no "
		     "sessions=0");
	assert_heard(fake, fd,
		     "row kind=machine roster=ok people=1 running=0 queued=0 reconcile=idle "
		     "version=" DEVVM_VERSION);
	assert_contains(fake_hear(fake, fd), "row kind=step user= step=sshd status=failed "
					     "error=sshd -t says no attempts=1 next-retry=");
	assert_heard(fake, fd, "done");
}

static void what_is_going_on(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "roster-error",
					   "roster.yaml:3: bob: unknown tier", &scratch->err));
	assert_ok(scratch, ledger_set_meta(scratch->ledger, "config-error",
					   "devvm.yaml:2: no: unknown key", &scratch->err));
	assert_int_equal(daemon_request_home(fake->daemon, "anna", QUEUE_LOGIN), 0);
	daemon_on_change(fake->daemon);
	fd = say(fake, 0, STATUS);
	assert_contains(fake_hear(fake, fd), "home=running");
	assert_heard(fake, fd,
		     "row kind=machine roster=refused roster-error=roster.yaml:3: bob: unknown "
		     "tier config-error=devvm.yaml:2: no: unknown key people=1 running=1 queued=0 "
		     "reconcile=running version=" DEVVM_VERSION);
}

static void one_person(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "admin");
	fake_step(fake, "bob", "account", STEPS_LOG_OK, NULL);
	fd = say(fake, 0, STATUS "user=bob\n");
	assert_contains(fake_hear(fake, fd), "row kind=person user=bob ");
	assert_contains(fake_hear(fake, fd), "row kind=step user=bob step=account ");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, STATUS "user=nobody\n");
	assert_heard(fake, fd, "error code=not-found text=nobody is not in the ledger");
}

static void what_runs_and_which_version(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	scratch_make_folder(fake->scratch, "opt/devvm/t3/people", 0755);
	assert_int_equal(symlinkat("versions/0.0.28", fake->scratch->env.root_dirfd,
				   "opt/devvm/t3/current"),
			 0);
	fd = say(fake, 0, STATUS "user=anna\n");
	assert_contains(fake_hear(fake, fd), " t3-version=0.0.28 held=no");
	assert_heard(fake, fd, "done");
	assert_int_equal(symlinkat("../versions/0.0.24", fake->scratch->env.root_dirfd,
				   "opt/devvm/t3/people/anna"),
			 0);
	scratch_write(fake->scratch, "var/lib/devvm/hold/anna", "", 0644);
	scratch_make_folder(fake->scratch,
			    "sys/fs/cgroup/system.slice/system-t3\\x2dserve.slice/"
			    "t3-serve@anna.service",
			    0755);
	fake_say(fake, fd, STATUS "user=anna\n");
	assert_contains(fake_hear(fake, fd), " t3=running browser=stopped terminal=stopped "
					     "t3-version=0.0.24 held=yes");
}

static void the_last_runs_of_the_updater(void **state)
{
	const struct fake *fake = *state;
	struct ledger *ledger = fake->scratch->ledger;
	struct dv_error *err = &fake->scratch->err;
	DV_AUTO_CLOSE int fd = -1;
	int64_t id = 0;

	for (int i = 0; i < 7; i++) {
		assert_ok(fake->scratch,
			  update_log_begin(ledger, 100 + i, "0.0.28", "boot", &id, err));
		assert_ok(fake->scratch, update_log_enter(ledger, id, 200 + i, UPDATE_STATE_GUARD,
							  "anna", "held against the rules", err));
		assert_ok(fake->scratch,
			  update_log_end(ledger, id, 300 + i, "current", "nothing newer", err));
	}
	fd = say(fake, 0, STATUS);
	assert_contains(fake_hear(fake, fd), "row kind=machine ");
	assert_heard(fake, fd,
		     "row kind=run id=7 began=106 ended=306 from=0.0.28 to= outcome=current "
		     "reason=nothing newer");
	assert_contains(fake_hear(fake, fd), "row kind=transition run=7 at=106 state=resolve");
	assert_heard(fake, fd,
		     "row kind=transition run=7 at=206 state=guard user=anna text=held against the "
		     "rules");
	assert_contains(fake_hear(fake, fd), "row kind=transition run=7 at=306 state=ended");
	assert_contains(fake_hear(fake, fd), "row kind=run id=6 ");
	for (int i = 0; i < 4 * 4 - 1; i++)
		assert_contains(fake_hear(fake, fd), "row kind=");
	assert_heard(fake, fd, "done"); /* five of them */
}

static void people_see_themselves(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "admin");
	fd = say(fake, 1001, STATUS);
	assert_contains(fake_hear(fake, fd), "row kind=person user=anna ");
	assert_heard(fake, fd, "done");
	assert_contains(fake_ask(fake, 1001, STATUS "user=anna\n"), "row kind=person user=anna ");
	assert_contains(fake_ask(fake, 1001, STATUS "user=bob\n"), "error code=denied");
	assert_contains(fake_ask(fake, 1001, STATUS "user=nobody\n"), "error code=denied");
	assert_contains(fake_ask(fake, 4242, STATUS), "error code=denied");
	assert_contains(fake_ask(fake, 1002, STATUS "user=anna\n"), "row kind=person user=anna ");
	(void)close(fd);
	fd = say(fake, 1002, STATUS);
	assert_contains(fake_hear(fake, fd), "row kind=person user=anna ");
	assert_contains(fake_hear(fake, fd), "row kind=person user=bob ");
	assert_contains(fake_hear(fake, fd), "row kind=machine ");
}

static void an_admin_who_left_is_nobody(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "bob", 1, "admin");
	assert_ok(fake->scratch,
		  people_set_left(fake->scratch->ledger, "bob", &fake->scratch->err));
	assert_contains(fake_ask(fake, 1002, STATUS), "error code=denied");
}

static void thousands_of_rows_for_a_slow_reader(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	const int small = 4096;
	DV_AUTO_CLOSE int slow = -1;
	const char *heard;
	char name[16], last[64] = "";
	unsigned int n_people = 0, n_steps = 0;

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < 500; i++) {
		(void)snprintf(name, sizeof(name), "user%04u", i);
		fake_person(fake, name, i, "power-user");
		fake_step(fake, name, "account", STEPS_LOG_OK, NULL);
		fake_step(fake, name, "ports", STEPS_LOG_OK, NULL);
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	slow = fake_connect(fake, FAKE_HELPER, 0);
	assert_int_equal(setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	fake_say(fake, slow, STATUS);
	/* Others are served meanwhile. */
	assert_contains(fake_ask(fake, 0, STATUS "user=user0007\n"), "kind=person user=user0007");
	while (!strstr(heard = fake_hear(fake, slow), "kind=machine")) {
		if (strstr(heard, "kind=person")) {
			assert_true(strcmp(strstr(heard, "user="), last) > 0);
			(void)snprintf(last, sizeof(last), "%.13s", strstr(heard, "user="));
			n_people++;
		} else {
			assert_non_null(strstr(heard, last)); /* steps behind their person */
			n_steps++;
		}
	}
	assert_contains(heard, " people=500 ");
	assert_heard(fake, slow, "done");
	assert_int_equal(n_people, 500);
	assert_int_equal(n_steps, 1000);
}

/* events */

static void add_event(const struct fake *fake, const char *name, const char *text)
{
	assert_ok(fake->scratch, events_add(fake->scratch->ledger, SCRATCH_NOW_USEC, LOG_NOTICE,
					    name, name ? "code" : NULL, text, &fake->scratch->err));
}

static void events_come_oldest_first(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	add_event(fake, NULL, "one");
	add_event(fake, "anna", "two");
	add_event(fake, "bob", "three");
	fd = say(fake, 0, "events\nv=1\n");
	assert_heard(fake, fd, "row kind=event id=1 at=1760000000000000 priority=5 text=one");
	assert_heard(fake, fd,
		     "row kind=event id=2 at=1760000000000000 priority=5 user=anna step=code "
		     "text=two");
	assert_contains(fake_hear(fake, fd), "text=three");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, "events\nv=1\nlimit=2\n"); /* the newest two */
	assert_contains(fake_hear(fake, fd), "text=two");
	assert_contains(fake_hear(fake, fd), "text=three");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, "events\nv=1\nafter=2\n");
	assert_contains(fake_hear(fake, fd), "text=three");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, "events\nv=1\nuser=anna\n");
	assert_contains(fake_hear(fake, fd), "text=two");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, "events\nv=1\nlimit=0\n");
	assert_heard(fake, fd, "done");
	fake_say(fake, fd, "events\nv=1\nafter=x\n");
	assert_heard(fake, fd,
		     "error code=bad-request text=the value of after is no number up to "
		     "9223372036854775807");
}

static void hundreds_of_events_come_in_pieces(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	char text[32], expected[32];
	DV_AUTO_CLOSE int fd = -1;

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (int i = 1; i <= 1500; i++) {
		(void)snprintf(text, sizeof(text), "event %d.", i);
		add_event(fake, NULL, text);
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	fd = say(fake, 0, "events\nv=1\nlimit=1000\n");
	for (int i = 501; i <= 1500; i++) {
		(void)snprintf(expected, sizeof(expected), "event %d.", i);
		assert_contains(fake_hear(fake, fd), expected);
	}
	assert_heard(fake, fd, "done");
}

static void who_follows_hears_what_happens(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	add_event(fake, NULL, "before");
	fd = say(fake, 0, "events\nv=1\nfollow=1\n");
	assert_contains(fake_hear(fake, fd), "text=before");
	assert_heard(fake, fd, "(nothing)");
	assert_string_equal(fake_ask(fake, 1001,
				     "report\nv=1\nuser=anna\ngeneration=1\nstep=code\n"
				     "status=failed\ntext=no network\n"),
			    "done");
	assert_contains(fake_hear(fake, fd), "user=anna step=code text=no network");
	assert_heard(fake, fd, "(nothing)");
	add_event(fake, NULL, "by a job"); /* behind the daemon's back */
	fake_pass_ms(fake, 1500);
	assert_contains(fake_hear(fake, fd), "text=by a job");
	fake_pass_ms(fake, 60000); /* nobody is dropped for waiting */
	assert_heard(fake, fd, "(nothing)");
}

static void events_are_for_root_and_admins(void **state)
{
	const struct fake *fake = *state;

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "admin");
	assert_contains(fake_ask(fake, 1001, "events\nv=1\n"), "error code=denied");
	assert_contains(fake_ask(fake, 1001, "events\nv=1\nuser=anna\n"), "error code=denied");
	assert_string_equal(fake_ask(fake, 1002, "events\nv=1\n"), "done");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

static void the_machine_tells_of_the_updater(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_CLOSE int fd = -1;
	int64_t id = 0;

	assert_ok(scratch, freeze_set(&scratch->env, "on holiday", 0, 0, &scratch->err));
	assert_ok(scratch,
		  update_log_begin(scratch->ledger, 5, "1.0.0", "boot", &id, &scratch->err));
	fd = fake_connect(fake, FAKE_HELPER, 0);
	fake_say(fake, fd, "status\nv=1\n");
	assert_contains(fake_hear(fake, fd),
			" frozen=on holiday update=under-way update-at=5 update-text=resolve");
	assert_ok(scratch, update_log_end(scratch->ledger, id, 9, "frozen", "so", &scratch->err));
	(void)close(fd);
	fd = fake_connect(fake, FAKE_HELPER, 0);
	fake_say(fake, fd, "status\nv=1\n");
	assert_contains(fake_hear(fake, fd), " update=frozen update-at=9 update-text=so");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_machine_tells_of_the_updater),
		TEST(the_machine_and_everybody),
		TEST(what_is_going_on),
		TEST(one_person),
		TEST(what_runs_and_which_version),
		TEST(the_last_runs_of_the_updater),
		TEST(people_see_themselves),
		TEST(an_admin_who_left_is_nobody),
		TEST(thousands_of_rows_for_a_slow_reader),
		TEST(events_come_oldest_first),
		TEST(hundreds_of_events_come_in_pieces),
		TEST(who_follows_hears_what_happens),
		TEST(events_are_for_root_and_admins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
