/* stage.h - what is staged, and where: the names that the unprivileged stage and root, who
 * takes its result over, share.
 *
 * devvm-stage@ITEM-WANT.service works in /var/cache/devvm-stage/ITEM-WANT: `tree` is what
 * becomes a version, `error` the sentence where there is none. WANT is a version or a tag.
 */
#ifndef DEVVM_STORE_STAGE_H
#define DEVVM_STORE_STAGE_H

#include "config/config.h"
#include "store/node.h"
#include "store/store.h"

#define STAGE_FOLDER "var/cache/devvm-stage" /* below the root of struct env */
#define STAGE_TREE "tree"
#define STAGE_ERROR "error"
/* What devvm-resolve@ITEM-WANT leaves, of the same form. */
#define STAGE_RESOLVE_FOLDER "var/cache/devvm-resolve"
#define STAGE_NAME_BYTES (32 + STORE_VERSION_BYTES)

struct stage_item {
	const char *name; /* "t3"; has no dash */
	enum node_purpose purpose;
	const char *(*package)(const struct config *config);
	const char *(*tag)(const struct config *config); /* what is wanted where nothing is said */
};

/* NULL for what is none of ours. */
const struct stage_item *stage_find_item(const char *name);

/* "t3-0.0.24" and back; the name of a unit's instance, so '+' is refused. */
struct stage_name {
	const struct stage_item *item;
	char want[STORE_VERSION_BYTES];
};
DV_MUST_CHECK int stage_parse(const char *instance, struct stage_name *ret_name,
			      struct dv_error *err);
bool stage_is_want(const char *text);
/* A version begins with a digit; anything else is a tag, which npm forbids to look like one. */
bool stage_is_tag(const char *want);

#endif
