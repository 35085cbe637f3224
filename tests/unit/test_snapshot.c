/* test_snapshot.c - the browser state is fetched from a real server on loopback, a child of the
 * test's; whatever the server or the home does, the one that is there stays. */
#include "scratch.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent/snapshot.h"
#include "base/clock.h"

#define FOLDER "home/emo/.config/playwright"
#define STATE FOLDER "/storage-state.json"
#define TOKEN FOLDER "/token"
#define OLD "{\"cookies\":[],\"origins\":[]}\n"
#define NEW "{\"cookies\":[{\"name\":\"a\"}],\"origins\":[]}"

struct server {
	pid_t pid;
	char url[64];
};

/* Answers each connection with `answer` as it stands, or echoes nothing and waits for NULL; with
 * another than the right token it is a 401. */
static void serve(int listen_fd, const char *answer)
{
	for (;;) {
		DV_AUTO_CLOSE int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		char request[4096] = "";
		size_t n = 0;
		ssize_t got = 1;

		while (got > 0 && !strstr(request, "\r\n\r\n")) {
			got = recv(fd, request + n, sizeof(request) - 1 - n, 0);
			n += got > 0 ? (size_t)got : 0;
			request[n] = '\0';
		}
		if (!answer) {
			(void)recv(fd, request, sizeof(request), 0);
			continue;
		}
		if (!strstr(request, "\r\nAuthorization: Bearer tok-1\r\n"))
			answer = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
		(void)send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	}
}

static struct server start_server(const char *answer)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof(address);
	DV_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct server server;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	server.pid = fork();
	if (server.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd, answer);
	}
	assert_true(server.pid > 0);
	(void)snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%u/state",
		       ntohs(address.sin_port));
	return server;
}

static void stop_server(const struct server *server)
{
	assert_int_equal(kill(server->pid, SIGKILL), 0);
	assert_int_equal(waitpid(server->pid, NULL, 0), server->pid);
}

static int refresh(struct scratch *scratch, struct home_work *work, const char *answer, int64_t ms)
{
	struct server server = start_server(answer);
	int r;

	scratch->err.text[0] = '\0';
	r = snapshot_refresh(work->home_fd, server.url, clock_deadline_ms(ms), &scratch->err);
	stop_server(&server);
	return r;
}

static struct home_work make_home(struct scratch *scratch)
{
	struct home_work work = scratch_make_home(scratch);

	scratch_write(scratch, TOKEN, "tok-1\n", 0600);
	scratch_write(scratch, STATE, OLD, 0600);
	return work;
}

#define ANSWER(body) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" body

static void a_good_one_replaces_the_old(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	scratch_write(scratch, STATE, OLD, 0644);
	assert_ok(scratch, refresh(scratch, &work, ANSWER(NEW), 10000));
	assert_file(scratch, STATE, NEW);
	assert_int_equal(scratch_mode(scratch, STATE), 0600);
}

static void a_bad_answer_leaves_the_old_one(void **state)
{
	static const struct {
		const char *answer;
		const char *sentence;
	} cases[] = {
		{ "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "the server answered 401" },
		{ "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", "the server answered 500" },
		{ "HTTP/1.1 302 No\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		  "the server answered 302 and points elsewhere; the token is not sent on" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n" NEW, ": " },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" NEW, ": " },
		{ ANSWER(""), "it is not JSON" },
		{ ANSWER("<html>sign in"), "it is not JSON (line 1)" },
		{ ANSWER(NEW "x"), "it is not JSON" },
		{ ANSWER("[]"), "it has no list \"cookies\"" },
		{ ANSWER("{\"cookies\":{},\"origins\":[]}"), "it has no list \"cookies\"" },
		{ ANSWER("{\"cookies\":[]}"), "it has no list \"origins\"" },
		{ "nonsense", ": " },
	};
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		int r = refresh(scratch, &work, cases[i].answer, 2000);

		assert_true(r < 0);
		assert_contains(scratch->err.text, cases[i].sentence);
		assert_null(strstr(scratch->err.text, "tok-1"));
		assert_file(scratch, STATE, OLD);
	}
}

static void a_silent_server_is_given_up(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	assert_int_equal(refresh(scratch, &work, NULL, 200), -ETIMEDOUT);
	assert_contains(scratch->err.text, "it did not come in time");
	assert_file(scratch, STATE, OLD);
}

static void too_much_is_refused(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);
	const size_t n = SNAPSHOT_MAX_BYTES + 4096;
	DV_AUTO_FREE char *answer = malloc(n + 1);

	assert_non_null(answer);
	memset(answer, ' ', n);
	answer[n] = '\0';
	memcpy(answer, ANSWER(""), sizeof(ANSWER("")) - 1);
	assert_int_equal(refresh(scratch, &work, answer, 30000), -EFBIG);
	assert_contains(scratch->err.text, "it is larger than the 16777216 bytes allowed");
	assert_file(scratch, STATE, OLD);
}

static void a_bad_token_is_never_sent(void **state)
{
	static const char *const tokens[] = { "", " \n", "two words", "a\r\nX-Evil: 1", "\x01" };
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	for (size_t i = 0; i < DV_COUNT(tokens); i++) {
		scratch_write(scratch, TOKEN, tokens[i], 0600);
		/* Nobody listens on port 1: a connection would be another error. */
		assert_int_equal(snapshot_refresh(work.home_fd, "http://127.0.0.1:1/",
						  clock_deadline_ms(1000), &scratch->err),
				 -EINVAL);
		assert_contains(scratch->err.text, "~/.config/playwright/token is ");
	}
	scratch_write(scratch, TOKEN, "tok-2", 0600);
	assert_int_equal(refresh(scratch, &work, ANSWER(NEW), 10000), -ENODATA);
	assert_contains(scratch->err.text, "the server answered 401");
}

static void other_protocols_are_refused(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	assert_int_equal(snapshot_refresh(work.home_fd, "file:///etc/passwd",
					  clock_deadline_ms(1000), &scratch->err),
			 -EPROTONOSUPPORT);
	assert_contains(scratch->err.text, "only http,https is allowed here");
	assert_file(scratch, STATE, OLD);
}

static void what_stands_in_the_way_stays(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	assert_int_equal(unlinkat(scratch->env.root_dirfd, STATE, 0), 0);
	scratch_write(scratch, STATE "/mine", "mine", 0600);
	assert_true(refresh(scratch, &work, ANSWER(NEW), 10000) < 0);
	assert_contains(scratch->err.text, "in ~/.config/playwright: rename to storage-state.json");
	assert_file(scratch, STATE "/mine", "mine");
}

static void a_link_of_theirs_is_replaced_not_followed(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_WORK struct home_work work = make_home(scratch);

	scratch_write(scratch, "outside", "theirs", 0666);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, STATE, 0), 0);
	assert_int_equal(symlinkat("../../../../outside", scratch->env.root_dirfd, STATE), 0);
	assert_ok(scratch, refresh(scratch, &work, ANSWER(NEW), 10000));
	assert_file(scratch, "outside", "theirs");
	assert_file(scratch, STATE, NEW);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_good_one_replaces_the_old),  TEST(a_bad_answer_leaves_the_old_one),
		TEST(a_silent_server_is_given_up),  TEST(too_much_is_refused),
		TEST(a_bad_token_is_never_sent),    TEST(other_protocols_are_refused),
		TEST(what_stands_in_the_way_stays), TEST(a_link_of_theirs_is_replaced_not_followed),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
