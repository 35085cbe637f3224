/* reconcile.c - devvm-job reconcile: everything outside homes, for everybody or one.
 *
 * Root and fast: the roster into the ledger, then the ledger onto the machine. One reconcile
 * at a time. At the end the roster is hashed again, and if it changed meanwhile everything
 * runs once more: the result is always that of the last roster.
 */
#include "job/jobs.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config_good.h"
#include "job/pass.h"
#include "job/sync.h"
#include "steps/lock.h"
#include "steps/settle_note.h"
#include "units/manager.h"

#define LOCK_DEADLINE_MS 60000
#define LEDGER_BUSY_MS 10000
#define MAX_ROUNDS 5
#define TELL_AGAIN_USEC (60 * INT64_C(1000000))

struct reconcile {
	struct env env;
	struct config config;
	struct ledger *ledger;
	struct reconcile_view view;
	struct steps_log failed;
	const char *only_user; /* NULL: everybody and the machine */
	bool dry_run;
	bool report;
	bool roster_refused; /* by the last round, and why */
	struct dv_error refusal;
	struct dv_error config_trouble; /* "": devvm.yaml is good; else the last good one is used */
};

static void reconcile_done(struct reconcile *run)
{
	steps_log_done(&run->failed);
	view_done(&run->view);
	ledger_close(run->ledger);
	config_done(&run->config);
	env_done(&run->env);
}

static struct pass_options options_of(struct reconcile *run)
{
	return (struct pass_options){ .view = &run->view,
				      .failed = &run->failed,
				      .dry_run = run->dry_run,
				      .report = run->report };
}

static void on_roster_change(void *context, const char *name, enum step_mark mark, const char *what)
{
	struct pass_options options = options_of(context);

	pass_tell_item(&options, name, "roster", mark, what);
}

/* A reconcile of one person need not read the roster again when it is the one that the
 * ledger was written from. */
static int roster_is_known(struct reconcile *run, bool *ret_known, struct dv_error *err)
{
	DV_AUTO_FREE char *known = NULL;
	DV_AUTO_FREE char *refusal = NULL;
	char digest[DIGEST_HEX_BYTES];
	int r = ledger_get_meta(run->ledger, "roster-digest", &known, err);

	if (r == 0)
		r = ledger_get_meta(run->ledger, "roster-error", &refusal, err);
	if (r < 0)
		return r;
	sync_digest(&run->view, digest);
	*ret_known = run->only_user && !refusal && *digest && str_equal(known, digest);
	return 0;
}

static int take_roster(struct reconcile *run, char ret_digest[static DIGEST_HEX_BYTES],
		       struct dv_error *err)
{
	struct sync_options options = { .dry_run = run->dry_run,
					.on_change = run->dry_run ? on_roster_change : NULL,
					.context = run };
	enum sync_outcome outcome = SYNC_UNSET;
	bool known = false;
	int r = roster_is_known(run, &known, err);

	if (r < 0)
		return r;
	if (known) {
		sync_digest(&run->view, ret_digest);
		return 0;
	}
	r = sync_roster(&run->view, &options, &outcome, ret_digest, &run->refusal);
	if (r < 0)
		return dv_refuse(err, r, "%s", run->refusal.text);
	run->roster_refused = outcome == SYNC_REFUSED;
	return 0;
}

static int keep_people(struct reconcile *run, struct dv_error *err)
{
	struct pass_options options = options_of(run);
	DV_AUTO_PEOPLE struct people people = { 0 };
	int r = people_list(run->ledger, &people, err);

	for (size_t i = 0; r == 0 && i < people.n_rows; i++) {
		const struct people_row *person = &people.rows[i];

		if (person->state == PEOPLE_PRESENT &&
		    (!run->only_user || strcmp(person->name, run->only_user) == 0))
			r = pass_run(&options, STEP_RECONCILE, person, err);
	}
	return r;
}

/* Whoever reads the roster cuts off whom it has dropped, whomever else the run is about. A name
 * that somebody else has now is not cut off. */
static int cut_leavers(struct reconcile *run, struct dv_error *err)
{
	struct pass_options options = options_of(run);
	DV_AUTO_PEOPLE struct people people = { 0 };
	int r = people_list(run->ledger, &people, err);

	for (size_t i = 0; r == 0 && i < people.n_rows; i++) {
		const struct people_row *person = &people.rows[i];

		if (person->state == PEOPLE_LEFT && !strchr(person->name, '@'))
			r = pass_run(&options, STEP_LEAVE, person, err);
	}
	return r;
}

/* The roster into the ledger and the ledger onto the machine. */
static int run_round(struct reconcile *run, char ret_digest[static DIGEST_HEX_BYTES],
		     struct dv_error *err)
{
	struct pass_options options = options_of(run);
	int r = view_init(&run->view, &run->env, &run->config, run->ledger, err);

	if (r == 0)
		r = steps_log_list_failed(run->ledger, &run->failed, err);
	if (r == 0)
		r = take_roster(run, ret_digest, err);
	if (r == 0)
		r = cut_leavers(run, err);
	if (r == 0 && !run->only_user)
		r = pass_run(&options, STEP_SYSTEM, NULL, err);
	if (r == 0)
		r = keep_people(run, err);
	return r < 0 ? r : pass_run(&options, STEP_MAPS, NULL, err);
}

/* Several reconciles may meet the same bad roster within moments (each event of a folder brings
 * one); it is told once then, and again by the hourly ones. */
static bool was_just_told(struct reconcile *run, const char *what)
{
	DV_AUTO_FREE char *told = NULL;
	const char *told_what;
	char *end = NULL;
	int64_t age_usec;

	if (ledger_get_meta(run->ledger, "roster-told", &told, NULL) < 0 || !told)
		return false;
	told_what = strchr(told, ' ');
	age_usec = run->env.wall_usec(&run->env) - strtoll(told, &end, 10);
	return told_what && end == told_what && strcmp(told_what + 1, what) == 0 && age_usec >= 0 &&
	       age_usec < TELL_AGAIN_USEC;
}

static void tell_refusal(struct reconcile *run)
{
	char digest[DIGEST_HEX_BYTES];
	char what[sizeof(digest) + sizeof(run->refusal.text)];
	char told[sizeof(what) + 24];

	sync_digest(&run->view, digest);
	(void)snprintf(what, sizeof(what), "%s %s", digest, run->refusal.text);
	if (was_just_told(run, what))
		return;
	log_error("the roster is refused and the last good one stays: %s", run->refusal.text);
	(void)snprintf(told, sizeof(told), "%" PRId64 " %s", run->env.wall_usec(&run->env), what);
	/* Where it cannot be noted it is told once too often. */
	DV_IGNORE(ledger_set_meta(run->ledger, "roster-told", told, NULL));
}

/* What a person must put right, whether or not everything else went well. */
static bool tell_refused(struct reconcile *run)
{
	const bool config_refused = *run->config_trouble.text;
	struct pass_options options = options_of(run);

	if (config_refused && run->dry_run)
		pass_tell_trouble(&options, "", "config", run->config_trouble.text);
	else if (config_refused)
		log_error("%s", run->config_trouble.text);
	if (run->roster_refused && run->dry_run)
		pass_tell_trouble(&options, "", "roster", run->refusal.text);
	else if (run->roster_refused)
		tell_refusal(run);
	return config_refused || run->roster_refused;
}

/* For `devvmctl status`, and so that devvm-helperd takes our end for a refusal, which waits for a person, and not for a
 * run that broke and is tried again. */
static int note_config(struct reconcile *run, struct dv_error *err)
{
	const char *trouble = *run->config_trouble.text ? run->config_trouble.text : NULL;

	return run->dry_run ? 0 : ledger_set_meta(run->ledger, "config-error", trouble, err);
}

/* systemd is told in a job of its own: with thousands of sockets it takes its time. */
static int start_settle(struct reconcile *run, struct dv_error *err)
{
	static const char *const units[] = { "devvm-settle.service" };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	bool due = false;
	int r = run->dry_run ? 0 : settle_is_due(&run->view, &due, err);

	if (r < 0 || !due)
		return r;
	r = manager_open(&manager, err);
	return r < 0 ? r : manager_act(manager, MANAGER_QUEUE, units, 1, err);
}

static int run_rounds(struct reconcile *run, struct dv_error *err)
{
	char began[DIGEST_HEX_BYTES], now[DIGEST_HEX_BYTES];

	for (int round = 0; round < MAX_ROUNDS; round++) {
		int r = run_round(run, began, err);

		if (r < 0)
			return r;
		sync_digest(&run->view, now);
		if (run->dry_run || strcmp(began, now) == 0)
			return 0;
		log_info("the roster changed meanwhile; once more");
		steps_log_done(&run->failed);
		view_done(&run->view);
	}
	return dv_refuse(err, -EAGAIN, "the roster changed %d times while it was applied",
			 MAX_ROUNDS);
}

/* For devvm-helperd, which compares it with when it asked for a run (daemon.c). On our clock: the kernel's, for files,
 * is some milliseconds behind. */
static void note_begin(const struct reconcile *run, int lock_fd)
{
	int64_t now_usec = run->env.wall_usec(&run->env);
	const struct timespec now = { .tv_sec = now_usec / 1000000,
				      .tv_nsec = now_usec % 1000000 * 1000 };

	/* Where it cannot be noted there is one run more than is needed. */
	DV_IGNORE(futimens(lock_fd, (const struct timespec[2]){ now, now }));
}

static void keep_config(const struct reconcile *run)
{
	struct dv_error err = { "" };

	if (!*run->config_trouble.text && config_good_keep(&run->env, &err) < 0)
		log_warning("the settings in force are not kept for when devvm.yaml is not good: "
			    "%s",
			    err.text);
}

/* A dry run must not even create the ledger or wait for a lock: it works on a copy. */
static int open_ledger(struct reconcile *run, int *ret_lock_fd, struct dv_error *err)
{
	int r;

	if (run->dry_run)
		return ledger_open(&run->ledger, &run->env, LEDGER_SCRATCH, LEDGER_BUSY_MS, err);
	r = lock_take(&run->env, LOCK_RECONCILE, clock_deadline_ms(LOCK_DEADLINE_MS), err);
	if (r < 0)
		return r;
	*ret_lock_fd = r;
	note_begin(run, r);
	pass_sweep(&run->env);
	keep_config(run);
	return ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
}

static int parse_options(struct reconcile *run, int argc, char **argv)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "report", no_argument, NULL, 'r' },
		{ "user", required_argument, NULL, 'u' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			run->dry_run = true;
			break;
		case 'r':
			run->report = true;
			break;
		case 'u':
			run->only_user = optarg;
			break;
		default:
			return JOB_USAGE;
		}
	}
	if (optind < argc || (run->only_user && !str_is_user_name(run->only_user))) {
		log_error("usage: devvm-job reconcile [--user USER] [--dry-run [--report]]");
		return JOB_USAGE;
	}
	return 0;
}

int job_reconcile(int argc, char **argv)
{
	DV_CLEANUP(reconcile_done) struct reconcile run = { .env = ENV_EMPTY };
	DV_AUTO_CLOSE int lock_fd = -1;
	struct dv_error err = { "" };
	bool refused;
	int r = parse_options(&run, argc, argv);

	if (r != 0)
		return r;
	r = env_init(&run.env, "/", &err);
	if (r == 0)
		r = config_load_or_good(&run.config, &run.env, &run.config_trouble, &err);
	if (r == 0)
		r = open_ledger(&run, &lock_fd, &err);
	if (r == 0)
		r = note_config(&run, &err);
	if (r == 0)
		r = run_rounds(&run, &err);
	refused = tell_refused(&run);
	/* What was noted stays in the ledger: the next reconcile starts it. */
	if (r == 0 && start_settle(&run, &err) < 0)
		log_warning("devvm-settle.service was not started: %s", err.text);
	if (r < 0) {
		log_error("reconcile: %s", err.text);
		return JOB_FAILED;
	}
	/* A plan that has told it to somebody is done. */
	return refused && !run.report ? JOB_REFUSED : 0;
}
