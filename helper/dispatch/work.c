/* work.c - see work.h. The pool lives as long as the program: its threads are not joined. */
#include "dispatch/work.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>

#define MAX_WAITING 256

static const unsigned int N_THREADS[WORK_N_LANES] = { 1, 4, 16 };

struct lane {
	struct work_pool *pool;
	pthread_cond_t there_is_work;
	struct work *first, **last;
	size_t n_waiting;
};

struct work_pool {
	pthread_mutex_t lock;
	struct lane lanes[WORK_N_LANES];
	struct work *ended, **last_ended;
	int ended_fd;
};

static void *run_lane(void *context)
{
	struct lane *lane = context;
	struct work_pool *pool = lane->pool;
	const uint64_t one = 1;

	for (;;) {
		struct work *work;

		(void)pthread_mutex_lock(&pool->lock);
		while (!lane->first)
			(void)pthread_cond_wait(&lane->there_is_work, &pool->lock);
		work = lane->first;
		lane->first = work->next;
		if (!lane->first)
			lane->last = &lane->first;
		lane->n_waiting--;
		(void)pthread_mutex_unlock(&pool->lock);

		work->run(work);

		(void)pthread_mutex_lock(&pool->lock);
		work->next = NULL;
		*pool->last_ended = work;
		pool->last_ended = &work->next;
		(void)pthread_mutex_unlock(&pool->lock);
		DV_IGNORE(write(pool->ended_fd, &one,
				sizeof(one))); /* a full counter is ready, too */
	}
	return NULL;
}

static int on_ended(sd_event_source *source DV_UNUSED, int fd, uint32_t revents DV_UNUSED,
		    void *context)
{
	struct work_pool *pool = context;
	struct work *work;
	uint64_t n;

	DV_IGNORE(read(fd, &n, sizeof(n)));
	(void)pthread_mutex_lock(&pool->lock);
	work = pool->ended;
	pool->ended = NULL;
	pool->last_ended = &pool->ended;
	(void)pthread_mutex_unlock(&pool->lock);
	while (work) {
		struct work *next = work->next;

		work->end(work);
		work = next;
	}
	return 0;
}

static int start_threads(struct work_pool *pool)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r = 0;

	/* Signals are the loop's. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_BLOCK, &all, &before);
	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attributes, 256 * 1024);
	for (size_t i = 0; r == 0 && i < WORK_N_LANES; i++) {
		for (unsigned int n = 0; r == 0 && n < N_THREADS[i]; n++) {
			pthread_t thread;

			r = -pthread_create(&thread, &attributes, run_lane, &pool->lanes[i]);
		}
	}
	(void)pthread_attr_destroy(&attributes);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int work_pool_new(struct work_pool **ret_pool, sd_event *event, struct dv_error *err)
{
	struct work_pool *pool = calloc(1, sizeof(*pool));
	int r;

	if (!pool)
		return dv_fail(err, -ENOMEM, "start the threads");
	(void)pthread_mutex_init(&pool->lock, NULL);
	pool->last_ended = &pool->ended;
	for (size_t i = 0; i < WORK_N_LANES; i++) {
		pool->lanes[i].pool = pool;
		pool->lanes[i].last = &pool->lanes[i].first;
		(void)pthread_cond_init(&pool->lanes[i].there_is_work, NULL);
	}
	pool->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = pool->ended_fd < 0
		    ? -errno
		    : sd_event_add_io(event, NULL, pool->ended_fd, EPOLLIN, on_ended, pool);
	if (r >= 0)
		r = start_threads(pool);
	/* Threads may run by then, so what there is stays: the program ends. */
	if (r < 0)
		return dv_fail(err, r, "start the threads");
	*ret_pool = pool;
	return 0;
}

int work_submit(struct work_pool *pool, enum work_lane lane, struct work *work)
{
	struct lane *l = &pool->lanes[lane];
	int r = 0;

	(void)pthread_mutex_lock(&pool->lock);
	if (l->n_waiting >= MAX_WAITING) {
		r = -EBUSY;
	} else {
		work->next = NULL;
		*l->last = work;
		l->last = &work->next;
		l->n_waiting++;
		(void)pthread_cond_signal(&l->there_is_work);
	}
	(void)pthread_mutex_unlock(&pool->lock);
	return r;
}
