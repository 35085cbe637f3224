/* secrets.h - where a secret comes from, and how it is staged.
 *
 * A source gives a value and a version. Of a file and a credential the version is the digest
 * of what it holds, of Vault the number it gives. Whether to stage is decided from versions
 * alone: what is staged may be refreshed in place by those who use it, and stays theirs.
 */
#ifndef DEVVM_SECRETS_SECRETS_H
#define DEVVM_SECRETS_SECRETS_H

#include "secrets/vault.h"

#define SECRETS_MAX_BYTES 65536	 /* of a value */
#define SECRETS_VERSION_BYTES 80 /* "sha256:…" or a number */
#define SECRETS_SOURCE_BYTES 320

struct secrets_found {
	struct secret value;
	char version[SECRETS_VERSION_BYTES];
};

/* "file /etc/devvm/secrets/x", "vault secret/x#value", "credential x". */
void secrets_describe(const struct config *config, const struct config_secret *row,
		      char ret_text[static SECRETS_SOURCE_BYTES]);

/* Ask the source. `credentials` is $CREDENTIALS_DIRECTORY or NULL. -ENOENT nothing there; -EFBIG and
 * -ENODATA for a value that is too large or empty; others as file_read() and vault_read(). */
DV_MUST_CHECK int secrets_get(struct vault *vault, const struct config_secret *row,
			      const char *credentials, struct secrets_found *ret_found,
			      struct dv_error *err);
void secrets_found_done(struct secrets_found *found);

/* Whether a source that gave `known` before and gives `now` has risen. */
bool secrets_has_risen(const struct config_secret *row, const char *known, const char *now);

/* When what is staged was written, in microseconds since the epoch; 0 where nothing is. */
DV_MUST_CHECK int secrets_when_staged(const struct env *env, const struct config_secret *row,
				      int64_t *ret_usec, struct dv_error *err);

/* Write it, whole, with its mode and owner, and make the folders above it: the last one 2770 and
 * of the group where the file is for a group, else 0755. */
DV_MUST_CHECK int secrets_stage(const struct env *env, const struct config_secret *row,
				const struct secret *value, struct dv_error *err);

#define DV_AUTO_SECRETS_FOUND DV_CLEANUP(secrets_found_done)

#endif
