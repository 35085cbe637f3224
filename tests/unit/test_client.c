/* test_client.c - the asking end: who listens, how long is waited, what is believed. */
#include "folder.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "wire/client.h"

#define SOON_MS 100
#define LONG_MS 30000 /* never reached where all is well */

struct stage {
	struct folder *folder;
	char path[108];
	int listener;
};

static int setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	void *folder = NULL;

	assert_non_null(stage);
	assert_int_equal(folder_setup(&folder), 0);
	stage->folder = folder;
	stage->listener = -1;
	(void)snprintf(stage->path, sizeof(stage->path), "%s/s", stage->folder->path);
	*state = stage;
	return 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;
	void *folder = stage->folder;

	dv_closep(&stage->listener);
	(void)folder_teardown(&folder);
	free(stage);
	return 0;
}

/* Listen as `uid`: SO_PEERCRED tells who called listen(2). */
static void listen_as(struct stage *stage, int type, int backlog, uid_t uid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memcpy(address.sun_path, stage->path, sizeof(address.sun_path));
	stage->listener = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(stage->listener >= 0);
	assert_int_equal(bind(stage->listener, (const struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(chmod(stage->path, 0666), 0);
	if (type == SOCK_DGRAM)
		return;
	if (uid != geteuid())
		assert_int_equal(seteuid(uid), 0);
	assert_int_equal(listen(stage->listener, backlog), 0);
	if (geteuid() != getuid())
		assert_int_equal(seteuid(getuid()), 0);
}

static int connect_and_close(const struct stage *stage, int64_t timeout_ms, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = client_connect(stage->path, clock_deadline_ms(timeout_ms), err);

	return fd < 0 ? fd : 0;
}

/* ---- connecting ----------------------------------------------------------------------- */

static void listener_must_be_root(void **state)
{
	struct stage *stage = *state;
	const uid_t uid = geteuid() == 0 ? 65534 : geteuid();
	struct dv_error err = { 0 };
	char sentence[256];

	listen_as(stage, SOCK_SEQPACKET, 8, uid);
	assert_int_equal(connect_and_close(stage, LONG_MS, &err), -EPERM);
	(void)snprintf(sentence, sizeof(sentence), "uid %u listens on %s; only root may", uid,
		       stage->path);
	assert_string_equal(err.text, sentence);
}

static void root_is_connected_to(void **state)
{
	struct stage *stage = *state;
	struct dv_error err = { 0 };

	if (geteuid() != 0)
		skip();
	listen_as(stage, SOCK_SEQPACKET, 8, 0);
	assert_int_equal(connect_and_close(stage, LONG_MS, &err), 0);
	assert_int_equal(connect_and_close(stage, 0, &err), 0); /* no time is needed */
	assert_string_equal(err.text, "");
}

static void assert_connect_fails(const struct stage *stage, int r, const char *what)
{
	struct dv_error err = { 0 };
	char sentence[256];

	(void)snprintf(sentence, sizeof(sentence), "connect to %s: %s", stage->path, what);
	assert_int_equal(connect_and_close(stage, LONG_MS, &err), r);
	assert_string_equal(err.text, sentence);
}

static void nobody_there_is_told_at_once(void **state)
{
	struct stage *stage = *state;

	assert_connect_fails(stage, -ENOENT, "No such file or directory");
	listen_as(stage, SOCK_SEQPACKET, 8, geteuid());
	dv_closep(&stage->listener);
	stage->listener = -1;
	assert_connect_fails(stage, -ECONNREFUSED, "Connection refused");
}

static void other_kinds_of_socket_are_told(void **state)
{
	struct stage *stage = *state;

	listen_as(stage, SOCK_STREAM, 8, geteuid());
	assert_connect_fails(stage, -EPROTOTYPE, "Protocol wrong type for socket");
}

static void path_that_is_too_long_is_told(void **state DV_UNUSED)
{
	char path[200];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(client_connect(path, clock_deadline_ms(LONG_MS), NULL), -ENAMETOOLONG);
}

/* Somebody listens and never accepts: the deadline is all there is. */
static void full_queue_ends_at_the_deadline(void **state)
{
	struct stage *stage = *state;
	struct dv_error err = { 0 };
	int64_t started_ms = clock_now_ms();
	int r = 0;

	listen_as(stage, SOCK_SEQPACKET, 0, geteuid());
	for (int i = 0; i < 8 && r != -ETIMEDOUT; i++)
		r = connect_and_close(stage, SOON_MS, &err);
	assert_int_equal(r, -ETIMEDOUT);
	assert_true(clock_now_ms() - started_ms < 8 * SOON_MS + 10000);
	assert_non_null(strstr(err.text, ": Connection timed out"));
}

/* ---- talking -------------------------------------------------------------------------- */

struct pair {
	int ours, theirs;
};

static struct pair make_pair(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	return (struct pair){ .ours = fds[0], .theirs = fds[1] };
}

static void close_pair(struct pair *pair)
{
	dv_closep(&pair->ours);
	dv_closep(&pair->theirs);
}

#define AUTO_PAIR DV_CLEANUP(close_pair)

static void record_arrives_as_it_was_sent(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();
	struct record_writer writer;
	struct record record;

	record_begin(&writer, "status");
	record_add(&writer, "user", "emo");
	assert_int_equal(client_send(pair.ours, &writer, clock_deadline_ms(LONG_MS), NULL), 0);
	assert_int_equal(client_receive(pair.theirs, &record, clock_deadline_ms(LONG_MS), NULL), 0);
	assert_string_equal(record.verb, "status");
	assert_string_equal(record_get(&record, "user"), "emo");
}

static void assert_receive(const struct pair *pair, int64_t timeout_ms, int r, const char *sentence)
{
	struct record record;
	struct dv_error err = { 0 };

	assert_int_equal(client_receive(pair->ours, &record, clock_deadline_ms(timeout_ms), &err),
			 r);
	assert_string_equal(err.text, sentence);
}

static void silence_ends_at_the_deadline(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();
	int64_t started_ms = clock_now_ms();

	assert_receive(&pair, SOON_MS, -ETIMEDOUT, "wait for the answer: Connection timed out");
	assert_receive(&pair, -1, -ETIMEDOUT, "wait for the answer: Connection timed out");
	assert_in_range(clock_now_ms() - started_ms, SOON_MS - 1, SOON_MS + 10000);
}

static void closed_peer_is_told(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();
	struct record_writer writer;
	struct dv_error err = { 0 };

	dv_closep(&pair.theirs);
	pair.theirs = -1;
	assert_receive(&pair, LONG_MS, -ECONNRESET, "devvm-helperd closed the connection");
	record_begin(&writer, "status");
	/* and no SIGPIPE ends the program that we are in */
	assert_int_equal(client_send(pair.ours, &writer, clock_deadline_ms(LONG_MS), &err), -EPIPE);
	assert_string_equal(err.text, "send the request: Broken pipe");
}

static void nonsense_is_no_answer(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();
	char large[RECORD_MAX_BYTES + 100];

	memset(large, 'a', sizeof(large));
	memcpy(large, "done\nk=", 7);
	assert_int_equal(send(pair.theirs, "?", 1, 0), 1);
	assert_receive(&pair, LONG_MS, -EBADMSG, "the first line is no verb");
	assert_int_equal(send(pair.theirs, "done\0", 5, 0), 5);
	assert_receive(&pair, LONG_MS, -EBADMSG, "the record has a NUL byte");
	assert_int_equal(send(pair.theirs, large, sizeof(large), 0), sizeof(large));
	assert_receive(&pair, LONG_MS, -EBADMSG, "the record is longer than 8192 bytes");
}

static void answer_that_waits_is_taken_after_the_deadline(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();

	assert_int_equal(send(pair.theirs, "done\n", 5, 0), 5);
	assert_receive(&pair, -1, 0, "");
}

static void peer_that_does_not_read_ends_at_the_deadline(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();
	struct record_writer writer;
	struct dv_error err = { 0 };
	int r = 0;

	record_begin(&writer, "status");
	for (int i = 0; i < 100000 && r == 0; i++)
		r = client_send(pair.ours, &writer, clock_deadline_ms(SOON_MS), &err);
	assert_int_equal(r, -ETIMEDOUT);
	assert_string_equal(err.text, "send the request: Connection timed out");
}

static void request_that_is_not_whole_is_not_sent(void **state DV_UNUSED)
{
	AUTO_PAIR struct pair pair = make_pair();
	struct record_writer writer;
	char byte;

	record_begin(&writer, "status");
	record_add(&writer, "user", "a\nb");
	assert_int_equal(client_send(pair.ours, &writer, clock_deadline_ms(LONG_MS), NULL),
			 -EINVAL);
	assert_int_equal(recv(pair.theirs, &byte, 1, MSG_DONTWAIT), -1);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(listener_must_be_root),
		STAGED(root_is_connected_to),
		STAGED(nobody_there_is_told_at_once),
		STAGED(other_kinds_of_socket_are_told),
		cmocka_unit_test(path_that_is_too_long_is_told),
		STAGED(full_queue_ends_at_the_deadline),
		cmocka_unit_test(record_arrives_as_it_was_sent),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(closed_peer_is_told),
		cmocka_unit_test(nonsense_is_no_answer),
		cmocka_unit_test(answer_that_waits_is_taken_after_the_deadline),
		cmocka_unit_test(peer_that_does_not_read_ends_at_the_deadline),
		cmocka_unit_test(request_that_is_not_whole_is_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
