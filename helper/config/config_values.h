/* config_values.h - reading one value of devvm.yaml into its field.
 *
 * A reader holds the value against its kind and limits and writes the field, releasing
 * what was there. It refuses with "file:line: key: what".
 */
#ifndef DEVVM_CONFIG_CONFIG_VALUES_H
#define DEVVM_CONFIG_CONFIG_VALUES_H

#include <stdint.h>

#include "base/error.h"
#include "base/yaml.h"

/* The value and where it stands. */
struct config_place {
	const char *file;
	const char *path; /* of the key: "ports.t3" */
	const struct yaml_node *node;
	struct dv_error *err;
};

/* Of a number, both included; 0, 0 for what is no number. */
struct config_limits {
	uint64_t min, max;
};

/* Where the value goes. The reader of the key's table row decides the field's type. */
struct config_target {
	void *field;
	size_t *n_items; /* of a list */
	struct config_limits limits;
};

typedef int config_value_reader(const struct config_place *place,
				const struct config_target *target);

config_value_reader config_read_path;	      /* char *: absolute */
config_value_reader config_read_path_or_none; /* char *: absolute, or null for none */
config_value_reader config_read_remote;	      /* char *: git URL with {repo}, or null for none */
config_value_reader config_read_url;	      /* char *: http(s)://, file:///; or null for none */
config_value_reader config_read_web;	      /* char *: http(s)://, no password; or null */
config_value_reader config_read_package;      /* char *: of an npm package, a version or a tag */
config_value_reader config_read_package_or_none; /* the same, or null for none */
config_value_reader config_read_version;	 /* char *: a file name; or null for none */
config_value_reader config_read_sha256;		 /* char *: 64 hex digits; or null for none */
config_value_reader config_read_start;		 /* enum config_start: login, visit, always */
config_value_reader config_read_memory; /* char *: infinity, or a number with K, M, G, T or % */
config_value_reader config_read_bool;	/* bool */
config_value_reader config_read_uint;	/* unsigned int */
config_value_reader config_read_list;	/* unsigned int * and its count; replaces the list */
config_value_reader config_read_window; /* struct config_window: "HH:MM-HH:MM" */
config_value_reader config_read_user;	/* char *: the name of an account */
config_value_reader config_read_users;	/* struct str_list: names of users */
config_value_reader config_read_argv;	/* struct str_list: a command and its arguments */
config_value_reader config_read_range;	/* struct config_port_range: {first: N, last: N} */

/* One of `words` (NULL-terminated, in the order of an enum) into an unsigned int: for readers
 * of one key's words. */
DV_MUST_CHECK int config_read_word(const struct config_place *place,
				   const struct config_target *target, const char *const *words);

/* Add to a list what is not in it yet. -ENOMEM. */
DV_MUST_CHECK int config_list_add(unsigned int **items, size_t *n_items, unsigned int value);

int config_refuse(const struct config_place *place, int r, const char *format, ...) DV_PRINTF(3, 4);

#endif
