/* online.c - see online.h. */
#include "ctl/online.h"

#include <string.h>

#include "base/clock.h"
#include "ctl/output.h"
#include "wire/client.h"

int online_ask(const char *socket_path, const struct record_writer *request, int64_t deadline_ms,
	       struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = client_connect(socket_path, deadline_ms, err);
	int r;

	if (fd < 0)
		return fd;
	r = client_send(fd, request, deadline_ms, err);
	/* Who is turned away at the door finds the reason where the answer would be. */
	if (r < 0 && r != -EPIPE)
		return r;
	return DV_TAKE_FD(fd);
}

int online_next(int fd, struct record *record, int64_t deadline_ms, enum proto_verb *ret_verb,
		struct dv_error *err)
{
	const struct proto_row *row = NULL;
	int r = client_receive(fd, record, deadline_ms, err);

	/* Who closes without having read our request resets the connection: that error comes
	 * once, before the record that was sent first (unix(7) sockets, SEQPACKET). */
	if (r == -ECONNRESET)
		r = client_receive(fd, record, deadline_ms, err);
	if (r < 0)
		return r;
	r = proto_check(record, PROTO_ANSWER, &row, err);
	if (r < 0)
		return r;
	*ret_verb = row->verb;
	return 0;
}

/* What to type. Which of the two: a service that runs is asked for its log. */
static const char *advice_for(int failure)
{
	switch (failure) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "it is not running: systemctl status devvm-helperd.socket devvm-helperd";
	case -ETIMEDOUT:
		return "it does not answer: systemctl status devvm-helperd";
	case -ECONNRESET:
	case -EPIPE:
		return "it went away: journalctl -n 20 -u devvm-helperd";
	case -EBADMSG:
		return "it may be of another version: systemctl restart devvm-helperd";
	case -EPERM:
		return "somebody else took its place: ls -l /run/devvm";
	default:
		return "see systemctl status devvm-helperd";
	}
}

enum ctl_exit online_explain_failure(const struct ctl *ctl, int failure,
				     const struct dv_error *reason)
{
	DV_AUTO_FREE char *clean = output_clean(reason->text, ctl->utf8);

	ctl_say(ctl, "no answer from devvm-helperd (%s); %s", clean ? clean : "out of memory",
		advice_for(failure));
	return failure == -EACCES ? CTL_DENIED : CTL_UNREACHABLE;
}

enum ctl_exit online_explain_refusal(const struct ctl *ctl, const char *code, const char *text)
{
	DV_AUTO_FREE char *clean = output_clean(text, ctl->utf8);
	const char *shown = clean ? clean : "out of memory";

	if (strcmp(code, PROTO_CODE_VERSION) == 0) {
		ctl_say(ctl,
			"devvm-helperd speaks another version (%s); systemctl restart "
			"devvm-helperd starts the installed one",
			shown);
		return CTL_UNREACHABLE;
	}
	if (strcmp(code, PROTO_CODE_BUSY) == 0) {
		ctl_say(ctl, "%s; try again in a moment", shown);
		return CTL_FAILED;
	}
	ctl_say(ctl, "%s", shown);
	return strcmp(code, PROTO_CODE_DENIED) == 0 ? CTL_DENIED : CTL_FAILED;
}

int64_t online_total(int64_t total_ms)
{
	return total_ms > 0 ? clock_deadline_ms(total_ms) : INT64_MAX;
}

int64_t online_deadline(int64_t total_deadline_ms, int64_t idle_ms)
{
	int64_t idle_deadline_ms = online_total(idle_ms);

	return idle_deadline_ms < total_deadline_ms ? idle_deadline_ms : total_deadline_ms;
}

enum ctl_exit online_collect(const struct ctl *ctl, const struct record_writer *request,
			     const struct online_limits *limits,
			     int (*on_row)(const struct record *row, void *context,
					   struct dv_error *err),
			     void *context)
{
	int64_t total_ms = online_total(limits->total_ms);
	struct dv_error error = { 0 };
	struct record record;
	DV_AUTO_CLOSE int fd = online_ask(ctl->socket_path, request,
					  online_deadline(total_ms, ONLINE_ANSWER_MS), &error);
	int r = fd;

	while (r >= 0) {
		enum proto_verb verb = PROTO_N_VERBS;

		r = online_next(fd, &record, online_deadline(total_ms, limits->idle_ms), &verb,
				&error);
		if (r < 0)
			break;
		if (verb == PROTO_DONE)
			return CTL_OK;
		if (verb == PROTO_ERROR)
			return online_explain_refusal(ctl, record_get(&record, "code"),
						      record_get(&record, "text"));
		if (verb == PROTO_ROW)
			r = on_row(&record, context, &error);
	}
	return online_explain_failure(ctl, r, &error);
}
