/* verdict.c - see verdict.h. */
#include "gate/verdict.h"

#include <stdbool.h>

#define PEOPLE_FOR_BAD 2

const char *gate_verdict_name(enum gate_verdict verdict)
{
	static const char *const names[] = {
		[GATE_VERDICT_UNSET] = "unset",
		[GATE_GOOD] = "good",
		[GATE_BAD] = "bad",
		[GATE_INCONCLUSIVE] = "inconclusive",
	};

	return names[verdict];
}

const char *gate_outcome_name(enum gate_outcome outcome)
{
	static const char *const names[] = {
		[GATE_UNSET] = "unset",
		[GATE_PASSED] = "passed",
		[GATE_FAILED] = "failed",
		[GATE_ERROR] = "error",
	};

	return names[outcome];
}

enum gate_word gate_word_of(const struct gate_seed_outcome *seed)
{
	if (seed->candidate == GATE_PASSED)
		return GATE_FOR;
	return seed->candidate == GATE_FAILED && seed->last_good == GATE_PASSED ? GATE_AGAINST
										: GATE_SILENT;
}

enum gate_verdict gate_judge(const struct gate_seed_outcome *seeds, size_t n_seeds,
			     _Bool *ret_excluded)
{
	size_t n_people_against = 0, n_common_for = 0;
	bool is_bad = false, is_unclear = false;
	enum gate_verdict verdict;

	for (size_t i = 0; i < n_seeds; i++) {
		enum gate_word word = gate_word_of(&seeds[i]);
		bool is_common = seeds[i].whose != GATE_PERSON;

		is_bad |= is_common && word == GATE_AGAINST;
		is_unclear |= seeds[i].whose == GATE_SYNTHETIC && word == GATE_SILENT;
		n_common_for += is_common && word == GATE_FOR;
		n_people_against += !is_common && word == GATE_AGAINST;
	}
	if (is_bad || n_people_against >= PEOPLE_FOR_BAD)
		verdict = GATE_BAD;
	else
		verdict = is_unclear || n_common_for == 0 ? GATE_INCONCLUSIVE : GATE_GOOD;
	for (size_t i = 0; i < n_seeds; i++)
		ret_excluded[i] = verdict == GATE_GOOD && gate_word_of(&seeds[i]) != GATE_FOR;
	return verdict;
}
