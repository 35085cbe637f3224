/* packages.c - devvm-job packages: what `packages:` names and is not installed, by apt-get(8).
 *
 * For `devvmctl machine --packages` alone: no timer installs packages. What is there already is not
 * upgraded. Configuration files that somebody edited stay. The result is a line in the ledger for
 * whoever asked.
 */
#include "job/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/packages.h"
#include "base/process.h"
#include "config/config.h"
#include "ledger/events.h"
#include "ledger/installs.h"

#define LEDGER_BUSY_MS 10000
#define QUERY_MS 60000
#define APT_MS (50 * 60 * 1000) /* the unit has an hour */

struct packages_run {
	struct env env;
	struct config config;
	struct ledger *ledger;
	char text[ERROR_MAX_BYTES]; /* what was done */
};

static void run_done(struct packages_run *run)
{
	ledger_close(run->ledger);
	config_done(&run->config);
	env_done(&run->env);
}

static int find_missing(const struct str_list *wanted, struct str_list *ret_missing,
			struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	DV_AUTO_FREE const char **argv = packages_query(wanted);
	int r;

	if (!result || !argv)
		return dv_fail(err, -ENOMEM, "ask dpkg");
	/* It fails where it knows one of them not at all, and says the rest. */
	r = process_run(&(struct process_spec){ .argv = argv,
						.deadline_ms = clock_deadline_ms(QUERY_MS) },
			result, err);
	if (r == 0)
		r = packages_find_missing(wanted, result->output, ret_missing);
	return r;
}

/* The line that says what is wrong; apt's last one often does not. */
static const char *complaint(char *output)
{
	char *found = strstr(output, "\nE: ");

	found = found ? found + 1 : (strncmp(output, "E: ", 3) == 0 ? output : NULL);
	if (!found)
		return "it did not end well; see journalctl -u devvm-packages";
	found[strcspn(found, "\n")] = '\0';
	return str_is_utf8(found, strlen(found)) && !str_has_control(found) ? found
									    : "E: (unreadable)";
}

static int run_apt(const char *const *argv, struct dv_error *err)
{
	/* Nobody is there to answer a question. */
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "HOME=/root", NULL
	};
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "run apt-get");
	r = process_run(&(struct process_spec){ .argv = argv,
						.envp = environment,
						.deadline_ms = clock_deadline_ms(APT_MS) },
			result, err);
	if (r < 0)
		return r;
	if (result->timed_out)
		return dv_refuse(err, -ETIMEDOUT, "apt-get was not done in 50 minutes");
	(void)fputs(result->output, stdout); /* the journal has all of it */
	if (result->exit_status == 0)
		return 0;
	return dv_refuse(err, -EIO, "%.400s", complaint(result->output));
}

static int install(const struct str_list *missing, struct dv_error *err)
{
	static const char *const begin[] = { "apt-get",
					     "install",
					     "--assume-yes",
					     "--quiet",
					     "--no-install-recommends",
					     "--no-upgrade",
					     "--option=Dpkg::Options::=--force-confold",
					     "--option=DPkg::Lock::Timeout=300",
					     "--" };
	static const char *const update[] = { "apt-get", "update", "--quiet",
					      "--option=DPkg::Lock::Timeout=300", NULL };
	DV_AUTO_FREE const char **argv =
		calloc(DV_COUNT(begin) + missing->n_items + 1, sizeof(*argv));
	struct dv_error why = { "" };

	if (!argv)
		return dv_fail(err, -ENOMEM, "install packages");
	memcpy(argv, begin, sizeof(begin));
	for (size_t i = 0; i < missing->n_items; i++)
		argv[DV_COUNT(begin) + i] = missing->items[i];
	if (run_apt(update, &why) < 0) /* one list that cannot be had need not be the one */
		log_warning("apt-get update: %s", why.text);
	return run_apt(argv, err);
}

static int do_packages(struct packages_run *run, struct dv_error *err)
{
	const struct str_list *wanted = &run->config.packages;
	DV_AUTO_STR_LIST struct str_list missing = { 0 };
	DV_AUTO_STR_LIST struct str_list still = { 0 };
	DV_AUTO_FREE char *names = NULL;
	int r = find_missing(wanted, &missing, err);

	if (r < 0)
		return r;
	if (missing.n_items == 0) {
		(void)snprintf(run->text, sizeof(run->text),
			       "All packages of devvm.yaml are installed.");
		return 0;
	}
	r = install(&missing, err);
	if (r == 0)
		r = find_missing(wanted, &still, err);
	if (r < 0)
		return r;
	names = str_list_join(still.n_items > 0 ? &still : &missing, ", ");
	if (!names)
		return dv_fail(err, -ENOMEM, "name the packages");
	if (still.n_items > 0)
		return dv_refuse(err, -EIO, "apt-get is content and %.300s is still missing",
				 names);
	(void)snprintf(run->text, sizeof(run->text), "Installed %.400s.", names);
	return 0;
}

int job_packages(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(run_done) struct packages_run run = { .env = ENV_EMPTY };
	struct dv_error err = { "" }, why = { "" };
	int r, result, priority;
	const char *text;

	if (argc != 1) {
		log_error("usage: devvm-job packages");
		return JOB_USAGE;
	}
	r = env_init(&run.env, "/", &err);
	if (r == 0)
		r = config_load(&run.config, &run.env, &err);
	if (r == 0)
		r = ledger_open(&run.ledger, &run.env, LEDGER_WRITE, LEDGER_BUSY_MS, &err);
	if (r < 0) {
		log_error("packages: %s", err.text);
		return JOB_FAILED;
	}
	result = do_packages(&run, &why);
	text = result < 0 ? why.text : run.text;
	priority = result < 0 ? LOG_WARNING : LOG_NOTICE;
	log_write(priority, NULL, "packages: %s", text);
	r = installs_put(run.ledger, INSTALLS_PACKAGES, result == 0, text, &err);
	if (r == 0)
		r = events_add(run.ledger, run.env.wall_usec(&run.env), priority, NULL, "packages",
			       text, &err);
	if (r < 0)
		log_error("packages: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}
