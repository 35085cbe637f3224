/* letin.h - does a person's t3 let them in?
 *
 * Their unit is started and has to say the version it should be; then somebody is let in as a browser is: through
 * the front door where there is one that believes this machine (t3/front.h), else by a credential that the helper has
 * made, and the exchange for it; where there is a door that could not be asked, the journal says so. A session counts
 * when the server calls it authenticated and opens a WebSocket for it. Before a byte goes to their port the listener is
 * theirs (t3/listener.h). Blocks.
 */
#ifndef DEVVM_MOVE_LETIN_H
#define DEVVM_MOVE_LETIN_H

#include "base/secret.h"
#include "ledger/people.h"

struct letin {
	const struct env *env;
	const struct people_row *person;
	const char *version; /* that it has to say; NULL: any */
	int64_t start_ms;    /* that it may take to answer */
};

/* Have systemd start it: what fails here has run nothing of any version. */
DV_MUST_CHECK int letin_launch(const struct letin *letin, struct dv_error *err);
/* Wait until it answers. One that ended meanwhile is not waited for. -EIO, -ETIMEDOUT, -EBADMSG (another version) with
 * a sentence. */
DV_MUST_CHECK int letin_wait(const struct letin *letin, struct dv_error *err);
/* Both. */
DV_MUST_CHECK int letin_start(const struct letin *letin, struct dv_error *err);

/* Whether there is somebody to ask at the machine's front door, where that is on: without, whether a t3 lets in says
 * nothing of that t3. -ECONNREFUSED with a sentence. */
DV_MUST_CHECK int letin_require_door(const struct env *env, struct dv_error *err);

/* Let somebody in: the Cookie header's value of the session. */
DV_MUST_CHECK int letin_pair(const struct letin *letin, struct secret *ret_cookies,
			     struct dv_error *err);

/* Whether it runs still, as that version, and takes the session. */
DV_MUST_CHECK int letin_look(const struct letin *letin, const struct secret *cookies,
			     struct dv_error *err);

#endif
