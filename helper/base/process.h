/* process.h - run one program and wait for it, with a deadline.
 *
 * For jobs only (single-threaded, may block); the daemon starts units instead.
 * The child gets a process group of its own, /dev/null or a file as input, and one
 * pipe for both output streams, read up to a cap or handed on whole. At the deadline the whole group is
 * killed.
 */
#ifndef DEVVM_BASE_PROCESS_H
#define DEVVM_BASE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define PROCESS_OUTPUT_MAX 65536 /* bytes kept; what comes after is read and dropped */

struct process_spec {
	const char *const *argv;    /* argv[0] is found on PATH; NULL-terminated */
	const char *const *envp;    /* NULL: the caller's environment */
	const char *working_folder; /* NULL: the caller's */
	const char *input_path;	    /* what it reads; NULL: /dev/null */
	/* NULL: the output is kept in the result. Else it is handed on as it comes. */
	void (*on_output)(void *context, const char *bytes, size_t n_bytes);
	void *context;
	int64_t deadline_ms; /* absolute, see clock.h */
};

struct process_result {
	int exit_status; /* 0..255; -1 when a signal ended it */
	int signal;	 /* the signal, else 0 */
	bool timed_out;
	char output[PROCESS_OUTPUT_MAX + 1]; /* NUL-terminated, bytes as they came */
};

/* Run it. 0 when it ran to an end, whatever the end was; -errno when it could
 * not be started or waited for. Blocks until the deadline at most. */
DV_MUST_CHECK int process_run(const struct process_spec *spec, struct process_result *ret_result,
			      struct dv_error *err);

/* Run it and treat anything but exit status 0 as a failure (-EIO, -ETIMEDOUT)
 * whose sentence holds the program's last line of output. */
DV_MUST_CHECK int process_run_ok(const struct process_spec *spec, struct dv_error *err);

#endif
