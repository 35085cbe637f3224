/* test_ctl_wait.c - `devvmctl wait`, and the bar on a terminal: what a person sees during
 * a login, and that nothing keeps them from their shell. */
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>

#include <cmocka.h>

#include "base/clock.h"
#include "ctl/bar.h"
#include "ctl/cmd_wait.h"
#include "fake_helper.h"

#define RUNNING "progress\nuser=emo\nstep=code\nstatus=running\ntext=cloning\nn=1\nof=2\n"

struct terminal {
	struct fake_helper fake;
	struct ctl ctl;
	int master_fd, slave_fd;
	char seen[65536]; /* bytes that came to the terminal */
	char *out, *messages;
	size_t n_out, n_messages;
};

static void terminal_start(struct terminal *terminal, const char *const *script)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };

	memset(terminal, 0, sizeof(*terminal));
	assert_int_equal(openpty(&terminal->master_fd, &terminal->slave_fd, NULL, NULL, &size), 0);
	fake_start(&terminal->fake, "wait\nv=1\nuser=emo\n", script);
	terminal->ctl = (struct ctl){
		.socket_path = terminal->fake.path,
		.out = open_memstream(&terminal->out, &terminal->n_out),
		.messages = open_memstream(&terminal->messages, &terminal->n_messages),
		.bar_fd = terminal->slave_fd,
	};
}

static void terminal_read(struct terminal *terminal)
{
	struct pollfd ready = { .fd = terminal->master_fd, .events = POLLIN };
	size_t n_seen = 0;

	while (poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN)) {
		ssize_t n = read(terminal->master_fd, terminal->seen + n_seen,
				 sizeof(terminal->seen) - n_seen - 1);

		if (n <= 0)
			break;
		n_seen += (size_t)n;
	}
	terminal->seen[n_seen] = '\0';
	(void)fflush(terminal->ctl.out);
	(void)fflush(terminal->ctl.messages);
}

static void terminal_end(struct terminal *terminal)
{
	bool was_asked = fake_stop(&terminal->fake);

	(void)fclose(terminal->ctl.out);
	(void)fclose(terminal->ctl.messages);
	free(terminal->out);
	free(terminal->messages);
	(void)close(terminal->master_fd);
	(void)close(terminal->slave_fd);
	assert_true(was_asked);
}

/* What stands on the line of the cursor when everything seen has been drawn. */
static void draw(const char *seen, char ret_line[static 256])
{
	size_t column = 0;

	memset(ret_line, 0, 256);
	for (; *seen; seen++) {
		if (*seen == '\r')
			column = 0;
		else if (column < 255)
			ret_line[column++] = *seen;
	}
}

static void assert_nothing_left(const struct terminal *terminal)
{
	char line[256];

	draw(terminal->seen, line);
	if (strspn(line, " ") != strlen(line))
		fail_msg("left on the screen: \"%s\"", line);
}

static void assert_silent(struct terminal *terminal)
{
	terminal_read(terminal);
	assert_string_equal(terminal->seen, "");
	assert_string_equal(terminal->out, "");
	assert_string_equal(terminal->messages, "");
}

static void nothing_under_way_prints_nothing(void **state DV_UNUSED)
{
	const char *script[] = { "done\n", NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	assert_silent(&t);
	terminal_end(&t);
}

/* It needs no second question, and is for somebody on a terminal. */
static void what_waits_for_the_person_is_one_line(void **state DV_UNUSED)
{
	const char *script[] = { "done\ntext=t3 0.0.28 waits for you\n", NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	terminal_read(&t);
	assert_string_equal(t.seen, "");
	assert_string_equal(t.out, "");
	assert_string_equal(t.messages, "t3 0.0.28 waits for you\n");
	terminal_end(&t);
	terminal_start(&t, script);
	t.ctl.bar_fd = -1;
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	assert_silent(&t);
	terminal_end(&t);
}

static void bar_is_drawn_and_erased(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING, FAKE_PAUSE, "progress\nuser=emo\nstep=code\nstatus=ok\n",
				 "done\n", NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	terminal_read(&t);
	assert_non_null(strstr(t.seen, "\r[#####...............] 1/2 cloning 0 s  "
				       "(Ctrl-C: go on)"));
	assert_nothing_left(&t);
	assert_string_equal(t.out, "");
	assert_string_equal(t.messages, "");
	terminal_end(&t);
}

static void home_that_waits_for_its_turn_has_a_bar(void **state DV_UNUSED)
{
	const char *script[] = { FAKE_ALIVE, FAKE_PAUSE, RUNNING, FAKE_PAUSE, "done\n", NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	terminal_read(&t);
	assert_non_null(strstr(t.seen, "] waiting for its turn 0 s"));
	assert_non_null(strstr(t.seen, "] 1/2 cloning 0 s"));
	assert_nothing_left(&t);
	terminal_end(&t);
}

static void shorter_words_leave_no_rest(void **state DV_UNUSED)
{
	char line[256];
	int master_fd = -1, slave_fd = -1;
	const struct winsize size = { .ws_col = 60 };
	struct terminal seen = { 0 };
	struct bar bar;

	assert_int_equal(openpty(&master_fd, &slave_fd, NULL, NULL, &size), 0);
	bar_init(&bar, slave_fd, false, NULL, NULL);
	bar.progress.words = "installing the native claude";
	bar_draw(&bar);
	bar.progress.words = "path";
	bar.progress.of = 4;
	bar_draw(&bar);
	/* What was written comes through the kernel's own time: not all of it with one read. */
	while (!strstr(seen.seen, "path 0 s                    ")) {
		struct pollfd more = { .fd = master_fd, .events = POLLIN };
		size_t n = strlen(seen.seen);

		if (poll(&more, 1, 5000) <= 0)
			break; /* the comparison tells what is missing */
		assert_true(read(master_fd, seen.seen + n, sizeof(seen.seen) - 1 - n) > 0);
	}
	draw(seen.seen, line);
	assert_string_equal(line, "[....................] 0/4 path 0 s                    ");
	bar_done(&bar);
	(void)close(master_fd);
	(void)close(slave_fd);
}

static void ctrl_c_ends_the_bar_alone(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING, FAKE_INTERRUPT, FAKE_SILENT, NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	terminal_read(&t);
	assert_nothing_left(&t);
	assert_string_equal(t.messages, "");
	terminal_end(&t);
}

static void ctrl_z_does_not_stop_a_login(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING, FAKE_STOP, FAKE_SILENT, NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	terminal_read(&t);
	assert_nothing_left(&t);
	terminal_end(&t);
}

static void failed_step_stays_on_the_screen(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING,
				 "progress\nuser=emo\nstep=code\nstatus=failed\ntext=no route\n",
				 "done\n", NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_FAILED);
	terminal_read(&t);
	assert_nothing_left(&t);
	assert_string_equal(t.out, "! emo code: no route\n");
	terminal_end(&t);
}

static void silent_helper_costs_half_a_second(void **state DV_UNUSED)
{
	const char *script[] = { FAKE_SILENT, NULL };
	int64_t start_ms = clock_now_ms();
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	assert_in_range(clock_now_ms() - start_ms, 450, 700);
	assert_silent(&t);
	terminal_end(&t);
}

static void broken_helpers_are_nobodys_business(void **state DV_UNUSED)
{
	const char *garbage[] = { "\x01\x02", NULL };
	const char *closes[] = { NULL };
	const char *refuses[] = { "error\ncode=not-found\ntext=nobody\n", NULL };
	const char *const *const scripts[] = { garbage, closes, refuses };
	struct terminal t;

	for (size_t i = 0; i < DV_COUNT(scripts); i++) {
		terminal_start(&t, scripts[i]);
		assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
		assert_silent(&t);
		terminal_end(&t);
	}
}

static void lost_helper_leaves_a_clean_line(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING, FAKE_PAUSE, NULL };
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_OK);
	terminal_read(&t);
	assert_nothing_left(&t);
	assert_string_equal(t.messages, "");
	terminal_end(&t);
}

static void bar_gives_way_at_its_time(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING, FAKE_SILENT, NULL };
	int64_t start_ms = clock_now_ms();
	struct terminal t;

	terminal_start(&t, script);
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 1), CTL_OK);
	assert_in_range(clock_now_ms() - start_ms, 950, 1400);
	terminal_read(&t);
	assert_nothing_left(&t);
	assert_string_equal(t.messages, "devvmctl: your home is still being prepared; devvmctl "
					"status emo shows how far it is\n");
	terminal_end(&t);
}

static void without_a_terminal_it_waits_in_silence(void **state DV_UNUSED)
{
	const char *script[] = { RUNNING, FAKE_PAUSE,
				 "progress\nuser=emo\nstep=code\nstatus=failed\n", "done\n", NULL };
	int64_t start_ms = clock_now_ms();
	struct terminal t;

	terminal_start(&t, script);
	t.ctl.bar_fd = -1;
	assert_int_equal(wait_run_progress(&t.ctl, "emo", 5), CTL_FAILED);
	assert_in_range(clock_now_ms() - start_ms, 200, 600);
	assert_silent(&t);
	terminal_end(&t);
}

static void plain_wait_tells_what_it_found(void **state DV_UNUSED)
{
	const char *done[] = { RUNNING, "done\n", NULL };
	const char *unknown[] = { "error\ncode=not-found\ntext=emo is nobody here\n", NULL };
	const char *silent[] = { FAKE_SILENT, NULL };
	const char *queued[] = { FAKE_ALIVE, FAKE_SILENT, NULL };
	struct terminal t;

	terminal_start(&t, done);
	assert_int_equal(wait_run(&t.ctl, "emo", 5), CTL_OK);
	assert_silent(&t);
	terminal_end(&t);
	terminal_start(&t, unknown);
	assert_int_equal(wait_run(&t.ctl, "emo", 5), CTL_FAILED);
	terminal_read(&t);
	assert_string_equal(t.messages, "devvmctl: emo is nobody here\n");
	terminal_end(&t);
	terminal_start(&t, silent);
	assert_int_equal(wait_run(&t.ctl, "emo", 1), CTL_UNREACHABLE);
	terminal_read(&t);
	assert_non_null(strstr(t.messages, "it does not answer: systemctl status"));
	terminal_end(&t);
	terminal_start(&t, queued);
	assert_int_equal(wait_run(&t.ctl, "emo", 1), CTL_FAILED);
	terminal_read(&t);
	assert_non_null(strstr(t.messages, "not finished in time, the work goes on"));
	terminal_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_under_way_prints_nothing),
		cmocka_unit_test(what_waits_for_the_person_is_one_line),
		cmocka_unit_test(bar_is_drawn_and_erased),
		cmocka_unit_test(home_that_waits_for_its_turn_has_a_bar),
		cmocka_unit_test(shorter_words_leave_no_rest),
		cmocka_unit_test(ctrl_c_ends_the_bar_alone),
		cmocka_unit_test(ctrl_z_does_not_stop_a_login),
		cmocka_unit_test(failed_step_stays_on_the_screen),
		cmocka_unit_test(silent_helper_costs_half_a_second),
		cmocka_unit_test(broken_helpers_are_nobodys_business),
		cmocka_unit_test(lost_helper_leaves_a_clean_line),
		cmocka_unit_test(bar_gives_way_at_its_time),
		cmocka_unit_test(without_a_terminal_it_waits_in_silence),
		cmocka_unit_test(plain_wait_tells_what_it_found),
	};

	if (!fake_become_root()) {
		(void)fputs("skipped: neither root nor a user namespace to be had\n", stderr);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
