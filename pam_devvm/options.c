/* options.c - see options.h. */
#include "options.h"

#include <security/pam_ext.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"

#define DIGITS_MAX 5 /* of OPTIONS_TIMEOUT_MAX_MS */

/* "3" is seconds, "500ms" milliseconds. */
static bool parse_timeout(const char *text, int *ret_ms)
{
	char digits[DIGITS_MAX + 1] = "";
	size_t n = strspn(text, "0123456789");
	uint64_t factor = strcmp(text + n, "ms") == 0 ? 1 : 1000;
	uint64_t value;

	if (n > DIGITS_MAX || (text[n] != '\0' && factor != 1))
		return false;
	memcpy(digits, text, n);
	if (str_to_uint(digits, OPTIONS_TIMEOUT_MAX_MS / factor, &value) < 0)
		return false;
	if (value * factor < OPTIONS_TIMEOUT_MIN_MS)
		return false;
	*ret_ms = (int)(value * factor);
	return true;
}

void options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret_options)
{
	struct options options = { .timeout_ms = OPTIONS_TIMEOUT_DEFAULT_MS };

	for (int i = 0; i < argc; i++) {
		if (str_equal(argv[i], "quiet"))
			options.quiet = true;
		else if (str_equal(argv[i], "debug"))
			options.debug = true;
		else if (!str_starts_with(argv[i], "timeout="))
			pam_syslog(pamh, LOG_WARNING,
				   "unknown option %s ignored; known are timeout=, quiet, debug",
				   argv[i]);
		else if (!parse_timeout(strchr(argv[i], '=') + 1, &options.timeout_ms))
			pam_syslog(pamh, LOG_WARNING,
				   "%s ignored: timeout= takes 1 to %d seconds, or %dms to %dms",
				   argv[i], OPTIONS_TIMEOUT_MAX_MS / 1000, OPTIONS_TIMEOUT_MIN_MS,
				   OPTIONS_TIMEOUT_MAX_MS);
	}
	*ret_options = options;
}
