/* store.h - the versions of a program on this machine.
 *
 * /opt/devvm/ITEM/versions/V is there complete or not at all, root's and read-only;
 * /opt/devvm/ITEM/current -> versions/V is what those get who have no version of their own;
 * /opt/devvm/ITEM/people/USER -> ../versions/V is a person's. A pointer is moved by one
 * rename. A version is removed only when it is told to be. Writers hold the item's lock (steps/staging.c).
 */
#ifndef DEVVM_STORE_STORE_H
#define DEVVM_STORE_STORE_H

#include <stdbool.h>

#include "base/env.h"
#include "base/str.h"

#define STORE_FOLDER "opt/devvm" /* below the root of struct env */
#define STORE_VERSION_MAX 64
#define STORE_VERSION_BYTES (STORE_VERSION_MAX + 1)

/* A version, or a dist-tag: safe as a file name. [0-9A-Za-z.+-], no dot or dash first. */
bool store_is_version(const char *text);

/* The complete ones, sorted by name. No folder means none. */
DV_MUST_CHECK int store_list(const struct env *env, const char *item, struct str_list *ret_versions,
			     struct dv_error *err);
/* Returns an fd of the version's folder; -ENOENT, with a sentence, when it is not there. */
DV_MUST_CHECK int store_open(const struct env *env, const char *item, const char *version,
			     struct dv_error *err);
bool store_has(const struct env *env, const char *item, const char *version);

/* Copy the open folder `stage_fd` in as `version`. One that is there already stays as it is.
 * What an interrupted run left behind is removed. Blocks while it copies. */
DV_MUST_CHECK int store_install(const struct env *env, const char *item, const char *version,
				int stage_fd, struct dv_error *err);

/* The same where what is there is not believed: it is replaced in one exchange, and removed. */
DV_MUST_CHECK int store_replace(const struct env *env, const char *item, const char *version,
				int stage_fd, struct dv_error *err);

/* Take a version away: gone from the folder in one rename, then removed. -ENOENT where it is not there. Whether
 * somebody points to it is the caller's business. */
DV_MUST_CHECK int store_remove(const struct env *env, const char *item, const char *version,
			       struct dv_error *err);

/* Who has a pointer of their own, sorted; whatever else lies in that folder is left out. */
DV_MUST_CHECK int store_list_people(const struct env *env, const char *item,
				    struct str_list *ret_users, struct dv_error *err);

/* The version a pointer names, "" where there is no such pointer. `user` NULL: current. What
 * is no link into versions/ is refused. */
DV_MUST_CHECK int store_get_pointer(const struct env *env, const char *item, const char *user,
				    char ret_version[static STORE_VERSION_BYTES],
				    struct dv_error *err);
/* Point it there; -ENOENT when that version is not there. */
DV_MUST_CHECK int store_set_pointer(const struct env *env, const char *item, const char *user,
				    const char *version, struct dv_error *err);

#endif
