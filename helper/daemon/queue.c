/* queue.c - the reconcile lane and the shape of the queue; see queue.h. The home lane is
 * in homes.c. */
#include "daemon/queue.h"

#include <string.h>

#include "base/str.h"
#include "daemon/homes.h"

/* A reconcile that is wanted. */
struct wanted {
	char user[STR_USER_NAME_MAX + 1]; /* "" for everybody */
	int64_t failed_at_ms;		  /* when it was last broken; 0 for never */
	int64_t not_before_ms;
	int64_t backoff_ms; /* of the last wait; 0 for none */
};

struct queue {
	const struct queue_ops *ops;
	void *context;
	uint64_t seq;

	bool wants_all;
	struct wanted all;
	struct wanted names[QUEUE_MAX_NAMES]; /* first come first */
	size_t n_names;
	bool wants_plan;

	bool lane_busy;
	enum queue_kind lane_kind;
	struct wanted lane_item;
	uint64_t lane_seq;

	struct homes homes;
};

static void queue_freep(struct queue **queue)
{
	queue_free(*queue);
}

int queue_new(struct queue **ret_queue, const struct queue_ops *ops, void *context,
	      struct dv_error *err)
{
	DV_CLEANUP(queue_freep) struct queue *queue = calloc(1, sizeof(*queue));
	int r;

	if (!queue)
		return dv_fail(err, -ENOMEM, "set up the queue");
	r = homes_init(&queue->homes);
	if (r < 0)
		return dv_fail(err, r, "set up the queue");
	queue->ops = ops;
	queue->context = context;
	*ret_queue = DV_TAKE_PTR(queue);
	return 0;
}

void queue_free(struct queue *queue)
{
	if (!queue)
		return;
	homes_done(&queue->homes);
	free(queue);
}

void queue_set_home_cap(struct queue *queue, unsigned int n_at_once)
{
	queue->homes.cap = n_at_once;
}

/* Somebody asks again for what waits for a retry: the shortest pause is enough. */
static void hurry(struct wanted *item)
{
	int64_t soon_ms = item->failed_at_ms + QUEUE_FIRST_RETRY_MS;

	if (item->not_before_ms > soon_ms)
		item->not_before_ms = soon_ms;
}

static struct wanted *want_all(struct queue *queue)
{
	if (!queue->wants_all)
		queue->all = (struct wanted){ 0 };
	queue->wants_all = true;
	queue->n_names = 0;
	hurry(&queue->all);
	return &queue->all;
}

static struct wanted *find_name(struct queue *queue, const char *user)
{
	for (size_t i = 0; i < queue->n_names; i++) {
		if (strcmp(queue->names[i].user, user) == 0)
			return &queue->names[i];
	}
	return NULL;
}

static struct wanted *add_name(struct queue *queue, const char *user)
{
	struct wanted *item;

	if (queue->n_names == QUEUE_MAX_NAMES)
		return want_all(queue);
	item = &queue->names[queue->n_names++];
	*item = (struct wanted){ 0 };
	(void)snprintf(item->user, sizeof(item->user), "%s", user);
	return item;
}

/* Not only for its retry. */
static bool a_name_is_due(const struct queue *queue)
{
	for (size_t i = 0; i < queue->n_names; i++) {
		if (queue->names[i].backoff_ms == 0)
			return true;
	}
	return false;
}

/* A run for everybody takes hardly longer than one for a name: the second in line asks for it. */
static struct wanted *want_name(struct queue *queue, const char *user)
{
	struct wanted *item = find_name(queue, user);

	if (item)
		hurry(item);
	else if (queue->wants_all || a_name_is_due(queue))
		item = want_all(queue);
	else
		item = add_name(queue, user);
	return item;
}

uint64_t queue_request_reconcile(struct queue *queue, const char *user)
{
	(void)(user && *user ? want_name(queue, user) : want_all(queue)); /* only noted */
	return ++queue->seq;
}

uint64_t queue_request_plan(struct queue *queue)
{
	queue->wants_plan = true;
	return ++queue->seq;
}

int queue_request_home(struct queue *queue, const char *user, enum queue_priority priority)
{
	return homes_add(&queue->homes, user, priority);
}

int queue_request_ensure(struct queue *queue, const char *user)
{
	/* Entered first: the reconcile alone is not what was asked for. */
	int r = homes_add_held(&queue->homes, user, queue->seq + 1);

	if (r == 0)
		(void)queue_request_reconcile(queue, user); /* numbered queue->seq + 1 */
	return r;
}

/* Broken: wanted again, after a pause that doubles. What was asked for meanwhile keeps its
 * place but pauses too, as short as can be; a name is covered by everybody. */
static void want_again(struct queue *queue, const struct wanted *broken, int64_t now_ms)
{
	int64_t backoff_ms = broken->backoff_ms ? broken->backoff_ms * 2 : QUEUE_FIRST_RETRY_MS;
	bool was_wanted = queue->wants_all || a_name_is_due(queue);
	struct wanted *item;

	if (*broken->user && queue->wants_all)
		return;
	if (*broken->user) {
		item = find_name(queue, broken->user);
		was_wanted = item;
		if (!item)
			item = add_name(queue, broken->user);
	} else {
		item = want_all(queue);
	}
	item->backoff_ms = backoff_ms > QUEUE_MAX_RETRY_MS ? QUEUE_MAX_RETRY_MS : backoff_ms;
	item->failed_at_ms = now_ms;
	item->not_before_ms = now_ms + (was_wanted ? QUEUE_FIRST_RETRY_MS : item->backoff_ms);
}

static void lane_end(struct queue *queue, enum queue_outcome outcome, const char *text,
		     int64_t now_ms)
{
	struct wanted item = queue->lane_item;
	struct queue_job job = { queue->lane_kind, item.user, queue->lane_seq };

	queue->lane_busy = false;
	if (job.kind == QUEUE_RECONCILE) {
		if (outcome == QUEUE_BROKEN)
			want_again(queue, &item, now_ms);
		homes_release(&queue->homes, &job);
	}
	queue->ops->on_end(queue->context, &job, outcome, text);
}

/* Take what is to run next in the lane; false when nothing may. */
static bool lane_take(struct queue *queue, int64_t now_ms)
{
	queue->lane_kind = QUEUE_RECONCILE;
	if (queue->wants_all && queue->all.not_before_ms <= now_ms) {
		queue->wants_all = false;
		queue->lane_item = queue->all;
		return true;
	}
	for (size_t i = 0; i < queue->n_names; i++) {
		if (queue->names[i].not_before_ms > now_ms)
			continue;
		queue->lane_item = queue->names[i];
		queue->n_names--;
		memmove(&queue->names[i], &queue->names[i + 1],
			(queue->n_names - i) * sizeof(queue->names[0]));
		return true;
	}
	if (!queue->wants_plan)
		return false;
	queue->wants_plan = false;
	queue->lane_kind = QUEUE_PLAN;
	queue->lane_item = (struct wanted){ 0 };
	return true;
}

static void lane_dispatch(struct queue *queue, int64_t now_ms)
{
	while (!queue->lane_busy && lane_take(queue, now_ms)) {
		struct dv_error why = { "" };
		struct queue_job job = { queue->lane_kind, queue->lane_item.user, ++queue->seq };

		queue->lane_busy = true;
		queue->lane_seq = job.seq;
		if (queue->ops->start(queue->context, &job, &why) < 0)
			lane_end(queue, QUEUE_BROKEN, why.text, now_ms);
	}
}

static void homes_dispatch(struct queue *queue)
{
	struct home *home;

	/* `start` may fail for each of thousands at once: bounded by what was there. */
	for (unsigned int n = queue->homes.n_queued; n > 0; n--) {
		struct dv_error why = { "" };
		struct queue_job job = { QUEUE_HOME, NULL, ++queue->seq };

		home = homes_take(&queue->homes);
		if (!home)
			return;
		job.user = home->user;
		if (queue->ops->start(queue->context, &job, &why) < 0)
			queue_end(queue, QUEUE_HOME, home->user, QUEUE_BROKEN, why.text, 0);
	}
}

void queue_dispatch(struct queue *queue, int64_t now_ms)
{
	lane_dispatch(queue, now_ms);
	homes_dispatch(queue);
}

int64_t queue_next_ms(const struct queue *queue)
{
	int64_t next_ms = -1;

	if (queue->lane_busy)
		return -1; /* its end dispatches */
	if (queue->wants_all)
		return queue->all.not_before_ms;
	for (size_t i = 0; i < queue->n_names; i++) {
		if (next_ms < 0 || queue->names[i].not_before_ms < next_ms)
			next_ms = queue->names[i].not_before_ms;
	}
	return next_ms;
}

void queue_end(struct queue *queue, enum queue_kind kind, const char *user,
	       enum queue_outcome outcome, const char *text, int64_t now_ms)
{
	if (kind == QUEUE_HOME) {
		char name[STR_USER_NAME_MAX + 1];
		struct queue_job job = { QUEUE_HOME, name, queue->seq };

		(void)snprintf(name, sizeof(name), "%s", user); /* `user` may be the entry's */
		if (homes_end(&queue->homes, name))
			queue->ops->on_end(queue->context, &job, outcome, text);
		return;
	}
	if (queue->lane_busy && queue->lane_kind == kind &&
	    strcmp(queue->lane_item.user, user) == 0)
		lane_end(queue, outcome, text, now_ms);
}

bool queue_covers(const struct queue_job *run, enum queue_kind kind, const char *user, uint64_t seq)
{
	if (run->kind != kind || run->seq <= seq)
		return false;
	return !*run->user || (user && strcmp(run->user, user) == 0);
}

enum queue_lane_state queue_lane_state(const struct queue *queue)
{
	if (queue->lane_busy)
		return QUEUE_LANE_RUNNING;
	if (queue->wants_all || queue->n_names > 0 || queue->wants_plan)
		return QUEUE_LANE_PENDING;
	return QUEUE_LANE_IDLE;
}

bool queue_reconcile_coming(const struct queue *queue, const char *user)
{
	if (queue->lane_busy && queue->lane_kind == QUEUE_RECONCILE &&
	    (!*queue->lane_item.user || strcmp(queue->lane_item.user, user) == 0))
		return true;
	if (queue->wants_all && queue->all.backoff_ms == 0)
		return true;
	for (size_t i = 0; i < queue->n_names; i++) {
		if (strcmp(queue->names[i].user, user) == 0)
			return queue->names[i].backoff_ms == 0;
	}
	return false;
}

bool queue_reconcile_stuck(const struct queue *queue)
{
	return queue->wants_all && queue->all.backoff_ms > 0;
}

uint64_t queue_plan_seq(const struct queue *queue)
{
	return queue->lane_busy && queue->lane_kind == QUEUE_PLAN ? queue->lane_seq : 0;
}

enum queue_home_state queue_home_state(const struct queue *queue, const char *user)
{
	const struct home *home = homes_find(&queue->homes, user);

	return home ? home->state : QUEUE_HOME_NONE;
}

bool queue_home_forced(const struct queue *queue, const char *user)
{
	const struct home *home = homes_find(&queue->homes, user);

	return home && home->forced;
}

unsigned int queue_n_running(const struct queue *queue)
{
	return queue->homes.n_running;
}

unsigned int queue_n_queued(const struct queue *queue)
{
	return queue->homes.n_queued + queue->homes.n_held;
}

void queue_note_progress(struct queue *queue, const char *user,
			 const struct queue_progress *progress)
{
	struct home *home = homes_find(&queue->homes, user);

	if (!home || home->state != QUEUE_HOME_RUNNING)
		return;
	if (!home->progress)
		home->progress = malloc(sizeof(*home->progress));
	if (home->progress)
		*home->progress = *progress;
}

const struct queue_progress *queue_get_progress(const struct queue *queue, const char *user)
{
	const struct home *home = homes_find(&queue->homes, user);

	return home ? home->progress : NULL;
}
