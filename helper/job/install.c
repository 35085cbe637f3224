/* install.c - devvm-job install ITEM-WANT: a version of a program, for `devvmctl install`.
 *
 * Staged, taken over, and made current where nothing is current yet: on a fresh machine there
 * is no state that another version could break. What is current already is not moved here.
 * Doing it again does nothing. The result is a line in the ledger for whoever asked.
 */
#include "job/jobs.h"

#include <string.h>

#include "base/log.h"
#include "ledger/events.h"
#include "ledger/ledger.h"
#include "ledger/installs.h"
#include "steps/staging.h"

#define LEDGER_BUSY_MS 10000

struct install {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct stage_name name;
	char text[ERROR_MAX_BYTES]; /* what was done */
};

static void install_done(struct install *run)
{
	ledger_close(run->ledger);
	config_done(&run->config);
	env_done(&run->env);
}

static int do_install(struct install *run, struct dv_error *err)
{
	const char *item = run->name.item->name;
	char version[STORE_VERSION_BYTES], current[STORE_VERSION_BYTES];
	int r = staging_run(&run->env, &run->config, run->name.item, run->name.want, version, err);

	if (r == 0)
		r = staging_set_current(&run->env, item, version, true, current, err);
	if (r < 0)
		return r;
	if (strcmp(current, version) == 0)
		(void)snprintf(run->text, sizeof(run->text), "%s %s is installed and current", item,
			       version);
	else
		(void)snprintf(run->text, sizeof(run->text),
			       "%s %s is installed; current stays %s (use devvmctl update to move "
			       "it)",
			       item, version, current);
	return 0;
}

static int note(struct install *run, const char *instance, int result, const char *text,
		struct dv_error *err)
{
	int priority = result < 0 ? LOG_WARNING : LOG_NOTICE;
	int r = installs_put(run->ledger, instance, result == 0, text, err);

	log_write(priority, NULL, "install: %s", text);
	return r < 0 ? r
		     : events_add(run->ledger, run->env.wall_usec(&run->env), priority, NULL,
				  "install", text, err);
}

int job_install(int argc, char **argv)
{
	DV_CLEANUP(install_done) struct install run = { .env = ENV_EMPTY };
	struct dv_error err = { "" }, why = { "" };
	int r, result;

	if (argc != 2 || stage_parse(argv[1], &run.name, &err) < 0) {
		log_error("usage: devvm-job install ITEM-VERSION (%s)", err.text);
		return JOB_USAGE;
	}
	r = env_init(&run.env, "/", &err);
	if (r == 0)
		r = config_load(&run.config, &run.env, &err);
	if (r == 0)
		r = ledger_open(&run.ledger, &run.env, LEDGER_WRITE, LEDGER_BUSY_MS, &err);
	if (r < 0) {
		log_error("install: %s", err.text);
		return JOB_FAILED;
	}
	result = do_install(&run, &why);
	r = note(&run, argv[1], result, result < 0 ? why.text : run.text, &err);
	if (r < 0)
		log_error("install: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}
