/* test_nginx_sockets.c - which sockets are restarted for another account of nginx. */
#include "fake_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "steps/nginx_sockets.h"

static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	fake_manager_reset();
	scratch_make_folder(*state, "run/devvm/ttyd", 0755);
	return r;
}

/* Of the group of who runs this. */
static void listen_at(struct scratch *scratch, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
		       scratch->env.root_dirfd, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static void say(struct scratch *scratch, const char *user)
{
	free(scratch->config.door_nginx_user);
	scratch->config.door_nginx_user = strdup(user);
}

static struct step_context context_of(struct scratch *scratch)
{
	return (struct step_context){ .env = &scratch->env,
				      .config = &scratch->config,
				      .machine = &scratch->view };
}

static int check(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);
	enum step_verdict verdict = STEP_UNSET;
	char what[STEP_WHAT_BYTES];

	assert_ok(scratch, nginx_sockets_check(&context, &verdict, what, &scratch->err));
	return (int)verdict;
}

static int apply(struct scratch *scratch)
{
	struct step_context context = context_of(scratch);

	return nginx_sockets_apply(&context, &scratch->err);
}

static void those_of_another_group_are_restarted_once(void **state)
{
	struct scratch *scratch = *state;

	listen_at(scratch, "run/devvm/dispatch.sock");
	listen_at(scratch, "run/devvm/ttyd/emo.sock");
	scratch_write(scratch, "run/devvm/ttyd/ben.sock", "", 0644); /* no socket */
	listen_at(scratch, "run/devvm/ttyd/other");
	scratch_add_account(scratch, "webfront", 991);
	scratch_add_group(scratch, "webfront", getegid(), NULL);
	scratch_add_account(scratch, "other", 992);
	scratch_add_group(scratch, "other", getegid() + 1, NULL);
	say(scratch, "webfront");
	assert_int_equal(check(scratch), STEP_FINE);
	say(scratch, "other");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_ok(scratch, apply(scratch));
	assert_asked(
		"reload-or-restart devvm-dispatch.socket; reload-or-restart ttyd@emo.socket; ");
	/* Whoever has said otherwise in a drop-in is not contradicted each hour. */
	assert_int_equal(check(scratch), STEP_FINE);
}

static void what_could_not_be_restarted_is_tried_again(void **state)
{
	struct scratch *scratch = *state;

	listen_at(scratch, "run/devvm/dispatch.sock");
	scratch_add_account(scratch, "other", getegid() + 1);
	say(scratch, "other");
	fake_manager.fails = "devvm-dispatch.socket";
	assert_int_equal(apply(scratch), -EIO);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	fake_manager.is_down = true;
	assert_int_equal(apply(scratch), -ENOTCONN);
	assert_int_equal(check(scratch), STEP_DIFFERS);
}

static void without_sockets_there_is_nothing_to_do(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "other", 992);
	say(scratch, "other");
	assert_int_equal(check(scratch), STEP_FINE);
	say(scratch, "no-such-account-of-nginx");
	assert_int_equal(check(scratch), STEP_SKIPPED);
	assert_int_equal(apply(scratch), -ENOENT);
	assert_asked("");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_of_another_group_are_restarted_once),
		TEST(what_could_not_be_restarted_is_tried_again),
		TEST(without_sockets_there_is_nothing_to_do),
	};

	return cmocka_run_group_tests_name("nginx-sockets", tests, NULL, NULL);
}
