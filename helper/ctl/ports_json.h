/* ports_json.h - a file of ports given before: JSON {"name": port, ...}. */
#ifndef DEVVM_CTL_PORTS_JSON_H
#define DEVVM_CTL_PORTS_JSON_H

#include "roster/derive.h"

/* Ports of several files, for derive(). Zero-initialise; release with ports_json_done(). */
struct ports_json {
	struct derive_port *ports; /* the names lie in `names` */
	size_t n_ports;
	struct str_list names;
};

/* Add what `path` holds. -EINVAL with "path: what" for anything that is no such file; a
 * port that two people hold is for derive() to refuse. */
DV_MUST_CHECK int ports_json_load(struct ports_json *ports, const char *path,
				  enum config_service service, struct dv_error *err);
void ports_json_done(struct ports_json *ports);

#define DV_AUTO_PORTS_JSON DV_CLEANUP(ports_json_done)

#endif
