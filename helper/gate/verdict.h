/* verdict.h - what the checks on several databases come to. Pure.
 *
 * A build is bad when it fails, where the last good one does not, on a database that nobody in particular can
 * spoil (the admin's, the synthetic one), or on those of two people. What one person's database alone says
 * excludes that person, for everybody could veto otherwise. Where the last good build fails too, it is not the
 * build: that database says nothing, and where it is the synthetic one, or none that counts is left, neither
 * does the gate. A build that could not be compared is never bad, for bad is for good.
 */
#ifndef DEVVM_GATE_VERDICT_H
#define DEVVM_GATE_VERDICT_H

#include <stddef.h>

enum gate_outcome {
	GATE_UNSET, /* was not run */
	GATE_PASSED,
	GATE_FAILED, /* the build did not do what it must */
	GATE_ERROR,  /* nobody knows: the gate itself could not */
};

enum gate_whose {
	GATE_SYNTHETIC,
	GATE_ADMIN,
	GATE_PERSON,
};

struct gate_seed_outcome {
	enum gate_whose whose;
	enum gate_outcome candidate;
	enum gate_outcome last_good; /* only asked where the candidate did not pass */
};

enum gate_verdict {
	GATE_VERDICT_UNSET,
	GATE_GOOD,
	GATE_BAD,
	GATE_INCONCLUSIVE,
};

/* What one database says. */
enum gate_word {
	GATE_FOR,
	GATE_AGAINST,
	GATE_SILENT, /* both fail, or it could not be asked */
};

enum gate_word gate_word_of(const struct gate_seed_outcome *seed);

/* ret_excluded[i]: its owner cannot be moved to this build; only of people and admins, and only
 * where the verdict is good. */
enum gate_verdict gate_judge(const struct gate_seed_outcome *seeds, size_t n_seeds,
			     _Bool *ret_excluded);

const char *gate_verdict_name(enum gate_verdict verdict);
const char *gate_outcome_name(enum gate_outcome outcome);

#endif
