/* fuzz_request.c - bytes of a peer through all that the daemon does with them: parse, hold
 * against the table, policy, handler, queue, ledger. Every answer must be one that the
 * protocol knows, and it must end.
 *
 * The first byte chooses who asks, and where; the rest is the packet. systemd is a stand-in
 * that ends each job with the next input.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "daemon/answer.h"
#include "daemon/daemon.h"
#include "daemon/request.h"
#include "ledger/people.h"
#include "wire/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

#define MAX_RECORDS 64 /* of one answer that are looked at */
#define MAX_UNITS 64

static char folder[] = "/tmp/devvm-fuzz-XXXXXX";
static struct env env = ENV_EMPTY;
static sd_event *event;
static struct daemon *served;

/* ---- systemd -------------------------------------------------------------------------- */

static struct {
	char name[96];
	units_on_end on_end;
	void *context;
} running[MAX_UNITS];
static size_t n_running;

int units_new(struct units **ret_units, sd_event *loop DV_UNUSED, struct dv_error *err DV_UNUSED)
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
	if (n_running == MAX_UNITS)
		return dv_refuse(err, -ENOTCONN, "the bus is busy");
	(void)snprintf(running[n_running].name, sizeof(running[0].name), "%s", unit);
	running[n_running].on_end = on_end;
	running[n_running++].context = context;
	return 0;
}

static void end_jobs(bool well)
{
	while (n_running > 0) {
		n_running--;
		running[n_running].on_end(running[n_running].context, running[n_running].name,
					  well ? UNITS_DONE : UNITS_FAILED,
					  well ? "done" : "failed");
	}
}

/* ---- the daemon ----------------------------------------------------------------------- */

static void insist(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_request: %s\n", what);
	abort();
}

static int remove_entry(const char *path, const struct stat *st DV_UNUSED, int type DV_UNUSED,
			struct FTW *at DV_UNUSED)
{
	return remove(path);
}

static void tear_down(void)
{
	daemon_free(served);
	sd_event_unref(event);
	env_done(&env);
	(void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void add_person(struct ledger *ledger, const char *name, const char *tier, unsigned int n)
{
	char text[32];
	struct people_row row = { .wanted_uid = PEOPLE_NO_UID, .ports = { 3773 + n, 8931 + n } };

	(void)snprintf(text, sizeof(text), "%s", tier);
	row.name = row.identity = row.k8s_user = (char[32]){ 0 };
	(void)snprintf(row.name, 32, "%s", name);
	row.tier = text;
	row.shell = row.groups = row.layout = row.repos = row.ssh_keys = (char[1]){ 0 };
	insist(people_put_wanted(ledger, &row, NULL) == 0, "put a person");
	insist(people_set_account(ledger, name, PEOPLE_ACCOUNT_FOUND, 1001 + n, NULL) == 0,
	       "set an account");
}

static void set_up(void)
{
	const struct daemon_sockets none = { -1, -1 };
	struct ledger *ledger = NULL;
	struct dv_error err = { "" };

	log_init("fuzz_request", -1); /* what the daemon logs is of no interest here */
	insist(mkdtemp(folder) && env_init(&env, folder, &err) == 0, "make a folder");
	insist(file_make_dirs(env.root_dirfd, "etc/devvm", 0755, &err) == 0, err.text);
	insist(ledger_open(&ledger, &env, LEDGER_WRITE, 0, &err) == 0, err.text);
	add_person(ledger, "anna", "power-user", 0);
	add_person(ledger, "bob", "admin", 1);
	insist(people_set_login(ledger, "bob", PEOPLE_LOGIN_NONE, NULL) == 0, "set a login");
	ledger_close(ledger);
	insist(sd_event_new(&event) == 0, "make a loop");
	insist(daemon_new(&served, event, &env, &none, &err) == 0, err.text);
	(void)atexit(tear_down);
}

static void check_record(const struct record_writer *writer)
{
	static struct record record;
	const struct proto_row *row;
	struct dv_error err = { "" };

	insist(record_finish(writer) == 0, "an answer is not whole");
	insist(record_parse(&record, writer->buffer, writer->n_bytes, &err) == 0, err.text);
	insist(proto_check(&record, PROTO_ANSWER, &row, &err) == 0, err.text);
}

static void turn(void)
{
	for (int i = 0; i < 16; i++) {
		if (sd_event_run(event, 0) <= 0)
			return;
	}
}

static void drive(struct answer *answer)
{
	static struct record_writer writer;

	for (int i = 0; i < MAX_RECORDS; i++) {
		switch (answer->ops->next(answer, &writer)) {
		case ANSWER_WAIT:
			if (n_running == 0)
				return;
			end_jobs(i % 2 == 0);
			turn();
			break;
		case ANSWER_RECORD:
			check_record(&writer);
			break;
		case ANSWER_LAST:
			check_record(&writer);
			return;
		}
		if (answer->ops->rest && i % 3 == 0)
			answer->ops->rest(answer);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	static const uid_t uids[] = { 0, 1001, 1002, 4242 };
	static struct record_writer reply;
	struct request_peer peer;
	struct answer *answer;
	bool close_it = false;

	if (!served)
		set_up();
	if (n_bytes == 0)
		return 0;
	peer.uid = uids[data[0] % DV_COUNT(uids)];
	peer.socket = data[0] & 16 ? PROTO_SOCKET_PAM : PROTO_SOCKET_HELPER;
	answer = request_handle(served, &peer, data + 1, n_bytes - 1, &reply, &close_it);
	if (answer) {
		drive(answer);
		answer_free(answer);
	} else {
		check_record(&reply);
	}
	end_jobs(data[0] & 32);
	turn();
	return 0;
}
