/* pair.c - see pair.h. */
#include "dispatch/pair.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "t3/listener.h"
#include "wire/proto.h"

#define EXCHANGE_MS 10000
#define MINT_MS 60000
#define ENSURE_MS 900000
#define LISTEN_MS 60000	      /* until a server that was started listens */
#define LISTEN_FAILED_MS 5000 /* when their steps failed: it may be up all the same */
#define HELD_MS 5000	      /* a hold is over in seconds, most of the time */
#define HOLD_FOLDER "var/lib/devvm/hold"
#define LISTEN_EVERY_MS 200
#define PASSWD_BYTES 16384 /* of a line, for getpwnam_r(3) */

/* ---- their server --------------------------------------------------------------------- */

int pair_require(const struct pair_target *target, struct dv_error *err)
{
	return listener_require(target->port, target->uid, target->user, err);
}

static int is_theirs(void *context, struct dv_error *err)
{
	return pair_require(context, err);
}

static struct t3_server server_of(const struct pair_target *target)
{
	return (struct t3_server){ .host = "127.0.0.1",
				   .port = target->port,
				   .may_ask = is_theirs,
				   .context = (void *)target };
}

/* ---- the helper ----------------------------------------------------------------------- */

static void begin(struct record_writer *writer, const char *verb, const char *user)
{
	record_begin(writer, verb);
	record_add(writer, "v", PROTO_VERSION);
	record_add(writer, "user", user);
}

static int on_mint(void *context, const struct record *record, struct dv_error *err)
{
	struct secret *credential = context;
	const char *value = record_get(record, "credential");

	if (strcmp(record->verb, "row") != 0 || !value || credential->text)
		return 0;
	credential->text = strdup(value);
	if (!credential->text)
		return dv_fail(err, -ENOMEM, "keep the credential");
	credential->n_bytes = strlen(value);
	return 0;
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
	r = ask_helper(target->helper_path, &writer, clock_deadline_ms(MINT_MS), on_mint,
		       &credential, err);
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

/* Whose journal says why it did not start. */
static const char *const UNITS[] = { [PAIR_T3] = "t3-serve", [PAIR_TERMINAL] = "ttyd" };

/* Nothing of theirs starts while this file is there. */
static bool is_held(const struct pair_target *target)
{
	char path[sizeof(HOLD_FOLDER) + STR_USER_NAME_MAX + 1];

	(void)snprintf(path, sizeof(path), HOLD_FOLDER "/%s", target->user);
	return faccessat(target->root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int pair_look(const struct pair_target *target, enum listener *ret_listener, struct dv_error *err)
{
	if (target->what != PAIR_TERMINAL)
		return listener_look(target->port, target->uid, ret_listener, err);
	/* systemd listens on the socket whether or not anything may start behind it. */
	if (is_held(target)) {
		*ret_listener = LISTENER_NONE;
		return 0;
	}
	return listener_look_terminal(target->root_fd, target->user, ret_listener, err);
}

static int wait_listening(const struct pair_target *target, int64_t deadline_ms,
			  struct dv_error *err)
{
	int64_t began_ms = clock_now_ms();

	for (;;) {
		enum listener listener = LISTENER_UNSET;
		int r = pair_look(target, &listener, err);

		if (r < 0 || listener == LISTENER_OWN)
			return r;
		if (listener == LISTENER_FOREIGN)
			return dv_refuse(err, -EPERM, "port %u is held by another account",
					 target->port);
		if (is_held(target) && clock_now_ms() - began_ms > HELD_MS)
			return dv_refuse(err, -EBUSY,
					 "their data is being worked on (a hold); it goes on by "
					 "itself: try again in some minutes");
		if (clock_left_ms(deadline_ms) == 0)
			return dv_refuse(err, -ETIMEDOUT,
					 "the workspace did not start in time; "
					 "journalctl -u '%s@%s*' says why",
					 UNITS[target->what], target->user);
		(void)poll(NULL, 0, LISTEN_EVERY_MS);
	}
}

/* On a thread, so not as the loop asks. (uid_t)-1: there is none. */
static uid_t find_uid(const char *user)
{
	struct passwd entry, *found = NULL;
	char words[PASSWD_BYTES];

	return getpwnam_r(user, &entry, words, sizeof(words), &found) == 0 && found ? found->pw_uid
										    : (uid_t)-1;
}

int pair_ensure(const struct pair_target *target, ask_on_record on_progress, void *context,
		struct dv_error *err)
{
	struct pair_target there = *target;
	struct dv_error ensure_err = { "" };
	struct record_writer writer;
	int ensured, r;

	begin(&writer, "ensure", target->user);
	record_add(&writer, "wait", "1");
	if (target->what == PAIR_TERMINAL)
		record_add(&writer, "terminal", "1");
	ensured = ask_helper(target->helper_path, &writer, clock_deadline_ms(ENSURE_MS),
			     on_progress, context, &ensure_err);
	/* Their account may have been made just now. */
	if (there.uid == (uid_t)-1)
		there.uid = find_uid(there.user);
	r = wait_listening(&there, clock_deadline_ms(ensured < 0 ? LISTEN_FAILED_MS : LISTEN_MS),
			   err);
	/* What failed first is the better sentence. */
	return r < 0 && ensured < 0 ? dv_refuse(err, ensured, "%s", ensure_err.text) : r;
}
