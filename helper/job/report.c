/* report.c - see report.h. */
#include "job/report.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "wire/client.h"
#include "wire/paths.h"
#include "wire/proto.h"

#define RETRY_MS 200

static void compose(struct record_writer *writer, const struct report *report)
{
	proto_begin_request(writer, PROTO_REPORT);
	record_add(writer, "user", report->user);
	record_add_int(writer, "generation", report->generation);
	record_add(writer, "step", report->step);
	record_add(writer, "status", report->status);
	record_add_text(writer, "text", report->text);
	record_add(writer, "own-login", report->own_login);
	if (report->of > 0) {
		record_add_int(writer, "n", report->n);
		record_add_int(writer, "of", report->of);
	}
}

static int send_once(const struct record_writer *writer, int64_t deadline_ms, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = client_connect(PATH_HELPER_SOCKET, deadline_ms, err);
	const struct proto_row *row = NULL;
	struct record answer;
	int r;

	if (fd < 0)
		return fd;
	r = client_send(fd, writer, deadline_ms, err);
	if (r == 0)
		r = client_receive(fd, &answer, deadline_ms, err);
	if (r == 0)
		r = proto_check(&answer, PROTO_ANSWER, &row, err);
	if (r < 0)
		return r;
	if (row->verb == PROTO_DONE)
		return 0;
	/* Refused for good: asking again would be answered the same. */
	return dv_refuse(err, -EACCES, "devvm-helperd refuses the report: %s",
			 record_get(&answer, "text"));
}

int report_send(const struct report *report, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(REPORT_DEADLINE_MS);
	struct record_writer writer;
	int r;

	compose(&writer, report);
	for (;;) {
		r = send_once(&writer, deadline_ms, err);
		if (r == 0 || r == -EACCES || r == -EINVAL || r == -EMSGSIZE ||
		    clock_left_ms(deadline_ms) == 0)
			return r;
		(void)poll(NULL, 0, RETRY_MS);
	}
}
