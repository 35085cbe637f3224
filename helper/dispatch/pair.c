/* pair.c - see pair.h. */
#include "dispatch/pair.h"

#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dispatch/listener.h"
#include "base/secret.h"
#include "wire/client.h"
#include "wire/proto.h"

#define CHECK_MS 3000
#define EXCHANGE_MS 10000
#define MINT_MS 60000
#define ENSURE_MS 900000
#define LISTEN_MS 60000	      /* until a server that was started listens */
#define LISTEN_FAILED_MS 5000 /* when their steps failed: it may be up all the same */
#define LISTEN_EVERY_MS 200

/* ---- their server --------------------------------------------------------------------- */

static int is_theirs(void *context, struct dv_error *err)
{
	const struct pair_target *target = context;
	enum listener listener = LISTENER_UNSET;
	int r = listener_look(target->root_fd, target->port, target->uid, &listener, err);

	if (r < 0)
		return r;
	return listener == LISTENER_OWN ? 0
					: dv_refuse(err, -ECONNREFUSED, "port %u is not %s's now",
						    target->port, target->user);
}

static struct t3_server server_of(const struct pair_target *target)
{
	return (struct t3_server){ .host = "127.0.0.1",
				   .port = target->port,
				   .may_ask = is_theirs,
				   .context = (void *)target };
}

int pair_check(const struct pair_target *target, const char *cookies, enum t3_session *ret_session,
	       struct dv_error *err)
{
	const struct t3_server server = server_of(target);

	return t3_ask_session(&server, cookies, clock_deadline_ms(CHECK_MS), ret_session, err);
}

/* ---- the helper ----------------------------------------------------------------------- */

typedef void on_record(void *context, const struct record *record);

/* Until `done` (0) or `error` (-EREMOTEIO with its sentence). */
static int ask_helper(const struct pair_target *target, struct record_writer *writer,
		      int64_t deadline_ms, on_record *on, void *context, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = client_connect(target->helper_path, deadline_ms, err);
	struct record record;
	int r = fd < 0 ? fd : client_send(fd, writer, deadline_ms, err);

	while (r == 0) {
		r = client_receive(fd, &record, deadline_ms, err);
		if (r < 0)
			break;
		if (strcmp(record.verb, "done") == 0)
			break;
		if (strcmp(record.verb, "error") == 0) {
			const char *text = record_get(&record, "text");

			r = dv_refuse(err, -EREMOTEIO, "%s", text ? text : "devvm-helperd refused");
			break;
		}
		on(context, &record);
	}
	explicit_bzero(&record, sizeof(record));
	return r;
}

static void begin(struct record_writer *writer, const char *verb, const char *user)
{
	record_begin(writer, verb);
	record_add(writer, "v", PROTO_VERSION);
	record_add(writer, "user", user);
}

static void on_mint(void *context, const struct record *record)
{
	struct secret *credential = context;
	const char *value = record_get(record, "credential");

	if (strcmp(record->verb, "row") != 0 || !value || credential->text)
		return;
	credential->text = strdup(value);
	credential->n_bytes = credential->text ? strlen(value) : 0;
}

int pair_make(const struct pair_target *target, struct str_list *ret_cookies, struct dv_error *err)
{
	const struct log_fields fields = { .user = target->user };
	DV_AUTO_SECRET struct secret credential = { 0 };
	int64_t began_ms = clock_now_ms();
	struct record_writer writer;
	const struct t3_server server = server_of(target);
	const char *path = NULL;
	bool fallback = false;
	int r;

	begin(&writer, "mint", target->user);
	r = ask_helper(target, &writer, clock_deadline_ms(MINT_MS), on_mint, &credential, err);
	if (r == 0 && !credential.text)
		r = dv_refuse(err, -EBADMSG, "devvm-helperd gave no credential");
	if (r == 0)
		r = t3_exchange(&server, credential.text, clock_deadline_ms(EXCHANGE_MS),
				ret_cookies, &path, &fallback, err);
	if (r < 0)
		return dv_prefix(err, r, "pair %s", target->user);
	log_write(LOG_INFO, &fields, "paired %s by %s, fallback %s, in %" PRId64 " ms",
		  target->user, path, fallback ? "yes" : "no", clock_now_ms() - began_ms);
	return 0;
}

/* ---- a visit -------------------------------------------------------------------------- */

static int wait_listening(const struct pair_target *target, int64_t deadline_ms,
			  struct dv_error *err)
{
	for (;;) {
		enum listener listener = LISTENER_UNSET;
		int r = listener_look(target->root_fd, target->port, target->uid, &listener, err);

		if (r < 0 || listener == LISTENER_OWN)
			return r;
		if (listener == LISTENER_FOREIGN)
			return dv_refuse(err, -EPERM, "port %u is held by another account",
					 target->port);
		if (clock_left_ms(deadline_ms) == 0)
			return dv_refuse(err, -ETIMEDOUT,
					 "the workspace did not start in time; "
					 "journalctl -u t3-serve@%s says why",
					 target->user);
		(void)poll(NULL, 0, LISTEN_EVERY_MS);
	}
}

int pair_ensure(const struct pair_target *target,
		void (*on_progress)(void *context, const struct record *record), void *context,
		struct dv_error *err)
{
	struct dv_error ensure_err = { "" };
	struct record_writer writer;
	int ensured, r;

	begin(&writer, "ensure", target->user);
	record_add(&writer, "wait", "1");
	ensured = ask_helper(target, &writer, clock_deadline_ms(ENSURE_MS), on_progress, context,
			     &ensure_err);
	r = wait_listening(target, clock_deadline_ms(ensured < 0 ? LISTEN_FAILED_MS : LISTEN_MS),
			   err);
	/* What failed first is the better sentence. */
	return r < 0 && ensured < 0 ? dv_refuse(err, ensured, "%s", ensure_err.text) : r;
}
