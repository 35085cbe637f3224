/* rules.h - may this version be taken? The guard of an update, as one table of rules.
 *
 * Pure: everything that counts is in `struct rules_facts`. The first rule that is broken gives
 * the verdict, in the order of the table: what needs no look at the package first. A fact that
 * is not known (0, "", -1) breaks no rule but where it is said.
 */
#ifndef DEVVM_UPDATE_RULES_H
#define DEVVM_UPDATE_RULES_H

#include <stdint.h>

#include "update/candidate.h"
#include "update/outcome.h"

#define RULES_NO_LEVEL (-1)

/* Who said which version. */
enum rules_why {
	RULES_TRACK, /* the tag that is followed */
	RULES_PIN,   /* t3.pin */
	RULES_TO,    /* devvmctl update --to */
};

/* A person's pointer. */
struct rules_person {
	const char *name;
	const char *version;
	int level; /* of migration, of their database; RULES_NO_LEVEL where nobody has looked */
	/* Of their copies the newest that is of no later t3 than the candidate; NULL, "": none is known. */
	const char *copy;
};

struct rules_facts {
	enum rules_why why;
	const char *tag; /* that is followed, with RULES_TRACK */
	const struct candidate *candidate;
	int candidate_level; /* RULES_NO_LEVEL before a gate has seen it */

	const char *current;   /* version that new people get; "" before there is one */
	const char *last_good; /* the last that an update has brought to its end; "" */
	const struct rules_person *people;
	size_t n_people;

	const char *known_bad_reason; /* NULL: the candidate is not known to be bad */
	int64_t now_usec;
	int64_t cooldown_usec; /* a version younger than this is not taken; 0: any age */
	uint64_t free_disk_bytes, min_free_disk_bytes;
	uint64_t free_memory_bytes, min_free_memory_bytes;
};

/* UPDATE_PLANNED where the candidate may be taken, UPDATE_CURRENT where everybody has it, else
 * what speaks against it, with one sentence in `ret_sentence`. */
enum update_outcome rules_judge(const struct rules_facts *facts,
				char ret_sentence[static ERROR_MAX_BYTES]);

#endif
