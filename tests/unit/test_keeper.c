/* test_keeper.c - connections to people's servers that stay: when one is used again, and when it is not. The
 * servers are sockets of this process, answered by hand. */
#include "scratch.h"

#include <sys/socket.h>

#include "answering.h"
#include "dispatch/keeper.h"

#define N_CROWD (KEEPER_MAX_PERSON + 4)
#define N_SERVERS (KEEPER_MAX / KEEPER_MAX_PERSON)

static struct {
	sd_event *event;
	struct keeper keeper;
} stage;

struct told {
	struct keeper_ask ask;
	bool is_told;
	int r;
	enum t3_session session;
	struct dv_error err;
};

static int setup(void **state DV_UNUSED)
{
	stage.keeper = (struct keeper){ 0 };
	assert_true(sd_event_new(&stage.event) >= 0);
	stage.keeper.event = stage.event;
	return 0;
}

static int teardown(void **state DV_UNUSED)
{
	keeper_done(&stage.keeper);
	assert_int_equal(stage.keeper.n_lines, 0);
	assert_int_equal(stage.keeper.n_asks, 0);
	stage.event = sd_event_unref(stage.event);
	return 0;
}

static void turn(void)
{
	while (sd_event_run(stage.event, 0) > 0)
		;
}

static void on_end(struct keeper_ask *ask, int r, enum t3_session session,
		   const struct dv_error *err)
{
	struct told *told = (struct told *)ask;

	assert_false(told->is_told);
	told->is_told = true;
	told->r = r;
	told->session = session;
	told->err = *err;
}

static void submit(struct told *told, uid_t uid, uint16_t port)
{
	*told = (struct told){ .ask = { .target = { .uid = uid, .port = port, .user = "emo" },
					.cookies = ANSWERING_COOKIES,
					.end = on_end } };
	keeper_submit(&stage.keeper, &told->ask);
}

static void assert_told(const struct told *told, int r, enum t3_session session)
{
	if (!told->is_told || told->r != r || told->session != session)
		fail_msg("told %d: %d (%s), %d instead of %d, %d", told->is_told, told->r,
			 told->err.text, told->session, r, session);
}

static void answer(int fd, const char *text)
{
	answering_answer(fd, text);
	turn();
}

/* A line that was used once, and is idle. */
static int keep_one(int listen_fd, uint16_t port)
{
	struct told told;
	int fd;

	submit(&told, geteuid(), port);
	turn();
	fd = answering_take(listen_fd);
	assert_true(fd >= 0);
	answer(fd, ANSWERING_ALIVE);
	assert_told(&told, 0, T3_SESSION_ALIVE);
	assert_int_equal(stage.keeper.n_lines, 1);
	return fd;
}

static void one_connection_carries_many(void **state DV_UNUSED)
{
	static const struct {
		const char *text;
		enum t3_session session;
	} rows[] = {
		{ ANSWERING_ALIVE, T3_SESSION_ALIVE },
		{ ANSWERING_DEAD, T3_SESSION_DEAD },
		{ "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", T3_SESSION_UNSET },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", T3_SESSION_UNSET },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "17\r\n{\"authenticated\":true }\r\n0\r\n\r\n",
		  T3_SESSION_ALIVE },
	};
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd = keep_one(listen_fd, port);

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		struct told told;

		submit(&told, geteuid(), port);
		turn();
		assert_int_equal(answering_take(listen_fd), -1);
		answer(fd, rows[i].text);
		assert_told(&told, 0, rows[i].session);
	}
	(void)close(fd);
	(void)close(listen_fd);
}

static void one_that_the_server_closed_is_noticed(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd = keep_one(listen_fd, port);
	struct told told;

	(void)close(fd); /* and the loop has no turn between */
	submit(&told, geteuid(), port);
	turn();
	fd = answering_take(listen_fd);
	assert_true(fd >= 0);
	answer(fd, ANSWERING_DEAD);
	assert_told(&told, 0, T3_SESSION_DEAD);
	assert_int_equal(stage.keeper.n_lines, 1);
	(void)close(fd);
	turn();
	assert_int_equal(stage.keeper.n_lines, 0);
	(void)close(listen_fd);
}

static void one_that_speaks_unasked_is_dropped(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd = keep_one(listen_fd, port), other;
	struct told told;

	assert_int_equal(send(fd, ANSWERING_DEAD, strlen(ANSWERING_DEAD), MSG_NOSIGNAL),
			 strlen(ANSWERING_DEAD));
	submit(&told, geteuid(), port);
	turn();
	other = answering_take(listen_fd);
	assert_true(other >= 0);
	answer(other, ANSWERING_ALIVE);
	assert_told(&told, 0, T3_SESSION_ALIVE);
	(void)close(fd);
	(void)close(other);
	(void)close(listen_fd);
}

static void one_that_ends_under_the_question_is_replaced_once(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd = keep_one(listen_fd, port);
	struct told told;

	submit(&told, geteuid(), port);
	answering_assert_asked(fd);
	(void)close(fd);
	turn();
	assert_false(told.is_told);
	fd = answering_take(listen_fd);
	assert_true(fd >= 0);
	answering_assert_asked(fd);
	(void)close(fd);
	turn();
	assert_told(&told, -EBADMSG, T3_SESSION_UNSET);
	assert_int_equal(answering_take(listen_fd), -1);
	(void)close(listen_fd);
}

static void a_new_one_that_ends_is_not_replaced(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd;
	struct told told;

	submit(&told, geteuid(), port);
	turn();
	fd = answering_take(listen_fd);
	answering_assert_asked(fd);
	(void)close(fd);
	turn();
	assert_told(&told, -EBADMSG, T3_SESSION_UNSET);
	assert_contains(told.err.text, "emo");
	assert_int_equal(answering_take(listen_fd), -1);
	(void)close(listen_fd);
}

static void nobody_gets_the_connection_of_another(void **state DV_UNUSED)
{
	uint16_t port = 0, other_port = 0;
	int listen_fd = answering_serve(&port), other_fd = answering_serve(&other_port);
	int fd = keep_one(listen_fd, port);
	struct told told;
	char byte;

	submit(&told, geteuid() + 1, port);
	turn();
	assert_told(&told, -ECONNREFUSED, T3_SESSION_UNSET);
	assert_contains(told.err.text, "is not emo's now");
	submit(&told, geteuid(), other_port);
	turn();
	assert_int_equal(recv(fd, &byte, 1, 0), -1); /* not a byte */
	assert_int_equal(answering_take(listen_fd), -1);
	assert_int_equal(close(fd), 0);
	fd = answering_take(other_fd);
	answer(fd, ANSWERING_ALIVE);
	assert_told(&told, 0, T3_SESSION_ALIVE);
	(void)close(fd);
	(void)close(listen_fd);
	(void)close(other_fd);
}

static void a_replacement_is_looked_at_anew(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd = keep_one(listen_fd, port);
	struct told told;

	(void)close(listen_fd); /* the server is gone, the port may be anybody's */
	submit(&told, geteuid(), port);
	answering_assert_asked(fd); /* by the connection that was theirs */
	(void)close(fd);
	turn();
	assert_told(&told, -ECONNREFUSED, T3_SESSION_UNSET);
	assert_contains(told.err.text, "is not emo's now");
}

static void nobody_has_more_than_their_share(void **state DV_UNUSED)
{
	static struct told crowd[N_CROWD];
	uint16_t port = 0, other_port = 0;
	int listen_fd = answering_serve(&port), other_fd = answering_serve(&other_port),
	    fds[N_CROWD], fd;
	size_t n_told = 0;
	struct told other;

	for (size_t i = 0; i < N_CROWD; i++)
		submit(&crowd[i], geteuid(), port);
	turn();
	for (size_t i = 0; i < KEEPER_MAX_PERSON; i++) {
		fds[i] = answering_take(listen_fd);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(answering_take(listen_fd), -1);
	/* Nobody else waits behind them. */
	submit(&other, geteuid(), other_port);
	turn();
	fd = answering_take(other_fd);
	answer(fd, ANSWERING_ALIVE);
	assert_told(&other, 0, T3_SESSION_ALIVE);
	/* Those that waited come by the connection that becomes free. */
	for (size_t i = KEEPER_MAX_PERSON; i <= N_CROWD; i++)
		answer(fds[0], ANSWERING_ALIVE);
	for (size_t i = 0; i < N_CROWD; i++)
		n_told += crowd[i].is_told;
	assert_int_equal(n_told, 1 + N_CROWD - KEEPER_MAX_PERSON);
	for (size_t i = 1; i < KEEPER_MAX_PERSON; i++)
		answer(fds[i], ANSWERING_ALIVE);
	for (size_t i = 0; i < N_CROWD; i++)
		assert_told(&crowd[i], 0, T3_SESSION_ALIVE);
	assert_int_equal(answering_take(listen_fd), -1);
	for (size_t i = 0; i < KEEPER_MAX_PERSON; i++)
		(void)close(fds[i]);
	(void)close(fd);
	(void)close(listen_fd);
	(void)close(other_fd);
}

static void all_have_a_most_and_an_idle_one_makes_room(void **state DV_UNUSED)
{
	static struct told crowd[KEEPER_MAX];
	int listen_fds[N_SERVERS + 1], fd, last_fd;
	uint16_t ports[N_SERVERS + 1];
	struct told last;

	for (size_t i = 0; i <= N_SERVERS; i++)
		listen_fds[i] = answering_serve(&ports[i]);
	for (size_t i = 0; i < KEEPER_MAX; i++)
		submit(&crowd[i], geteuid(), ports[i / KEEPER_MAX_PERSON]);
	turn();
	assert_int_equal(stage.keeper.n_lines, KEEPER_MAX);
	submit(&last, geteuid(), ports[N_SERVERS]);
	turn();
	assert_int_equal(answering_take(listen_fds[N_SERVERS]), -1);
	fd = answering_take(listen_fds[0]);
	answer(fd, ANSWERING_ALIVE);
	last_fd = answering_take(listen_fds[N_SERVERS]);
	assert_true(last_fd >= 0);
	assert_int_equal(stage.keeper.n_lines, KEEPER_MAX);
	answer(last_fd, ANSWERING_DEAD);
	assert_told(&last, 0, T3_SESSION_DEAD);
	keeper_done(&stage.keeper);
	assert_told(&crowd[KEEPER_MAX - 1], -ECANCELED, T3_SESSION_UNSET);
	for (size_t i = 0; i <= N_SERVERS; i++)
		(void)close(listen_fds[i]);
	(void)close(fd);
	(void)close(last_fd);
}

static void who_is_late_is_waited_for_no_more(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port), fd;
	struct told told;

	submit(&told, geteuid(), port);
	turn();
	fd = answering_take(listen_fd);
	told.ask.deadline_ms = 1;
	while (!told.is_told)
		assert_true(sd_event_run(stage.event, UINT64_MAX) >= 0);
	assert_told(&told, -ETIMEDOUT, T3_SESSION_UNSET);
	assert_int_equal(stage.keeper.n_lines, 0);
	(void)close(fd);
	(void)close(listen_fd);
}

static void two_lines_are_no_cookie(void **state DV_UNUSED)
{
	uint16_t port = 0;
	int listen_fd = answering_serve(&port);
	struct told told = { .ask = { .target = { .uid = geteuid(), .port = port, .user = "emo" },
				      .cookies = "t3_session=x\r\nX-Other: y",
				      .end = on_end } };

	keeper_submit(&stage.keeper, &told.ask);
	assert_told(&told, -EINVAL, T3_SESSION_UNSET);
	assert_int_equal(answering_take(listen_fd), -1);
	(void)close(listen_fd);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_connection_carries_many),
		TEST(one_that_the_server_closed_is_noticed),
		TEST(one_that_speaks_unasked_is_dropped),
		TEST(one_that_ends_under_the_question_is_replaced_once),
		TEST(a_new_one_that_ends_is_not_replaced),
		TEST(nobody_gets_the_connection_of_another),
		TEST(a_replacement_is_looked_at_anew),
		TEST(nobody_has_more_than_their_share),
		TEST(all_have_a_most_and_an_idle_one_makes_room),
		TEST(who_is_late_is_waited_for_no_more),
		TEST(two_lines_are_no_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
