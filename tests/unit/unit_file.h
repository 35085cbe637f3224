/* unit_file.h - what stands in a file below units/, for the tests of who waits for it. */
#ifndef DEVVM_TESTS_UNIT_FILE_H
#define DEVVM_TESTS_UNIT_FILE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"

#define UNIT_FILE_MAX_BYTES 65536
#define UNIT_FILE_DEFAULT_MS 90000 /* DefaultTimeoutStartSec= of Debian */

/* TimeoutStartSec= in milliseconds; -1 where the file or the value makes no sense. */
static inline int64_t unit_file_timeout_ms(const char *path)
{
	static const struct {
		const char *suffix;
		int64_t ms;
	} spans[] = { { "h", 3600000 }, { "min", 60000 }, { "s", 1000 }, { "", 1000 } };
	static const char KEY[] = "\nTimeoutStartSec=";
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { "" };
	size_t n_bytes = 0;
	const char *at;
	char *rest;
	long long n;

	if (file_read(AT_FDCWD, path, UNIT_FILE_MAX_BYTES, &text, &n_bytes, NULL, &err) < 0)
		return -1;
	at = strstr(text, KEY);
	if (!at)
		return UNIT_FILE_DEFAULT_MS;
	n = strtoll(at + strlen(KEY), &rest, 10);
	for (size_t i = 0; i < DV_COUNT(spans); i++) {
		size_t n_suffix = strlen(spans[i].suffix);

		if (strncmp(rest, spans[i].suffix, n_suffix) == 0 && rest[n_suffix] == '\n')
			return n * spans[i].ms;
	}
	return -1;
}

#endif
