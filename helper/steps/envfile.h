/* envfile.h - one line of a KEY=VALUE file; all other lines survive as they are.
 *
 * The files are those of the units (/etc/t3-serve/USER.env, 0600 root). Administrators
 * write lines of their own into them, so nothing but the named line is touched.
 */
#ifndef DEVVM_STEPS_ENVFILE_H
#define DEVVM_STEPS_ENVFILE_H

#include <stdbool.h>

#include "base/env.h"
#include "base/secret.h"

/* A file as it was read, for who asks about several lines of it. Zero-initialise; release, or
 * forget after a change, with envfile_done(). */
struct envfile {
	bool is_read;
	bool is_private; /* 0600 and the caller's */
	struct secret text;
};

/* The value of `key`, or an empty secret when the file or the line is not there. With `kept`
 * the file is read by the first call alone; NULL: it is read now. */
DV_MUST_CHECK int envfile_get(const struct env *env, struct envfile *kept, const char *path,
			      const char *key, struct secret *ret_value, struct dv_error *err);

/* Set the line to `value`, which is one line, or remove it (NULL). Creates the file where
 * absent; writes nothing when it says so already. The mode becomes 0600 and the owner the
 * caller (root). */
DV_MUST_CHECK int envfile_set(const struct env *env, const char *path, const char *key,
			      const char *value, struct dv_error *err);

/* Whether the file has that line, and is 0600 and the caller's. `kept` as above. */
DV_MUST_CHECK int envfile_says(const struct env *env, struct envfile *kept, const char *path,
			       const char *key, const char *value, bool *ret_says,
			       struct dv_error *err);

void envfile_done(struct envfile *file);

#define DV_AUTO_ENVFILE DV_CLEANUP(envfile_done)

#endif
