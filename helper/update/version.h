/* version.h - which of two versions is the later one.
 *
 * Semantic Versioning 2.0.0 (https://semver.org): MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]. So
 * 0.0.28-nightly.20260616.571 is after 0.0.27 and before 0.0.28, and of two nightlies of one
 * patch first the date and then the run decides, both as numbers. Numbers are compared digit
 * by digit: none is too long. Pure.
 */
#ifndef DEVVM_UPDATE_VERSION_H
#define DEVVM_UPDATE_VERSION_H

#include <stdbool.h>

#define VERSION_CHANNEL_BYTES 32

/* Whether `text` is a version, whole and strictly. */
bool version_is_valid(const char *text);

/* Below, equal to or above 0 as `a` is before, the same as or after `b`. BUILD does not count.
 * Both are valid. */
int version_compare(const char *a, const char *b);
/* Whether both are versions, and `a` is before `b`. What is none was put there by hand and has no place in the order. */
bool version_is_before(const char *a, const char *b);

/* The first word of PRERELEASE, "nightly" of 0.0.28-nightly.20260616.571; "stable" where there
 * is none; "" where it is a number or does not fit. `text` is valid. */
void version_channel(const char *text, char ret_channel[static VERSION_CHANNEL_BYTES]);

#endif
