/* log.h - one failure, one line.
 *
 * Written by whoever decides what happens next. LOG_ERR: a person must act.
 * LOG_WARNING: it will be retried. LOG_NOTICE: state changed. LOG_INFO: lifecycle.
 * Under systemd a line goes to the journal with its fields; on a terminal the
 * sentence goes to stderr.
 */
#ifndef DEVVM_BASE_LOG_H
#define DEVVM_BASE_LOG_H

#include <syslog.h>

#include "base/error.h"

/* Journal fields; any may be NULL. */
struct log_fields {
	const char *user;	/* DEVVM_USER */
	const char *step;	/* DEVVM_STEP */
	const char *run;	/* DEVVM_RUN */
	const char *message_id; /* MESSAGE_ID: 32 hex digits, systemd.journal-fields(7) */
};

/* Once, at start: SYSLOG_IDENTIFIER, and whether debug lines are written. */
void log_init(const char *identifier, int max_priority);

void log_write(int priority, const struct log_fields *fields, const char *format, ...)
	DV_PRINTF(3, 4);

#define log_error(...) log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...) log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...) log_write(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
