/* fuzz_version.c - any bytes as versions: a strict form, and an order that holds. Corpus: corpus/version; the
 * lines of a file are versions. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "update/version.h"

#define MAX_LINES 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

static int sign(int order)
{
	return (order > 0) - (order < 0);
}

static void hold(const char *const *versions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char channel[VERSION_CHANNEL_BYTES];

		version_channel(versions[i], channel);
		insist(version_compare(versions[i], versions[i]) == 0);
		for (size_t k = 0; k < n; k++)
			insist(sign(version_compare(versions[i], versions[k])) ==
			       -sign(version_compare(versions[k], versions[i])));
	}
	if (n == MAX_LINES && version_compare(versions[0], versions[1]) <= 0 &&
	    version_compare(versions[1], versions[2]) <= 0)
		insist(version_compare(versions[0], versions[2]) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	DV_AUTO_FREE char *text = strndup((const char *)data, n_bytes);
	const char *versions[MAX_LINES];
	char *rest = text, *line;
	size_t n = 0;

	while (n < MAX_LINES && (line = strsep(&rest, "\n"))) {
		if (version_is_valid(line))
			versions[n++] = line;
	}
	hold(versions, n);
	return 0;
}
