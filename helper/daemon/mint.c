/* mint.c - see mint.h. */
#include "daemon/mint.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/queue.h>

#include "base/secret.h"
#include "daemon/server.h"
#include "daemon/verbs.h"
#include "ledger/people.h"
#include "steps/hold.h"

#define UNIT_PREFIX "devvm-mint@"
#define UNIT_SUFFIX ".service"
#define UNIT_BYTES (sizeof(UNIT_PREFIX UNIT_SUFFIX) + STR_USER_NAME_MAX)
#define ON_HOLD "somebody works on the data of %s; try again when that is done"
#define MAX_RUNNING 16 /* the most that door.mint_concurrency can say */

enum mint_state {
	MINT_WAITING,
	MINT_READY,  /* the credential is there, and not told yet */
	MINT_TOLD,   /* only `done` is left to say */
	MINT_FAILED, /* `text` says why */
};

struct mint_waiter {
	struct answer base;
	TAILQ_ENTRY(mint_waiter) in_list;
	enum mint_state state;
	struct secret credential;
	char expires[64], version[64];
	char text[ERROR_MAX_BYTES];
	bool is_kicked; /* of MINT_FAILED */
};

/* A unit that runs. */
struct mint_run {
	char user[STR_USER_NAME_MAX + 1]; /* "" for a free place */
	bool has_spoken;		  /* whoever it was for has heard */
};

struct mints {
	struct daemon *daemon;
	TAILQ_HEAD(mint_list, mint_waiter) waiters; /* oldest first */
	unsigned int n_waiters;
	struct mint_run runs[MAX_RUNNING];
};

/* ---- what runs ------------------------------------------------------------------------ */

static struct mint_run *find_run(struct mints *mints, const char *user)
{
	for (size_t i = 0; i < MAX_RUNNING; i++) {
		if (strcmp(mints->runs[i].user, user) == 0)
			return &mints->runs[i];
	}
	return NULL;
}

static bool may_start(struct mints *mints, const char *user)
{
	unsigned int n = 0;

	for (size_t i = 0; i < MAX_RUNNING; i++)
		n += *mints->runs[i].user != '\0';
	return n < mints->daemon->config.door_mint_concurrency && !find_run(mints, user);
}

static void fail(struct mint_waiter *waiter, const char *format, ...) DV_PRINTF(2, 3);
static void fail(struct mint_waiter *waiter, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(waiter->text, sizeof(waiter->text), format,
			args); /* cut, it still says it */
	va_end(args);
	waiter->state = MINT_FAILED;
}

static struct mint_waiter *first_waiting(struct mints *mints, const char *user)
{
	struct mint_waiter *waiter;

	TAILQ_FOREACH(waiter, &mints->waiters, in_list)
	{
		if (waiter->state == MINT_WAITING &&
		    (!user || strcmp(waiter->base.user, user) == 0))
			return waiter;
	}
	return NULL;
}

static int start(struct mints *mints, const char *user, struct dv_error *err)
{
	char unit[UNIT_BYTES];
	struct mint_run *run = find_run(mints, "");
	int r;

	(void)snprintf(unit, sizeof(unit), UNIT_PREFIX "%s" UNIT_SUFFIX, user);
	r = units_start(mints->daemon->units, unit, mints_on_end, mints, err);
	if (r < 0)
		return r;
	*run = (struct mint_run){ 0 };
	(void)snprintf(run->user, sizeof(run->user), "%s", user);
	return 0;
}

static struct mint_waiter *first_unheard(struct mints *mints)
{
	struct mint_waiter *waiter;

	TAILQ_FOREACH(waiter, &mints->waiters, in_list)
	{
		if (waiter->state == MINT_FAILED && !waiter->is_kicked)
			return waiter;
	}
	return NULL;
}

/* Those who failed hear it now; each may leave the list with that. */
static void tell_failed(struct mints *mints)
{
	char user[STR_USER_NAME_MAX + 1];
	struct mint_waiter *waiter;

	while ((waiter = first_unheard(mints))) {
		waiter->is_kicked = true;
		(void)snprintf(user, sizeof(user), "%s", waiter->base.user); /* it may go */
		server_kick(mints->daemon->server, user);
	}
}

/* In the order of coming, as far as the cap allows. */
static void start_what_may(struct mints *mints)
{
	struct mint_waiter *waiter;

	TAILQ_FOREACH(waiter, &mints->waiters, in_list)
	{
		struct dv_error err = { "" };

		if (waiter->state != MINT_WAITING || !may_start(mints, waiter->base.user))
			continue;
		if (start(mints, waiter->base.user, &err) < 0)
			fail(waiter, "%s", err.text);
	}
	tell_failed(mints);
}

/* Once more would be without an end: systemd takes a unit that it has skipped, for a hold that came while the caller
 * was in the queue, for one that is done. */
static void fail_unspoken(struct mints *mints, const char *user, const char *unit,
			  enum units_result result, const char *text)
{
	struct mint_waiter *waiter = first_waiting(mints, user);

	if (!waiter)
		return;
	if (result != UNITS_DONE)
		fail(waiter, "%s: %s; see journalctl -u %s", unit, text, unit);
	else if (hold_is_set(mints->daemon->env, user))
		fail(waiter, ON_HOLD, user);
	else
		fail(waiter, "%s ended without a word; see journalctl -u %s", unit, unit);
}

void mints_on_end(void *context, const char *unit, enum units_result result, const char *text)
{
	struct mints *mints = context;
	char user[STR_USER_NAME_MAX + 1] = "";
	size_t n = strlen(unit);
	struct mint_run *run;

	if (n > strlen(UNIT_PREFIX UNIT_SUFFIX) && n < UNIT_BYTES)
		(void)snprintf(user, sizeof(user), "%.*s",
			       (int)(n - strlen(UNIT_PREFIX UNIT_SUFFIX)),
			       unit + strlen(UNIT_PREFIX));
	run = *user ? find_run(mints, user) : NULL;
	if (!run)
		return;
	*run->user = '\0';
	/* Of whom has come since it spoke it knows nothing. */
	if (!run->has_spoken)
		fail_unspoken(mints, user, unit, result, text);
	start_what_may(mints);
}

/* ---- mint ----------------------------------------------------------------------------- */

static void write_credential(struct mint_waiter *waiter, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "credential");
	record_add(writer, "credential", waiter->credential.text);
	record_add(writer, "expires", *waiter->expires ? waiter->expires : NULL);
	record_add(writer, "version", waiter->version);
	secret_done(&waiter->credential);
}

static enum answer_next mint_next(struct answer *answer, struct record_writer *writer)
{
	struct mint_waiter *waiter = (struct mint_waiter *)answer;

	switch (waiter->state) {
	case MINT_WAITING:
		return ANSWER_WAIT;
	case MINT_READY:
		write_credential(waiter, writer);
		waiter->state = MINT_TOLD;
		return ANSWER_RECORD;
	case MINT_TOLD:
		answer_write_done(writer, NULL, NULL);
		return ANSWER_LAST;
	case MINT_FAILED:
		break;
	}
	answer_write_error(writer, PROTO_CODE_FAILED, "%s", waiter->text);
	return ANSWER_LAST;
}

static void mint_release(struct answer *answer)
{
	struct mint_waiter *waiter = (struct mint_waiter *)answer;
	struct mints *mints = answer->daemon->mints;

	TAILQ_REMOVE(&mints->waiters, waiter, in_list);
	mints->n_waiters--;
	secret_done(&waiter->credential);
}

struct answer *mint_handle(struct daemon *daemon, const struct request *request,
			   struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = mint_next, .release = mint_release };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct mints *mints = daemon->mints;
	struct mint_waiter *waiter;

	if (verbs_find_person(daemon, request->user, &person, reply) < 0)
		return NULL;
	if (person.parked || hold_is_set(daemon->env, request->user)) {
		answer_write_error(reply, PROTO_CODE_DENIED,
				   person.parked ? "%s is parked" : ON_HOLD, request->user);
		return NULL;
	}
	if (mints->n_waiters >= MINT_MAX_WAITERS) {
		answer_write_error(reply, PROTO_CODE_BUSY,
				   "%d people wait for a credential; try again later",
				   MINT_MAX_WAITERS);
		return NULL;
	}
	waiter = answer_new(sizeof(*waiter), &OPS, daemon, request->user);
	if (!waiter)
		return verbs_no_memory(reply);
	TAILQ_INSERT_TAIL(&mints->waiters, waiter, in_list);
	mints->n_waiters++;
	start_what_may(mints);
	return &waiter->base;
}

/* ---- minted --------------------------------------------------------------------------- */

/* Either a credential or the sentence that says why there is none. */
static int take(struct mint_waiter *waiter, const struct record *record, struct dv_error *err)
{
	const char *credential = record_get(record, "credential");
	const char *expires = record_get(record, "expires");
	const char *version = record_get(record, "version");
	const char *text = record_get(record, "text");

	if (!credential == !text || (credential && (!*credential || !version)))
		return dv_refuse(err, -EBADMSG,
				 "minted says either credential and version, or text");
	if (text) {
		fail(waiter, "%s", text);
		return 0;
	}
	waiter->credential.text = strdup(credential);
	if (!waiter->credential.text)
		return dv_fail(err, -ENOMEM, "hand over a credential");
	waiter->credential.n_bytes = strlen(credential);
	(void)snprintf(waiter->expires, sizeof(waiter->expires), "%.63s", expires ? expires : "");
	(void)snprintf(waiter->version, sizeof(waiter->version), "%.63s", version);
	waiter->state = MINT_READY;
	return 0;
}

struct answer *minted_handle(struct daemon *daemon, const struct request *request,
			     struct record_writer *reply)
{
	struct mints *mints = daemon->mints;
	struct mint_waiter *waiter = first_waiting(mints, request->user);
	struct mint_run *run = find_run(mints, request->user);
	struct dv_error err = { "" };

	/* Nobody asked, or whoever did has gone: it is of no use to anybody, and expires. */
	if (!run || run->has_spoken || !waiter) {
		answer_write_error(reply, PROTO_CODE_DENIED, "no credential of %s was asked for",
				   request->user);
		return NULL;
	}
	if (take(waiter, request->record, &err) < 0) {
		answer_write_error(reply, PROTO_CODE_BAD_REQUEST, "%s", err.text);
		return NULL;
	}
	run->has_spoken = true;
	answer_write_done(reply, NULL, NULL);
	server_kick(daemon->server, request->user);
	return NULL;
}

/* ---- the whole ------------------------------------------------------------------------ */

int mints_new(struct mints **ret_mints, struct daemon *daemon, struct dv_error *err)
{
	struct mints *mints = calloc(1, sizeof(*mints));

	if (!mints)
		return dv_fail(err, -ENOMEM, "set up the credentials");
	mints->daemon = daemon;
	TAILQ_INIT(&mints->waiters);
	*ret_mints = mints;
	return 0;
}

/* Behind the server, whose answers are in the list until then. */
void mints_free(struct mints *mints)
{
	free(mints);
}
