/* test_server.c - clients that do not behave: each gets an error or is dropped, and others
 * are served meanwhile. */
#include "fake_daemon.h"

#define STATUS "status\nv=1\n"

static void send_bytes(const struct fake *fake, int fd, const void *bytes, size_t n_bytes)
{
	assert_int_equal(send(fd, bytes, n_bytes, MSG_NOSIGNAL | MSG_DONTWAIT), n_bytes);
	fake_turn(fake);
}

static void assert_others_are_served(const struct fake *fake)
{
	assert_string_equal(fake_ask(fake, 0, "wait\nv=1\nuser=nobody\n"), "done");
}

static unsigned int n_connections(const struct fake *fake)
{
	fake_turn(fake);
	return server_n_connections(fake->daemon->server);
}

static void packets_that_are_no_request(void **state)
{
	static const char *const packets[] = {
		"\n",
		"=\n",
		"status",
		"Status\nv=1\n",
		"status\nv\n",
		"status\nv=1\nv=1\n",
		"status\nv=1\nuser=a\tb\n",
		"status\nv=1\nuser=\n",
		"status\nv=1\nuser=..\n",
		"status\nv=1\nuser=-rf\n",
		"status\nv=1\nuser=0\n",
		"status\nv=1\nsecret=1\n",
		"status\nuser=anna\n",
		"wait\nv=1\n",
		"reboot\nv=1\n",
		"done\nv=1\n",
		"row\nv=1\n",
		"status\nv=1\nuser=\xff\xfe\n",
	};
	const struct fake *fake = *state;

	for (size_t i = 0; i < DV_COUNT(packets); i++) {
		DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);

		fake_say(fake, fd, packets[i]);
		assert_contains(fake_hear(fake, fd), "error code=bad-request text=");
		assert_heard(fake, fd, "(closed)");
	}
	assert_int_equal(n_connections(fake), 0);
	assert_others_are_served(fake);
}

static void a_nul_byte(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);

	send_bytes(fake, fd, "status\nv=1\0\n", 12);
	assert_heard(fake, fd, "error code=bad-request text=the record has a NUL byte");
}

static void another_version_is_told_so(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);

	fake_say(fake, fd, "status-of-tomorrow\nv=2\nnew-key=1\n");
	assert_heard(fake, fd,
		     "error code=version text=protocol version 2 was asked for; this side "
		     "speaks 1");
	assert_heard(fake, fd, "(closed)");
}

static void a_packet_that_is_too_long(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);
	DV_AUTO_FREE char *bytes = malloc(65536);

	assert_non_null(bytes);
	memset(bytes, 'a', 65536);
	memcpy(bytes, "status\nv=1\nuser=", 16);
	send_bytes(fake, fd, bytes, 65536);
	assert_heard(fake, fd, "error code=bad-request text=the record is longer than 8192 bytes");
	assert_heard(fake, fd, "(closed)");
}

static void an_error_arrives_before_the_end(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);

	/* More packets behind the bad one must not turn the answer into ECONNRESET. */
	for (int i = 0; i < 5; i++)
		assert_true(send(fd, "nonsense", 8, MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
	fake_turn(fake);
	assert_heard(fake, fd, "error code=bad-request text=unknown verb nonsense");
	assert_heard(fake, fd, "(closed)");
}

static void requests_one_after_the_other(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);

	for (int i = 0; i < 10; i++) /* sent at once, answered in order */
		assert_true(send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL | MSG_DONTWAIT) > 0);
	for (int i = 0; i < 10; i++) {
		assert_contains(fake_hear(fake, fd), "row kind=machine");
		assert_heard(fake, fd, "done");
	}
	assert_heard(fake, fd, "(nothing)");
}

static void who_floods_is_told_and_slowed_down(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);
	unsigned int n_sent = 0, n_done = 0, n_busy = 0;

	for (int i = 0; i < 5000; i++) {
		const char *heard;

		n_sent += send(fd, "wait\nv=1\nuser=anna\n", 19, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
		heard = fake_hear(fake, fd);
		n_done += strcmp(heard, "done") == 0;
		n_busy += strcmp(heard, "error code=busy text=more than 50 requests a second on "
					"one connection") == 0;
	}
	assert_true(n_done >= 100 && n_done < 200);
	assert_int_equal(n_busy, 1);
	assert_true(n_sent < 5000); /* the rest stands in the client's own buffer */
	assert_others_are_served(fake);
	fake_pass_ms(fake, 2000);
	assert_heard(fake, fd, "done"); /* and is served later */
}

static void who_says_nothing_is_dropped(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int silent = fake_connect(fake, FAKE_HELPER, 0);
	DV_AUTO_CLOSE int asked = fake_connect(fake, FAKE_HELPER, 0);

	fake_pass_ms(fake, 8000);
	fake_say(fake, asked, "wait\nv=1\nuser=anna\n");
	assert_heard(fake, asked, "done");
	fake_pass_ms(fake, 4000);
	assert_heard(fake, silent, "(closed)");
	assert_heard(fake, asked, "(nothing)");
	fake_pass_ms(fake, 8000);
	assert_heard(fake, asked, "(closed)");
}

static void who_does_not_read_is_dropped(void **state)
{
	const struct fake *fake = *state;
	struct scratch *scratch = fake->scratch;
	DV_AUTO_CLOSE int fd = fake_connect(fake, FAKE_HELPER, 0);
	char name[16];

	assert_ok(scratch, ledger_begin(scratch->ledger, &scratch->err));
	for (unsigned int i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "user%04u", i);
		fake_person(fake, name, i, "power-user");
	}
	assert_ok(scratch, ledger_commit(scratch->ledger, &scratch->err));
	fake_say(fake, fd, STATUS);
	fake_pass_ms(fake, 25000);
	assert_int_equal(n_connections(fake), 1);
	assert_others_are_served(fake);
	fake_pass_ms(fake, 7000);
	assert_int_equal(n_connections(fake), 0);
}

static void half_open(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int asked = fake_connect(fake, FAKE_HELPER, 0);
	DV_AUTO_CLOSE int silent = fake_connect(fake, FAKE_HELPER, 0);

	/* Says that nothing more will come, and still gets its answer. */
	assert_true(send(asked, STATUS, strlen(STATUS), MSG_NOSIGNAL) > 0);
	assert_int_equal(shutdown(asked, SHUT_WR), 0);
	assert_contains(fake_hear(fake, asked), "row kind=machine");
	assert_heard(fake, asked, "done");
	assert_heard(fake, asked, "(closed)");
	assert_int_equal(shutdown(silent, SHUT_WR), 0);
	assert_heard(fake, silent, "(closed)");
	assert_int_equal(n_connections(fake), 0);
}

static void who_asks_and_leaves_is_heard(void **state)
{
	const struct fake *fake = *state;
	int fd = fake_connect(fake, FAKE_HELPER, 0);

	fake_person(fake, "anna", 0, "power-user");
	assert_true(send(fd, "ensure\nv=1\nuser=anna\n", 21, MSG_NOSIGNAL) > 0);
	(void)close(fd);
	fake_turn(fake);
	assert_true(fake_runs("devvm-reconcile@anna.service"));
	assert_int_equal(n_connections(fake), 0);
}

static void one_uid_gets_so_many_connections(void **state)
{
	const struct fake *fake = *state;
	unsigned int max = fake->daemon->config.connections_per_uid;
	int fds[64];

	fake_person(fake, "anna", 0, "power-user");
	fake_person(fake, "bob", 1, "power-user");
	assert_true(max <= DV_COUNT(fds));
	for (unsigned int i = 0; i < max; i++)
		fds[i] = fake_connect(fake, FAKE_HELPER, 1001);
	assert_contains(fake_ask(fake, 1001, STATUS), "error code=busy text=more than ");
	assert_contains(fake_ask(fake, 1002, STATUS), "kind=person user=bob");
	assert_others_are_served(fake);
	(void)close(fds[0]);
	fake_turn(fake);
	assert_contains(fake_ask(fake, 1001, STATUS), "kind=person user=anna");
	for (unsigned int i = 1; i < max; i++)
		(void)close(fds[i]);
}

static void the_helper_socket_is_full_but_not_for_root(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int login = -1;
	int *fds = calloc(SERVER_MAX_HELPER, sizeof(*fds));

	assert_non_null(fds);
	for (int i = 0; i < SERVER_MAX_HELPER; i++)
		fds[i] = fake_connect(fake, FAKE_HELPER, 10000 + (uid_t)i / 8);
	assert_contains(fake_ask(fake, 20000, STATUS),
			"error code=busy text=more than 1024 connections");
	assert_others_are_served(fake);
	login = fake_connect(fake, FAKE_PAM, 0);
	fake_say(fake, login, "open-session\nv=1\nuser=nobody\n");
	assert_heard(fake, login, "done outcome=not-ours");
	for (int i = 0; i < SERVER_MAX_HELPER; i++)
		(void)close(fds[i]);
	free(fds);
	assert_int_equal(n_connections(fake), 1);
}

static void logins_are_served_before_everybody_else(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int login = fake_connect(fake, FAKE_PAM, 0);
	int fds[32];
	char byte;

	for (size_t i = 0; i < DV_COUNT(fds); i++)
		fds[i] = fake_connect(fake, FAKE_HELPER, 0);
	for (size_t i = 0; i < DV_COUNT(fds); i++)
		assert_true(send(fds[i], STATUS, strlen(STATUS), MSG_NOSIGNAL) > 0);
	assert_true(send(login, "open-session\nv=1\nuser=nobody\n", 30, MSG_NOSIGNAL) > 0);
	assert_true(sd_event_run(fake->event, 0) > 0); /* one turn, one event */
	assert_true(recv(login, &byte, 1, MSG_DONTWAIT | MSG_PEEK) > 0);
	for (size_t i = 0; i < DV_COUNT(fds); i++) {
		assert_true(recv(fds[i], &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0);
		(void)close(fds[i]);
	}
}

static void the_sockets_have_their_own_verbs(void **state)
{
	const struct fake *fake = *state;
	DV_AUTO_CLOSE int pam = fake_connect(fake, FAKE_PAM, 0);

	assert_string_equal(fake_ask(fake, 0, "open-session\nv=1\nuser=anna\n"),
			    "error code=denied text=open-session is not answered on this socket");
	fake_say(fake, pam, STATUS);
	assert_heard(fake, pam, "error code=denied text=status is not answered on this socket");
}

static void without_the_ledger_people_hear_why(void **state)
{
	struct fake *fake = *state;

	fake_stop(fake);
	scratch_close_ledger(fake->scratch);
	(void)unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH "-wal", 0);
	(void)unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH "-shm", 0);
	assert_int_equal(unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH, 0), 0);
	scratch_make_folder(fake->scratch, LEDGER_PATH, 0700); /* a folder in its place */
	fake_start(fake);
	assert_contains(fake_ask(fake, 0, STATUS), "error code=failed text=");
	assert_contains(fake_ask(fake, 1001, STATUS), "error code=failed text=");
	assert_string_equal(fake_ask(fake, 0, "wait\nv=1\nuser=anna\n"), "(nothing)");
	assert_contains(fake_ask(fake, 0, "ensure\nv=1\nuser=anna\n"), "done");
	assert_int_equal(unlinkat(fake->scratch->env.root_dirfd, LEDGER_PATH, AT_REMOVEDIR), 0);
	fake_pass_ms(fake, 1100);
	assert_contains(fake_ask(fake, 0, STATUS), "row kind=machine");
}

static void a_replaced_ledger_is_noticed(void **state)
{
	const struct fake *fake = *state;
	int dirfd = fake->scratch->env.root_dirfd;
	DV_AUTO_CLOSE int fd = -1;

	fake_person(fake, "anna", 0, "power-user");
	fd = fake_connect(fake, FAKE_HELPER, 1001);
	fake_say(fake, fd, STATUS);
	assert_contains(fake_hear(fake, fd), "row kind=person");
	assert_heard(fake, fd, "done");
	scratch_close_ledger(fake->scratch);
	(void)unlinkat(dirfd, LEDGER_PATH "-wal", 0);
	(void)unlinkat(dirfd, LEDGER_PATH "-shm", 0);
	assert_int_equal(unlinkat(dirfd, LEDGER_PATH, 0), 0);
	fake_say(fake, fd, STATUS);
	assert_contains(fake_hear(fake, fd), "error code=denied");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_setup, fake_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_that_are_no_request),
		TEST(a_nul_byte),
		TEST(another_version_is_told_so),
		TEST(a_packet_that_is_too_long),
		TEST(an_error_arrives_before_the_end),
		TEST(requests_one_after_the_other),
		TEST(who_floods_is_told_and_slowed_down),
		TEST(who_says_nothing_is_dropped),
		TEST(who_does_not_read_is_dropped),
		TEST(half_open),
		TEST(who_asks_and_leaves_is_heard),
		TEST(one_uid_gets_so_many_connections),
		TEST(the_helper_socket_is_full_but_not_for_root),
		TEST(logins_are_served_before_everybody_else),
		TEST(the_sockets_have_their_own_verbs),
		TEST(without_the_ledger_people_hear_why),
		TEST(a_replaced_ledger_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
