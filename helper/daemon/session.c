/* session.c - open-session: a login without a ticket waits until its person is prepared.
 *
 * Asked again whenever a reconcile or the person's home job ends and whenever a report
 * about them was stored. In this order: a ticket is all that is wanted; somebody unknown
 * waits for the reconcile that is on its way and is then not ours; a home that was there
 * before us waits until its owner's job has looked whether it has a claude login;
 * everybody else waits for a reconcile. Each of the two is asked for once: if it did not
 * bring a ticket, the login hears why and goes on without one.
 */
#include "daemon/reports.h"
#include "daemon/request.h"
#include "daemon/verbs.h"
#include "daemon/watch.h"
#include "ledger/people.h"
#include "ledger/steps_log.h"

struct session {
	struct answer base;
	bool asked_home, asked_reconcile;
};

static enum answer_next fail(struct record_writer *writer, const struct dv_error *err)
{
	answer_write_error(writer, PROTO_CODE_FAILED, "%s", err->text);
	return ANSWER_LAST;
}

/* The first thing that went wrong for this person. */
static void explain(struct daemon *daemon, const char *user, struct dv_error *ret_why)
{
	DV_AUTO_STEPS_LOG struct steps_log log = { 0 };
	struct ledger *ledger;

	(void)dv_refuse(ret_why, 0, "%s could not be prepared", user);
	if (store_get(&daemon->store, &ledger, NULL) < 0 ||
	    steps_log_list(ledger, user, &log, NULL) < 0)
		return; /* the sentence stays as it is */
	for (size_t i = 0; i < log.n_rows; i++) {
		if (log.rows[i].status != STEPS_LOG_FAILED)
			continue;
		(void)dv_refuse(ret_why, 0, "%s: %s", log.rows[i].step,
				log.rows[i].error ? log.rows[i].error : "failed");
		return;
	}
}

static enum answer_next answer_unknown(struct session *session, struct record_writer *writer)
{
	struct daemon *daemon = session->base.daemon;
	struct dv_error why;

	if (queue_reconcile_coming(daemon->queue, session->base.user) ||
	    watch_is_armed(daemon->watch))
		return ANSWER_WAIT;
	if (queue_reconcile_stuck(daemon->queue)) {
		(void)dv_refuse(&why, 0, "the reconcile fails; see devvmctl events");
		return fail(writer, &why);
	}
	answer_write_done(writer, PROTO_OUTCOME_NOT_OURS, NULL);
	return ANSWER_LAST;
}

static enum answer_next wait_for_facts(struct session *session, struct record_writer *writer)
{
	struct daemon *daemon = session->base.daemon;
	const char *user = session->base.user;
	struct dv_error why;

	if (!session->asked_home) {
		session->asked_home = true;
		if (daemon_request_home(daemon, user, QUEUE_URGENT) == 0)
			return ANSWER_WAIT;
		(void)dv_refuse(&why, 0, "too many home jobs are queued");
		return fail(writer, &why);
	}
	if (queue_home_state(daemon->queue, user) != QUEUE_HOME_NONE ||
	    reports_wait(daemon->reports, user))
		return ANSWER_WAIT;
	explain(daemon, user, &why);
	return fail(writer, &why);
}

static enum answer_next wait_for_reconcile(struct session *session, struct record_writer *writer)
{
	struct daemon *daemon = session->base.daemon;
	const char *user = session->base.user;
	struct dv_error why;

	if (queue_reconcile_coming(daemon->queue, user))
		return ANSWER_WAIT;
	if (!session->asked_reconcile) {
		session->asked_reconcile = true;
		(void)queue_request_reconcile(daemon->queue, user); /* its end asks us again */
		daemon_wake_queue(daemon);
		return ANSWER_WAIT;
	}
	explain(daemon, user, &why);
	return fail(writer, &why);
}

static enum answer_next session_next(struct answer *answer, struct record_writer *writer)
{
	struct session *session = (struct session *)answer;
	struct daemon *daemon = answer->daemon;
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct dv_error err = { "" };
	struct ledger *ledger;
	int r;

	if (daemon_has_ticket(daemon, answer->user)) {
		answer_write_done(writer, PROTO_OUTCOME_READY, NULL);
		return ANSWER_LAST;
	}
	r = store_get(&daemon->store, &ledger, &err);
	if (r == 0)
		r = store_note(&daemon->store, people_get(ledger, answer->user, &person, &err),
			       &err);
	if (r < 0 && r != -ENOENT)
		return fail(writer, &err);
	if (r == -ENOENT || person.state != PEOPLE_PRESENT)
		return answer_unknown(session, writer);
	if (person.login == PEOPLE_LOGIN_UNKNOWN &&
	    (person.account == PEOPLE_ACCOUNT_FOUND || person.account == PEOPLE_ACCOUNT_CREATED))
		return wait_for_facts(session, writer);
	return wait_for_reconcile(session, writer);
}

struct answer *session_handle_open(struct daemon *daemon, const struct request *request,
				   struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = session_next };
	struct session *session = answer_new(sizeof(*session), &OPS, daemon, request->user);

	return session ? &session->base : verbs_no_memory(reply);
}
