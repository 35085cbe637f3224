/* instance_units.h - the units that systemd runs for a person, in one table. */
#ifndef DEVVM_STEPS_INSTANCE_UNITS_H
#define DEVVM_STEPS_INSTANCE_UNITS_H

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

#endif
