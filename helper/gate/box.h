/* box.h - processes of the account that candidates run as, started and ended by the gate.
 *
 * Model: the gate's checker and what it checks are two accounts. A candidate cannot signal the checker, trace
 * it or reach its descriptors: another uid, no descriptor inherited, and no capability left. Before it is
 * judged that it ended, everything of its account is killed: who outlives their parent becomes the checker's
 * child (prctl(2), PR_SET_CHILD_SUBREAPER), and kill(2) to -1 as the account reaches all of it at once. So
 * one gate runs at a time, which the caller sees to.
 *
 * Needs CAP_SETUID, CAP_SETGID and CAP_KILL, unless the account is the caller's own; then only what was started
 * here is killed.
 */
#ifndef DEVVM_GATE_BOX_H
#define DEVVM_GATE_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct box {
	uid_t uid;
	gid_t gid;
	const char *const *envp; /* of what is started; borrowed */
	const char *folder;	 /* where it works; borrowed */
	pid_t server;		 /* 0: none runs */
	int status;		 /* of a server that ended, as wait(2) has it */
	uint32_t memory_kib;	 /* the most that any server had resident */
};

/* Become the parent of what outlives its own. -EPERM for an account that is root. */
DV_MUST_CHECK int box_init(struct box *box, struct dv_error *err);

/* Start a server, its stdout to nowhere, its stderr where the caller's goes. */
DV_MUST_CHECK int box_start(struct box *box, const char *const *argv, struct dv_error *err);
/* Whether it runs still; where it does not, `status` says how it ended. */
bool box_is_running(struct box *box);
/* SIGTERM, then after the deadline SIGKILL. *ret_in_time: it ended by itself. */
void box_stop(struct box *box, int64_t deadline_ms, bool *ret_in_time);
/* How it ended, as words: "exited with status 0". */
#define BOX_END_BYTES 48
void box_describe_end(const struct box *box, char ret_text[static BOX_END_BYTES]);

/* Kill all that is left of the account; returns how many there were of this box. */
uint32_t box_sweep(struct box *box);

/* Run a program to its end, and keep what it prints on stdout. -ETIMEDOUT at the deadline, when it is killed. How it
 * exits says nothing. The result is NUL-terminated. */
DV_MUST_CHECK int box_run(const struct box *box, const char *const *argv, int64_t deadline_ms,
			  char *ret_output, size_t n_output, struct dv_error *err);

/* Call our own function in a process of the account, which nobody can trace; what it writes into `shared` of
 * n_bytes comes back. Its negative result is returned with its sentence. -EIO where it did not end well. */
DV_MUST_CHECK int box_call(const struct box *box,
			   int (*call)(void *shared, const void *input, struct dv_error *err),
			   const void *input, void *shared, size_t n_bytes, int64_t deadline_ms,
			   struct dv_error *err);

#endif
