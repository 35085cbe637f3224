/* ssh_key.c - see ssh_key.h. */
#include "roster/ssh_key.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define LINE_MAX_BYTES 8192
#define BLOB_MAX_BYTES (LINE_MAX_BYTES / 4 * 3)

/* A blob is a row of length-prefixed strings, the type's name first. */
struct key_type {
	const char *name;
	int n_strings;
};

static const struct key_type KEY_TYPES[] = {
	{ "ssh-ed25519", 2 },
	{ "ssh-rsa", 3 },
	{ "ecdsa-sha2-nistp256", 3 },
	{ "ecdsa-sha2-nistp384", 3 },
	{ "ecdsa-sha2-nistp521", 3 },
	{ "sk-ssh-ed25519@openssh.com", 3 },
	{ "sk-ecdsa-sha2-nistp256@openssh.com", 4 },
};

static const struct key_type *find_type(const char *word, size_t n)
{
	for (size_t i = 0; i < DV_COUNT(KEY_TYPES); i++) {
		if (strlen(KEY_TYPES[i].name) == n && strncmp(KEY_TYPES[i].name, word, n) == 0)
			return &KEY_TYPES[i];
	}
	return NULL;
}

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Decode `n` characters; the number of bytes, or -EINVAL. RFC 4648, padding required. */
static int decode_base64(const char *text, size_t n, unsigned char ret_bytes[static BLOB_MAX_BYTES])
{
	size_t n_bytes = 0;
	uint32_t bits = 0;
	int n_bits = 0;

	if (n == 0 || n % 4 != 0 || n > LINE_MAX_BYTES)
		return -EINVAL;
	for (int pads = 0; pads < 2 && text[n - 1] == '='; pads++)
		n--;
	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return -EINVAL;
		bits = (bits << 6 | (uint32_t)digit) & 0xffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			ret_bytes[n_bytes++] = (unsigned char)(bits >> n_bits);
		}
	}
	return (int)n_bytes;
}

/* The next length-prefixed string of the blob; false when it is not there whole. */
static bool take_string(const unsigned char **at, size_t *n_left, const unsigned char **ret_string,
			size_t *ret_n)
{
	size_t n;

	if (*n_left < 4)
		return false;
	n = (size_t)(*at)[0] << 24 | (size_t)(*at)[1] << 16 | (size_t)(*at)[2] << 8 | (*at)[3];
	if (n > *n_left - 4)
		return false;
	*ret_string = *at + 4;
	*ret_n = n;
	*at += 4 + n;
	*n_left -= 4 + n;
	return true;
}

static const char *blob_fault(const unsigned char *blob, size_t n_blob, const struct key_type *type)
{
	const unsigned char *string = NULL;
	size_t n = 0;

	if (!take_string(&blob, &n_blob, &string, &n) || n != strlen(type->name) ||
	    memcmp(string, type->name, n) != 0)
		return "is not a key of the type it names";
	for (int i = 1; i < type->n_strings; i++) {
		if (!take_string(&blob, &n_blob, &string, &n) || n == 0)
			return "is cut off: the key is not whole";
	}
	return n_blob > 0 ? "has something behind the key" : NULL;
}

const char *ssh_key_fault(const char *line)
{
	unsigned char blob[BLOB_MAX_BYTES];
	size_t n_type = strcspn(line, " ");
	const struct key_type *type = find_type(line, n_type);
	const char *data = line + n_type;
	int n_blob;

	if (strlen(line) > LINE_MAX_BYTES)
		return "is longer than 8192 characters";
	if (strchr(line, '\n'))
		return "is more than one line";
	if (str_has_control(line))
		return "holds a control character";
	if (!type)
		return "does not begin with a known key type (options are not allowed)";
	data += strspn(data, " ");
	n_blob = decode_base64(data, strcspn(data, " "), blob);
	if (n_blob < 0)
		return "is not base64 behind its type";
	return blob_fault(blob, (size_t)n_blob, type);
}
