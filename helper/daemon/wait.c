/* wait.c - the verbs ensure, wait and reconcile: ask for something and hear how it ends.
 *
 * Somebody who waits changes nothing: what they asked for stands in the queue and goes on
 * when they leave. News is kept for a slow reader up to a bound; behind it somebody who
 * waits for a home job gets the latest, and a plan says how much it left out.
 */
#include <string.h>
#include <sys/queue.h>

#include "daemon/instances.h"
#include "daemon/notice.h"
#include "daemon/reports.h"
#include "daemon/request.h"
#include "daemon/verbs.h"
#include "daemon/watch.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"

#define WAIT_MAX_NEWS 8
#define WAIT_MAX_DIFFERENCES 4096

struct news {
	TAILQ_ENTRY(news) in_list;
	char user[STR_USER_NAME_MAX + 1], step[64], status[16], text[256];
	unsigned int n, of;
};

struct waiter {
	struct answer base;
	TAILQ_HEAD(news_list, news) news; /* oldest first */
	unsigned int n_news, n_lost;
	/* reconcile: of a run that covers `seq`; ensure: of the person's home job. */
	enum queue_kind kind;
	uint64_t seq;
	enum queue_outcome outcome; /* QUEUE_UNSET until it ended */
	char text[256];
};

static void copy_text(char *to, size_t n_bytes, const char *from)
{
	(void)snprintf(to, n_bytes, "%s", from ? from : ""); /* cut where it is too long */
}

/* Room for one more; at the bound a plan gets none, and others the place of the last. */
static struct news *make_room(struct waiter *waiter)
{
	bool is_plan = waiter->kind == QUEUE_PLAN;
	struct news *news;

	if (waiter->n_news >= (is_plan ? WAIT_MAX_DIFFERENCES : WAIT_MAX_NEWS))
		return is_plan ? NULL : TAILQ_LAST(&waiter->news, news_list);
	news = malloc(sizeof(*news));
	if (!news)
		return NULL;
	TAILQ_INSERT_TAIL(&waiter->news, news, in_list);
	waiter->n_news++;
	return news;
}

static void waiter_on_progress(struct answer *answer, const struct answer_progress *progress)
{
	struct waiter *waiter = (struct waiter *)answer;
	struct news *news = make_room(waiter);

	if (!news) {
		waiter->n_lost++;
		return;
	}
	copy_text(news->user, sizeof(news->user), progress->user);
	copy_text(news->step, sizeof(news->step), progress->step);
	copy_text(news->status, sizeof(news->status), progress->status);
	copy_text(news->text, sizeof(news->text), progress->text);
	news->n = progress->n;
	news->of = progress->of;
}

/* What a plan finds is for those who asked for it. */
static void home_on_progress(struct answer *answer, const struct answer_progress *progress)
{
	if (!proto_plan_sign(progress->status))
		waiter_on_progress(answer, progress);
}

static enum answer_next write_news(struct waiter *waiter, struct record_writer *writer)
{
	DV_AUTO_FREE struct news *news = TAILQ_FIRST(&waiter->news);
	const struct answer_progress progress = {
		.user = news->user,
		.step = news->step,
		.status = news->status,
		.text = *news->text ? news->text : NULL,
		.n = news->n,
		.of = news->of,
	};

	TAILQ_REMOVE(&waiter->news, news, in_list);
	waiter->n_news--;
	answer_write_progress(writer, &progress);
	return ANSWER_RECORD;
}

static void waiter_release(struct answer *answer)
{
	struct waiter *waiter = (struct waiter *)answer;
	struct news *news;

	while ((news = TAILQ_FIRST(&waiter->news))) {
		TAILQ_REMOVE(&waiter->news, news, in_list);
		free(news);
	}
}

/* Somebody who comes while a home job runs first sees what it is at. */
static void take_current(struct waiter *waiter)
{
	const struct queue_progress *now =
		queue_get_progress(waiter->base.daemon->queue, waiter->base.user);

	if (now)
		waiter_on_progress(&waiter->base, &(struct answer_progress){
							  .user = waiter->base.user,
							  .step = now->step,
							  .status = "running",
							  .text = now->text,
							  .n = now->n,
							  .of = now->of,
						  });
}

static struct waiter *waiter_new(const struct answer_ops *ops, struct daemon *daemon,
				 const char *user, enum queue_kind kind)
{
	struct waiter *waiter = answer_new(sizeof(*waiter), ops, daemon, user);

	if (!waiter)
		return NULL;
	TAILQ_INIT(&waiter->news);
	waiter->kind = kind;
	return waiter;
}

/* wait: until nothing is being done for the person. */

static bool is_busy(const struct daemon *daemon, const char *user)
{
	if (queue_home_state(daemon->queue, user) != QUEUE_HOME_NONE)
		return true;
	/* With a ticket they are prepared, and a passing reconcile is not their concern. */
	return queue_reconcile_coming(daemon->queue, user) && !daemon_has_ticket(daemon, user);
}

static enum answer_next wait_next(struct answer *answer, struct record_writer *writer)
{
	struct waiter *waiter = (struct waiter *)answer;
	char notice[NOTICE_BYTES];

	if (waiter->n_news > 0)
		return write_news(waiter, writer);
	if (is_busy(answer->daemon, answer->user))
		return ANSWER_WAIT;
	notice_overdue(answer->daemon, answer->user, notice);
	answer_write_done(writer, NULL, *notice ? notice : NULL);
	return ANSWER_LAST;
}

struct answer *wait_handle_wait(struct daemon *daemon, const struct request *request,
				struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = wait_next,
					       .on_progress = home_on_progress,
					       .release = waiter_release };
	struct waiter *waiter = waiter_new(&OPS, daemon, request->user, QUEUE_HOME);

	if (!waiter)
		return verbs_no_memory(reply);
	take_current(waiter);
	return &waiter->base;
}

/* ensure: a reconcile of the person, then their home job, whether due or not. */

static void ensure_on_end(struct answer *answer, const struct queue_job *job,
			  enum queue_outcome outcome, const char *text)
{
	struct waiter *waiter = (struct waiter *)answer;

	if (job->kind != QUEUE_HOME || strcmp(job->user, answer->user) != 0)
		return;
	waiter->outcome = outcome;
	copy_text(waiter->text, sizeof(waiter->text), text);
}

/* "2 steps failed: code: …; claude: …" in `ret_text`; how many. */
static unsigned int list_failed(const struct steps_log *log, int64_t generation,
				char ret_text[static RECORD_TEXT_MAX])
{
	unsigned int n_failed = 0;
	size_t n = 0;

	*ret_text = '\0';
	for (size_t i = 0; i < log->n_rows; i++) {
		const struct steps_log_row *row = &log->rows[i];

		if (row->status != STEPS_LOG_FAILED || row->generation != generation)
			continue;
		if (n < RECORD_TEXT_MAX)
			n += (size_t)snprintf(ret_text + n, RECORD_TEXT_MAX - n, "%s%s: %.200s",
					      n_failed ? "; " : "", row->step,
					      row->error ? row->error : "no reason given");
		n_failed++;
	}
	return n_failed;
}

static void write_ensure_result(struct waiter *waiter, struct record_writer *writer)
{
	struct daemon *daemon = waiter->base.daemon;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct dv_error err = { "" };
	char text[RECORD_TEXT_MAX];
	struct ledger *ledger;
	unsigned int n_failed;
	int r;

	if (verbs_find_person(daemon, waiter->base.user, &person, writer) < 0)
		return;
	r = store_get(&daemon->store, &ledger, &err);
	if (r == 0)
		r = steps_log_list(ledger, waiter->base.user, &log, &err);
	if (store_note(&daemon->store, r, &err) < 0) {
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
		return;
	}
	n_failed = list_failed(&log, person.generation, text);
	if (n_failed > 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%u step%s failed: %s", n_failed,
				   n_failed == 1 ? "" : "s", text);
	else if (waiter->outcome == QUEUE_FAILED || waiter->outcome == QUEUE_BROKEN)
		answer_write_error(writer, PROTO_CODE_FAILED, "the home job: %s", waiter->text);
	else
		answer_write_done(writer, NULL, NULL);
}

static enum answer_next ensure_next(struct answer *answer, struct record_writer *writer)
{
	struct waiter *waiter = (struct waiter *)answer;

	if (waiter->n_news > 0)
		return write_news(waiter, writer);
	if (queue_home_state(answer->daemon->queue, answer->user) != QUEUE_HOME_NONE ||
	    reports_wait(answer->daemon->reports, answer->user))
		return ANSWER_WAIT;
	write_ensure_result(waiter, writer);
	return ANSWER_LAST;
}

/* Somebody unknown may be in a roster that has just been written. */
static bool may_be_known_soon(const struct daemon *daemon, const char *user)
{
	return queue_reconcile_coming(daemon->queue, user) || watch_is_armed(daemon->watch);
}

struct answer *wait_handle_ensure(struct daemon *daemon, const struct request *request,
				  struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = ensure_next,
					       .on_progress = home_on_progress,
					       .on_end = ensure_on_end,
					       .release = waiter_release };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct waiter *waiter;

	if (!may_be_known_soon(daemon, request->user) &&
	    verbs_find_person(daemon, request->user, &person, reply) < 0)
		return NULL;
	if (queue_request_ensure(daemon->queue, request->user) < 0) {
		answer_write_error(reply, PROTO_CODE_BUSY, "too many home jobs are queued");
		return NULL;
	}
	daemon_wake_queue(daemon);
	if (verbs_is_set(request, "terminal"))
		instances_open_terminal(daemon->instances, request->user);
	else
		instances_want(daemon->instances, request->user, INSTANCES_VISIT);
	if (!verbs_is_set(request, "wait")) {
		answer_write_done(reply, NULL, NULL);
		return NULL;
	}
	waiter = waiter_new(&OPS, daemon, request->user, QUEUE_HOME);
	if (!waiter)
		return verbs_no_memory(reply);
	take_current(waiter);
	return &waiter->base;
}

/* reconcile: of everybody or one person; with a dry run, the plan. */

static void reconcile_on_end(struct answer *answer, const struct queue_job *job,
			     enum queue_outcome outcome, const char *text)
{
	struct waiter *waiter = (struct waiter *)answer;
	bool covered = waiter->kind == QUEUE_PLAN
			       ? queue_covers(job, QUEUE_PLAN, NULL, waiter->seq)
			       : queue_covers(job, QUEUE_RECONCILE, answer->user, waiter->seq);

	if (!covered)
		return;
	waiter->outcome = outcome;
	copy_text(waiter->text, sizeof(waiter->text), text);
}

static enum answer_next reconcile_next(struct answer *answer, struct record_writer *writer)
{
	struct waiter *waiter = (struct waiter *)answer;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	char left_out[64];

	if (waiter->n_news > 0)
		return write_news(waiter, writer);
	switch (waiter->outcome) {
	case QUEUE_UNSET:
		return ANSWER_WAIT;
	case QUEUE_OK:
		/* A run that went well says nothing about a name it did not know, and a plan knows
		 * those that would be new. */
		if (*answer->user && waiter->kind != QUEUE_PLAN &&
		    verbs_find_person(answer->daemon, answer->user, &person, writer) < 0)
			return ANSWER_LAST;
		(void)snprintf(left_out, sizeof(left_out), "%u more differences are not shown",
			       waiter->n_lost);
		answer_write_done(writer, NULL, waiter->n_lost ? left_out : NULL);
		return ANSWER_LAST;
	case QUEUE_FAILED:
	case QUEUE_BROKEN:
		break;
	}
	answer_write_error(writer, PROTO_CODE_FAILED, "%s", waiter->text);
	return ANSWER_LAST;
}

/* Only what the plan that answers this request finds. */
static void plan_on_progress(struct answer *answer, const struct answer_progress *progress)
{
	struct waiter *waiter = (struct waiter *)answer;

	if (proto_plan_sign(progress->status) &&
	    queue_plan_seq(answer->daemon->queue) > waiter->seq)
		waiter_on_progress(answer, progress);
}

/* False with the answer written. */
static bool allow_mass_leave(struct daemon *daemon, const struct request *request, bool dry_run,
			     struct record_writer *reply)
{
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r;

	if (!verbs_is_set(request, LEDGER_ALLOW_MASS_LEAVE))
		return true;
	if (request->user || dry_run) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST,
				   LEDGER_ALLOW_MASS_LEAVE " is for a reconcile of everybody");
		return false;
	}
	r = store_get(&daemon->store, &ledger, &err);
	if (r == 0)
		r = store_note(&daemon->store,
			       ledger_set_meta(ledger, LEDGER_ALLOW_MASS_LEAVE, "1", &err), &err);
	if (r < 0)
		answer_write_error(reply, PROTO_CODE_FAILED, "%s", err.text);
	return r == 0;
}

struct answer *wait_handle_reconcile(struct daemon *daemon, const struct request *request,
				     struct record_writer *reply)
{
	static const struct answer_ops RECONCILE = { .next = reconcile_next,
						     .on_end = reconcile_on_end,
						     .release = waiter_release };
	static const struct answer_ops PLAN = { .next = reconcile_next,
						.on_progress = plan_on_progress,
						.on_end = reconcile_on_end,
						.release = waiter_release };
	bool dry_run = verbs_is_set(request, "dry-run");
	struct waiter *waiter;

	if (!allow_mass_leave(daemon, request, dry_run, reply))
		return NULL;
	waiter = waiter_new(dry_run ? &PLAN : &RECONCILE, daemon, request->user,
			    dry_run ? QUEUE_PLAN : QUEUE_RECONCILE);
	if (!waiter)
		return verbs_no_memory(reply);
	waiter->seq = dry_run ? queue_request_plan(daemon->queue)
			      : queue_request_reconcile(daemon->queue, request->user);
	daemon_wake_queue(daemon);
	return &waiter->base;
}
