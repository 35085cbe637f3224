/* follow.c - see follow.h.
 *
 * With a bar on the screen no signal may kill us in the middle of a line, and bash gives
 * up the rest of its profile when a program in it dies of SIGINT. So while a bar may be
 * drawn the signals of keys and of the end of a session are read from a signalfd.
 *
 * A helper that is at work may say nothing for minutes, and so does one that hangs. So
 * after QUIET_MS without a word it is asked something easy over a connection of its
 * own, which a helper that is alive answers at once.
 */
#include "ctl/follow.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/bar.h"
#include "ctl/output.h"

#define QUIET_MS 10000 /* without a word before the helper is asked whether it lives */
#define ALIVE_MS 1000  /* for its answer */

struct follower {
	const struct ctl *ctl;
	const struct follow_spec *spec;
	struct follow_result *result;
	struct bar bar;
	sigset_t caught;
	sigset_t before;
	int64_t total_deadline_ms;
	int64_t first_deadline_ms; /* of the first record */
	int64_t heard_ms;	   /* when the helper last gave a sign of life */
	bool was_heard;
	int socket_fd;
	int signal_fd; /* -1: signals do what they always do */
};

static void close_follower(struct follower *follower)
{
	bar_done(&follower->bar);
	dv_closep(&follower->socket_fd);
	if (follower->signal_fd >= 0)
		(void)sigprocmask(SIG_SETMASK, &follower->before, NULL);
	dv_closep(&follower->signal_fd);
}

static void catch_signals(struct follower *follower)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTSTP, SIGTERM, SIGHUP };

	(void)sigemptyset(&follower->caught);
	for (size_t i = 0; i < DV_COUNT(signals); i++)
		(void)sigaddset(&follower->caught, signals[i]);
	follower->signal_fd = signalfd(-1, &follower->caught, SFD_CLOEXEC | SFD_NONBLOCK);
	if (follower->signal_fd >= 0) /* else Ctrl-C leaves the line on the screen */
		(void)sigprocmask(SIG_BLOCK, &follower->caught, &follower->before);
}

/* Let the signal do what it would have done; it comes back from a stop or an ignored one. */
static void pass_on(struct follower *follower, int signal_number)
{
	(void)sigprocmask(SIG_SETMASK, &follower->before, NULL);
	(void)raise(signal_number);
	(void)sigprocmask(SIG_BLOCK, &follower->caught, NULL);
}

static void take_signal(struct follower *follower)
{
	struct signalfd_siginfo info;
	int number;

	if (read(follower->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return; /* nothing there after all */
	number = (int)info.ssi_signo;
	bar_erase(&follower->bar);
	if (follower->spec->keys_end_it &&
	    (number == SIGINT || number == SIGQUIT || number == SIGTSTP))
		follower->result->end = FOLLOW_KEY;
	else
		pass_on(follower, number);
}

static void keep_text(struct follow_result *result, const char *text)
{
	(void)snprintf(result->text, sizeof(result->text), "%s", text ? text : "");
}

static void take_record(struct follower *follower, const struct record *record,
			enum proto_verb verb)
{
	struct follow_result *result = follower->result;

	if (verb == PROTO_DONE || verb == PROTO_ERROR)
		keep_text(result, record_get(record, "text"));
	if (record_get(record, "outcome"))
		(void)snprintf(result->outcome, sizeof(result->outcome), "%s",
			       record_get(record, "outcome"));
	if (verb == PROTO_DONE)
		result->end = FOLLOW_DONE;
	if (verb == PROTO_ERROR) {
		result->end = FOLLOW_REFUSED;
		(void)snprintf(result->code, sizeof(result->code), "%s",
			       record_get(record, "code"));
	}
	if (verb != PROTO_PROGRESS)
		return;
	result->was_under_way = true;
	if (str_equal(record_get(record, "status"), "failed"))
		result->n_failed++;
	if (follower->spec->on_progress) {
		bar_erase(&follower->bar);
		follower->spec->on_progress(follower->ctl, record, follower->spec->context);
		(void)fflush(follower->ctl->out);
	}
	if (str_equal(record_get(record, "status"), "running"))
		bar_update(&follower->bar, record);
}

/* The answer does not matter, "there is no such user" will do. */
static int check_alive(const struct ctl *ctl, int64_t within_ms, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(within_ms);
	enum proto_verb verb = PROTO_N_VERBS;
	struct record_writer question;
	struct record answer;
	DV_AUTO_CLOSE int fd = -1;

	proto_begin_request(&question, PROTO_STATUS);
	record_add(&question, "user", "root");
	fd = online_ask(ctl->socket_path, &question, deadline_ms, err);
	return fd < 0 ? fd : online_next(fd, &answer, deadline_ms, &verb, err);
}

static void end_broken(struct follow_result *result, int failure)
{
	result->end = FOLLOW_BROKEN;
	result->failure = failure;
}

static void note_heard(struct follower *follower)
{
	follower->heard_ms = clock_now_ms();
	follower->was_heard = true;
}

/* Nothing came: is there somebody at all, has it been quiet for long, is it too late? */
static void take_silence(struct follower *follower)
{
	const struct follow_spec *spec = follower->spec;
	struct follow_result *result = follower->result;
	bool is_late = clock_left_ms(follower->total_deadline_ms) == 0;
	bool is_first = spec->first_ms > 0 && !follower->was_heard &&
			clock_left_ms(follower->first_deadline_ms) == 0;
	bool is_quiet = clock_now_ms() - follower->heard_ms >= QUIET_MS;
	int r = 0;

	if (!is_late && !is_first && !is_quiet)
		return;
	if (is_first || is_quiet || !follower->was_heard)
		r = check_alive(follower->ctl, is_first ? spec->first_ms : ALIVE_MS,
				&result->error);
	if (r < 0) {
		end_broken(result, r);
		return;
	}
	note_heard(follower);
	/* Had there been nothing to do, it would have said so. */
	result->was_under_way = true;
	if (is_late)
		result->end = FOLLOW_LATE;
}

/* How long to wait for something to happen. */
static int turn_ms(const struct follower *follower, bool is_drawn)
{
	int longest_ms = is_drawn ? BAR_TICK_MS : QUIET_MS;
	int wait_ms = clock_left_ms(follower->was_heard ? follower->total_deadline_ms
							: follower->first_deadline_ms);

	return wait_ms < longest_ms ? wait_ms : longest_ms;
}

/* Wait for a record, a signal or the next frame of the bar. */
static void take_turn(struct follower *follower, struct record *record)
{
	struct pollfd ready[] = {
		{ .fd = follower->socket_fd, .events = POLLIN },
		{ .fd = follower->signal_fd, .events = POLLIN }, /* poll(2) skips -1 */
	};
	struct dv_error *error = &follower->result->error;
	bool is_drawn = follower->bar.fd >= 0 &&
			(follower->spec->first_ms == 0 || follower->result->was_under_way);
	enum proto_verb verb = PROTO_N_VERBS;
	int r;

	if (is_drawn)
		bar_draw(&follower->bar);
	if (poll(ready, DV_COUNT(ready), turn_ms(follower, is_drawn)) < 0 && errno != EINTR) {
		end_broken(follower->result, dv_fail(error, -errno, "wait for the answer"));
		return;
	}
	if (ready[1].revents) {
		take_signal(follower);
		return;
	}
	if (!ready[0].revents) {
		take_silence(follower);
		return;
	}
	r = online_next(follower->socket_fd, record, follower->total_deadline_ms, &verb, error);
	if (r < 0) {
		end_broken(follower->result, r);
		return;
	}
	note_heard(follower);
	take_record(follower, record, verb);
}

void follow_run(const struct ctl *ctl, const struct follow_spec *spec,
		struct follow_result *ret_result)
{
	DV_CLEANUP(close_follower)
	struct follower follower = {
		.ctl = ctl,
		.spec = spec,
		.result = ret_result,
		.total_deadline_ms = online_total(spec->total_ms),
		.heard_ms = clock_now_ms(),
		.socket_fd = -1,
		.signal_fd = -1,
	};
	int64_t ask_ms = spec->first_ms > 0 ? spec->first_ms : ONLINE_ANSWER_MS;
	struct record record;

	*ret_result = (struct follow_result){ 0 };
	bar_init(&follower.bar, spec->has_bar ? ctl->bar_fd : -1, ctl->utf8, spec->words,
		 spec->hint);
	if (follower.bar.fd >= 0)
		catch_signals(&follower);
	follower.first_deadline_ms = online_deadline(follower.total_deadline_ms, spec->first_ms);
	follower.socket_fd =
		online_ask(ctl->socket_path, spec->request,
			   online_deadline(follower.total_deadline_ms, ask_ms), &ret_result->error);
	if (follower.socket_fd < 0)
		end_broken(ret_result, follower.socket_fd);
	while (ret_result->end == FOLLOW_UNSET)
		take_turn(&follower, &record);
}

enum ctl_exit follow_explain(const struct ctl *ctl, const struct follow_result *result)
{
	switch (result->end) {
	case FOLLOW_UNSET:
	case FOLLOW_DONE:
		return result->n_failed > 0 ? CTL_FAILED : CTL_OK;
	case FOLLOW_KEY:
		return CTL_OK;
	case FOLLOW_REFUSED:
		return online_explain_refusal(ctl, result->code, result->text);
	case FOLLOW_LATE:
		ctl_say(ctl, "not finished in time, the work goes on; devvmctl status shows how "
			     "far it is");
		return CTL_FAILED;
	case FOLLOW_BROKEN:
		return online_explain_failure(ctl, result->failure, &result->error);
	}
	return CTL_FAILED;
}
