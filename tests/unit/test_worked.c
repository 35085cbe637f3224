/* test_worked.c - who may be taken from a version that turned out bad. */
#include "scratch.h"

#include "move/worked.h"

#define MOVED INT64_C(1760000000000000)

static const struct {
	const char *what;
	struct worked_seen seen;
	enum worked worked;
	bool may_go_back;
} CASES[] = {
	{ "nothing since", { true, MOVED, MOVED - 1, 0, WORKED_AGENT_NONE }, WORKED_NO, true },
	{ "nothing since, an agent that waits",
	  { true, MOVED, MOVED, 0, WORKED_AGENT_THERE },
	  WORKED_NO,
	  true },
	{ "nothing since, processes that cannot be read",
	  { true, MOVED, MOVED, 0, WORKED_AGENT_UNTOLD },
	  WORKED_NO,
	  true },
	{ "work since, in the soak",
	  { true, MOVED, MOVED + 1, 0, WORKED_AGENT_NONE },
	  WORKED_YES,
	  false },
	{ "a turn from before the soak",
	  { true, MOVED, MOVED - 1, 1, WORKED_AGENT_THERE },
	  WORKED_YES,
	  false },
	{ "a turn that was killed",
	  { true, MOVED, MOVED - 1, 1, WORKED_AGENT_NONE },
	  WORKED_NO,
	  true },
	{ "a turn, and processes that cannot be read",
	  { true, MOVED, MOVED - 1, 1, WORKED_AGENT_UNTOLD },
	  WORKED_UNTOLD,
	  false },
	{ "a database that says nothing, and no agent",
	  { false, MOVED, 0, 0, WORKED_AGENT_NONE },
	  WORKED_UNTOLD,
	  true },
	{ "a database that says nothing, and an agent",
	  { false, MOVED, 0, 0, WORKED_AGENT_THERE },
	  WORKED_UNTOLD,
	  false },
	{ "nothing can be told",
	  { false, MOVED, 0, 0, WORKED_AGENT_UNTOLD },
	  WORKED_UNTOLD,
	  false },
};

static void each_has_its_answer(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(CASES); i++) {
		if (worked_judge(&CASES[i].seen) != CASES[i].worked ||
		    worked_may_go_back(&CASES[i].seen) != CASES[i].may_go_back)
			fail_msg("%s: %d, %d", CASES[i].what, worked_judge(&CASES[i].seen),
				 worked_may_go_back(&CASES[i].seen));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_has_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
