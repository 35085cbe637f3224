/* feed.c - the verb events: what happened, oldest first, and with follow=1 what happens. */
#include <inttypes.h>

#include "daemon/verbs.h"
#include "ledger/events.h"

#define FEED_LIMIT 200 /* rows without a `limit` */
#define FEED_MAX 2000  /* rows at most: read at once, as the newest come last */

struct feed {
	struct answer base; /* `user`: only of this person, or "" */
	bool follow;
	int64_t after;	    /* the id that was last written */
	unsigned int limit; /* of the next read */
	/* Read ahead; empty at rest. */
	struct events page;
	size_t page_at;
};

static void feed_rest(struct answer *answer)
{
	struct feed *feed = (struct feed *)answer;

	events_done(&feed->page);
	feed->page_at = 0;
}

static void write_event(const struct events_row *event, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "event");
	record_add_int(writer, "id", event->id);
	record_add_int(writer, "at", event->at_usec);
	record_add_int(writer, "priority", event->priority);
	record_add(writer, "user", event->name);
	record_add(writer, "step", event->step);
	record_add_text(writer, "text", event->text);
}

static int read_page(struct feed *feed, struct dv_error *err)
{
	struct store *store = &feed->base.daemon->store;
	struct ledger *ledger;
	int r = store_get(store, &ledger, err);

	feed_rest(&feed->base);
	if (r == 0)
		r = events_list(ledger, feed->after, *feed->base.user ? feed->base.user : NULL,
				feed->limit, &feed->page, err);
	return store_note(store, r, err);
}

static enum answer_next feed_next(struct answer *answer, struct record_writer *writer)
{
	struct feed *feed = (struct feed *)answer;
	struct dv_error err = { "" };
	int r = 0;

	if (feed->page_at == feed->page.n_rows && (feed->limit > 0))
		r = read_page(feed, &err);
	if (feed->page_at < feed->page.n_rows) {
		feed->after = feed->page.rows[feed->page_at].id;
		write_event(&feed->page.rows[feed->page_at++], writer);
		if (!feed->follow)
			feed->limit--;
		return ANSWER_RECORD;
	}
	/* Who follows outlives a ledger that is locked or gone for a while. */
	if (feed->follow)
		return ANSWER_WAIT;
	if (r < 0)
		answer_write_error(writer, PROTO_CODE_FAILED, "%s", err.text);
	else
		answer_write_done(writer, NULL, NULL);
	return ANSWER_LAST;
}

static bool read_number(const struct request *request, const char *key, uint64_t max,
			uint64_t otherwise, uint64_t *ret_value, struct record_writer *reply)
{
	const char *text = record_get(request->record, key);

	*ret_value = otherwise;
	if (!text || str_to_uint(text, max, ret_value) == 0)
		return true;
	answer_write_error(reply, PROTO_CODE_BAD_REQUEST,
			   "the value of %s is no number up to %" PRIu64, key, max);
	return false;
}

struct answer *feed_handle_events(struct daemon *daemon, const struct request *request,
				  struct record_writer *reply)
{
	static const struct answer_ops ONCE = { .next = feed_next,
						.rest = feed_rest,
						.release = feed_rest };
	static const struct answer_ops FOLLOW = {
		.next = feed_next, .rest = feed_rest, .release = feed_rest, .every_second = true
	};
	bool follow = verbs_is_set(request, "follow");
	uint64_t after, limit;
	struct feed *feed;

	if (!read_number(request, "after", INT64_MAX, 0, &after, reply) ||
	    !read_number(request, "limit", UINT32_MAX, FEED_LIMIT, &limit, reply))
		return NULL;
	feed = answer_new(sizeof(*feed), follow ? &FOLLOW : &ONCE, daemon, request->user);
	if (!feed)
		return verbs_no_memory(reply);
	feed->follow = follow;
	feed->after = (int64_t)after;
	feed->limit = limit > FEED_MAX ? FEED_MAX : (unsigned int)limit;
	return &feed->base;
}
