/* digest.c - see digest.h. libcrypto does it: it is there wherever libcurl is. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <string.h>

#define SHA256_BYTES 32
#define CHUNK_BYTES 262144

struct digest {
	EVP_MD_CTX *context;
};

static int unavailable(struct dv_error *err)
{
	return dv_refuse(err, -EIO, "SHA-256 is not available in libcrypto");
}

static void write_hex(const unsigned char *digest, char ret_hex[static DIGEST_HEX_BYTES])
{
	for (size_t i = 0; i < SHA256_BYTES; i++)
		(void)snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

int digest_sha256(const void *data, size_t n_bytes, char ret_hex[static DIGEST_HEX_BYTES],
		  struct dv_error *err)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_Digest(data, n_bytes, bytes, &n, EVP_sha256(), NULL) != 1 || n != SHA256_BYTES)
		return unavailable(err);
	write_hex(bytes, ret_hex);
	return 0;
}

int digest_new(struct digest **ret_digest, struct dv_error *err)
{
	DV_AUTO_DIGEST struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return dv_fail(err, -ENOMEM, "begin a digest");
	digest->context = EVP_MD_CTX_new();
	if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
		return unavailable(err);
	*ret_digest = DV_TAKE_PTR(digest);
	return 0;
}

int digest_add(struct digest *digest, const void *data, size_t n_bytes, struct dv_error *err)
{
	return EVP_DigestUpdate(digest->context, data, n_bytes) == 1 ? 0 : unavailable(err);
}

int digest_end(struct digest *digest, char ret_hex[static DIGEST_HEX_BYTES], struct dv_error *err)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	if (EVP_DigestFinal_ex(digest->context, bytes, &n) != 1 || n != SHA256_BYTES)
		return unavailable(err);
	write_hex(bytes, ret_hex);
	return 0;
}

void digest_free(struct digest **digest)
{
	if (*digest)
		EVP_MD_CTX_free((*digest)->context);
	free(*digest);
	*digest = NULL;
}

int digest_sha256_fd(int fd, char ret_hex[static DIGEST_HEX_BYTES], struct dv_error *err)
{
	DV_AUTO_FREE char *chunk = malloc(CHUNK_BYTES);
	DV_AUTO_DIGEST struct digest *digest = NULL;
	int r = chunk ? digest_new(&digest, err) : dv_fail(err, -ENOMEM, "make a digest");

	while (r == 0) {
		ssize_t n = read(fd, chunk, CHUNK_BYTES);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return dv_fail(err, -errno, "read for a digest");
		if (n == 0)
			return digest_end(digest, ret_hex, err);
		r = digest_add(digest, chunk, (size_t)n, err);
	}
	return r;
}

bool digest_is_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == DIGEST_HEX_BYTES - 1 &&
	       text[DIGEST_HEX_BYTES - 1] == '\0';
}
