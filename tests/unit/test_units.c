/* test_units.c - starting units against a bus that behaves as systemd does on good days and
 * on bad ones. The bus is in the same loop, behind a socket of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <glob.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>

#include "folder.h"
#include "unit_file.h"
#include "units/units.h"

#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

struct fixture {
	struct folder *folder;
	sd_event *event;
	struct units *units;
	int listen_fd;
	sd_event_source *listening;
	sd_bus *served; /* the connection of today */
	unsigned int n_connections, n_subscribed, n_jobs;
};

static char said[1024]; /* "unit:result text" of each end */
static struct fixture *fixture;

/* ---- the bus -------------------------------------------------------------------------- */

static void job_path(unsigned int n, char ret_path[static 64])
{
	(void)snprintf(ret_path, 64, MANAGER_PATH "/job/%u", n);
}

static void send_removed(unsigned int n, const char *unit, const char *result)
{
	sd_bus_message *signal = NULL;
	char path[64];

	job_path(n, path);
	assert_true(sd_bus_message_new_signal(fixture->served, &signal, MANAGER_PATH, MANAGER,
					      "JobRemoved") >= 0);
	assert_true(sd_bus_message_set_sender(signal, "org.freedesktop.systemd1") >= 0);
	assert_true(sd_bus_message_append(signal, "uoss", n, path, unit, result) >= 0);
	assert_true(sd_bus_send(fixture->served, signal, NULL) >= 0);
	sd_bus_message_unref(signal);
}

static void hang_up(void)
{
	sd_bus *served = DV_TAKE_PTR(fixture->served);

	(void)sd_bus_flush(served);
	(void)sd_bus_detach_event(served);
	sd_bus_close_unref(served);
}

/* What happens is in the name of the unit. */
static int start_unit(sd_bus_message *call)
{
	unsigned int n = ++fixture->n_jobs;
	const char *unit, *mode;
	char path[64];

	assert_true(sd_bus_message_read(call, "ss", &unit, &mode) >= 0);
	assert_string_equal(mode, "replace");
	job_path(n, path);
	if (strcmp(unit, "unknown.service") == 0)
		return sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit",
						  "Unit unknown.service not found.");
	if (strcmp(unit, "early.service") == 0) {
		send_removed(n + 100, unit, "failed"); /* of an older job of the same unit */
		send_removed(n, unit, "done");
	}
	assert_true(sd_bus_reply_method_return(call, "o", path) >= 0);
	if (strcmp(unit, "good.service") == 0)
		send_removed(n, unit, "done");
	if (strcmp(unit, "bad.service") == 0)
		send_removed(n, unit, "failed");
	if (strcmp(unit, "slow.service") == 0)
		send_removed(n + 100, unit, "done"); /* somebody else's */
	if (strcmp(unit, "drop.service") == 0)
		hang_up();
	return 1;
}

static int on_call(sd_bus_message *call, void *context DV_UNUSED, sd_bus_error *error DV_UNUSED)
{
	const char *member = sd_bus_message_get_member(call);

	if (!member || !sd_bus_message_is_method_call(call, NULL, NULL))
		return 0;
	if (strcmp(member, "Hello") == 0)
		return sd_bus_reply_method_return(call, "s", ":1.7");
	if (strcmp(member, "StartUnit") == 0)
		return start_unit(call);
	fixture->n_subscribed += strcmp(member, "Subscribe") == 0;
	return sd_bus_reply_method_return(call, NULL);
}

static int on_connect(sd_event_source *source DV_UNUSED, int listen_fd, uint32_t events DV_UNUSED,
		      void *context DV_UNUSED)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id = { .bytes = { 1 } };

	assert_true(fd >= 0);
	fixture->n_connections++;
	assert_true(sd_bus_new(&fixture->served) >= 0);
	assert_true(sd_bus_set_fd(fixture->served, fd, fd) >= 0);
	assert_true(sd_bus_set_server(fixture->served, 1, id) >= 0);
	assert_true(sd_bus_add_filter(fixture->served, NULL, on_call, NULL) >= 0);
	assert_true(sd_bus_start(fixture->served) >= 0);
	assert_true(sd_bus_attach_event(fixture->served, fixture->event, 0) >= 0);
	return 0;
}

static void listen_for_bus(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", fixture->folder->path);
	fixture->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fixture->listen_fd >= 0);
	assert_int_equal(bind(fixture->listen_fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fixture->listen_fd, 8), 0);
	assert_true(sd_event_add_io(fixture->event, &fixture->listening, fixture->listen_fd, 1,
				    on_connect, NULL) >= 0);
}

/* ---- the tests ------------------------------------------------------------------------ */

static int setup(void **state)
{
	char address[128];

	fixture = calloc(1, sizeof(*fixture));
	assert_non_null(fixture);
	*said = '\0';
	(void)folder_setup((void **)&fixture->folder);
	(void)snprintf(address, sizeof(address), "unix:path=%s/bus", fixture->folder->path);
	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1), 0);
	assert_int_equal(sd_event_new(&fixture->event), 0);
	assert_int_equal(units_new(&fixture->units, fixture->event, NULL), 0);
	listen_for_bus();
	*state = fixture;
	return 0;
}

static int teardown(void **state DV_UNUSED)
{
	units_free(fixture->units);
	if (fixture->served)
		hang_up();
	sd_event_source_disable_unref(fixture->listening);
	(void)close(fixture->listen_fd);
	sd_event_unref(fixture->event);
	(void)folder_teardown((void **)&fixture->folder);
	free(fixture);
	return 0;
}

static void turn(void)
{
	int n_idle = 0;

	for (int i = 0; i < 10000 && n_idle < 5; i++) {
		int r = sd_event_run(fixture->event, 1000);

		assert_true(r >= 0);
		n_idle = r == 0 ? n_idle + 1 : 0;
	}
}

static void on_end(void *context, const char *unit, enum units_result result, const char *text)
{
	size_t n = strlen(said);

	assert_ptr_equal(context, fixture);
	(void)snprintf(said + n, sizeof(said) - n, "%s%s:%s %s", n ? ", " : "", unit,
		       result == UNITS_DONE ? "done" : "failed", text);
}

static void start(const char *unit)
{
	struct dv_error err = { "" };

	if (units_start(fixture->units, unit, on_end, fixture, &err) < 0)
		fail_msg("%s", err.text);
	assert_null(strstr(said, unit)); /* never before units_start() has returned */
}

static void assert_said(const char *expected)
{
	turn();
	assert_string_equal(said, expected);
	*said = '\0';
}

static void a_job_that_ends_well(void **state DV_UNUSED)
{
	start("good.service");
	assert_said("good.service:done done");
	assert_int_equal(fixture->n_subscribed, 1);
}

static void a_job_that_fails(void **state DV_UNUSED)
{
	start("bad.service");
	assert_said("bad.service:failed failed");
}

static void a_unit_that_is_not_there(void **state DV_UNUSED)
{
	start("unknown.service");
	assert_said("unknown.service:failed Unit unknown.service not found.");
}

static void an_end_that_overtakes_the_reply(void **state DV_UNUSED)
{
	start("early.service");
	assert_said("early.service:done done");
}

static void the_end_of_another_job_is_not_ours(void **state DV_UNUSED)
{
	start("slow.service");
	assert_said("");
	send_removed(fixture->n_jobs, "slow.service", "timeout");
	assert_said("slow.service:failed timeout");
}

static void several_over_one_connection(void **state DV_UNUSED)
{
	start("slow.service");
	start("good.service");
	start("bad.service");
	assert_said("good.service:done done, bad.service:failed failed");
	send_removed(1, "slow.service", "done");
	assert_said("slow.service:done done");
	assert_int_equal(fixture->n_connections, 1);
	assert_int_equal(fixture->n_subscribed, 1);
}

static void a_lost_connection_ends_all_and_is_made_anew(void **state DV_UNUSED)
{
	start("slow.service");
	start("drop.service");
	turn();
	assert_non_null(strstr(said, "slow.service:failed the connection to the system bus was "
				     "lost"));
	assert_non_null(strstr(said, "drop.service:failed"));
	*said = '\0';
	start("good.service");
	assert_said("good.service:done done");
	assert_int_equal(fixture->n_connections, 2);
}

static void a_connection_lost_while_idle_is_made_anew(void **state DV_UNUSED)
{
	start("good.service");
	assert_said("good.service:done done");
	hang_up();
	turn();
	start("good.service");
	assert_said("good.service:done done");
}

static void no_bus_at_all(void **state DV_UNUSED)
{
	struct dv_error err = { "" };

	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1), 0);
	assert_int_equal(units_start(fixture->units, "good.service", on_end, fixture, &err),
			 -ENOTCONN);
	assert_string_equal(err.text, "start good.service: connect to the system bus: No such file "
				      "or directory");
	assert_said("");
}

static void what_runs_at_the_end_is_nobodys_concern(void **state DV_UNUSED)
{
	start("slow.service");
	turn();
	units_free(fixture->units);
	fixture->units = NULL; /* the teardown frees nothing then */
	assert_said("");
}

/* Giving up on a job that systemd still runs would tell whoever waits that it failed. */
static void no_unit_of_ours_has_longer_than_a_job(void **state DV_UNUSED)
{
	glob_t files = { 0 };

	assert_int_equal(glob("units/*.service", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		int64_t unit_ms = unit_file_timeout_ms(files.gl_pathv[i]);

		if (unit_ms <= 0 || unit_ms >= UNITS_JOB_MAX_MS)
			fail_msg("%s: %lld ms, and a job has %lld", files.gl_pathv[i],
				 (long long)unit_ms, (long long)UNITS_JOB_MAX_MS);
	}
	globfree(&files);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_that_ends_well),
		TEST(a_job_that_fails),
		TEST(a_unit_that_is_not_there),
		TEST(an_end_that_overtakes_the_reply),
		TEST(the_end_of_another_job_is_not_ours),
		TEST(several_over_one_connection),
		TEST(a_lost_connection_ends_all_and_is_made_anew),
		TEST(a_connection_lost_while_idle_is_made_anew),
		TEST(no_bus_at_all),
		TEST(what_runs_at_the_end_is_nobodys_concern),
		cmocka_unit_test(no_unit_of_ours_has_longer_than_a_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
