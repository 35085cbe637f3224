/* test_dispatch_server.c - connections of nginx: who may open one, that one carries many requests, and what
 * ends one. The requests are such that the door answers itself. */
#include "scratch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "dispatch/server.h"
#include "fake_web.h"

#define MAX_CONNECTIONS 512 /* server.c, as the next */
#define MAX_TURNED_AWAY 256
#define MOST (MAX_CONNECTIONS + MAX_TURNED_AWAY)
#define SPARE 3
#define OTHER_UID 54321

/* What is wiped, instead of libc's: answers as they were made, and as records. */
static size_t n_wiped_texts, n_wiped_records;

void explicit_bzero(void *bytes, size_t n_bytes)
{
	const char *volatile was = bytes;

	n_wiped_texts += n_bytes > 6 && memcmp(was, "Status", 6) == 0;
	n_wiped_records += n_bytes > 14 && memcmp(was + 8, "Status", 6) == 0;
	memset(bytes, 0, n_bytes);
	__asm__ volatile("" : : "r"(bytes) : "memory");
}

struct stage {
	struct scratch *scratch;
	struct door door;
	struct dispatch_server server;
	struct sockaddr_un address;
	int listen_fd;
};

static int setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	stage->scratch = scratch_new();
	stage->door.root_fd = stage->scratch->env.root_dirfd;
	stage->address.sun_family = AF_UNIX;
	/* An abstract one: whoever the test is for a moment needs no way through its folder. */
	(void)snprintf(stage->address.sun_path + 1, sizeof(stage->address.sun_path) - 1,
		       "devvm-test-dispatch-%d", getpid());
	stage->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(stage->listen_fd, (struct sockaddr *)&stage->address,
			      sizeof(stage->address)),
			 0);
	assert_int_equal(listen(stage->listen_fd, MOST + SPARE), 0);
	assert_true(sd_event_new(&stage->server.event) >= 0);
	stage->server.door = &stage->door;
	stage->server.nginx_uid = getuid();
	assert_ok(stage->scratch,
		  dispatch_server_start(&stage->server, stage->listen_fd, &stage->scratch->err));
	*state = stage;
	return 0;
}

static void turn(struct stage *stage)
{
	while (sd_event_run(stage->server.event, 0) > 0)
		;
}

static int teardown(void **state)
{
	struct stage *stage = *state;

	turn(stage);
	assert_int_equal(stage->server.n_connections, 0);
	(void)sd_event_unref(stage->server.event);
	(void)close(stage->listen_fd);
	door_people_done(&stage->door.people);
	scratch_free(stage->scratch);
	free(stage);
	return 0;
}

static int connect_one(struct stage *stage)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&stage->address, sizeof(stage->address)),
			 0);
	return fd;
}

#define HEALTH_PARAMS "\x0e\x03REQUEST_METHODGET\x0b\x08REQUEST_URI/healthz"
#define HEALTH_BYTES (16 + 8 + sizeof(HEALTH_PARAMS) - 1 + 16)

/* As nginx asks for /healthz: begin (keeping the connection or not), parameters, an empty body. */
static void put_health(uint8_t ret_bytes[static HEALTH_BYTES], bool keeps)
{
	const uint8_t n = sizeof(HEALTH_PARAMS) - 1;
	const uint8_t begin[] = { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, keeps, 0, 0, 0, 0, 0 };
	const uint8_t head[] = { 1, 4, 0, 1, 0, n, 0, 0 };
	const uint8_t end[] = { 1, 4, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 0 };

	memcpy(ret_bytes, begin, sizeof(begin));
	memcpy(ret_bytes + sizeof(begin), head, sizeof(head));
	memcpy(ret_bytes + sizeof(begin) + sizeof(head), HEALTH_PARAMS, n);
	memcpy(ret_bytes + sizeof(begin) + sizeof(head) + n, end, sizeof(end));
}

static void ask_health(int fd, bool keeps)
{
	uint8_t bytes[HEALTH_BYTES];

	put_health(bytes, keeps);
	assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
}

/* How many bytes came; 0: the end; -1: nothing yet. */
static ssize_t take(int fd, char *bytes, size_t n_bytes)
{
	return recv(fd, bytes, n_bytes, MSG_DONTWAIT);
}

static bool is_over(int fd)
{
	char byte;

	return take(fd, &byte, 1) == 0;
}

static void assert_healthy(int fd)
{
	char bytes[2048] = { 0 };
	ssize_t n = take(fd, bytes, sizeof(bytes));

	assert_true(n > 16);
	assert_non_null(memmem(bytes, (size_t)n, "\r\n\r\nok", 6));
	assert_int_equal(bytes[n - 15], 3); /* END_REQUEST */
}

static void one_carries_many_requests(void **state)
{
	struct stage *stage = *state;
	int fd = connect_one(stage);

	for (int i = 0; i < 3; i++) {
		ask_health(fd, true);
		turn(stage);
		assert_healthy(fd);
	}
	ask_health(fd, true);
	ask_health(fd, false); /* before the answer */
	turn(stage);
	assert_healthy(fd);
	assert_true(is_over(fd));
	assert_int_equal(close(fd), 0);
}

static size_t count_answers(int fd)
{
	static const char mark[] = "\r\n\r\nok";
	static char bytes[1 << 20];
	size_t n_bytes = 0, n = 0;
	ssize_t got;

	while ((got = take(fd, bytes + n_bytes, sizeof(bytes) - n_bytes)) > 0)
		n_bytes += (size_t)got;
	for (const char *at = bytes;
	     (at = memmem(at, (size_t)(bytes + n_bytes - at), mark, sizeof(mark) - 1)); at++)
		n++;
	return n;
}

/* More answers than the socket holds: each waits for its turn, and none takes the place of the one before. */
static void who_reads_slowly_hears_all(void **state)
{
	struct stage *stage = *state;
	static uint8_t bytes[400][HEALTH_BYTES];
	int fd = connect_one(stage);
	size_t n_all = 0, n;

	for (size_t i = 0; i < DV_COUNT(bytes); i++)
		put_health(bytes[i], true);
	assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	turn(stage);
	while ((n = count_answers(fd)) > 0) {
		assert_true(n < DV_COUNT(bytes)); /* or it holds them all */
		n_all += n;
		turn(stage);
	}
	assert_int_equal(n_all, DV_COUNT(bytes));
	assert_int_equal(close(fd), 0);
}

/* It may hold the cookies of a session. */
static void what_nobody_hears_is_wiped(void **state)
{
	struct stage *stage = *state;
	static uint8_t bytes[400][HEALTH_BYTES];
	int fd = connect_one(stage);

	n_wiped_texts = n_wiped_records = 0;
	for (size_t i = 0; i < DV_COUNT(bytes); i++)
		put_health(bytes[i], true);
	assert_int_equal(send(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	turn(stage);
	assert_true(n_wiped_texts < DV_COUNT(bytes)); /* or the socket holds them all */
	assert_int_equal(close(fd), 0);
	turn(stage);
	assert_true(n_wiped_texts > 0);
	assert_int_equal(n_wiped_records, n_wiped_texts);
}

static void put_param(uint8_t *bytes, size_t *n_bytes, const char *name, const char *value)
{
	bytes[(*n_bytes)++] = (uint8_t)strlen(name);
	bytes[(*n_bytes)++] = (uint8_t)strlen(value);
	memcpy(bytes + *n_bytes, name, strlen(name));
	*n_bytes += strlen(name);
	memcpy(bytes + *n_bytes, value, strlen(value));
	*n_bytes += strlen(value);
}

/* As a script of somebody's page asks; `uri` is short. */
static void ask_for(int fd, const char *uri)
{
	static const uint8_t end[] = { 1, 4, 0, 1, 0, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0, 0 };
	uint8_t bytes[256] = { 1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 4, 0, 1 };
	size_t n = 24;

	put_param(bytes, &n, "REQUEST_METHOD", "GET");
	put_param(bytes, &n, "REQUEST_URI", uri);
	put_param(bytes, &n, "DEVVM_LISTENER", "unix:/x");
	put_param(bytes, &n, "HTTP_X_AUTHENTIK_USERNAME", "emil");
	bytes[21] = (uint8_t)(n - 24);
	memcpy(bytes + n, end, sizeof(end));
	assert_int_equal(send(fd, bytes, n + sizeof(end), 0), n + sizeof(end));
}

static void what_comes_too_late_is_wiped(void **state)
{
	struct stage *stage = *state;
	static struct work_pool *pool; /* whose threads stay */
	int fd = connect_one(stage);

	scratch_write(stage->scratch, DOOR_PEOPLE_PATH,
		      "{\"emil\": {\"os_user\": \"emo\", \"port\": 1}}", 0644);
	scratch_write(stage->scratch, DOOR_MORE_PATH, "{\"admins\": [\"emil\"]}", 0644);
	assert_ok(stage->scratch, work_pool_new(&pool, stage->server.event, &stage->scratch->err));
	stage->door.status = (struct status_ask){ .pool = pool, .helper_path = "/nowhere" };
	n_wiped_texts = 0;
	ask_for(fd, "/devvm/");
	assert_true(sd_event_run(stage->server.event, 1000000) > 0);
	assert_int_equal(close(fd), 0);
	for (int i = 0; i < 100 && stage->server.n_connections > 0; i++)
		assert_true(sd_event_run(stage->server.event, 100000) >= 0);
	assert_int_equal(stage->server.n_connections, 0);
	assert_int_equal(n_wiped_texts, 1);
}

static void who_has_another_uid_by_now_is_served(void **state)
{
	struct stage *stage = *state;
	char map[128], bytes[2048] = { 0 };
	int fd, listen_fd = -1;
	unsigned int port;

	if (geteuid() != 0)
		skip();
	fd = connect_one(stage);
	port = fake_web_listen(&listen_fd);
	assert_int_equal(listen(listen_fd, 1), 0);
	(void)snprintf(map, sizeof(map), "{\"emil\": {\"os_user\": \"root\", \"port\": %u}}", port);
	scratch_write(stage->scratch, DOOR_PEOPLE_PATH, map, 0644);
	assert_ok(stage->scratch, door_people_refresh(&stage->door.people, stage->door.root_fd,
						      &stage->scratch->err));
	stage->door.people.rows[0].uid = OTHER_UID; /* as it was read before */
	ask_for(fd, "/x");
	turn(stage);
	assert_true(take(fd, bytes, sizeof(bytes) - 1) > 8);
	assert_contains(bytes + 8, "X-Accel-Redirect: @devvm_person\r\n");
	assert_int_equal(close(fd), 0);
	(void)close(listen_fd);
}

static void ask_five_times(struct stage *stage, int fd)
{
	for (int i = 0; i < 5; i++) {
		ask_health(fd, true);
		turn(stage);
		assert_healthy(fd);
	}
}

/* Not with each of ten thousand requests. */
static void that_nobody_is_let_in_is_said_once(void **state)
{
	struct stage *stage = *state;
	int root_fd = stage->scratch->env.root_dirfd, fd = connect_one(stage);
	DV_AUTO_CLOSE int saved_fd = dup(STDERR_FILENO);
	DV_AUTO_CLOSE int log_fd = openat(root_fd, "log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char log[4096] = "";
	size_t n = 0;

	assert_true(saved_fd >= 0 && dup2(log_fd, STDERR_FILENO) >= 0);
	ask_five_times(stage, fd); /* it is missing */
	scratch_write(stage->scratch, DOOR_PEOPLE_PATH, "{", 0644);
	ask_five_times(stage, fd);
	scratch_write(stage->scratch, DOOR_PEOPLE_PATH, "{}", 0644);
	ask_five_times(stage, fd);
	scratch_write(stage->scratch, DOOR_PEOPLE_PATH, "{", 0644);
	ask_five_times(stage, fd);
	assert_true(dup2(saved_fd, STDERR_FILENO) >= 0);
	assert_true(pread(log_fd, log, sizeof(log) - 1, 0) > 0);
	for (const char *at = log; (at = strstr(at, "nobody is let in: ")); at++)
		n++;
	if (n != 3)
		fail_msg("said %zu times, not 3: %s", n, log);
	assert_int_equal(close(fd), 0);
}

static void one_that_is_not_kept_ends(void **state)
{
	struct stage *stage = *state;
	int fd = connect_one(stage);

	ask_health(fd, false);
	turn(stage);
	assert_healthy(fd);
	assert_true(is_over(fd));
	assert_int_equal(close(fd), 0);
}

static void what_is_no_request_ends_it(void **state)
{
	struct stage *stage = *state;
	int bad = connect_one(stage), good = connect_one(stage);

	assert_int_equal(send(bad, "GET / HTTP/1.1\r\n\r\n", 18, 0), 18);
	ask_health(good, true);
	turn(stage);
	assert_true(is_over(bad));
	assert_healthy(good);
	assert_int_equal(close(bad), 0);
	assert_int_equal(close(good), 0);
}

static void half_a_request_waits_without_harm(void **state)
{
	struct stage *stage = *state;
	int half = connect_one(stage), good = connect_one(stage);
	char byte;

	assert_int_equal(send(half, "\x01\x01\x00", 3, 0), 3);
	turn(stage);
	ask_health(good, true);
	turn(stage);
	assert_healthy(good);
	assert_int_equal(take(half, &byte, 1), -1);
	assert_int_equal(stage->server.n_connections, 2);
	assert_int_equal(close(half), 0);
	assert_int_equal(close(good), 0);
}

static void who_is_not_nginx_is_turned_away(void **state)
{
	struct stage *stage = *state;
	bool is_root = geteuid() == 0; /* who may always */
	int fd;

	stage->server.nginx_uid = OTHER_UID + 1;
	if (is_root)
		assert_int_equal(seteuid(OTHER_UID), 0);
	fd = connect_one(stage);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	turn(stage);
	assert_true(is_over(fd));
	assert_int_equal(close(fd), 0);
}

/* Of each that is too many the request is answered, so that its reader is told; a crowd of those is not. */
static void there_is_a_most(void **state)
{
	struct stage *stage = *state;
	int fds[MOST + SPARE];
	char bytes[8192] = "";

	for (size_t i = 0; i < DV_COUNT(fds); i++)
		fds[i] = connect_one(stage);
	turn(stage);
	assert_int_equal(stage->server.n_connections, MOST);
	for (size_t i = MOST; i < DV_COUNT(fds); i++)
		assert_true(is_over(fds[i]));
	ask_health(fds[MAX_CONNECTIONS - 1], true);
	ask_health(fds[MAX_CONNECTIONS], true);
	turn(stage);
	assert_healthy(fds[MAX_CONNECTIONS - 1]);
	assert_true(take(fds[MAX_CONNECTIONS], bytes, sizeof(bytes) - 1) > 16);
	assert_contains(bytes + 8, "Status: 503 ");
	assert_non_null(memmem(bytes, sizeof(bytes), "The machine is busy", 19));
	assert_true(is_over(fds[MAX_CONNECTIONS])); /* or it would be told so for good */
	for (size_t i = MAX_CONNECTIONS - 1; i < DV_COUNT(fds); i++)
		assert_int_equal(close(fds[i]), 0);
	turn(stage);
	assert_int_equal(stage->server.n_connections, MAX_CONNECTIONS - 1);
	fds[MAX_CONNECTIONS - 1] = connect_one(stage);
	ask_health(fds[MAX_CONNECTIONS - 1], true);
	turn(stage);
	assert_healthy(fds[MAX_CONNECTIONS - 1]);
	for (size_t i = 0; i < MAX_CONNECTIONS; i++)
		assert_int_equal(close(fds[i]), 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_carries_many_requests),
		TEST(who_reads_slowly_hears_all),
		TEST(what_nobody_hears_is_wiped),
		TEST(what_comes_too_late_is_wiped),
		TEST(who_has_another_uid_by_now_is_served),
		TEST(that_nobody_is_let_in_is_said_once),
		TEST(one_that_is_not_kept_ends),
		TEST(what_is_no_request_ends_it),
		TEST(half_a_request_waits_without_harm),
		TEST(who_is_not_nginx_is_turned_away),
		TEST(there_is_a_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
