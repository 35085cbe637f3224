/* policy.h - who may ask what. Pure: from what is known about a peer to its roles, and
 * from roles to a verdict by the table of wire/proto.h. */
#ifndef DEVVM_DAEMON_POLICY_H
#define DEVVM_DAEMON_POLICY_H

#include <sys/types.h>

#include "wire/proto.h"

/* What SO_PEERCRED and the ledger say about a peer. */
struct policy_peer {
	uid_t uid;
	bool is_admin;	  /* uid of a present person of tier admin */
	bool is_dispatch; /* uid of the front door's account */
	bool is_self;	  /* uid of the person who is asked about; without one, anybody's */
};

/* A mask of enum proto_role. Root is root alone: it needs no other. */
unsigned int policy_roles(const struct policy_peer *peer);

/* Whether a peer with these roles may use the verb on this socket. -EACCES with a
 * sentence that says who may. */
DV_MUST_CHECK int policy_check(const struct proto_row *row, enum proto_socket socket,
			       unsigned int roles, struct dv_error *err);

#endif
