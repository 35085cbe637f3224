/* ask.c - see ask.h.
 *
 * Nothing the other end does is trusted to end: each receive is preceded by a look at
 * the clock, so that a helper that talks without a pause is cut off at the deadline
 * like one that says nothing.
 */
#include "ask.h"

#include "base/clock.h"
#include "base/str.h"
#include "wire/client.h"
#include "wire/paths.h"
#include "wire/proto.h"

#define CONNECT_MS 200

/* What client.h's errnos mean here. */
static enum outcome outcome_of_errno(int r)
{
	switch (-r) {
	case ENOENT:
	case ECONNREFUSED:
		return OUTCOME_ABSENT;
	case ETIMEDOUT:
		return OUTCOME_TIMEOUT;
	case EPERM:
		return OUTCOME_IMPOSTOR;
	case EPIPE:
	case ECONNRESET:
		return OUTCOME_CLOSED;
	case EBADMSG:
		return OUTCOME_MALFORMED;
	default:
		return OUTCOME_FAILED;
	}
}

static void write_question(struct record_writer *writer, const char *user, const char *service)
{
	proto_begin_request(writer, PROTO_OPEN_SESSION);
	record_add(writer, "user", user);
	record_add(writer, "service", service);
}

static enum outcome read_done(const struct record *answer, struct dv_error *err)
{
	const char *outcome = record_get(answer, "outcome");

	if (str_equal(outcome, PROTO_OUTCOME_READY))
		return OUTCOME_READY;
	if (str_equal(outcome, PROTO_OUTCOME_NOT_OURS))
		return OUTCOME_NOT_OURS;
	(void)dv_refuse(err, -EBADMSG, "unknown outcome %s", outcome ? outcome : "(none)");
	return OUTCOME_MALFORMED;
}

static enum outcome read_error(const struct record *answer, struct dv_error *err)
{
	const char *code = record_get(answer, "code");

	(void)dv_refuse(err, -EPROTO, "%s: %s", code, record_get(answer, "text"));
	return str_equal(code, PROTO_CODE_VERSION) ? OUTCOME_VERSION : OUTCOME_REFUSED;
}

/* OUTCOME_UNSET: not the end of the answer yet. */
static enum outcome read_answer(const struct record *answer, struct dv_error *err)
{
	const struct proto_row *row;

	if (proto_check(answer, PROTO_ANSWER, &row, err) < 0)
		return OUTCOME_MALFORMED;
	if (row->verb == PROTO_DONE)
		return read_done(answer, err);
	if (row->verb == PROTO_ERROR)
		return read_error(answer, err);
	return OUTCOME_UNSET; /* progress and rows are for whoever shows them */
}

/* What has come already is read also by whoever did not get their turn before the deadline. */
static enum outcome receive_answer(int fd, int64_t deadline_ms, struct dv_error *err)
{
	enum outcome outcome;
	struct record answer;

	do {
		int r = client_receive(fd, &answer, deadline_ms, err);

		outcome = r < 0 ? outcome_of_errno(r) : read_answer(&answer, err);
	} while (outcome == OUTCOME_UNSET && clock_left_ms(deadline_ms) > 0);
	if (outcome == OUTCOME_UNSET)
		outcome = outcome_of_errno(
			dv_fail(err, -ETIMEDOUT, "wait for the end of the answer"));
	return outcome;
}

enum outcome ask_open_session(const char *user, const char *service, int64_t deadline_ms,
			      struct dv_error *err)
{
	int64_t connect_by_ms = clock_deadline_ms(CONNECT_MS);
	struct record_writer question;
	DV_AUTO_CLOSE int fd = -1;
	int r;

	write_question(&question, user, service);
	if (record_finish(&question) < 0) /* whatever an application calls itself */
		write_question(&question, user, NULL);
	fd = client_connect(PATH_PAM_SOCKET,
			    connect_by_ms < deadline_ms ? connect_by_ms : deadline_ms, err);
	if (fd < 0)
		return outcome_of_errno(fd);
	r = client_send(fd, &question, deadline_ms, err);
	if (r < 0)
		return outcome_of_errno(r);
	return receive_answer(fd, deadline_ms, err);
}
