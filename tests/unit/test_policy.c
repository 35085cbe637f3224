/* test_policy.c - each role against each verb on each socket, held against the table of
 * DESIGN.md, which is written out here once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/policy.h"

static const struct policy_peer PEERS[] = {
	{ .uid = 0 },
	{ .uid = 1001, .is_admin = true },
	{ .uid = 990, .is_dispatch = true },
	{ .uid = 1002, .is_self = true },
	{ .uid = 1003 },
};
static const char *const PEER_NAMES[] = { "root", "admin", "dispatch", "self", "other" };

/* Who may: root, admin, dispatch, self, other. */
static const struct {
	enum proto_verb verb;
	enum proto_socket socket;
	const char *may;
} EXPECTED[] = {
	{ PROTO_OPEN_SESSION, PROTO_SOCKET_PAM, "y----" },
	{ PROTO_REPORT, PROTO_SOCKET_HELPER, "y--y-" },
	{ PROTO_WORK, PROTO_SOCKET_HELPER, "y--y-" },
	{ PROTO_ENSURE, PROTO_SOCKET_HELPER, "yyyy-" },
	{ PROTO_WAIT, PROTO_SOCKET_HELPER, "yyyy-" },
	{ PROTO_STATUS, PROTO_SOCKET_HELPER, "yyyy-" },
	{ PROTO_RECONCILE, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_MACHINE, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_INSTALL, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_OFFBOARD, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_EVENTS, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_SECRETS, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_MINT, PROTO_SOCKET_HELPER, "yyyy-" },
	{ PROTO_MINTED, PROTO_SOCKET_HELPER, "y--y-" },
	{ PROTO_BACKUP, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_RESTORE, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_BACKUPS, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_MIRRORS, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_UPDATE, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_VERSIONS, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_FREEZE, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_UNFREEZE, PROTO_SOCKET_HELPER, "yy---" },
	{ PROTO_UPDATE_NOW, PROTO_SOCKET_HELPER, "yy-y-" },
	{ PROTO_NOT_BEFORE, PROTO_SOCKET_HELPER, "yy-y-" },
};

static void each_role_may_what_the_design_says(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(EXPECTED); i++) {
		const struct proto_row *row = proto_row_of(EXPECTED[i].verb);
		char may[DV_COUNT(PEERS) + 1] = "";

		for (size_t p = 0; p < DV_COUNT(PEERS); p++) {
			unsigned int roles = policy_roles(&PEERS[p]);
			int r = policy_check(row, EXPECTED[i].socket, roles, NULL);

			assert_true(r == 0 || r == -EACCES);
			may[p] = r == 0 ? 'y' : '-';
		}
		if (strcmp(may, EXPECTED[i].may) != 0)
			print_error("%s:\n", row->name);
		assert_string_equal(may, EXPECTED[i].may);
	}
}

static void every_request_is_in_the_table_above(void **state DV_UNUSED)
{
	for (int verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of((enum proto_verb)verb);
		bool found = row->direction != PROTO_REQUEST;

		for (size_t i = 0; i < DV_COUNT(EXPECTED); i++)
			found |= (int)EXPECTED[i].verb == verb;
		if (!found)
			print_error("%s has no expectation here\n", row->name);
		assert_true(found);
	}
}

static void no_verb_is_answered_on_the_other_socket(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(EXPECTED); i++) {
		const struct proto_row *row = proto_row_of(EXPECTED[i].verb);
		enum proto_socket other = EXPECTED[i].socket == PROTO_SOCKET_PAM
						  ? PROTO_SOCKET_HELPER
						  : PROTO_SOCKET_PAM;

		assert_int_equal(policy_check(row, other, PROTO_ROLE_ROOT, NULL), -EACCES);
	}
}

static void answers_are_no_requests(void **state DV_UNUSED)
{
	const unsigned int everything = (PROTO_ROLE_OTHER << 1) - 1;

	for (int verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of((enum proto_verb)verb);

		if (row->direction == PROTO_ANSWER)
			assert_int_equal(policy_check(row, PROTO_SOCKET_HELPER, everything, NULL),
					 -EACCES);
	}
}

static void roles_come_from_credentials_alone(void **state DV_UNUSED)
{
	static const unsigned int expected[] = { PROTO_ROLE_ROOT, PROTO_ROLE_ADMIN,
						 PROTO_ROLE_DISPATCH, PROTO_ROLE_SELF,
						 PROTO_ROLE_OTHER };
	const struct policy_peer both = { .uid = 1001, .is_admin = true, .is_self = true };
	const struct policy_peer odd = { .uid = 0, .is_self = true };

	for (size_t i = 0; i < DV_COUNT(PEERS); i++) {
		if (policy_roles(&PEERS[i]) != expected[i])
			print_error("%s:\n", PEER_NAMES[i]);
		assert_int_equal(policy_roles(&PEERS[i]), expected[i]);
	}
	assert_int_equal(policy_roles(&both), PROTO_ROLE_ADMIN | PROTO_ROLE_SELF);
	assert_int_equal(policy_roles(&odd), PROTO_ROLE_ROOT);
}

static void a_denial_says_who_may(void **state DV_UNUSED)
{
	struct dv_error err = { "" };

	assert_int_equal(policy_check(proto_row_of(PROTO_RECONCILE), PROTO_SOCKET_HELPER,
				      PROTO_ROLE_OTHER, &err),
			 -EACCES);
	assert_string_equal(err.text, "reconcile is only for root, admins");
	assert_int_equal(policy_check(proto_row_of(PROTO_WAIT), PROTO_SOCKET_HELPER,
				      PROTO_ROLE_OTHER, &err),
			 -EACCES);
	assert_string_equal(err.text,
			    "wait is only for root, admins, the front door, the person it is "
			    "about");
	assert_int_equal(policy_check(proto_row_of(PROTO_WAIT), PROTO_SOCKET_PAM, PROTO_ROLE_ROOT,
				      &err),
			 -EACCES);
	assert_string_equal(err.text, "wait is not answered on this socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_role_may_what_the_design_says),
		cmocka_unit_test(every_request_is_in_the_table_above),
		cmocka_unit_test(no_verb_is_answered_on_the_other_socket),
		cmocka_unit_test(answers_are_no_requests),
		cmocka_unit_test(roles_come_from_credentials_alone),
		cmocka_unit_test(a_denial_says_who_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
