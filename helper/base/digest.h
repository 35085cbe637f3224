/* digest.h - SHA-256, as lower-case hex: of a buffer, of a file, or of what comes in parts. */
#ifndef DEVVM_BASE_DIGEST_H
#define DEVVM_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define DIGEST_HEX_BYTES 65 /* 64 digits and a NUL */

DV_MUST_CHECK int digest_sha256(const void *data, size_t n_bytes,
				char ret_hex[static DIGEST_HEX_BYTES], struct dv_error *err);

/* Of everything from where `fd` is at to its end. Blocks as read(2) does. */
DV_MUST_CHECK int digest_sha256_fd(int fd, char ret_hex[static DIGEST_HEX_BYTES],
				   struct dv_error *err);

/* In parts: new, add as often as there is something, end once; release with digest_free(). */
struct digest;
DV_MUST_CHECK int digest_new(struct digest **ret_digest, struct dv_error *err);
DV_MUST_CHECK int digest_add(struct digest *digest, const void *data, size_t n_bytes,
			     struct dv_error *err);
DV_MUST_CHECK int digest_end(struct digest *digest, char ret_hex[static DIGEST_HEX_BYTES],
			     struct dv_error *err);
void digest_free(struct digest **digest);

/* Whether `text` is a digest as these functions write it. */
bool digest_is_hex(const char *text);

#define DV_AUTO_DIGEST DV_CLEANUP(digest_free)

#endif
