/* test_gate_verdict.c - what the outcomes on several databases come to: a table, and all there are of three. */
#include "scratch.h"

#include "gate/verdict.h"

#define FOR                                                                                        \
	{                                                                                          \
		GATE_PASSED, GATE_UNSET                                                            \
	}
#define AGAINST                                                                                    \
	{                                                                                          \
		GATE_FAILED, GATE_PASSED                                                           \
	}
#define OWN                                                                                        \
	{                                                                                          \
		GATE_FAILED, GATE_FAILED                                                           \
	}

struct pair_of_outcomes {
	enum gate_outcome candidate, last_good;
};

static void each_pair_is_one_word(void **state DV_UNUSED)
{
	for (enum gate_outcome candidate = GATE_UNSET; candidate <= GATE_ERROR; candidate++) {
		for (enum gate_outcome last = GATE_UNSET; last <= GATE_ERROR; last++) {
			const struct gate_seed_outcome seed = { GATE_PERSON, candidate, last };
			enum gate_word expected = candidate == GATE_PASSED ? GATE_FOR
						  : candidate == GATE_FAILED && last == GATE_PASSED
							  ? GATE_AGAINST
							  : GATE_SILENT;

			assert_int_equal(gate_word_of(&seed), expected);
		}
	}
}

static void the_rules_as_they_are_written(void **state DV_UNUSED)
{
	static const struct {
		const char *what;
		struct pair_of_outcomes synthetic, admin, anna, ben;
		enum gate_verdict verdict;
		const char *excluded; /* of admin, anna, ben */
	} rows[] = {
		{ "all pass", FOR, FOR, FOR, FOR, GATE_GOOD, "---" },
		{ "the synthetic one", AGAINST, FOR, FOR, FOR, GATE_BAD, "---" },
		{ "the admin's", FOR, AGAINST, FOR, FOR, GATE_BAD, "---" },
		{ "one person's", FOR, FOR, AGAINST, FOR, GATE_GOOD, "-x-" },
		{ "two people's", FOR, FOR, AGAINST, AGAINST, GATE_BAD, "---" },
		{ "one person's own trouble", FOR, FOR, OWN, FOR, GATE_GOOD, "-x-" },
		{ "two with own trouble", FOR, FOR, OWN, OWN, GATE_GOOD, "-xx" },
		{ "one of each", FOR, FOR, OWN, AGAINST, GATE_GOOD, "-xx" },
		{ "the admin's own trouble", FOR, OWN, FOR, FOR, GATE_GOOD, "x--" },
		{ "the synthetic one fails on both", OWN, FOR, FOR, FOR, GATE_INCONCLUSIVE, "---" },
		{ "both common ones fail on both", OWN, OWN, FOR, FOR, GATE_INCONCLUSIVE, "---" },
		{ "bad wins over unclear", OWN, AGAINST, FOR, FOR, GATE_BAD, "---" },
		{ "two people win over unclear", OWN, OWN, AGAINST, AGAINST, GATE_BAD, "---" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const struct gate_seed_outcome seeds[] = {
			{ GATE_SYNTHETIC, rows[i].synthetic.candidate,
			  rows[i].synthetic.last_good },
			{ GATE_ADMIN, rows[i].admin.candidate, rows[i].admin.last_good },
			{ GATE_PERSON, rows[i].anna.candidate, rows[i].anna.last_good },
			{ GATE_PERSON, rows[i].ben.candidate, rows[i].ben.last_good },
		};
		_Bool excluded[4] = { 0 };
		enum gate_verdict verdict = gate_judge(seeds, 4, excluded);

		if (verdict != rows[i].verdict)
			fail_msg("%s: expected %s, got %s", rows[i].what,
				 gate_verdict_name(rows[i].verdict), gate_verdict_name(verdict));
		assert_false(excluded[0]);
		for (size_t at = 0; at < 3; at++) {
			if (excluded[at + 1] != (rows[i].excluded[at] == 'x'))
				fail_msg("%s: excluded[%zu] is %d", rows[i].what, at + 1,
					 excluded[at + 1]);
		}
	}
}

/* Every outcome of three databases of every kind: 3^3 kinds and 16^3 outcomes. */
static void no_combination_breaks_a_rule(void **state DV_UNUSED)
{
	for (unsigned int n = 0; n < 27U * 4096U; n++) {
		struct gate_seed_outcome seeds[3];
		unsigned int kinds = n / 4096, outcomes = n % 4096;
		unsigned int common_against = 0, people_against = 0, common_for = 0,
			     synthetic_silent = 0;
		_Bool excluded[3] = { 0 };
		enum gate_verdict verdict;

		for (size_t i = 0; i < 3; i++, kinds /= 3, outcomes /= 16) {
			enum gate_word word;

			seeds[i] = (struct gate_seed_outcome){ kinds % 3, outcomes % 4,
							       outcomes / 4 % 4 };
			word = gate_word_of(&seeds[i]);
			if (seeds[i].whose == GATE_PERSON)
				people_against += word == GATE_AGAINST;
			else
				common_against += word == GATE_AGAINST;
			common_for += seeds[i].whose != GATE_PERSON && word == GATE_FOR;
			synthetic_silent += seeds[i].whose == GATE_SYNTHETIC && word == GATE_SILENT;
		}
		verdict = gate_judge(seeds, 3, excluded);
		assert_int_equal(verdict == GATE_BAD, common_against > 0 || people_against > 1);
		assert_int_equal(verdict == GATE_GOOD, common_against == 0 && people_against < 2 &&
							       common_for > 0 && !synthetic_silent);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(excluded[i], verdict == GATE_GOOD &&
							      gate_word_of(&seeds[i]) != GATE_FOR);
	}
}

static void no_database_says_nothing(void **state DV_UNUSED)
{
	assert_int_equal(gate_judge(NULL, 0, NULL), GATE_INCONCLUSIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_pair_is_one_word),
		cmocka_unit_test(the_rules_as_they_are_written),
		cmocka_unit_test(no_combination_breaks_a_rule),
		cmocka_unit_test(no_database_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
