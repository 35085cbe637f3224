/* follow.h - ask for something that takes a while, and stay with it to its end.
 *
 * Shows the bar where there is one. Ends at `done` or `error`, at a deadline, when the
 * helper is lost or has stopped answering, or at a key of the person waiting. The work
 * itself is the helper's: it goes on however this ends.
 */
#ifndef DEVVM_CTL_FOLLOW_H
#define DEVVM_CTL_FOLLOW_H

#include "ctl/online.h"

struct follow_spec {
	const struct record_writer *request;
	/* When nothing has come by then the helper is asked whether it lives, and has as long
	 * again to answer; nothing is drawn before. 0: no such look, and drawn at once. */
	int64_t first_ms;
	int64_t total_ms;  /* for all of it */
	bool has_bar;	   /* draw on the terminal of struct ctl, where it has one */
	const char *words; /* on the bar until the helper says more; NULL for none */
	/* With a bar: Ctrl-C, Ctrl-\ and Ctrl-Z end the waiting instead of the process. */
	bool keys_end_it;
	const char *hint; /* for the bar; NULL for none */
	/* Called for every progress record, with the bar off the screen; may be NULL. */
	void (*on_progress)(const struct ctl *ctl, const struct record *record, void *context);
	void *context;
};

enum follow_end {
	FOLLOW_UNSET,
	FOLLOW_DONE,
	FOLLOW_REFUSED, /* `error`: code and error.text */
	FOLLOW_BROKEN,	/* no helper, or no sense in what it says: failure and error */
	FOLLOW_LATE,	/* the time is over; the helper is still there */
	FOLLOW_KEY,
};

struct follow_result {
	enum follow_end end;
	bool was_under_way;    /* there was progress, or no `done` by first_ms */
	unsigned int n_failed; /* steps that failed meanwhile */
	int failure;
	char code[RECORD_KEY_MAX + 1];
	char text[RECORD_TEXT_MAX + 1];	  /* of `done` or `error`; "" for none */
	char outcome[RECORD_KEY_MAX + 1]; /* of `done`; "" for none */
	struct dv_error error;
};

void follow_run(const struct ctl *ctl, const struct follow_spec *spec,
		struct follow_result *ret_result);

/* Say how it ended, where it did not end well, and give the exit status. Failed steps
 * are CTL_FAILED. */
enum ctl_exit follow_explain(const struct ctl *ctl, const struct follow_result *result);

#endif
