#include "agent/refuse.h"

#include "waiting.h"

static void who_waits_is_told(void **state DV_UNUSED)
{
	DV_AUTO_CLOSE int fd = -1;
	DV_AUTO_CLOSE int listen_fd = listen_and_ask(&fd);
	char answer[1024] = "";

	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	refuse_waiting(listen_fd, "playwright", "there is no browser");
	assert_true(recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 0);
	assert_contains(answer, "HTTP/1.1 503 Service Unavailable\r\n");
	assert_contains(answer, "\r\nContent-Length: 32\r\n");
	assert_contains(answer, "\r\n\r\nplaywright: there is no browser\n");
	refuse_waiting(listen_fd, "playwright", "again"); /* nobody is left: it does not wait */
	refuse_waiting(-1, "playwright", "no socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(who_waits_is_told) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
