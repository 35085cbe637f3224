/* test_move.c - what a move that does not come to its end says of the version, and what it does not. systemctl is a
 * script of the test's that does what the units would. */
#include "fake_manager.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "move/move.h"

#define COPY_FOLDER "var/cache/devvm-backup/emo"

/* They have no database yet. `start` is what the start of their t3 does. */
static void set_systemctl(struct scratch *scratch, const char *start)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncd %s\ncase \"$*\" in\n"
		       "'restart devvm-backup-copy@emo.service')\n"
		       "echo '{\"state\":\"none\",\"error\":\"\"}' >" COPY_FOLDER "/result.json\n"
		       "[ -z \"$OWNER\" ] || chown $OWNER " COPY_FOLDER "/result.json;;\n"
		       "'start --quiet t3-serve@emo.service') %s;;\nesac\n",
		       scratch->folder, start);
	scratch_put_program(scratch, "systemctl", text);
}

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);
	struct scratch *scratch = *state;

	fake_manager_reset();
	fake_manager.loaded = "t3-serve@emo.service inactive\n";
	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_make_folder(scratch, "var/lib/devvm/hold", 0755);
	scratch_make_folder(scratch, COPY_FOLDER, 0700);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/0.0.24", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/0.0.28", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/people", 0755);
	assert_int_equal(symlinkat("../versions/0.0.24", scratch->env.root_dirfd,
				   "opt/devvm/t3/people/emo"),
			 0);
	return r;
}

static enum move_outcome move_with(struct scratch *scratch, uid_t uid, uint16_t port,
				   struct move_row *row)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = scratch_person(scratch, "emo");
	const struct mover mover = { .env = &scratch->env,
				     .config = &scratch->config,
				     .ledger = scratch->ledger,
				     .run = 7 };
	enum move_outcome outcome = MOVE_UNSET;

	person.uid = uid;
	person.ports[PEOPLE_PORT_T3] = port;
	scratch->config.update_start_s = 1;
	assert_ok(scratch, move_person(&mover, &person, "0.0.28", &outcome, row, &scratch->err));
	return outcome;
}

static enum move_outcome move(struct scratch *scratch, struct move_row *row)
{
	return move_with(scratch, getuid(), 3773, row);
}

static bool has_failed(struct scratch *scratch)
{
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	bool has = false;

	assert_ok(scratch, update_log_steps(scratch->ledger, 7, &steps, &scratch->err));
	for (size_t i = 0; i < steps.n_rows; i++)
		has |= steps.rows[i].state == UPDATE_STATE_FAILED;
	return has;
}

static void assert_is_back(struct scratch *scratch)
{
	char own[64] = "";

	assert_int_equal(readlinkat(scratch->env.root_dirfd, "opt/devvm/t3/people/emo", own,
				    sizeof(own) - 1),
			 18);
	assert_string_equal(own, "../versions/0.0.24");
}

/* The bus is full, PID 1 hangs: nothing of the version has run. */
static void what_systemd_cannot_start_is_not_the_versions_fault(void **state)
{
	struct scratch *scratch = *state;
	struct move_row row = { 0 };

	set_systemctl(scratch, "exit 1");
	assert_int_equal(move(scratch, &row), MOVE_DEFERRED);
	assert_string_equal(row.reason, "start t3-serve@emo.service: journalctl -u "
					"'t3-serve@emo.service' says why");
	assert_false(has_failed(scratch));
	assert_is_back(scratch);
}

/* With the old one it is the same here: their own trouble. */
static void what_ends_at_once_is_the_versions_fault(void **state)
{
	struct scratch *scratch = *state;
	struct move_row row = { 0 };

	set_systemctl(scratch, "exit 0");
	assert_int_equal(move(scratch, &row), MOVE_EXCLUDED);
	assert_true(has_failed(scratch));
	assert_is_back(scratch);
}

/* Whoever comes first has the port; that is an account of its own, so the test needs root to be two. */
static void what_another_user_takes_is_not_the_versions_fault(void **state)
{
	struct scratch *scratch = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n_address = sizeof(address);
	DV_AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct move_row row = { 0 };

	if (geteuid() != 0)
		skip();
	assert_int_equal(bind(fd, (struct sockaddr *)&address, n_address), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n_address), 0);
	set_systemctl(scratch, "exit 0");
	assert_int_equal(setenv("OWNER", "1001", 1), 0);
	assert_int_equal(move_with(scratch, 1001, ntohs(address.sin_port), &row), MOVE_DEFERRED);
	assert_int_equal(unsetenv("OWNER"), 0);
	assert_contains(row.reason, "another user's process listens on port ");
	assert_false(has_failed(scratch));
	assert_is_back(scratch);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_systemd_cannot_start_is_not_the_versions_fault),
		TEST(what_another_user_takes_is_not_the_versions_fault),
		TEST(what_ends_at_once_is_the_versions_fault),
	};

	return cmocka_run_group_tests_name("move", tests, NULL, NULL);
}
