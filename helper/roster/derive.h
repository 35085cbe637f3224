/* derive.h - (roster, ports given before) -> what should be.
 *
 * Pure and linear in the number of people. Ports are sticky, unique across all
 * services, never taken from the reserved list, never given to another person; who has none
 * gets the lowest free one in the order of names. People who left keep theirs: they
 * come in as `given` without being in the roster (and, where their name lives on with
 * another person, under a name that is nobody's). A port that was given before it was
 * reserved, or before its range shrank, is kept too, with a warning: to move it would
 * break what its owner has running.
 */
#ifndef DEVVM_ROSTER_DERIVE_H
#define DEVVM_ROSTER_DERIVE_H

#include "config/config.h"
#include "roster/roster.h"

/* A port somebody was given: any order, the names may be of people who left. */
struct derive_port {
	const char *name;
	enum config_service service;
	unsigned int port;
};

struct derive_input {
	const struct roster *roster;
	const struct config *config;
	const struct derive_port *given;
	size_t n_given;
	bool zsh_installed; /* decides the default shell */
};

struct derived_person {
	const struct roster_person *person; /* borrowed from the roster */
	const char *shell;		    /* borrowed or static */
	struct str_list groups;		    /* tier groups, then the person's own, no name twice */
	unsigned int ports[CONFIG_N_SERVICES];
};

struct derived {
	struct derived_person *people; /* in the roster's order */
	size_t n_people;
	bool shell_fell_back;	  /* somebody has the default shell and zsh is not installed */
	struct str_list warnings; /* sentences: ports that are kept although they are reserved */
};

/* -ENOSPC with a sentence naming the service and its range when a range is full, -EINVAL
 * when a given port is none (0, above 65535), was given twice, or when somebody was given
 * two of one service. Release with derived_done(). Borrows the roster. */
DV_MUST_CHECK int derive(struct derived *ret_derived, const struct derive_input *input,
			 struct dv_error *err);
void derived_done(struct derived *derived);

/* The same as JSON text for `devvmctl derive --json` (docs/man/devvmctl.8): keys
 * accounts, ports, playwright_ports, dispatch, ttyd_user_map; keys sorted, two-space
 * indent, a newline at the end. Owned by the caller. */
DV_MUST_CHECK int derived_to_json(const struct derived *derived, char **ret_text,
				  struct dv_error *err);

/* Whose the identity is at the front door, and the port of their t3. */
struct derive_mapping {
	const char *identity;
	const char *os_user;
	unsigned int port;
};

/* Sort by identity, the order of the maps. */
void derive_sort_mappings(struct derive_mapping *mappings, size_t n_mappings);
/* The object `dispatch` of the above, alone: /etc/t3-serve/dispatch.json. Sorted mappings. */
DV_MUST_CHECK int derive_dispatch_to_json(const struct derive_mapping *mappings, size_t n_mappings,
					  char **ret_text, struct dv_error *err);

#define DV_AUTO_DERIVED DV_CLEANUP(derived_done)

#endif
