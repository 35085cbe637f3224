/* instance.h - the step `units`: the files by which systemd knows a person's units.
 *
 * Per person a drop-in with the port of their browser server's socket, and links in the
 * targets' .wants folders for what comes up with the machine: all that `systemctl enable`
 * would do, without a process per person. What is to run stands in one table here; that it
 * runs is the step `settle`'s.
 */
#ifndef DEVVM_STEPS_INSTANCE_H
#define DEVVM_STEPS_INSTANCE_H

#include "steps/steps.h"

/* What a unit of a person should be doing. */
enum instance_want {
	INSTANCE_DOWN,
	INSTANCE_UP,
	INSTANCE_EITHER, /* it runs when it is used; never stopped or started by a reconcile */
};

#define INSTANCE_UNIT_BYTES 96

struct instance_unit {
	const char *prefix; /* "playwright-mcp@" */
	const char *suffix; /* ".socket" */
	const char *wants;  /* the folder of its link, NULL: it is never enabled */
	/* Of somebody present and not parked. */
	enum instance_want (*want)(const struct config *config);
};

/* The table, ended by a row without a prefix; what lets others in comes first. */
extern const struct instance_unit INSTANCE_UNITS[];

void instance_unit_name(const struct instance_unit *unit, const char *user,
			char ret_name[static INSTANCE_UNIT_BYTES]);
/* The row and the user of a unit's name; NULL for a unit of somebody else's. */
const struct instance_unit *instance_parse(const char *name,
					   char ret_user[static STR_USER_NAME_MAX + 1]);
enum instance_want instance_want(const struct instance_unit *unit, const struct people_row *person,
				 const struct config *config);

/* The template a unit is made of, absolute; "" where it is not installed. Looked up once per
 * reconcile. */
const char *instance_template(struct reconcile_view *view, const struct instance_unit *unit);

/* A step. */
int instance_check(struct step_context *context, enum step_verdict *ret_verdict,
		   char ret_what[static STEP_WHAT_BYTES], struct dv_error *err);
int instance_apply(struct step_context *context, struct dv_error *err);

/* Whether nothing of that is there. */
bool instance_is_removed(struct reconcile_view *view, const char *name);
/* Of somebody who leaves: their drop-ins and links go; `settle` is told to stop what runs. */
DV_MUST_CHECK int instance_remove(struct reconcile_view *view, const char *name,
				  struct dv_error *err);

#endif
