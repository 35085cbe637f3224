/* staging.h - root's side of the staging of a program: have it staged, take it over.
 *
 * The stage runs npm and whatever a package's scripts do, as an account without rights, in a
 * unit of its own. When that unit has ended nothing of it runs any more; only then is what it
 * made looked at, and only regular files, folders and inner links are taken.
 */
#ifndef DEVVM_STEPS_STAGING_H
#define DEVVM_STEPS_STAGING_H

#include "store/stage.h"

#define STAGING_DEADLINE_MS (25 * 60000) /* above the unit's own */

/* Have `want` (a version or a tag) of `item` in the store. `ret_version` is which one it is.
 * A version that is there already is not staged again; a tag is asked for each time. The
 * sentence of a failure is npm's where npm failed. Blocks for minutes. */
DV_MUST_CHECK int staging_run(const struct env *env, const struct config *config,
			      const struct stage_item *item, const char *want,
			      char ret_version[static STORE_VERSION_BYTES], struct dv_error *err);

/* Why there is no version to be had. */
enum staging_fault {
	STAGING_FAULT_NONE,
	STAGING_FAULT_NPM,     /* npm's sentence says it */
	STAGING_FAULT_HASH,    /* another package than the one that was resolved */
	STAGING_FAULT_PROGRAM, /* it lacks the program it says it has */
	STAGING_FAULT_OURS,
};

/* Have exactly this package in the store: `version`, with the hash `integrity`, holding the
 * program that bears the item's name. One that is there already is held against the same. */
DV_MUST_CHECK int staging_run_exact(const struct env *env, const struct config *config,
				    const struct stage_item *item, const char *version,
				    const char *integrity, enum staging_fault *ret_fault,
				    struct dv_error *err);

/* For whoever changes what is in the store: no stage of the item ends meanwhile. An fd. */
DV_MUST_CHECK int staging_lock(const struct env *env, const char *item, struct dv_error *err);

/* The part of it behind the unit's end. */
DV_MUST_CHECK int staging_take(const struct env *env, const struct config *config,
			       const struct stage_item *item, const char *want,
			       char ret_version[static STORE_VERSION_BYTES], struct dv_error *err);

/* Point current to `version`: always, or only where there is none yet. `ret_current` is what
 * it names then. */
DV_MUST_CHECK int staging_set_current(const struct env *env, const char *item, const char *version,
				      bool only_first, char ret_current[static STORE_VERSION_BYTES],
				      struct dv_error *err);

#endif
