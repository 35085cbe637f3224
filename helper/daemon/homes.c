/* homes.c - see homes.h. */
#include "daemon/homes.h"

#include <string.h>

#define N_BUCKETS 4096 /* of a chained table; a power of two */

static size_t bucket_of(const char *user)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *user; user++)
		hash = (hash ^ (unsigned char)*user) * 16777619u;
	return hash & (N_BUCKETS - 1);
}

int homes_init(struct homes *homes)
{
	homes->buckets = calloc(N_BUCKETS, sizeof(*homes->buckets));
	if (!homes->buckets)
		return -ENOMEM;
	homes->cap = 1;
	TAILQ_INIT(&homes->held);
	TAILQ_INIT(&homes->running);
	for (int i = 0; i < QUEUE_N_PRIORITIES; i++)
		TAILQ_INIT(&homes->queued[i]);
	return 0;
}

static void home_free(struct home *home)
{
	free(home->progress);
	free(home);
}

void homes_done(struct homes *homes)
{
	for (size_t i = 0; homes->buckets && i < N_BUCKETS; i++) {
		for (struct home *home = homes->buckets[i]; home;) {
			struct home *next = home->next_in_bucket;

			home_free(home);
			home = next;
		}
	}
	free(homes->buckets);
}

struct home *homes_find(const struct homes *homes, const char *user)
{
	struct home *home = homes->buckets[bucket_of(user)];

	while (home && strcmp(home->user, user) != 0)
		home = home->next_in_bucket;
	return home;
}

/* The list an entry stands in, and its counter. */
static struct home_list *list_of(struct homes *homes, const struct home *home,
				 unsigned int **ret_count)
{
	switch (home->state) {
	case QUEUE_HOME_HELD:
		*ret_count = &homes->n_held;
		return &homes->held;
	case QUEUE_HOME_RUNNING:
		*ret_count = &homes->n_running;
		return &homes->running;
	case QUEUE_HOME_NONE:
	case QUEUE_HOME_QUEUED:
		break;
	}
	*ret_count = &homes->n_queued;
	return &homes->queued[home->priority];
}

static void leave_list(struct homes *homes, struct home *home)
{
	unsigned int *count;
	struct home_list *list = list_of(homes, home, &count);

	TAILQ_REMOVE(list, home, in_list);
	(*count)--;
}

static void enter_list(struct homes *homes, struct home *home, enum queue_home_state state)
{
	unsigned int *count;
	struct home_list *list;

	home->state = state;
	list = list_of(homes, home, &count);
	TAILQ_INSERT_TAIL(list, home, in_list);
	(*count)++;
}

static struct home *add_new(struct homes *homes, const char *user, enum queue_priority priority,
			    int *ret_r)
{
	struct home **bucket = &homes->buckets[bucket_of(user)];
	struct home *home;

	*ret_r = -ENOSPC;
	if (homes->n_queued + homes->n_held >= QUEUE_MAX_HOMES)
		return NULL;
	*ret_r = -ENOMEM;
	home = calloc(1, sizeof(*home));
	if (!home)
		return NULL;
	(void)snprintf(home->user, sizeof(home->user), "%s", user);
	home->priority = priority;
	home->next_in_bucket = *bucket;
	*bucket = home;
	*ret_r = 0;
	return home;
}

int homes_add(struct homes *homes, const char *user, enum queue_priority priority)
{
	struct home *home = homes_find(homes, user);
	bool held;
	int r;

	if (!home) {
		home = add_new(homes, user, priority, &r);
		if (home)
			enter_list(homes, home, QUEUE_HOME_QUEUED);
		return r;
	}
	held = home->state == QUEUE_HOME_HELD;
	if (home->state == QUEUE_HOME_RUNNING || home->priority <= priority)
		return 0;
	/* A login that waits cannot wait for somebody else's reconcile first. */
	leave_list(homes, home);
	home->priority = priority;
	enter_list(homes, home,
		   held && priority != QUEUE_URGENT ? QUEUE_HOME_HELD : QUEUE_HOME_QUEUED);
	return 0;
}

int homes_add_held(struct homes *homes, const char *user, uint64_t seq)
{
	struct home *home = homes_find(homes, user);
	int r;

	if (home) {
		home->forced = true;
		return homes_add(homes, user, QUEUE_LOGIN);
	}
	home = add_new(homes, user, QUEUE_LOGIN, &r);
	if (!home)
		return r;
	home->forced = true;
	home->held_for_seq = seq;
	enter_list(homes, home, QUEUE_HOME_HELD);
	return 0;
}

void homes_release(struct homes *homes, const struct queue_job *run)
{
	struct home *next;

	for (struct home *home = TAILQ_FIRST(&homes->held); home; home = next) {
		next = TAILQ_NEXT(home, in_list);
		if (!queue_covers(run, QUEUE_RECONCILE, home->user, home->held_for_seq))
			continue;
		leave_list(homes, home);
		enter_list(homes, home, QUEUE_HOME_QUEUED);
	}
}

struct home *homes_take(struct homes *homes)
{
	if (homes->n_running >= homes->cap)
		return NULL;
	for (int i = 0; i < QUEUE_N_PRIORITIES; i++) {
		struct home *home = TAILQ_FIRST(&homes->queued[i]);

		if (!home)
			continue;
		leave_list(homes, home);
		enter_list(homes, home, QUEUE_HOME_RUNNING);
		return home;
	}
	return NULL;
}

bool homes_end(struct homes *homes, const char *user)
{
	struct home **link = &homes->buckets[bucket_of(user)];
	struct home *home;

	while (*link && strcmp((*link)->user, user) != 0)
		link = &(*link)->next_in_bucket;
	home = *link;
	if (!home || home->state != QUEUE_HOME_RUNNING)
		return false;
	leave_list(homes, home);
	*link = home->next_in_bucket;
	home_free(home);
	return true;
}
