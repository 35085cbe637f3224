/* pair.h - what is asked of the helper and of a person's server. Blocks, for the threads of work.h, but for
 * pair_look() and pair_require().
 *
 * Nothing of a credential or a cookie is logged. Before a byte goes to a port its listener is looked at.
 * Source: docs/PROTOCOL.md (mint, ensure); for t3 itself see t3/pairing.h.
 */
#ifndef DEVVM_DISPATCH_PAIR_H
#define DEVVM_DISPATCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "t3/listener.h"
#include "t3/pairing.h"
#include "wire/ask.h"

enum pair_what {
	PAIR_T3,
	PAIR_TERMINAL,
};

struct pair_target {
	enum pair_what what; /* of theirs: what a visit starts */
	const char *helper_path;
	int root_fd;
	char user[STR_USER_NAME_MAX + 1];
	uid_t uid;
	uint16_t port;
};

/* Whether it is there, and theirs. The terminal of somebody on hold is not. */
DV_MUST_CHECK int pair_look(const struct pair_target *target, enum listener *ret_listener,
			    struct dv_error *err);

/* -ECONNREFUSED with a sentence unless the listener of their port is theirs. */
DV_MUST_CHECK int pair_require(const struct pair_target *target, struct dv_error *err);

/* A new session: the values of each Set-Cookie. Logs one line. */
DV_MUST_CHECK int pair_make(const struct pair_target *target, struct str_list *ret_cookies,
			    struct dv_error *err);

/* Have them prepared and started, and wait until their server, or the socket of their terminal, is there. `on_progress` is called on this
 * thread with each record of progress. */
DV_MUST_CHECK int pair_ensure(const struct pair_target *target, ask_on_record on_progress,
			      void *context, struct dv_error *err);

#endif
