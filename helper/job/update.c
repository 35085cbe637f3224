/* update.c - devvm-job update: one run of the updater. See update.h.
 *
 *	resolve   ask the registry what the tag names, or about the version that was said
 *	guard     hold it against the rules
 *	stage     have npm install it without rights, and take the result over, read-only
 *	staged    the tag is asked once more: one that has moved meanwhile means to start over
 *	gate      try it on copies of databases
 *	canary    give it to people, one at a time
 *	done      it is current and last-good; or rollback: it is bad, and everybody goes back
 *
 * One run at a time, by a lock that dies with its holder. A freeze is looked at before each
 * state, so one that comes in the middle holds too. Every end has an outcome, an exit status
 * and a message id of its own (update/outcome.h).
 */
#include "job/update.h"
#include "ledger/update_notes.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "job/jobs.h"
#include "ledger/backups.h"
#include "ledger/events.h"
#include "steps/lock.h"
#include "update/freeze.h"
#include "update/window.h"

#define LEDGER_BUSY_MS 10000
#define BOOT_ID "proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX 64

void update_done(struct update *update)
{
	str_list_done(&update->excluded);
	manager_close(update->manager);
	ledger_close(update->ledger);
	config_done(&update->config);
	env_done(&update->env);
}

int update_enter(struct update *update, enum update_state state, const char *text,
		 struct dv_error *err)
{
	if (update->id == 0)
		return 0;
	return update_log_enter(update->ledger, update->id, update->env.wall_usec(&update->env),
				state, NULL, text, err);
}

enum update_outcome update_end_with(struct update *update, enum update_outcome outcome,
				    const struct dv_error *why)
{
	(void)snprintf(update->text, sizeof(update->text), "%s", why->text);
	return outcome;
}

bool update_is_frozen(struct update *update)
{
	char text[FREEZE_TEXT_BYTES];
	struct freeze freeze;

	freeze_look(&update->env, &freeze);
	if (!freeze.is_frozen)
		return false;
	freeze_text(&freeze, text);
	(void)snprintf(update->text, sizeof(update->text),
		       "versions are frozen by /%s: %s; devvmctl unfreeze lifts it", freeze.path,
		       text);
	return true;
}

/* A timer that slept through the night fires when the machine wakes up. */
static bool is_outside(struct update *update)
{
	const struct config_window *window = &update->config.update_window;
	time_t now = (time_t)(update->env.wall_usec(&update->env) / 1000000);
	char text[WINDOW_TEXT_BYTES];
	struct tm tm;

	if (!update->of_timer || !localtime_r(&now, &tm) ||
	    window_has(window, (unsigned int)(tm.tm_hour * 60 + tm.tm_min)))
		return false;
	window_text(window, text);
	(void)snprintf(update->text, sizeof(update->text),
		       "it is %02d:%02d, and the nightly run begins in update.window, %s; "
		       "devvmctl update begins one now",
		       tm.tm_hour, tm.tm_min, text);
	return true;
}

int update_lock(struct update *update, struct dv_error *err)
{
	return lock_take(&update->env, LOCK_UPDATE, clock_now_ms(), err);
}

/* What a new version is held against: the last that a run has brought to its end, else what is current. */
static int find_last_good(struct update *update, const char *current, struct dv_error *err)
{
	DV_AUTO_FREE char *last_good = NULL;
	int r = update_get_last_good(update->ledger, &last_good, err);

	if (r == 0)
		(void)snprintf(update->last_good, sizeof(update->last_good), "%s",
			       *last_good && store_has(&update->env, UPDATE_ITEM, last_good)
				       ? last_good
				       : current);
	return r;
}

/* What there is to come from. */
static int look_around(struct update *update, char ret_current[static STORE_VERSION_BYTES],
		       struct dv_error *err)
{
	int r = store_get_pointer(&update->env, UPDATE_ITEM, NULL, ret_current, err);

	return r < 0 ? r : find_last_good(update, ret_current, err);
}

int update_open(struct update *update, struct dv_error *err)
{
	char current[STORE_VERSION_BYTES];
	DV_AUTO_FREE char *boot = NULL;
	size_t n_bytes = 0;
	int r;

	/* A dry run leaves no trace: what a killed run left is not its business either. */
	if (update->order.dry_run)
		return look_around(update, current, err);
	r = update_recover(update, err);
	if (r == 0)
		r = update_import_bad(update, err);
	if (r == 0)
		r = look_around(update, current, err);
	if (r == 0)
		r = file_read_kernel(update->env.root_dirfd, BOOT_ID, BOOT_ID_MAX, &boot, &n_bytes,
				     err);
	if (r < 0)
		return r;
	boot[strcspn(boot, "\n")] = '\0';
	return update_log_begin(update->ledger, update->env.wall_usec(&update->env), current, boot,
				&update->id, err);
}

/* What the package itself is to blame for is for good. One that is on the machine was whole when it came. */
static void remember_fault(struct update *update, enum update_outcome outcome)
{
	struct dv_error err = { "" };

	if ((outcome != UPDATE_INTEGRITY && outcome != UPDATE_SCRIPT) || update->id == 0 ||
	    store_has(&update->env, UPDATE_ITEM, update->candidate.version))
		return;
	if (update_condemn(update, update->candidate.version, update->id, update->text, &err) < 0)
		log_warning("update: %s", err.text);
}

/* The gate has let it pass, and this is a dry run: what would come next. */
static enum update_outcome plan(struct update *update)
{
	size_t n = (size_t)snprintf(update->text, sizeof(update->text),
				    "t3 %s would be given to people: the gate lets it pass",
				    update->candidate.version);

	for (size_t i = 0; i < update->excluded.n_items && n < sizeof(update->text); i++)
		n += (size_t)snprintf(update->text + n, sizeof(update->text) - n, "%s%s",
				      i == 0 ? ", but not with the databases of " : ", ",
				      update->excluded.items[i]);
	return UPDATE_PLANNED;
}

/* From a version that is staged to people who have it. */
static enum update_outcome give(struct update *update)
{
	enum update_outcome outcome = update_gate(update);

	if (outcome != UPDATE_STAGED)
		return outcome;
	if (update_is_frozen(update))
		return UPDATE_FROZEN;
	return update->order.dry_run ? plan(update) : update_canary(update);
}

/* The lock is held. */
static enum update_outcome run_locked(struct update *update)
{
	enum update_outcome outcome;
	struct dv_error err = { "" };

	if (update_open(update, &err) < 0)
		return update_end_with(update, UPDATE_FAILED, &err);
	if (is_outside(update))
		return UPDATE_OUTSIDE;
	if (update_is_frozen(update))
		return UPDATE_FROZEN;
	outcome = update_stage(update);
	remember_fault(update, outcome);
	if (outcome == UPDATE_STAGED && !update->order.stage_only)
		outcome = give(update);
	update_take_away(update);
	if (update->id > 0 && update_prune(update, &err) < 0)
		log_warning("update: old versions stay: %s", err.text);
	if (update->id > 0 && update_keep_bad(update, &err) < 0)
		log_warning("update: %s", err.text);
	return outcome;
}

/* The one line of the journal, the row of the ledger, and the note for whoever asked. */
int update_close(struct update *update, enum update_outcome outcome, struct dv_error *err)
{
	const struct update_outcome_row *row = update_outcome_row(outcome);
	int64_t now_usec = update->env.wall_usec(&update->env);
	char run[24] = "";
	int r = 0;

	if (update->id > 0)
		(void)snprintf(run, sizeof(run), "%lld", (long long)update->id);
	log_write(row->priority,
		  &(struct log_fields){ .run = *run ? run : NULL,
					.message_id =
						update->order.dry_run ? NULL : row->message_id },
		  "update: %s%s", update->order.dry_run ? "dry run: " : "", update->text);
	if (!update->order.dry_run)
		update_notify(update, update->id,
			      *update->candidate.version ? update->candidate.version
							 : update->order.to,
			      outcome);
	if (update->id > 0)
		r = update_log_end(update->ledger, update->id, now_usec, row->name, update->text,
				   err);
	if (r == 0 && update->id > 0)
		r = backups_let_go(update->ledger, run, err);
	if (r == 0 && update->id > 0)
		r = events_add(update->ledger, now_usec, row->priority, NULL, "update",
			       update->text, err);
	if (r == 0 && update->instance)
		r = update_put_result(update->ledger, update->instance, row->name, update->text,
				      err);
	return r;
}

static int read_words(struct update *update, int argc, char **argv, struct dv_error *err)
{
	static const struct option options[] = {
		{ "dry-run", no_argument, NULL, 'n' },
		{ "stage", no_argument, NULL, 's' },
		{ "to", required_argument, NULL, 't' },
		{ "instance", required_argument, NULL, 'i' },
		{ "timer", no_argument, NULL, 'm' },
		{ 0 },
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option == 'n')
			update->order.dry_run = true;
		else if (option == 's')
			update->order.stage_only = true;
		else if (option == 't' && order_is_version(optarg))
			(void)snprintf(update->order.to, sizeof(update->order.to), "%s", optarg);
		else if (option == 'i') {
			if (order_parse(optarg, &update->order, err) < 0)
				return -EINVAL;
			update->instance = optarg;
		} else if (option == 'm')
			update->of_timer = true;
		else
			return dv_refuse(err, -EINVAL, "%s makes no sense", argv[optind - 1]);
	}
	return optind < argc ? dv_refuse(err, -EINVAL, "%s is too much", argv[optind]) : 0;
}

int update_set_up(struct update *update, struct dv_error *err)
{
	int r = env_init(&update->env, "/", err);

	if (r == 0)
		r = config_load(&update->config, &update->env, err);
	if (r == 0)
		r = ledger_open(&update->ledger, &update->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
	if (r == 0)
		r = manager_open(&update->manager, err);
	/* What an earlier run left under this name is not the answer of this one. */
	if (r == 0 && update->instance)
		r = update_put_result(update->ledger, update->instance, NULL, NULL, err);
	return r;
}

int job_update(int argc, char **argv)
{
	DV_CLEANUP(update_done) struct update update = { .env = ENV_EMPTY };
	DV_AUTO_CLOSE int lock_fd = -1;
	enum update_outcome outcome;
	struct dv_error err = { "" };

	if (read_words(&update, argc, argv, &err) < 0) {
		log_error("usage: devvm-job update [--dry-run | --stage] [--to VERSION] (%s)",
			  err.text);
		return JOB_USAGE;
	}
	(void)umask(0022);
	if (update_set_up(&update, &err) < 0) {
		log_error("update: %s", err.text);
		return JOB_FAILED;
	}
	lock_fd = update_lock(&update, &err);
	if (lock_fd >= 0)
		outcome = run_locked(&update);
	else if (lock_fd == -ETIMEDOUT)
		outcome = update_end_with(&update, UPDATE_BUSY,
					  &(struct dv_error){
						  "another run of the updater is under way" });
	else
		outcome = update_end_with(&update, UPDATE_FAILED, &err);
	if (update_close(&update, outcome, &err) < 0) {
		log_error("update: %s", err.text);
		return JOB_FAILED;
	}
	return update_outcome_row(outcome)->exit_status;
}
