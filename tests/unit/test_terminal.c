#include "agent/terminal.h"

#include "waiting.h"

#define HOLD "var/lib/devvm/hold/anna"
#define NEVER_MS 0

static char NAME[] = "anna";

static struct caller caller_of(struct scratch *scratch)
{
	return (struct caller){ .env = scratch->env, .name = NAME, .home_fd = -1 };
}

static void who_comes_on_hold_is_told(void **state)
{
	struct scratch *scratch = *state;
	const struct caller caller = caller_of(scratch);
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_CLOSE int listen_fd = listen_and_ask(&fd);
	char answer[1024] = "";

	scratch_write(scratch, HOLD, "", 0644);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(terminal_wait(&caller, listen_fd, NEVER_MS), AGENT_HELD);
	assert_true(recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 0);
	assert_contains(answer, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_contains(answer, "terminal: anna is on hold: somebody works on their data "
				"(/var/lib/devvm/hold/anna)\n");
}

static void who_is_not_held_is_left_to_the_terminal(void **state)
{
	struct scratch *scratch = *state;
	const struct caller caller = caller_of(scratch);
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_CLOSE int listen_fd = listen_and_ask(&fd);
	char answer[8];

	assert_int_equal(terminal_wait(&caller, listen_fd, NEVER_MS), AGENT_OK);
	assert_int_equal(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void a_socket_that_is_none_is_no_reason_to_spin(void **state)
{
	struct scratch *scratch = *state;
	const struct caller caller = caller_of(scratch);

	scratch_write(scratch, HOLD, "", 0644);
	assert_int_equal(terminal_wait(&caller, -1, NEVER_MS), AGENT_HELD);
	assert_int_equal(terminal_wait(&caller, 1000, NEVER_MS), AGENT_HELD);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_comes_on_hold_is_told),
		TEST(who_is_not_held_is_left_to_the_terminal),
		TEST(a_socket_that_is_none_is_no_reason_to_spin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
