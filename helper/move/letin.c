/* letin.c - see letin.h. */
#include "move/letin.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "move/systemctl.h"
#include "t3/front.h"
#include "t3/listener.h"
#include "t3/pairing.h"
#include "t3/websocket.h"
#include "units/cgroup.h"
#include "wire/ask.h"
#include "wire/paths.h"
#include "wire/proto.h"

#define START_MS 60000 /* that systemd may take; it does not wait for an answer */
#define ASK_MS 10000
#define PAIR_MS 60000
#define LOOK_EVERY_MS 250
#define SWITCHING_PROTOCOLS 101

/* Somebody may have taken the port while nothing listened there, and would get a credential. */
static int is_theirs(void *context, struct dv_error *err)
{
	const struct people_row *person = context;

	return listener_require((uint16_t)person->ports[PEOPLE_PORT_T3], (uid_t)person->uid,
				person->name, err);
}

static struct t3_server server_of(const struct letin *letin)
{
	return (struct t3_server){ .host = "127.0.0.1",
				   .port = (uint16_t)letin->person->ports[PEOPLE_PORT_T3],
				   .may_ask = is_theirs,
				   .context = (void *)letin->person };
}

static bool is_running(const struct letin *letin)
{
	char unit[32 + STR_USER_NAME_MAX];
	DV_AUTO_CLOSE int fd = -1;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", letin->person->name);
	fd = cgroup_open(letin->env, unit, NULL);
	return fd >= 0;
}

static int check_version(const struct letin *letin, int64_t deadline_ms, struct dv_error *err)
{
	const struct t3_server server = server_of(letin);
	char said[T3_VERSION_SAID_BYTES];
	int r = t3_ask_version(&server, deadline_ms, said, err);

	if (r == 0 && letin->version && strcmp(said, letin->version) != 0)
		r = dv_refuse(err, -EBADMSG, "it says that it is \"%s\", not %s", said,
			      letin->version);
	return r;
}

int letin_launch(const struct letin *letin, struct dv_error *err)
{
	const char *user = letin->person->name;

	/* What failed before has no say in whether it does now. */
	DV_IGNORE(systemctl_run("reset-failed", "t3-serve@", user, START_MS, NULL));
	return systemctl_run("start", "t3-serve@", user, START_MS, err);
}

int letin_wait(const struct letin *letin, struct dv_error *err)
{
	const char *user = letin->person->name;
	int64_t deadline_ms = clock_deadline_ms(letin->start_ms);
	struct dv_error why = { "it never answered" };

	for (;;) {
		int asked = check_version(letin, clock_deadline_ms(ASK_MS), &why);

		if (asked == 0 || asked == -EBADMSG)
			return asked == 0 ? 0
					  : dv_refuse(err, asked, "t3 of %s: %s", user, why.text);
		if (!is_running(letin))
			return dv_refuse(err, -EIO,
					 "t3 of %s ended at once; journalctl -u t3-serve@%s says "
					 "why",
					 user, user);
		if (clock_left_ms(deadline_ms) == 0)
			return dv_refuse(err, -ETIMEDOUT,
					 "t3 of %s did not answer within %lld s: %s", user,
					 (long long)letin->start_ms / 1000, why.text);
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
}

int letin_start(const struct letin *letin, struct dv_error *err)
{
	int r = letin_launch(letin, err);

	return r < 0 ? r : letin_wait(letin, err);
}

/* ---- a session ------------------------------------------------------------------------ */

static int on_record(void *context, const struct record *record, struct dv_error *err)
{
	struct secret *credential = context;
	const char *value = record_get(record, "credential");

	if (!value || credential->text)
		return 0;
	credential->text = strdup(value);
	if (!credential->text)
		return dv_fail(err, -ENOMEM, "keep the credential");
	credential->n_bytes = strlen(value);
	return 0;
}

static int mint(const struct letin *letin, struct secret *credential, struct dv_error *err)
{
	struct record_writer writer;
	int r;

	record_begin(&writer, "mint");
	record_add(&writer, "v", PROTO_VERSION);
	record_add(&writer, "user", letin->person->name);
	r = ask_helper(PATH_HELPER_SOCKET, &writer, clock_deadline_ms(PAIR_MS), on_record,
		       credential, err);
	return r == 0 && !credential->text ? dv_refuse(err, -EBADMSG, "no credential was made") : r;
}

static int pair_directly(const struct letin *letin, const struct t3_server *server,
			 struct secret *ret_cookies, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	DV_AUTO_SECRET struct secret credential = { 0 };
	const char *path = NULL;
	bool fallback = false;
	int r = mint(letin, &credential, err);

	if (r == 0)
		r = t3_exchange(server, credential.text, clock_deadline_ms(PAIR_MS), &cookies,
				&path, &fallback, err);
	if (r == 0)
		r = t3_cookie_header(&cookies, ret_cookies, err);
	for (size_t i = 0; i < cookies.n_items; i++)
		explicit_bzero(cookies.items[i], strlen(cookies.items[i]));
	return r;
}

static int check_session(const struct t3_server *server, const struct secret *cookies,
			 struct dv_error *err)
{
	enum t3_session session = T3_SESSION_UNSET;
	unsigned int status = 0;
	int r = t3_ask_session(server, cookies->text, clock_deadline_ms(ASK_MS), &session, err);

	if (r == 0 && session != T3_SESSION_ALIVE)
		return dv_refuse(err, -EACCES, "its own session is not authenticated");
	if (r == 0)
		r = t3_ask_websocket(server, cookies->text, clock_deadline_ms(ASK_MS), &status,
				     err);
	return r == 0 && status != SWITCHING_PROTOCOLS
		       ? dv_refuse(err, -EACCES, "it answers %u to a WebSocket with a session",
				   status)
		       : r;
}

int letin_require_door(const struct env *env, struct dv_error *err)
{
	DV_AUTO_FRONT struct front front = { 0 };
	int r = front_find(env, &front, err);

	return r == 0 && front_way(&front) != FRONT_WAY_NONE
		       ? front_require(&front, front_way(&front), err)
		       : r;
}

int letin_pair(const struct letin *letin, struct secret *ret_cookies, struct dv_error *err)
{
	const struct t3_server server = server_of(letin);
	DV_AUTO_SECRET struct secret cookies = { 0 };
	DV_AUTO_FRONT struct front front = { 0 };
	int r = front_find(letin->env, &front, err);

	if (r == 0 && front.is_on && front_way(&front) == FRONT_WAY_NONE)
		log_notice("t3 of %s is asked by itself, not through the front door: "
			   "/" FRONT_CONF " has neither a loopback address to which the secret of "
			   "/" FRONT_SECRET " could go, nor a unix: listener",
			   letin->person->name);
	if (r == 0)
		r = front_way(&front) != FRONT_WAY_NONE
			    ? front_pair(&front, letin->person->identity,
					 clock_deadline_ms(PAIR_MS), &cookies, err)
			    : pair_directly(letin, &server, &cookies, err);
	if (r == 0)
		r = check_session(&server, &cookies, err);
	if (r < 0)
		return dv_prefix(err, r, "t3 of %s does not let in", letin->person->name);
	*ret_cookies = cookies;
	cookies = (struct secret){ 0 }; /* handed over */
	return 0;
}

int letin_look(const struct letin *letin, const struct secret *cookies, struct dv_error *err)
{
	const struct t3_server server = server_of(letin);
	int r = check_version(letin, clock_deadline_ms(ASK_MS), err);

	if (r == 0)
		r = check_session(&server, cookies, err);
	return r < 0 ? dv_prefix(err, r, "t3 of %s", letin->person->name) : 0;
}
