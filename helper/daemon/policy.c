/* policy.c - see policy.h. */
#include "daemon/policy.h"

static const struct {
	enum proto_role role;
	const char *name;
} ROLE_NAMES[] = {
	{ PROTO_ROLE_ROOT, "root" },
	{ PROTO_ROLE_ADMIN, "admins" },
	{ PROTO_ROLE_DISPATCH, "the front door" },
	{ PROTO_ROLE_SELF, "the person it is about" },
};

unsigned int policy_roles(const struct policy_peer *peer)
{
	unsigned int roles = 0;

	if (peer->uid == 0)
		return PROTO_ROLE_ROOT;
	if (peer->is_admin)
		roles |= PROTO_ROLE_ADMIN;
	if (peer->is_dispatch)
		roles |= PROTO_ROLE_DISPATCH;
	if (peer->is_self)
		roles |= PROTO_ROLE_SELF;
	return roles ? roles : PROTO_ROLE_OTHER;
}

int policy_check(const struct proto_row *row, enum proto_socket socket, unsigned int roles,
		 struct dv_error *err)
{
	char who[128] = "";
	size_t n = 0;

	if (!(row->sockets & socket))
		return dv_refuse(err, -EACCES, "%s is not answered on this socket", row->name);
	if (row->roles & roles)
		return 0;
	for (size_t i = 0; i < DV_COUNT(ROLE_NAMES); i++) {
		if (!(row->roles & ROLE_NAMES[i].role))
			continue;
		n += (size_t)snprintf(who + n, sizeof(who) - n, "%s%s", n ? ", " : "",
				      ROLE_NAMES[i].name);
	}
	return dv_refuse(err, -EACCES, "%s is only for %s", row->name, who);
}
