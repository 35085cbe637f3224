/* steps.h - the table of everything that is done for a person or the machine.
 *
 * A step has a `check` that observes and says what differs, and an `apply` that makes it
 * so; after an apply the check must be satisfied. With a dry run only checks run. The
 * table's order is the order of running; `needs` names steps that must not have failed.
 * Steps of the reconcile and of devvm-machine run as root outside homes, the latter with time and
 * a network; steps of the home job run as the person, each in a process of its own with a
 * deadline.
 */
#ifndef DEVVM_STEPS_STEPS_H
#define DEVVM_STEPS_STEPS_H

#include "base/env.h"
#include "config/config.h"
#include "ledger/people.h"

enum step_place {
	STEP_RECONCILE, /* root, per person, outside homes */
	STEP_LEAVE,   /* root, per person who left, outside homes; nothing of it is undone there */
	STEP_SYSTEM,  /* the reconcile's, once for the machine, before the people */
	STEP_MAPS,    /* the same, after the people */
	STEP_SETTLE,  /* the reconcile's, once for the machine, after the people */
	STEP_MACHINE, /* devvm-machine: root, slow, network; once for the machine */
	STEP_HOME,    /* as the person */
};

enum step_verdict {
	STEP_UNSET,
	STEP_FINE,
	STEP_DIFFERS,
	STEP_SKIPPED, /* not for this person, or not on this machine */
};

/* What a plan shows of an item that differs. */
enum step_mark {
	STEP_ADD,    /* it is not there and will be */
	STEP_CHANGE, /* it is there, and other than it should be */
	STEP_REMOVE, /* it is there and will not be */
};

typedef void step_on_item(void *context, enum step_mark mark, const char *text);

/* What a step works on. `machine` is the reconcile's shared view, NULL in a home job;
 * `home` is what the helper told a home job, NULL in a reconcile. */
struct step_context {
	const struct env *env;
	const struct config *config; /* of /etc/devvm/devvm.yaml; borrowed */
	struct reconcile_view *machine;
	const struct people_row *person; /* NULL for what is of the machine */
	struct envfile *t3_env; /* the person's, read once for several checks; NULL: read anew */
	const struct home_work *home;
	step_on_item *on_item; /* a plan's; NULL: nobody listens (steps/item.h) */
	void *item_context;
};

#define STEP_WHAT_BYTES 256

struct step {
	const char *name;
	enum step_place place;
	const char *needs;   /* space-separated step names, NULL for none */
	const char *doing;   /* for progress: "cloning repositories" */
	int64_t deadline_ms; /* of a home step */
	/* `ret_what` gets a few words on what differs; see steps/item.h for each item. */
	int (*check)(struct step_context *context, enum step_verdict *ret_verdict,
		     char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
	int (*apply)(struct step_context *context, struct dv_error *err);
};

/* The table, ended by a row without a name. */
extern const struct step STEPS[];

const struct step *step_find(const char *name);
/* Whether `name` is one of the words of `step->needs`. */
bool step_needs(const struct step *step, const char *name);
/* The first step of `place` after `previous` (NULL: from the start); NULL at the end. */
const struct step *step_next(enum step_place place, const struct step *previous);

#endif
