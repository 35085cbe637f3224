/* digest.c - see digest.h. libcrypto does it: it is there wherever libcurl is. */
#include "base/digest.h"

#include <openssl/evp.h>

int digest_sha256(const void *data, size_t n_bytes, char ret_hex[static DIGEST_HEX_BYTES],
		  struct dv_error *err)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(data, n_bytes, digest, &n, EVP_sha256(), NULL) != 1 || n != 32)
		return dv_refuse(err, -EIO, "SHA-256 is not available in libcrypto");
	for (unsigned int i = 0; i < n; i++)
		(void)snprintf(ret_hex + 2 * (size_t)i, 3, "%02x", digest[i]);
	return 0;
}
