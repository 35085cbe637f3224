/* restore.c - devvm-job restore WORD-USER-ID: the verb. See restore.h. */
#include "job/restore.h"

#include <string.h>

#include "base/log.h"
#include "job/jobs.h"
#include "ledger/installs.h"
#include "steps/staging.h"
#include "t3/program.h"

#define PATH_BYTES (64 + STR_USER_NAME_MAX + BACKUPS_ID_BYTES)

/* A word has no dash, for a name may have some. */
static const struct {
	const char *word;
	bool is_plan, is_forced, is_said;
} WORDS[] = {
	{ "plan-", .is_plan = true, .is_said = true },
	{ "run-", .is_said = true },
	{ "force-", .is_forced = true, .is_said = true },
	{ "plan_force-", .is_plan = true, .is_forced = true, .is_said = true },
	{ "plan_newest-", .is_plan = true },
	{ .word = "run_newest-" },
	{ "force_newest-", .is_forced = true },
	{ "plan_force_newest-", .is_plan = true, .is_forced = true },
};

/* "run-emo-20261127-031500": the ID is of one length. */
static bool parse(const char *instance, size_t n_word, struct restore_row *ret_row)
{
	size_t n = strlen(instance), n_id = BACKUPS_ID_BYTES - 1;
	size_t n_name = n > n_word + n_id + 1 ? n - n_word - n_id - 1 : 0;

	if (n_name == 0 || n_name > STR_USER_NAME_MAX || instance[n_word + n_name] != '-')
		return false;
	memcpy(ret_row->name, instance + n_word, n_name);
	ret_row->name[n_name] = '\0';
	(void)snprintf(ret_row->id, sizeof(ret_row->id), "%s", instance + n_word + n_name + 1);
	return str_is_user_name(ret_row->name) && backups_is_id(ret_row->id);
}

static void say_plan(const struct restore *run, char ret_text[static ERROR_MAX_BYTES])
{
	char what[UNFINISHED_TEXT_BYTES] = "";
	char version[RESTORE_VERSION_TEXT_BYTES];
	bool is_any = unfinished_is_any(&run->stuck);

	restore_name_version(run, *run->row.version ? "; they get t3 " : "; they keep t3 ",
			     version);
	if (is_any)
		unfinished_describe(&run->stuck, what);
	(void)snprintf(ret_text, ERROR_MAX_BYTES,
		       "would put the copy %s in the place of %s's database%s; what is there "
		       "goes to ~/.t3/userdata/aside-%s-…%s%s%.180s%s",
		       run->row.id, run->row.name,
		       restore_is_running(run) ? ", stopping their t3 for that" : "", run->row.id,
		       version, is_any ? "; nobody goes on with " : "", what,
		       is_any ? ", and the hold goes" : "");
}

static int write_row(struct restore *run, struct dv_error *err)
{
	return unfinished_is_any(&run->stuck)
		       ? unfinished_replace(run->ledger, &run->stuck, &run->row,
					    run->row.began_usec, err)
		       : restores_begin(run->ledger, &run->row, err);
}

int restore_begin(struct restore *run, struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = -1;
	int r = 0;

	/* A run removes versions under this lock, and leaves what a row names: until there is one it may have gone. */
	if (*run->row.version) {
		lock_fd = staging_lock(&run->env, T3_ITEM, err);
		r = lock_fd < 0 ? lock_fd : restore_check_version(run, err);
	}
	if (r == 0)
		r = write_row(run, err);
	/* The move is over: the updater may go on. */
	dv_closep(&run->run_fd);
	run->run_fd = -1;
	return r;
}

static int carry_out(struct restore *run, bool is_plan, char ret_done[static ERROR_MAX_BYTES],
		     struct dv_error *err)
{
	const struct placing placing = restore_placing(run);
	char sha256[DIGEST_HEX_BYTES];
	int r = restore_find_person(run, err);

	if (r == 0)
		r = restore_permit(run, err);
	if (r == 0)
		r = placing_check(&placing, sha256, err);
	if (r == 0 && is_plan) {
		say_plan(run, ret_done);
		return 0;
	}
	if (r == 0)
		r = restore_begin(run, err);
	return r < 0 ? r : restore_finish(run, ret_done, err);
}

int job_restore(int argc, char **argv)
{
	DV_CLEANUP(restore_done) struct restore run = RESTORE_EMPTY;
	char done[ERROR_MAX_BYTES] = "", key[PATH_BYTES + 32];
	struct dv_error err = { "" }, why = { "" };
	size_t i = 0;
	int r, result;

	while (i < DV_COUNT(WORDS) && (argc != 2 || !str_starts_with(argv[1], WORDS[i].word) ||
				       !parse(argv[1], strlen(WORDS[i].word), &run.row)))
		i++;
	if (i == DV_COUNT(WORDS)) {
		log_error("usage: devvm-job restore plan-USER-ID|run-USER-ID|force-USER-ID");
		return JOB_USAGE;
	}
	run.is_said = WORDS[i].is_said;
	run.is_forced = WORDS[i].is_forced;
	r = restore_open(&run, &err);
	if (r < 0) {
		log_error("restore: %s", err.text);
		return JOB_FAILED;
	}
	result = carry_out(&run, WORDS[i].is_plan, done, &why);
	if (result < 0)
		log_error("restore of %s: %s", run.row.name, why.text);
	(void)snprintf(key, sizeof(key), "restore-%s", argv[1]);
	r = installs_put(run.ledger, key, result == 0, result < 0 ? why.text : done, &err);
	if (r < 0)
		log_error("restore: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}
