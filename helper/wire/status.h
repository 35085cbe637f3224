/* status.h - the answer to `status` as a tree, and as JSON. Pure but for the stream it prints to. */
#ifndef DEVVM_WIRE_STATUS_H
#define DEVVM_WIRE_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "wire/record.h"

#define STATUS_MAX_ROWS 2000000 /* more is no machine of ours */
#define STATUS_NO_NUMBER ((int64_t)-1)

struct status_step {
	char *name;
	char *status; /* "ok", "failed" */
	char *error;  /* "" when there is none */
	int64_t attempts;
	int64_t next_retry_usec; /* 0: none */
	int64_t updated_usec;
};

struct status_steps {
	struct status_step *items;
	size_t n_items;
};

/* What runs for a person. */
enum status_instance {
	STATUS_T3,
	STATUS_BROWSER,
	STATUS_TERMINAL,
	STATUS_N_INSTANCES,
};

/* Texts are "" and numbers STATUS_NO_NUMBER where the helper said nothing. */
struct status_person {
	char *user, *identity, *tier, *state, *login, *home;
	char *t3_version; /* that their t3 starts */
	char *waiting;	  /* the version that waits for them, and why */
	bool runs[STATUS_N_INSTANCES];
	int64_t uid, t3_port, playwright_port, generation, sessions;
	bool has_ticket, is_parked, is_held;
	struct status_steps steps;
};

struct status_machine {
	bool is_known; /* the asker may see it */
	char *roster, *roster_error, *config_error, *reconcile, *version;
	char *closed; /* the protected trees that were found open last; "" for none */
	int64_t closed_usec;
	char *frozen;		    /* why versions are; "" where they are not */
	char *update, *update_text; /* how the last run of the updater ended; "" before the first */
	int64_t update_usec;
	int64_t people, running, queued;
	struct status_steps steps;
};

/* A state that a run of the updater entered. */
struct status_transition {
	int64_t at_usec;
	char *state, *user, *text; /* user "": of the machine */
};

/* A run of the updater, with its states in their order. */
struct status_run {
	int64_t id, began_usec, ended_usec; /* ended 0: under way, or killed */
	char *from, *to, *outcome, *reason;
	struct status_transition *transitions;
	size_t n_transitions;
};

struct status {
	struct status_run *runs; /* the newest first */
	size_t n_runs;
	struct status_machine machine;
	struct status_person *people;
	size_t n_people;
	size_t n_rows;
	size_t last_person; /* whose step came last: theirs come together */
};

/* Take over one `row`; kinds it does not know are passed over. -ENOMEM, -EBADMSG. */
DV_MUST_CHECK int status_add(struct status *status, const struct record *row, struct dv_error *err);
void status_done(struct status *status);

/* "t3", "browser", "terminal". */
const char *status_instance_name(enum status_instance instance);
/* {"machine":{…},"people":[{…,"steps":[…]}],"runs":[{…,"transitions":[…]}]}; times in RFC 3339. */
DV_MUST_CHECK int status_print_json(const struct status *status, FILE *stream);

#define DV_AUTO_STATUS DV_CLEANUP(status_done)

#endif
