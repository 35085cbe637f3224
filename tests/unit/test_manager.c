/* test_manager.c - the synchronous words with systemd, against a bus in a process of its own
 * that behaves as the name of the unit says. */
#include "folder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

#include "units/manager.h"

#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"

static pid_t server_pid;
static struct dv_error err;

/* ---- the bus -------------------------------------------------------------------------- */

static unsigned int n_jobs;
static unsigned int n_full; /* connections that find the bus full, before one is let in */

static void send_removed(sd_bus *bus, unsigned int n, const char *unit, const char *result)
{
	sd_bus_message *signal = NULL;
	char path[64];

	(void)snprintf(path, sizeof(path), MANAGER_PATH "/job/%u", n);
	(void)sd_bus_message_new_signal(bus, &signal, MANAGER_PATH, MANAGER, "JobRemoved");
	(void)sd_bus_message_set_sender(signal, "org.freedesktop.systemd1");
	(void)sd_bus_message_append(signal, "uoss", n, path, unit, result);
	(void)sd_bus_send(bus, signal, NULL);
	sd_bus_message_unref(signal);
}

static int act_on_unit(sd_bus *bus, sd_bus_message *call, const char *member)
{
	const char *unit = "", *mode = "";
	unsigned int n = ++n_jobs;
	char path[64];

	(void)sd_bus_message_read(call, "ss", &unit, &mode);
	if (strcmp(unit, "unknown.service") == 0)
		return sd_bus_reply_method_errorf(call, "org.freedesktop.systemd1.NoSuchUnit",
						  "Unit unknown.service not found.");
	(void)snprintf(path, sizeof(path), MANAGER_PATH "/job/%u", n);
	if (strcmp(unit, "early.service") == 0)
		send_removed(bus, n, unit, "done");
	(void)sd_bus_reply_method_return(call, "o", path);
	if (strcmp(unit, "bad.service") == 0)
		send_removed(bus, n, unit, "failed");
	else if (strcmp(unit, "early.service") != 0 && strcmp(member, "StopUnit") != 0)
		send_removed(bus, n, unit, "done");
	return 1;
}

/* FreezeUnit(s), ThawUnit(s) and KillUnit(ssi) say nothing; what they were told comes back as an error's words where
 * the unit is called so. */
static int stand_still(sd_bus_message *call, const char *member)
{
	const char *unit = "", *whom = "";
	int number = 0;

	if (strcmp(member, "KillUnit") == 0)
		(void)sd_bus_message_read(call, "ssi", &unit, &whom, &number);
	else
		(void)sd_bus_message_read(call, "s", &unit);
	if (strcmp(unit, "old.service") == 0)
		return sd_bus_reply_method_errorf(call, "org.freedesktop.DBus.Error.NotSupported",
						  "%s cannot %s %s %d", unit, member, whom, number);
	return sd_bus_reply_method_return(call, NULL);
}

static int list_units(sd_bus_message *call)
{
	sd_bus_message *reply = NULL;

	(void)sd_bus_message_new_method_return(call, &reply);
	(void)sd_bus_message_append(reply, "a(ssssssouso)", 2, "a@emo.service", "A", "loaded",
				    "active", "running", "", "/a", 0u, "", "/", "b@emo.socket", "B",
				    "loaded", "failed", "failed", "", "/b", 0u, "", "/");
	(void)sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return 1;
}

static int on_call(sd_bus_message *call, void *context, sd_bus_error *error DV_UNUSED)
{
	const char *member = sd_bus_message_get_member(call);

	if (!member || !sd_bus_message_is_method_call(call, NULL, NULL))
		return 0;
	/* dbus-daemon's words */
	if (strcmp(member, "Hello") == 0 && n_full > 0)
		return sd_bus_reply_method_errorf(
			call, SD_BUS_ERROR_LIMITS_EXCEEDED,
			"The maximum number of active connections for UID 0 has been reached");
	if (strcmp(member, "Hello") == 0)
		return sd_bus_reply_method_return(call, "s", ":1.7");
	if (strcmp(member, "ListUnitsByPatterns") == 0)
		return list_units(call);
	if (strcmp(member, "Get") == 0)
		return sd_bus_reply_method_return(call, "v", "t", UINT64_C(1760000000000000));
	if (strcmp(member, "FreezeUnit") == 0 || strcmp(member, "ThawUnit") == 0 ||
	    strcmp(member, "KillUnit") == 0)
		return stand_still(call, member);
	if (strstr(member, "Unit"))
		return act_on_unit(context, call, member);
	return sd_bus_reply_method_return(call, NULL);
}

/* One connection, until it is closed. */
static void serve_one(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	sd_id128_t id = { .bytes = { 1 } };
	sd_bus *bus = NULL;
	int r;

	if (sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fd, fd) < 0 ||
	    sd_bus_set_server(bus, 1, id) < 0 || sd_bus_add_filter(bus, NULL, on_call, bus) < 0 ||
	    sd_bus_start(bus) < 0)
		_exit(1);
	do {
		r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
	} while (r >= 0);
	sd_bus_close_unref(bus);
}

static _Noreturn void serve(int listen_fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (n_full > 0) {
		serve_one(listen_fd);
		n_full--;
	}
	serve_one(listen_fd);
	_exit(0);
}

/* ---- the tests ------------------------------------------------------------------------ */

static int setup(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	DV_AUTO_FREE char *text = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct folder *folder;

	assert_int_equal(folder_setup(state), 0);
	folder = *state;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", folder->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_true(asprintf(&text, "unix:path=%s/bus", folder->path) > 0);
	assert_int_equal(setenv("DBUS_SYSTEM_BUS_ADDRESS", text, 1), 0);
	server_pid = fork();
	if (server_pid == 0)
		serve(fd);
	(void)close(fd);
	return 0;
}

static int setup_full(void **state)
{
	n_full = 2;
	return setup(state);
}

static int teardown(void **state)
{
	(void)kill(server_pid, SIGKILL);
	(void)waitpid(server_pid, NULL, 0);
	n_full = 0;
	return folder_teardown(state);
}

static struct manager *open_manager(void)
{
	struct manager *manager = NULL;
	int r = manager_open(&manager, &err);

	if (r != 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return manager;
}

static int note_unit(void *context, const char *unit, const char *active_state)
{
	char *text = context;
	size_t n = strlen(text);

	(void)snprintf(text + n, 256 - n, "%s %s; ", unit, active_state);
	return 0;
}

static int fail_at_once(void *context DV_UNUSED, const char *unit DV_UNUSED,
			const char *active_state DV_UNUSED)
{
	return -ENOMEM;
}

static void units_are_listed_with_their_state(void **state DV_UNUSED)
{
	static const char *const patterns[] = { "a@*", "b@*", NULL };
	DV_AUTO_MANAGER struct manager *manager = open_manager();
	char text[256] = "";

	assert_int_equal(manager_list(manager, patterns, note_unit, text, &err), 0);
	assert_string_equal(text, "a@emo.service active; b@emo.socket failed; ");
	assert_int_equal(manager_list(manager, patterns, fail_at_once, NULL, &err), -ENOMEM);
}

static void starts_are_waited_for_and_the_first_failure_is_told(void **state DV_UNUSED)
{
	static const char *const good[] = { "early.service", "good.service" };
	static const char *const mixed[] = { "good.service", "bad.service", "unknown.service" };
	DV_AUTO_MANAGER struct manager *manager = open_manager();

	assert_int_equal(manager_act(manager, MANAGER_START, good, 2, &err), 0);
	assert_int_equal(manager_act(manager, MANAGER_RELOAD_OR_RESTART, good, 1, &err), 0);
	assert_int_equal(manager_act(manager, MANAGER_START, mixed, 3, &err), -EIO);
	assert_string_equal(err.text, "start unknown.service: Unit unknown.service not found.; see "
				      "journalctl -u unknown.service");
	assert_int_equal(manager_act(manager, MANAGER_START, mixed, 2, &err), -EIO);
	assert_string_equal(err.text, "start bad.service: failed; see journalctl -u bad.service");
	assert_int_equal(manager_act(manager, MANAGER_START, NULL, 0, &err), 0);
}

static void more_than_a_chunk_is_started(void **state DV_UNUSED)
{
	DV_AUTO_MANAGER struct manager *manager = open_manager();
	const char *units[250];

	for (size_t i = 0; i < DV_COUNT(units); i++)
		units[i] = "good.service";
	assert_int_equal(manager_act(manager, MANAGER_START, units, DV_COUNT(units), &err), 0);
	units[249] = "bad.service";
	assert_int_equal(manager_act(manager, MANAGER_START, units, DV_COUNT(units), &err), -EIO);
}

static void a_stop_is_not_waited_for(void **state DV_UNUSED)
{
	static const char *const units[] = { "good.service" };
	DV_AUTO_MANAGER struct manager *manager = open_manager();

	assert_int_equal(manager_act(manager, MANAGER_STOP, units, 1, &err), 0);
}

static void it_reloads_and_tells_when_a_unit_started(void **state DV_UNUSED)
{
	DV_AUTO_MANAGER struct manager *manager = open_manager();
	int64_t usec = 0;

	assert_int_equal(manager_reload(manager, &err), 0);
	assert_int_equal(manager_active_since(manager, "t3-serve@emo.service", &usec, &err), 0);
	assert_int_equal(usec, INT64_C(1760000000000000));
}

static void a_unit_stands_still_and_hears_a_signal(void **state DV_UNUSED)
{
	DV_AUTO_MANAGER struct manager *manager = NULL;

	assert_int_equal(manager_open(&manager, &err), 0);
	assert_int_equal(manager_freeze(manager, "a.service", true, &err), 0);
	assert_int_equal(manager_signal(manager, "a.service", SIGTERM, &err), 0);
	assert_int_equal(manager_freeze(manager, "a.service", false, &err), 0);
	assert_int_equal(manager_freeze(manager, "old.service", true, &err), -EOPNOTSUPP);
	assert_string_equal(err.text, "freeze old.service: old.service cannot FreezeUnit  0");
	assert_true(manager_freeze(manager, "old.service", false, &err) < 0);
	assert_string_equal(err.text, "thaw old.service: old.service cannot ThawUnit  0");
	assert_int_equal(manager_signal(manager, "old.service", SIGTERM, &err), -EIO);
	assert_string_equal(err.text, "signal old.service: old.service cannot KillUnit main 15");
}

static void a_full_bus_is_waited_for(void **state DV_UNUSED)
{
	static const char *const units[] = { "good.service" };
	DV_AUTO_MANAGER struct manager *manager = open_manager();

	assert_int_equal(manager_act(manager, MANAGER_START, units, 1, &err), 0);
}

static void without_a_bus_it_says_so(void **state)
{
	struct folder *folder = *state;
	struct manager *manager = NULL;
	DV_AUTO_FREE char *path = NULL;

	assert_true(asprintf(&path, "%s/bus", folder->path) > 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(manager_open(&manager, &err), -ENOTCONN);
	assert_string_equal(err.text, "connect to the system bus: No such file or directory");
	assert_null(manager);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(units_are_listed_with_their_state),
		TEST(starts_are_waited_for_and_the_first_failure_is_told),
		TEST(more_than_a_chunk_is_started),
		TEST(a_stop_is_not_waited_for),
		TEST(it_reloads_and_tells_when_a_unit_started),
		TEST(a_unit_stands_still_and_hears_a_signal),
		cmocka_unit_test_setup_teardown(a_full_bus_is_waited_for, setup_full, teardown),
		TEST(without_a_bus_it_says_so),
	};

	return cmocka_run_group_tests_name("manager", tests, NULL, NULL);
}
