/* ask.h - a whole question to the helper: send it, hear its records, until it is done. */
#ifndef DEVVM_WIRE_ASK_H
#define DEVVM_WIRE_ASK_H

#include "wire/record.h"

/* Called with each record before the last; a negative result ends it and is returned. */
typedef int (*ask_on_record)(void *context, const struct record *record, struct dv_error *err);

/* 0 with `done`; -EREMOTEIO with the helper's sentence; else as in client.h. What came is wiped. */
DV_MUST_CHECK int ask_helper(const char *path, const struct record_writer *writer,
			     int64_t deadline_ms, ask_on_record on_record, void *context,
			     struct dv_error *err);

#endif
