/* people.h - who is who at the door: /etc/t3-serve/dispatch.json, and door.json, followed.
 *
 * Both are replaced whole by the reconcile; the second says who is an administrator, and of an identity that it is parked,
 * or left; it need not be there. door_people_refresh() reads them again where one is another file than the one that was
 * read, and is called before each answer, so no answer is older than the files (two stat(2), about a
 * microsecond each). A file that cannot be read leaves nobody known: nobody is let through on
 * what was true once.
 */
#ifndef DEVVM_DISPATCH_PEOPLE_H
#define DEVVM_DISPATCH_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/error.h"

#define DOOR_PEOPLE_PATH "etc/t3-serve/dispatch.json"
#define DOOR_MORE_PATH "etc/t3-serve/door.json"

enum door_away {
	DOOR_HERE,
	DOOR_PARKED,
	DOOR_LEFT, /* with neither user nor port */
};

struct door_person {
	char *identity;
	char *user;
	uint16_t port;
	enum door_away away;
	bool is_admin;
	uid_t uid; /* (uid_t)-1: not looked up yet, or no account yet */
	int64_t look_again_ms;
};

/* Zero-initialise; release with door_people_done(). */
struct door_people {
	struct door_person *rows; /* by identity, in any case of letters */
	size_t n_rows;
	struct stat seen[2];
};

/* `root_fd` is the folder that the paths are below. 0 also where nothing changed. */
DV_MUST_CHECK int door_people_refresh(struct door_people *people, int root_fd,
				      struct dv_error *err);
/* Borrowed until the next refresh; NULL where nobody is called so. */
const struct door_person *door_people_find(const struct door_people *people, const char *identity);
/* The uid of their account; (uid_t)-1 where there is none. The name service is asked once for each reading of
 * the files: with many accounts it takes a millisecond. Where there is none it is asked again once a second, and more
 * seldom where it takes long. */
uid_t door_people_uid(const struct door_people *people, const struct door_person *person);
/* The same, for one that does not fit: asked again as where there is none. */
uid_t door_people_uid_anew(const struct door_people *people, const struct door_person *person);
void door_people_done(struct door_people *people);

#endif
