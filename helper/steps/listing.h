/* listing.h - the names in a folder, read once, for who asks about thousands of them.
 *
 * A look at each of 10,000 people's links and files costs more than one listing of them all.
 * A listing answers for as long as the one who has it changes nothing in the folder, and
 * never instead of a look at what a name stands for: whoever gets no answer looks.
 */
#ifndef DEVVM_STEPS_LISTING_H
#define DEVVM_STEPS_LISTING_H

#include <stdbool.h>

#include "base/env.h"
#include "base/str.h"

enum listing_state {
	LISTING_UNREAD,
	LISTING_READ,
	LISTING_OUTDATED, /* or it cannot be read */
};

/* Zero-initialise; release with listing_done(). */
struct listing {
	enum listing_state state;
	struct str_list names; /* sorted */
};

enum listing_answer {
	LISTING_UNKNOWN,
	LISTING_ABSENT,
	LISTING_PRESENT,
};

/* Whether the folder has `name`; the first call reads it. A folder that is not there is empty. */
enum listing_answer listing_ask(struct listing *listing, const struct env *env, const char *folder,
				const char *name);
/* Something in the folder was changed: from now on there is no answer. */
void listing_outdate(struct listing *listing);
void listing_done(struct listing *listing);

#endif
