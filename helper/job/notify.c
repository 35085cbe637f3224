/* notify.c - devvm-job notify: run the command of update.notify for one run of the updater.
 *
 * Runs as nobody in particular, in devvm-notify@RUN.service, with the message as its input. The command gets its own
 * words of devvm.yaml and then the four of the message, nothing to read, and NOTIFY_MS. How it ends is told
 * in the journal and changes nothing.
 */
#include "job/notify.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/log.h"
#include "base/process.h"
#include "config/config.h"
#include "job/jobs.h"

#define NOTIFY_MS 50000 /* below TimeoutStartSec of its unit */
#define MESSAGE_MAX 4096

int notify_parse(char *message, const char *ret_lines[static NOTIFY_LINES], struct dv_error *err)
{
	for (size_t i = 0; i < NOTIFY_LINES; i++) {
		char *end = strchr(message, '\n');

		if (!end)
			return dv_refuse(err, -EBADMSG, "the message has no line %zu", i + 1);
		*end = '\0';
		ret_lines[i] = message;
		message = end + 1;
	}
	return *message ? dv_refuse(err, -EBADMSG, "the message has more than %d lines",
				    NOTIFY_LINES)
			: 0;
}

static int read_message(char ret_text[static MESSAGE_MAX + 1], struct dv_error *err)
{
	size_t n = 0;
	ssize_t n_read;

	while ((n_read = read(STDIN_FILENO, ret_text + n, MESSAGE_MAX - n)) > 0)
		n += (size_t)n_read;
	ret_text[n] = '\0';
	return n_read < 0 ? dv_fail(err, -errno, "read the message") : 0;
}

static int run(const struct str_list *words, const char *const *lines, struct dv_error *err)
{
	DV_AUTO_FREE const char **argv = calloc(words->n_items + NOTIFY_LINES + 1, sizeof(*argv));
	struct process_spec spec = { .argv = argv, .deadline_ms = clock_deadline_ms(NOTIFY_MS) };

	if (!argv)
		return dv_fail(err, -ENOMEM, "run %s", words->items[0]);
	for (size_t i = 0; i < words->n_items; i++)
		argv[i] = words->items[i];
	for (size_t i = 0; i < NOTIFY_LINES; i++)
		argv[words->n_items + i] = lines[i];
	return process_run_ok(&spec, err);
}

int job_notify(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_CONFIG struct config config = { 0 };
	const char *lines[NOTIFY_LINES];
	char message[MESSAGE_MAX + 1];
	struct dv_error err = { "" };
	int r;

	if (argc != 1) {
		log_error("usage: devvm-job notify, with a message of the updater as input");
		return JOB_USAGE;
	}
	r = env_init(&env, "/", &err);
	if (r == 0)
		r = config_load(&config, &env, &err);
	if (r == 0)
		r = read_message(message, &err);
	if (r == 0)
		r = notify_parse(message, lines, &err);
	if (r == 0 && config.update_notify.n_items > 0)
		r = run(&config.update_notify, lines, &err);
	if (r < 0)
		log_warning("notify: %s; see update.notify in devvm.yaml", err.text);
	return r < 0 ? JOB_FAILED : JOB_OK;
}
