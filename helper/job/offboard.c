/* offboard.c - see offboard.h. The result is text in the ledger for devvm-helperd: of a plan lines
 * "key=value", of an archive a sentence. */
#include "job/offboard.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "job/jobs.h"
#include "ledger/events.h"
#include "ledger/installs.h"
#include "steps/paths.h"

#define LEDGER_BUSY_MS 10000
#define MEASURE_FOLDER "run/devvm/offboard"
#define MEASURE_MAX_BYTES 4096
#define INSTANCE_PLAN "plan-"
#define INSTANCE_ARCHIVE "archive-"
#define KEY_PREFIX "offboard-"

static void offboard_done(struct offboard *run)
{
	free(run->home);
	people_row_done(&run->person);
	ledger_close(run->ledger);
	env_done(&run->env);
}

/* ---- the plan ------------------------------------------------------------------------- */

/* du's lines: bytes, then files and folders. What cannot be measured is left out of the plan. */
static void measure(struct offboard *run)
{
	DV_AUTO_FREE char *text = NULL;
	char path[STEPS_PATH_BYTES];
	struct dv_error err = { "" };
	size_t n_bytes = 0;
	int r = file_make_dirs(run->env.root_dirfd, MEASURE_FOLDER, 0700, &err);

	steps_person_path(path, MEASURE_FOLDER, run->person.name);
	if (r == 0)
		r = file_remove(run->env.root_dirfd, path, &err);
	if (r == 0)
		r = offboard_run_unit(run, "devvm-home-measure", &err);
	if (r == 0)
		r = file_read(run->env.root_dirfd, path, MEASURE_MAX_BYTES, &text, &n_bytes, NULL,
			      &err);
	if (r < 0) {
		log_warning("%s", err.text);
		return;
	}
	run->n_bytes = strtoull(text, NULL, 10);
	run->n_entries = strchr(text, '\n') ? strtoull(strchr(text, '\n') + 1, NULL, 10) : 0;
}

static int write_plan(struct offboard *run, char **ret_text, struct dv_error *err)
{
	const struct people_row *person = &run->person;
	struct dv_error refusal = { "" };
	size_t n_bytes = 0;
	FILE *out;

	if (run->has_home)
		measure(run);
	out = open_memstream(ret_text, &n_bytes);
	if (!out)
		return dv_fail(err, -errno, "write the plan");
	(void)fprintf(out, "user=%s\nstate=%s\n", person->name, people_state_name(person->state));
	if (person->uid != PEOPLE_NO_UID)
		(void)fprintf(out, "uid=%" PRId64 "\n", person->uid);
	if (run->has_account)
		(void)fprintf(out, "home=%s\nsessions=%u\nprocesses=%u\n", run->home,
			      run->n_sessions, run->n_processes);
	if (run->n_entries)
		(void)fprintf(out, "bytes=%" PRIu64 "\nentries=%" PRIu64 "\n", run->n_bytes,
			      run->n_entries);
	if (*run->first_process)
		(void)fprintf(out, "first-process=%s\n", run->first_process);
	if (person->archive)
		(void)fprintf(out, "archive=%s\n", person->archive);
	if (offboard_check(run, &refusal) < 0)
		(void)fprintf(out, "refused=%s\n", refusal.text);
	return fclose(out) == 0 ? 0 : dv_fail(err, -ENOMEM, "write the plan");
}

/* ---- the job -------------------------------------------------------------------------- */

static int open_run(struct offboard *run, const char *name, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	if (r == 0)
		r = ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
	return r < 0 ? r : people_get(run->ledger, name, &run->person, err);
}

static int note(struct offboard *run, const char *instance, int result, const char *text,
		bool is_archive, struct dv_error *err)
{
	int priority = result < 0 ? LOG_WARNING : LOG_NOTICE;
	char key[128];
	int r;

	(void)snprintf(key, sizeof(key), KEY_PREFIX "%s", instance);
	r = installs_put(run->ledger, key, result == 0, text, err);
	if (r < 0 || !is_archive)
		return r;
	log_write(priority, &(struct log_fields){ .user = run->person.name, .step = "offboard" },
		  "%s", text);
	return events_add(run->ledger, run->env.wall_usec(&run->env), priority, run->person.name,
			  "offboard", text, err);
}

int job_offboard(int argc, char **argv)
{
	DV_CLEANUP(offboard_done) struct offboard run = { .env = ENV_EMPTY };
	bool is_archive = argc == 2 && str_starts_with(argv[1], INSTANCE_ARCHIVE);
	bool is_plan = argc == 2 && str_starts_with(argv[1], INSTANCE_PLAN);
	const char *name = is_archive || is_plan ? strchr(argv[1], '-') + 1 : "";
	DV_AUTO_FREE char *plan = NULL;
	char done[ERROR_MAX_BYTES] = "";
	struct dv_error err = { "" }, why = { "" };
	int r, result;

	if (!str_is_user_name(name)) {
		log_error("usage: devvm-job offboard plan-USER|archive-USER");
		return JOB_USAGE;
	}
	r = open_run(&run, name, &err);
	if (r < 0) {
		log_error("offboard: %s", err.text);
		return JOB_FAILED;
	}
	result = offboard_look(&run, &why);
	if (result == 0)
		result = is_archive ? offboard_archive(&run, done, &why)
				    : write_plan(&run, &plan, &why);
	r = note(&run, argv[1], result,
		 result < 0   ? why.text
		 : is_archive ? done
			      : plan,
		 is_archive, &err);
	if (r < 0)
		log_error("offboard: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}
