/* request.c - see request.h. */
#include "daemon/request.h"

#include <string.h>

#include "base/log.h"
#include "daemon/policy.h"
#include "daemon/verbs.h"
#include "ledger/people.h"
#include "roster/tiers.h"

/* Nobody in the ledger is a plain "no"; a ledger that cannot be read is -errno. */
static int find_by_uid(struct daemon *daemon, uid_t uid, struct people_row *ret_row,
		       struct dv_error *err)
{
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, err);

	if (r < 0)
		return r;
	r = store_note(&daemon->store, people_get_by_uid(ledger, uid, ret_row, err), err);
	return r == -ENOENT ? 0 : r;
}

/* Credentials and the ledger; nothing the peer says about itself. */
static int find_roles(struct daemon *daemon, const struct request_peer *peer, const char *user,
		      unsigned int *ret_roles, struct dv_error *err)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	struct policy_peer known = { .uid = peer->uid };
	int r = 0;

	if (peer->uid != 0) {
		known.is_dispatch = daemon->has_dispatch_uid && peer->uid == daemon->dispatch_uid;
		r = find_by_uid(daemon, peer->uid, &person, err);
	}
	if (r == 0 && person.name) {
		known.is_admin = str_equal(person.tier, tier_name(TIER_ADMIN));
		known.is_self = !user || str_equal(person.name, user);
	}
	*ret_roles = policy_roles(&known);
	return r;
}

static struct answer *refuse(struct record_writer *reply, const char *code,
			     const struct dv_error *err)
{
	answer_write_error(reply, code, "%s", err->text);
	return NULL;
}

static int parse(struct record *record, const void *bytes, size_t n_bytes, struct request *request,
		 struct dv_error *err)
{
	int r = record_parse(record, bytes, n_bytes, err);

	if (r < 0)
		return r;
	r = proto_check(record, PROTO_REQUEST, &request->row, err);
	if (r < 0)
		return r;
	request->record = record;
	request->user = record_get(record, "user");
	/* The plan reports machine-wide differences, about nobody. */
	if (request->row->verb == PROTO_REPORT && request->user && !*request->user)
		request->user = NULL;
	if (request->user && !str_is_user_name(request->user))
		return dv_refuse(err, -EBADMSG, "the value of user is no user name");
	return 0;
}

struct answer *request_handle(struct daemon *daemon, const struct request_peer *peer,
			      const void *bytes, size_t n_bytes, struct record_writer *reply,
			      bool *ret_close)
{
	struct request request = { .uid = peer->uid };
	struct record record;
	struct answer *answer;
	struct dv_error err = { "" }, ledger_err = { "" };
	int r = parse(&record, bytes, n_bytes, &request, &err);
	int ledger_r;

	if (r < 0) {
		*ret_close = true;
		return refuse(reply,
			      r == -EPROTONOSUPPORT ? PROTO_CODE_VERSION : PROTO_CODE_BAD_REQUEST,
			      &err);
	}
	*ret_close = false;
	ledger_r = find_roles(daemon, peer, request.user, &request.roles, &ledger_err);
	r = policy_check(request.row, peer->socket, request.roles, &err);
	/* Without the ledger nobody but root and the front door can be recognised. */
	if (r < 0 && ledger_r < 0)
		return refuse(reply, PROTO_CODE_FAILED, &ledger_err);
	if (r < 0)
		return refuse(reply, PROTO_CODE_DENIED, &err);
	answer = verbs_handle(daemon, &request, reply);
	if (request.row->verb == PROTO_MINTED)
		explicit_bzero(&record, sizeof(record));
	return answer;
}
