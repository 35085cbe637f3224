/* options.h - what may stand behind pam_devvm.so in a PAM file. */
#ifndef DEVVM_PAM_OPTIONS_H
#define DEVVM_PAM_OPTIONS_H

#include <security/pam_modules.h>
#include <stdbool.h>

struct options {
	int timeout_ms; /* for the whole of open_session; `timeout=3` (seconds) or `timeout=500ms` */
	bool quiet;	/* never show text to the person */
	bool debug;	/* one line in the log also when all is well */
};

#define OPTIONS_TIMEOUT_DEFAULT_MS 3000
#define OPTIONS_TIMEOUT_MIN_MS 50
#define OPTIONS_TIMEOUT_MAX_MS 30000

/* Read the module's arguments. Each one that is unknown or malformed is logged and
 * leaves the default in force: a typing error in a PAM file must not cost a login. */
void options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret_options);

#endif
