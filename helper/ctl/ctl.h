/* ctl.h - what every command of devvmctl shares: where it asks, where it writes, and
 * what its exit status means.
 *
 * Model: a command parses its words and calls a function that takes a `struct ctl`, so
 * the same function runs against a terminal and the real helper, or against memory and
 * a helper of a test. Answers go to `out`, sentences about trouble to `messages`.
 */
#ifndef DEVVM_CTL_CTL_H
#define DEVVM_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* The same for every command (devvmctl(8), EXIT STATUS). */
enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1,	     /* the thing asked for failed */
	CTL_USAGE = 2,	     /* the command line makes no sense */
	CTL_UNREACHABLE = 3, /* the helper is absent, silent or not understood */
	CTL_DENIED = 4,	     /* the caller may not ask for this */
};

struct ctl {
	const char *socket_path;
	FILE *out;
	FILE *messages;
	int bar_fd;  /* a terminal to draw the progress bar on; -1 for none */
	bool colour; /* whether `out` takes colours */
	bool utf8;   /* whether the locale does */
};

/* The real one: the helper's socket, stdout, stderr, and what they can show. */
void ctl_init(struct ctl *ctl);

/* One line "devvmctl: sentence" to `messages`. */
void ctl_say(const struct ctl *ctl, const char *format, ...) DV_PRINTF(2, 3);

/* Take getopt_long's next option; on one it does not know, say so and return '?'.
 * -1 at the end, as getopt_long(3). */
struct option;
int ctl_option(const struct ctl *ctl, int argc, char **argv, const char *letters,
	       const struct option *table);

/* The user named by the one remaining word, or `fallback` (may be NULL) when there is
 * none. NULL, with a sentence, when there are more or it is no user name. */
const char *ctl_user_word(const struct ctl *ctl, int argc, char **argv, const char *fallback);

/* The words of a command whose options all say the same, and the user, "" for none. NULL, with
 * a sentence, for other words. */
const char *ctl_flag_and_user(const struct ctl *ctl, int argc, char **argv, const char *letters,
			      const struct option *table, bool *ret_flag);

/* The value of an option as a whole number from 1. -EINVAL with a sentence. */
DV_MUST_CHECK int ctl_number(const struct ctl *ctl, const char *option, const char *text,
			     uint64_t max, uint64_t *ret_value);

/* The value of --timeout: from a second to a day. */
DV_MUST_CHECK int ctl_seconds(const struct ctl *ctl, const char *text, uint64_t *ret_seconds);

#endif
