/* digest.h - SHA-256 of a buffer, as lower-case hex. */
#ifndef DEVVM_BASE_DIGEST_H
#define DEVVM_BASE_DIGEST_H

#include <stddef.h>

#include "base/error.h"

#define DIGEST_HEX_BYTES 65 /* 64 digits and a NUL */

DV_MUST_CHECK int digest_sha256(const void *data, size_t n_bytes,
				char ret_hex[static DIGEST_HEX_BYTES], struct dv_error *err);

#endif
