/* fake_daemon.h - the whole of devvm-helperd in a test's own loop: real sockets, ledger and
 * inotify in a scratch folder, and a systemd that does what the test says. Needs no root.
 *
 * Included by one file per program: it stands in for units/units.c, for clock_gettime(2)
 * under sd-event and base/clock.c, so that nothing has to sleep, and for the answer of
 * SO_PEERCRED.
 */
#ifndef DEVVM_TESTS_FAKE_DAEMON_H
#define DEVVM_TESTS_FAKE_DAEMON_H

#include "scratch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/daemon.h"
#include "daemon/reports.h"
#include "daemon/server.h"
#include "ledger/events.h"
#include "ledger/steps_log.h"
#include "wire/record.h"

/* ---- time ----------------------------------------------------------------------------- */

static int64_t fake_ahead_ms;

int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret_time);

	ret_time->tv_sec += fake_ahead_ms / 1000;
	ret_time->tv_nsec += fake_ahead_ms % 1000 * 1000000;
	if (ret_time->tv_nsec >= 1000000000) {
		ret_time->tv_nsec -= 1000000000;
		ret_time->tv_sec++;
	}
	return r;
}

/* ---- who a peer is -------------------------------------------------------------------- */

static uid_t fake_peer_uid; /* of whoever is accepted from now on */

int getsockopt(int fd, int level, int name, void *value, socklen_t *n_value)
{
	long r = syscall(SYS_getsockopt, fd, level, name, value, n_value);

	if (r == 0 && level == SOL_SOCKET && name == SO_PEERCRED)
		((struct ucred *)value)->uid = fake_peer_uid;
	return (int)r;
}

/* ---- systemd -------------------------------------------------------------------------- */

#define FAKE_MAX_UNITS 256

struct fake_unit {
	char name[96];
	units_on_end on_end;
	void *context;
	bool running;
};

static struct fake_unit fake_units[FAKE_MAX_UNITS];
static size_t fake_n_units;
static bool fake_bus_is_down;

int units_new(struct units **ret_units, sd_event *event DV_UNUSED, struct dv_error *err DV_UNUSED)
{
	*ret_units = NULL;
	return 0;
}

void units_free(struct units *units DV_UNUSED)
{
}

int units_start(struct units *units DV_UNUSED, const char *unit, units_on_end on_end, void *context,
		struct dv_error *err)
{
	if (fake_bus_is_down)
		return dv_refuse(err, -ENOTCONN, "the bus is down");
	assert_true(fake_n_units < FAKE_MAX_UNITS);
	fake_units[fake_n_units] =
		(struct fake_unit){ .on_end = on_end, .context = context, .running = true };
	(void)snprintf(fake_units[fake_n_units].name, sizeof(fake_units[0].name), "%s", unit);
	fake_n_units++;
	return 0;
}

static inline bool fake_runs(const char *unit)
{
	for (size_t i = 0; i < fake_n_units; i++) {
		if (fake_units[i].running && strcmp(fake_units[i].name, unit) == 0)
			return true;
	}
	return false;
}

/* How often it was started. */
static inline unsigned int fake_starts(const char *unit)
{
	unsigned int n = 0;

	for (size_t i = 0; i < fake_n_units; i++)
		n += strcmp(fake_units[i].name, unit) == 0;
	return n;
}

/* ---- the daemon ----------------------------------------------------------------------- */

struct fake {
	struct scratch *scratch;
	sd_event *event;
	struct daemon *daemon;
	struct daemon_sockets sockets;
};

static inline void fake_turn(const struct fake *fake)
{
	int n_idle = 0;

	for (int i = 0; i < 100000 && n_idle < 2; i++) {
		int r = sd_event_run(fake->event, 0);

		assert_true(r >= 0);
		n_idle = r == 0 ? n_idle + 1 : 0;
	}
}

/* Let time pass, a bit at a time as it would. */
static inline void fake_pass_ms(const struct fake *fake, int64_t ms)
{
	fake_turn(fake);
	while (ms > 0) {
		int64_t step_ms = ms < 500 ? ms : 500;

		fake_ahead_ms += step_ms;
		ms -= step_ms;
		fake_turn(fake);
	}
}

/* End a running unit and let the daemon hear of it. */
static inline void fake_end(const struct fake *fake, const char *unit, const char *result)
{
	struct fake_unit *found = NULL;

	for (size_t i = 0; i < fake_n_units && !found; i++) {
		if (fake_units[i].running && strcmp(fake_units[i].name, unit) == 0)
			found = &fake_units[i];
	}
	if (!found)
		fail_msg("%s does not run", unit);
	found->running = false;
	found->on_end(found->context, unit, strcmp(result, "done") == 0 ? UNITS_DONE : UNITS_FAILED,
		      result);
	fake_turn(fake);
}

#define FAKE_PAM "run/devvm/pam.sock"
#define FAKE_HELPER "run/devvm/helper.sock"
#define FAKE_TICKETS "run/devvm/tickets"

static inline struct sockaddr_un fake_address(const struct fake *fake, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", fake->scratch->folder,
		       path);
	return address;
}

static inline int fake_listen(const struct fake *fake, const char *path)
{
	struct sockaddr_un address = fake_address(fake, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 4096), 0);
	return fd;
}

static inline void fake_start(struct fake *fake)
{
	fake_n_units = 0;
	fake_bus_is_down = false;
	assert_int_equal(sd_event_new(&fake->event), 0);
	assert_ok(fake->scratch, daemon_new(&fake->daemon, fake->event, &fake->scratch->env,
					    &fake->sockets, &fake->scratch->err));
	fake_turn(fake);
}

static inline void fake_stop(struct fake *fake)
{
	daemon_free(fake->daemon);
	sd_event_unref(fake->event);
	fake->daemon = NULL;
}

/* A daemon whose first reconcile is over, and an empty ledger. */
static inline int fake_setup(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	assert_non_null(fake);
	log_init("test", -1); /* what is logged is of no interest here */
	fake_ahead_ms = 0;
	fake_peer_uid = 0;
	fake->scratch = scratch_new();
	scratch_open_ledger(fake->scratch);
	scratch_make_folder(fake->scratch, FAKE_TICKETS, 0700);
	scratch_make_folder(fake->scratch, "etc/devvm", 0755);
	fake->sockets = (struct daemon_sockets){
		.pam_fd = fake_listen(fake, FAKE_PAM),
		.helper_fd = fake_listen(fake, FAKE_HELPER),
	};
	fake_start(fake);
	fake_end(fake, "devvm-reconcile.service", "done");
	*state = fake;
	return 0;
}

static inline int fake_teardown(void **state)
{
	struct fake *fake = *state;

	fake_stop(fake);
	(void)close(fake->sockets.pam_fd);
	(void)close(fake->sockets.helper_fd);
	scratch_free(fake->scratch);
	free(fake);
	return 0;
}

/* ---- people --------------------------------------------------------------------------- */

/* In the ledger, with an account of ours. uid 1001 + n, generation 1. */
static inline void fake_person(const struct fake *fake, const char *name, unsigned int n,
			       const char *tier)
{
	struct scratch *scratch = fake->scratch;
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted(name, n);

	free(row.tier);
	row.tier = strdup(tier);
	assert_non_null(row.tier);
	assert_ok(scratch, people_put_wanted(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, people_set_account(scratch->ledger, name, PEOPLE_ACCOUNT_CREATED,
					      1001 + n, &scratch->err));
	assert_ok(scratch,
		  people_set_login(scratch->ledger, name, PEOPLE_LOGIN_NONE, &scratch->err));
}

/* As the reconcile writes it. */
static inline void fake_ticket(const struct fake *fake, const char *name)
{
	const struct file_spec spec = { .data = "#devvm-ticket 1\n",
					.n_bytes = 16,
					.mode = 0600,
					.uid = (uid_t)-1,
					.gid = (gid_t)-1,
					.untouched = true };
	char path[64];

	(void)snprintf(path, sizeof(path), FAKE_TICKETS "/%s", name);
	assert_ok(fake->scratch,
		  file_replace(fake->scratch->env.root_dirfd, path, &spec, &fake->scratch->err));
}

/* As a login does it, so long before now on the daemon's clock; the loop has yet to turn. */
static inline void fake_touch(const struct fake *fake, const char *name, int64_t seconds_ago)
{
	int64_t seconds = fake->scratch->env.fixed_usec / 1000000 - seconds_ago;
	const struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	char path[64];

	(void)snprintf(path, sizeof(path), FAKE_TICKETS "/%s", name);
	assert_int_equal(utimensat(fake->scratch->env.root_dirfd, path, times, 0), 0);
}

static inline void fake_step(const struct fake *fake, const char *name, const char *step,
			     enum steps_log_status status, const char *error)
{
	const struct steps_log_result result = {
		.name = name,
		.step = step,
		.status = status,
		.error = error,
		.generation = 1,
		.now_usec = SCRATCH_NOW_USEC,
	};

	assert_ok(fake->scratch,
		  steps_log_put(fake->scratch->ledger, &result, &fake->scratch->err));
}

/* Every home step done for, so that nothing is due. */
static inline void fake_all_home_steps(const struct fake *fake, const char *name)
{
	for (const struct step *step = step_next(STEP_HOME, NULL); step;
	     step = step_next(STEP_HOME, step))
		fake_step(fake, name, step->name, STEPS_LOG_OK, NULL);
}

/* ---- clients -------------------------------------------------------------------------- */

static inline int fake_connect(const struct fake *fake, const char *path, uid_t uid)
{
	struct sockaddr_un address = fake_address(fake, path);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	fake_peer_uid = uid;
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	fake_turn(fake);
	return fd;
}

static inline void fake_say(const struct fake *fake, int fd, const char *packet)
{
	assert_int_equal(send(fd, packet, strlen(packet), MSG_NOSIGNAL | MSG_DONTWAIT),
			 strlen(packet));
	fake_turn(fake);
}

/* One packet, with its line ends as blanks; "(nothing)", "(closed)". */
static inline const char *fake_hear(const struct fake *fake, int fd)
{
	static char packet[RECORD_MAX_BYTES + 1];
	ssize_t n;

	fake_turn(fake);
	n = recv(fd, packet, RECORD_MAX_BYTES, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? "(nothing)" : "(closed)";
	if (n == 0)
		return "(closed)";
	packet[n - (packet[n - 1] == '\n')] = '\0';
	for (char *c = packet; *c; c++)
		*c = *c == '\n' ? ' ' : *c;
	return packet;
}

/* A connection for one request; its first packet of an answer. */
static inline const char *fake_ask(const struct fake *fake, uid_t uid, const char *packet)
{
	int fd = fake_connect(fake, FAKE_HELPER, uid);
	const char *answer;

	fake_say(fake, fd, packet);
	answer = fake_hear(fake, fd);
	(void)close(fd);
	fake_turn(fake);
	return answer;
}

#define assert_heard(fake, fd, expected) assert_string_equal(fake_hear(fake, fd), expected)

#endif
