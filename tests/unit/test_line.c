/* test_line.c - one connection to a person's server: what ends its question, and when it can rest. The server
 * is a socket of this process. */
#include "scratch.h"

#include <sys/socket.h>

#include "answering.h"
#include "dispatch/line.h"

static struct {
	sd_event *event;
	int listen_fd, fd;
	struct pair_target target;
	struct line line;
	size_t n_told, n_lost;
	int r;
	enum t3_session session;
	struct dv_error err;
} stage;

static void on_end(struct line *line, int r, enum t3_session session, const struct dv_error *err)
{
	assert_ptr_equal(line, &stage.line);
	stage.n_told++;
	stage.r = r;
	stage.session = session;
	stage.err = *err;
}

static void on_lost(struct line *line)
{
	assert_ptr_equal(line, &stage.line);
	stage.n_lost++;
	line_close(line);
}

static int setup(void **state DV_UNUSED)
{
	memset(&stage, 0, sizeof(stage));
	assert_true(sd_event_new(&stage.event) >= 0);
	stage.target = (struct pair_target){ .uid = geteuid(), .user = "emo" };
	stage.listen_fd = answering_serve(&stage.target.port);
	stage.fd = -1;
	stage.line.on_end = on_end;
	stage.line.on_lost = on_lost;
	return 0;
}

static int teardown(void **state DV_UNUSED)
{
	if (stage.fd >= 0)
		(void)close(stage.fd);
	(void)close(stage.listen_fd);
	stage.event = sd_event_unref(stage.event);
	return 0;
}

static void turn(void)
{
	while (stage.n_told + stage.n_lost == 0 && sd_event_run(stage.event, 0) > 0)
		;
}

/* Asked, with a server that has not answered. */
static void open_one(void)
{
	assert_int_equal(line_open(&stage.line, stage.event, &stage.target, ANSWERING_COOKIES,
				   &stage.err),
			 0);
	turn();
	stage.fd = answering_take(stage.listen_fd);
	assert_true(stage.fd >= 0);
	answering_assert_asked(stage.fd);
}

static void say(const char *text, size_t n_bytes)
{
	assert_int_equal(send(stage.fd, text, n_bytes, MSG_NOSIGNAL), n_bytes);
	turn();
}

static void assert_told(int r, enum t3_session session)
{
	if (stage.n_told != 1 || stage.r != r || stage.session != session)
		fail_msg("told %zu times: %d (%s), %d instead of %d, %d", stage.n_told, stage.r,
			 stage.err.text, stage.session, r, session);
	stage.n_told = 0;
}

static void an_answer_may_come_in_pieces(void **state DV_UNUSED)
{
	size_t n = strlen(ANSWERING_ALIVE);

	open_one();
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(stage.n_told, 0);
		say(&ANSWERING_ALIVE[i], 1);
	}
	assert_told(0, T3_SESSION_ALIVE);
	line_close(&stage.line);
}

static void one_at_rest_is_asked_again(void **state DV_UNUSED)
{
	open_one();
	say(ANSWERING_ALIVE, strlen(ANSWERING_ALIVE));
	assert_told(0, T3_SESSION_ALIVE);
	assert_true(line_rest(&stage.line));
	assert_true(line_is_silent(&stage.line));
	assert_int_equal(line_ask(&stage.line, &stage.target, ANSWERING_COOKIES, &stage.err), 0);
	assert_true(line_is_stale(&stage.line));
	answering_answer(stage.fd, ANSWERING_DEAD);
	turn();
	assert_told(0, T3_SESSION_DEAD);
	assert_false(line_is_stale(&stage.line));
	assert_int_equal(answering_take(stage.listen_fd), -1);
	line_close(&stage.line);
}

static void one_that_its_server_ends_cannot_rest(void **state DV_UNUSED)
{
	static const char last[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 24"
				   "\r\n\r\n{\"authenticated\": true}\n";

	open_one();
	say(last, sizeof(last) - 1);
	assert_told(0, T3_SESSION_ALIVE);
	assert_false(line_rest(&stage.line));
	line_close(&stage.line);
}

static void what_comes_at_rest_loses_it(void **state DV_UNUSED)
{
	open_one();
	say(ANSWERING_ALIVE, strlen(ANSWERING_ALIVE));
	assert_told(0, T3_SESSION_ALIVE);
	assert_true(line_rest(&stage.line));
	say("x", 1);
	assert_int_equal(stage.n_lost, 1);
	assert_int_equal(stage.n_told, 0);
}

static void an_answer_has_a_most(void **state DV_UNUSED)
{
	static char much[65536];

	memset(much, 'x', sizeof(much) - 1);
	memcpy(much, "HTTP/1.1 200 OK\r\n\r\n", 19);
	open_one();
	(void)send(stage.fd, much, sizeof(much) - 1, MSG_NOSIGNAL);
	turn();
	assert_told(-EFBIG, T3_SESSION_UNSET);
	assert_contains(stage.err.text, "ask for emo's session");
	line_close(&stage.line);
}

static void cookies_have_a_most(void **state DV_UNUSED)
{
	static char cookies[65536];

	memset(cookies, 'x', sizeof(cookies) - 1);
	open_one();
	say(ANSWERING_ALIVE, strlen(ANSWERING_ALIVE));
	assert_told(0, T3_SESSION_ALIVE);
	assert_true(line_rest(&stage.line));
	assert_int_equal(line_ask(&stage.line, &stage.target, cookies, &stage.err), -E2BIG);
	assert_true(line_is_silent(&stage.line));	     /* not a byte of an answer, and */
	assert_int_equal(recv(stage.fd, cookies, 1, 0), -1); /* none of a question */
	line_close(&stage.line);
}

static void the_server_of_another_is_not_connected_to(void **state DV_UNUSED)
{
	stage.target.uid++;
	assert_int_equal(line_open(&stage.line, stage.event, &stage.target, ANSWERING_COOKIES,
				   &stage.err),
			 -ECONNREFUSED);
	assert_contains(stage.err.text, "is not emo's now");
	assert_int_equal(answering_take(stage.listen_fd), -1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_may_come_in_pieces),
		TEST(one_at_rest_is_asked_again),
		TEST(one_that_its_server_ends_cannot_rest),
		TEST(what_comes_at_rest_loses_it),
		TEST(an_answer_has_a_most),
		TEST(cookies_have_a_most),
		TEST(the_server_of_another_is_not_connected_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
