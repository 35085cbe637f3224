/* secret.h - bytes that must not stay in memory, have no print form, and are
 * never logged. Wiped by the cleanup of the variable that holds them. */
#ifndef DEVVM_BASE_SECRET_H
#define DEVVM_BASE_SECRET_H

#include <stdbool.h>
#include <string.h>

#include "base/file.h"

struct secret {
	char *text; /* NUL-terminated, owned; NULL when empty */
	size_t n_bytes;
};

/* Wipe and release. */
static inline void secret_done(struct secret *secret)
{
	if (secret->text)
		explicit_bzero(secret->text, secret->n_bytes);
	free(secret->text);
	*secret = (struct secret){ 0 };
}

static inline bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->n_bytes == b->n_bytes &&
	       (a->n_bytes == 0 || memcmp(a->text, b->text, a->n_bytes) == 0);
}

#define DV_AUTO_SECRET DV_CLEANUP(secret_done)

/* Read a file of at most `max_bytes` into `ret_secret`; errors as file_read(). */
static inline DV_MUST_CHECK int secret_read(int dirfd, const char *path, size_t max_bytes,
					    struct secret *ret_secret, struct dv_error *err)
{
	return file_read(dirfd, path, max_bytes, &ret_secret->text, &ret_secret->n_bytes, NULL,
			 err);
}

#endif
