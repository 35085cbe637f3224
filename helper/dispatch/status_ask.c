/* status_ask.c - see status_ask.h. */
#include "dispatch/status_ask.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/route.h"
#include "dispatch/status_page.h"
#include "wire/ask.h"
#include "wire/proto.h"

#define DEADLINE_MS 30000 /* ten thousand people come in well under one second */

struct status_flight {
	struct work work;
	struct status_ask *ask;
	struct door_call *calls;
	struct status status;
	struct dv_error err;
	int r;
};

static int on_record(void *context, const struct record *record, struct dv_error *err)
{
	return strcmp(record->verb, "row") == 0 ? status_add(context, record, err) : 0;
}

static void run(struct work *work)
{
	struct status_flight *flight = (struct status_flight *)work;
	struct record_writer writer;

	record_begin(&writer, "status");
	record_add(&writer, "v", PROTO_VERSION);
	flight->r = ask_helper(flight->ask->helper_path, &writer, clock_deadline_ms(DEADLINE_MS),
			       on_record, &flight->status, &flight->err);
}

static void answer(const struct status_flight *flight, struct door_call *call)
{
	bool is_json = strcmp(call->target, ROUTE_STATUS_JSON_PATH) == 0;
	size_t n = 0;
	char *text;

	if (flight->r < 0 && is_json) {
		call_plain(call, 502, flight->err.text);
		return;
	}
	if (flight->r < 0) {
		call_message(call, 502, "The machine did not say how it is", flight->err.text,
			     ROUTE_STATUS_PATH);
		return;
	}
	text = is_json ? status_page_json(&flight->status, &n)
		       : status_page(&flight->status, clock_wall_usec(), &n);
	call_reply(call, text, n);
}

static void end(struct work *work)
{
	struct status_flight *flight = (struct status_flight *)work;
	struct door_call *call = flight->calls;

	flight->ask->flight = NULL;
	if (flight->r < 0)
		log_warning("the status page: %s", flight->err.text);
	while (call) {
		struct door_call *next = call->next;

		answer(flight, call);
		call = next;
	}
	status_done(&flight->status);
	free(flight);
}

void status_ask(struct status_ask *ask, struct door_call *call)
{
	struct status_flight *flight = ask->flight;

	if (!flight) {
		flight = calloc(1, sizeof(*flight));
		if (!flight) {
			call_reply(call, NULL, 0);
			return;
		}
		flight->work = (struct work){ .run = run, .end = end };
		flight->ask = ask;
		if (work_submit(ask->pool, WORK_STATUS, &flight->work) < 0) {
			free(flight);
			call_plain(call, 503, "The machine is busy. Try again in a minute.");
			return;
		}
		ask->flight = flight;
	}
	call->next = flight->calls;
	flight->calls = call;
}
