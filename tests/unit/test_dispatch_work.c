/* test_dispatch_work.c - what blocks runs beside the loop and ends on it; a full lane says so, and does not
 * keep another waiting. */
#include "scratch.h"

#include <pthread.h>

#include "dispatch/work.h"

#define MOST 512 /* more than a lane takes */

struct errand {
	struct work work; /* the first member */
	pthread_t ran_on;
	bool ended;
};

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void run(struct work *work)
{
	((struct errand *)work)->ran_on = pthread_self();
}

static void run_behind_gate(struct work *work)
{
	(void)pthread_mutex_lock(&gate);
	(void)pthread_mutex_unlock(&gate);
	run(work);
}

static void end(struct work *work)
{
	struct errand *errand = (struct errand *)work;

	assert_false(errand->ended);
	errand->ended = true;
}

static void wait_for(sd_event *event, const struct errand *errand)
{
	while (!errand->ended)
		assert_true(sd_event_run(event, UINT64_MAX) >= 0);
}

static void the_lanes(void **state DV_UNUSED)
{
	static struct errand errands[MOST];
	struct errand other = { .work = { .run = run, .end = end } };
	struct dv_error err = { "" };
	struct work_pool *pool = NULL;
	sd_event *event = NULL;
	size_t n = 0;
	int r = 0;

	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(work_pool_new(&pool, event, &err), 0);

	(void)pthread_mutex_lock(&gate);
	for (; n < MOST && r == 0; n++) {
		errands[n].work = (struct work){ .run = run_behind_gate, .end = end };
		r = work_submit(pool, WORK_STATUS, &errands[n].work);
	}
	assert_int_equal(r, -EBUSY);
	n--;
	assert_in_range(n, 256, 260); /* those that wait, and one for each thread */

	/* All of that lane stands still; another goes on. */
	assert_int_equal(work_submit(pool, WORK_PAIR, &other.work), 0);
	wait_for(event, &other);
	assert_false(pthread_equal(other.ran_on, pthread_self()));
	for (size_t i = 0; i < n; i++)
		assert_false(errands[i].ended);

	(void)pthread_mutex_unlock(&gate);
	for (size_t i = 0; i < n; i++)
		wait_for(event, &errands[i]);
	assert_false(errands[n].ended);
	/* There is room again. */
	assert_int_equal(work_submit(pool, WORK_STATUS, &errands[n].work), 0);
	wait_for(event, &errands[n]);
	(void)sd_event_unref(event); /* the pool lives as long as the program */
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_lanes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
