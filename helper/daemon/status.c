/* status.c - the verb status: each person with the results of their steps, then the machine.
 *
 * Read page by page. Whatever is held between two records can be let go at any moment: the
 * cursor is the name of the person and of the step that were last written.
 */
#include <fcntl.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "daemon/notice.h"
#include "daemon/rollouts.h"
#include "daemon/verbs.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"
#include "ledger/update_log.h"
#include "steps/hold.h"
#include "steps/protect.h"
#include "store/store.h"
#include "units/cgroup.h"
#include "update/freeze.h"

#define STATUS_PAGE 8 /* people read at once */

enum status_at {
	STATUS_AT_PERSON, /* the one behind `name` */
	STATUS_AT_STEPS,  /* of `name`, behind `step` */
	STATUS_AT_MACHINE,
	STATUS_AT_MACHINE_STEPS,
	STATUS_AT_ROLLOUTS,
	STATUS_AT_END,
};

struct status {
	struct answer base; /* `user`: the one person asked about, or "" */
	bool sees_machine;
	unsigned int n_present; /* of those written so far */
	enum status_at at;
	char name[STR_USER_NAME_MAX + 1];
	char step[64];
	struct rollouts rollouts;
	/* Read ahead; empty at rest. */
	struct people page;
	size_t page_at;
	struct steps_log log;
	bool has_log;
};

static void drop_log(struct status *status)
{
	steps_log_done(&status->log);
	status->has_log = false;
}

static void status_rest(struct answer *answer)
{
	struct status *status = (struct status *)answer;

	people_done(&status->page);
	status->page_at = 0;
	drop_log(status);
}

static const char *lane_name(enum queue_lane_state state)
{
	switch (state) {
	case QUEUE_LANE_IDLE:
		return "idle";
	case QUEUE_LANE_PENDING:
		return "pending";
	case QUEUE_LANE_RUNNING:
		return "running";
	}
	return "idle";
}

static const char *home_name(enum queue_home_state state)
{
	switch (state) {
	case QUEUE_HOME_NONE:
		return "idle";
	case QUEUE_HOME_HELD:
	case QUEUE_HOME_QUEUED:
		return "queued";
	case QUEUE_HOME_RUNNING:
		return "running";
	}
	return "idle";
}

/* The freeze, and how the last run of the updater ended. */
static int add_update(struct daemon *daemon, struct ledger *ledger, struct record_writer *writer,
		      struct dv_error *err)
{
	DV_AUTO_UPDATE_RUN struct update_run run = { 0 };
	char text[FREEZE_TEXT_BYTES];
	struct freeze freeze;
	int r = update_log_last(ledger, &run, err);

	if (r < 0)
		return r;
	freeze_look(daemon->env, &freeze);
	if (freeze.is_frozen) {
		freeze_text(&freeze, text);
		record_add_text(writer, "frozen", text);
	}
	if (run.id == 0)
		return 0;
	record_add(writer, "update", run.ended_usec > 0 ? run.outcome : "under-way");
	record_add_int(writer, "update-at", run.ended_usec > 0 ? run.ended_usec : run.began_usec);
	record_add_text(writer, "update-text",
			run.ended_usec > 0 ? run.reason : update_state_word(run.state));
	return 0;
}

/* 1, with a record written. */
static int write_machine(struct status *status, struct ledger *ledger, struct record_writer *writer,
			 struct dv_error *err)
{
	const struct queue *queue = status->base.daemon->queue;
	DV_AUTO_FREE char *refused = NULL;
	DV_AUTO_FREE char *config_error = NULL;
	DV_AUTO_FREE char *closed = NULL;
	char *paths = NULL;
	int64_t closed_usec;
	int r = ledger_get_meta(ledger, "roster-error", &refused, err);

	if (r == 0)
		r = ledger_get_meta(ledger, "config-error", &config_error, err);
	if (r == 0)
		r = ledger_get_meta(ledger, PROTECT_META, &closed, err);
	if (r < 0)
		return r;
	closed_usec = closed ? strtoll(closed, &paths, 10) : 0;
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "machine");
	record_add(writer, "roster", refused ? "refused" : "ok");
	record_add_text(writer, "roster-error", refused);
	record_add_text(writer, "config-error", config_error);
	record_add_int(writer, "people", status->n_present);
	record_add_int(writer, "running", queue_n_running(queue));
	record_add_int(writer, "queued", queue_n_queued(queue));
	record_add(writer, "reconcile", lane_name(queue_lane_state(queue)));
	record_add(writer, "version", DEVVM_VERSION);
	if (paths && *paths == ' ') {
		record_add_text(writer, "closed", paths + 1);
		record_add_int(writer, "closed-at", closed_usec);
	}
	r = add_update(status->base.daemon, ledger, writer, err);
	return r < 0 ? r : 1;
}

/* Without logind there are none to tell of. */
static int count_sessions(uid_t uid)
{
	int n = sd_uid_get_sessions(uid, 0, NULL);

	return n > 0 ? n : 0;
}

/* What runs for them: a unit that runs has a cgroup. */
static void write_instances(const struct daemon *daemon, const char *user,
			    struct record_writer *writer)
{
	static const struct {
		const char *key, *prefix;
	} instances[] = {
		{ "t3", "t3-serve@" },
		{ "browser", "playwright-mcp@" },
		{ "terminal", "ttyd@" },
	};
	char version[STORE_VERSION_BYTES];

	for (size_t i = 0; i < DV_COUNT(instances); i++) {
		char unit[64 + STR_USER_NAME_MAX];
		DV_AUTO_CLOSE int fd = -1;

		(void)snprintf(unit, sizeof(unit), "%s%s.service", instances[i].prefix, user);
		fd = cgroup_open(daemon->env, unit, NULL);
		record_add(writer, instances[i].key, fd >= 0 ? "running" : "stopped");
	}
	/* What cannot be read is not known here; a start of it says why. */
	if (store_get_pointer(daemon->env, "t3", user, version, NULL) < 0 ||
	    (!*version && store_get_pointer(daemon->env, "t3", NULL, version, NULL) < 0))
		version[0] = '\0';
	if (*version)
		record_add(writer, "t3-version", version);
	record_add(writer, "held", hold_is_set(daemon->env, user) ? "yes" : "no");
}

static int write_person(struct status *status, const struct people_row *person,
			struct ledger *ledger, struct record_writer *writer, struct dv_error *err)
{
	struct daemon *daemon = status->base.daemon;
	char waiting[NOTICE_BYTES];
	int r = notice_waiting(daemon, ledger, person->name, waiting, err);

	if (r < 0)
		return r;
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "person");
	record_add(writer, "user", person->name);
	record_add(writer, "identity", person->identity);
	record_add(writer, "tier", person->tier);
	record_add(writer, "state", people_state_name(person->state));
	if (person->uid != PEOPLE_NO_UID)
		record_add_int(writer, "uid", person->uid);
	record_add_int(writer, "t3-port", person->ports[PEOPLE_PORT_T3]);
	record_add_int(writer, "playwright-port", person->ports[PEOPLE_PORT_PLAYWRIGHT]);
	record_add_int(writer, "generation", person->generation);
	record_add(writer, "login", people_login_name(person->login));
	record_add(writer, "ticket", daemon_has_ticket(daemon, person->name) ? "yes" : "no");
	record_add(writer, "home", home_name(queue_home_state(daemon->queue, person->name)));
	record_add(writer, "parked", person->parked ? "yes" : "no");
	write_instances(daemon, person->name, writer);
	if (person->state == PEOPLE_LEFT && person->uid > 0)
		record_add_int(writer, "sessions", count_sessions((uid_t)person->uid));
	if (*waiting)
		record_add_text(writer, "waiting", waiting);
	return 0;
}

static void write_step(const struct steps_log_row *row, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "step");
	record_add(writer, "user", row->name);
	record_add(writer, "step", row->step);
	record_add(writer, "status", row->status == STEPS_LOG_OK ? "ok" : "failed");
	record_add_text(writer, "error", row->error);
	record_add_int(writer, "attempts", row->attempts);
	record_add_int(writer, "next-retry", row->next_retry_usec);
	record_add_int(writer, "updated", row->updated_usec);
}

/* The person who comes next, borrowed from the page; NULL behind the last. */
static int find_person(struct status *status, struct ledger *ledger,
		       const struct people_row **ret_person, struct dv_error *err)
{
	const char *only = status->base.user;
	int r;

	*ret_person = NULL;
	if (*only && *status->name)
		return 0;
	if (status->page_at == status->page.n_rows) {
		people_done(&status->page);
		status->page_at = 0;
		r = people_list_page(ledger, status->name, STATUS_PAGE, &status->page, err);
		if (r < 0)
			return r;
	}
	if (status->page_at < status->page.n_rows)
		*ret_person = &status->page.rows[status->page_at++];
	return 0;
}

/* One person is a page of one. */
static int find_only(struct status *status, struct ledger *ledger, struct dv_error *err)
{
	struct people_row *row = calloc(1, sizeof(*row));
	int r = row ? people_get(ledger, status->base.user, row, err) : -ENOMEM;

	if (r < 0) {
		free(row);
		return r;
	}
	status->page = (struct people){ .rows = row, .n_rows = 1 };
	return 0;
}

static int next_person(struct status *status, struct ledger *ledger, struct record_writer *writer,
		       struct dv_error *err)
{
	const struct people_row *person;
	int r = 0;

	if (*status->base.user && !*status->name && status->page.n_rows == 0)
		r = find_only(status, ledger, err);
	if (r == 0)
		r = find_person(status, ledger, &person, err);
	if (r < 0)
		return r;
	if (!person) {
		*status->name = '\0'; /* as the machine's steps are called */
		status->at = status->sees_machine ? STATUS_AT_MACHINE : STATUS_AT_END;
		return 0;
	}
	r = write_person(status, person, ledger, writer, err);
	if (r < 0)
		return r;
	status->n_present += person->state == PEOPLE_PRESENT;
	(void)snprintf(status->name, sizeof(status->name), "%s", person->name);
	*status->step = '\0';
	status->at = STATUS_AT_STEPS;
	return 1;
}

/* 1 with a record written, 0 when the person has no further step. */
static int next_step(struct status *status, struct ledger *ledger, struct record_writer *writer,
		     struct dv_error *err)
{
	int r = 0;

	if (!status->has_log)
		r = steps_log_list(ledger, status->name, &status->log, err);
	if (r < 0)
		return r;
	status->has_log = true;
	for (size_t i = 0; i < status->log.n_rows; i++) {
		const struct steps_log_row *row = &status->log.rows[i];

		if (strcmp(row->step, status->step) <= 0)
			continue;
		write_step(row, writer);
		(void)snprintf(status->step, sizeof(status->step), "%s", row->step);
		return 1;
	}
	drop_log(status);
	*status->step = '\0';
	status->at = status->at == STATUS_AT_STEPS ? STATUS_AT_PERSON : STATUS_AT_ROLLOUTS;
	return 0;
}

/* 1 with a record written, 0 when there is nothing at this place. */
static int next_record(struct status *status, struct ledger *ledger, struct record_writer *writer,
		       struct dv_error *err)
{
	int r;

	switch (status->at) {
	case STATUS_AT_PERSON:
		return next_person(status, ledger, writer, err);
	case STATUS_AT_MACHINE:
		status->at = STATUS_AT_MACHINE_STEPS;
		return write_machine(status, ledger, writer, err);
	case STATUS_AT_STEPS:
	case STATUS_AT_MACHINE_STEPS:
		return next_step(status, ledger, writer, err);
	case STATUS_AT_ROLLOUTS:
		r = rollouts_next(&status->rollouts, ledger, writer, err);
		if (r == 0)
			status->at = STATUS_AT_END;
		return r;
	case STATUS_AT_END:
		break;
	}
	return 0;
}

static enum answer_next status_next(struct answer *answer, struct record_writer *writer)
{
	struct status *status = (struct status *)answer;
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r = store_get(&answer->daemon->store, &ledger, &err);

	while (r == 0 && status->at != STATUS_AT_END)
		r = next_record(status, ledger, writer, &err);
	if (r > 0)
		return ANSWER_RECORD;
	if (store_note(&answer->daemon->store, r, &err) < 0)
		answer_write_error(writer, r == -ENOENT ? PROTO_CODE_NOT_FOUND : PROTO_CODE_FAILED,
				   "%s", err.text);
	else
		answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

/* Those who see only themselves: a question without a name is about them. */
static int find_self(struct daemon *daemon, uid_t uid, struct people_row *ret_person,
		     struct dv_error *err)
{
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, err);

	if (r == 0)
		r = people_get_by_uid(ledger, uid, ret_person, err);
	return store_note(&daemon->store, r, err);
}

struct answer *status_handle(struct daemon *daemon, const struct request *request,
			     struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = status_next,
					       .rest = status_rest,
					       .release = status_rest };
	const unsigned int see_all = PROTO_ROLE_ROOT | PROTO_ROLE_ADMIN | PROTO_ROLE_DISPATCH;
	DV_AUTO_PEOPLE_ROW struct people_row self = { 0 };
	struct dv_error err = { "" };
	const char *user = request->user;
	struct status *status;

	if (!user && !(request->roles & see_all)) {
		if (find_self(daemon, request->uid, &self, &err) < 0) {
			answer_write_error(reply, PROTO_CODE_FAILED, "%s", err.text);
			return NULL;
		}
		user = self.name;
	}
	status = answer_new(sizeof(*status), &OPS, daemon, user);
	if (!status)
		return verbs_no_memory(reply);
	status->sees_machine = !user; /* what is wrong with the roster may be about others */
	return &status->base;
}
