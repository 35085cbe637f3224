/* roster_fields.h - one person's keys: what each takes and what it refuses. */
#ifndef DEVVM_ROSTER_ROSTER_FIELDS_H
#define DEVVM_ROSTER_ROSTER_FIELDS_H

#include "base/yaml.h"
#include "roster/roster.h"

/* Whom a message is about. */
struct roster_place {
	const char *file;
	const char *user; /* as it stands in the file; shown escaped */
	struct dv_error *err;
};

/* "file:line: user: what"; returns -EINVAL. */
int roster_refuse(const struct roster_place *place, unsigned int line, const char *format, ...)
	DV_PRINTF(3, 4);

/* Fill `person` (name and line are there already) from the node of its name. What was
 * filled in before a refusal stays, for roster_done(). */
DV_MUST_CHECK int roster_read_person(const struct roster_place *place, const struct yaml_node *node,
				     struct roster_person *person);

#endif
