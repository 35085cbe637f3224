/* facts.c - what the rules of an update ask about this machine. See facts.h. */
#include "rollout/facts.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "ledger/gates.h"
#include "ledger/known_bad.h"
#include "ledger/origin.h"
#include "ledger/people.h"
#include "ledger/update_notes.h"
#include "move/look.h"
#include "rollout/people.h"
#include "steps/lock.h"
#include "store/store.h"
#include "update/version.h"

#define MIB (UINT64_C(1) << 20)
#define USEC_PER_HOUR (INT64_C(3600) * 1000000)
#define MEMINFO_MAX 65536
#define LOCK_MS 60000

/* The pointers of those who are here, for as long as the rules look at them. */
struct pointers {
	struct people people;
	struct rules_person *rows;
	char (*versions)[STORE_VERSION_BYTES];
	char (*copies)[BACKUPS_ID_BYTES];
	size_t n_rows;
};

static void pointers_done(struct pointers *pointers)
{
	people_done(&pointers->people);
	free(pointers->rows);
	free(pointers->versions);
	free(pointers->copies);
}

/* Of their database as it is now: a copy may be from before the version that they run. */
static int look_at_level(const struct env *env, const char *user)
{
	struct dv_error err = { "" };
	DV_AUTO_CLOSE int lock_fd = lock_take(env, user, clock_deadline_ms(LOCK_MS), &err);
	struct look look = { 0 };

	if (lock_fd < 0 || look_run(env, user, 0, &look, &err) < 0) {
		log_warning("update: the database of %s cannot be looked at: %s", user, err.text);
		return RULES_NO_LEVEL;
	}
	return look.level >= 0 && look.level <= INT_MAX ? (int)look.level : RULES_NO_LEVEL;
}

/* What leads somebody back: of their copies the newest that the candidate, or an older t3, has made. */
static int find_copy(struct rollout *rollout, const char *user,
		     char ret_id[static BACKUPS_ID_BYTES], struct dv_error *err)
{
	const char *candidate = rollout->candidate.version;
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int r = backups_list(rollout->ledger, user, &backups, err);

	for (size_t i = 0; r == 0 && i < backups.n_rows && !*ret_id; i++) {
		const struct backups_row *copy = &backups.rows[i];
		struct origin origin = { 0 };

		r = copy->is_ok ? origin_find(rollout->ledger, user, copy->id, "", &origin, err)
				: 0;
		if (*origin.version && !version_is_before(candidate, origin.version))
			(void)snprintf(ret_id, BACKUPS_ID_BYTES, "%s", copy->id);
	}
	return r;
}

/* Somebody who would go back. */
static int look_behind(struct rollout *rollout, struct rules_person *person,
		       char ret_id[static BACKUPS_ID_BYTES], struct dv_error *err)
{
	if (!version_is_before(rollout->candidate.version, person->version))
		return 0;
	person->level = look_at_level(&rollout->env, person->name);
	person->copy = ret_id;
	return find_copy(rollout, person->name, ret_id, err);
}

/* Of whom a run would move. Levels and copies count only for who would go back. */
static int read_pointers(struct rollout *rollout, struct pointers *pointers, struct dv_error *err)
{
	const struct env *env = &rollout->env;
	int r = people_list(rollout->ledger, &pointers->people, err);
	size_t n = pointers->people.n_rows;

	if (r < 0)
		return r;
	pointers->rows = calloc(n + 1, sizeof(*pointers->rows));
	pointers->versions = calloc(n + 1, sizeof(*pointers->versions));
	pointers->copies = calloc(n + 1, sizeof(*pointers->copies));
	if (!pointers->rows || !pointers->versions || !pointers->copies)
		return dv_fail(err, -ENOMEM, "read the pointers of people");
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct people_row *person = &pointers->people.rows[i];
		struct rules_person *row = &pointers->rows[pointers->n_rows];
		char *version = pointers->versions[pointers->n_rows];

		if (!rollout_is_served(person))
			continue;
		r = store_get_pointer(env, ROLLOUT_ITEM, person->name, version, err);
		if (r < 0 || !*version)
			continue;
		*row = (struct rules_person){ .name = person->name,
					      .version = version,
					      .level = RULES_NO_LEVEL };
		r = look_behind(rollout, row, pointers->copies[pointers->n_rows++], err);
	}
	return r;
}

/* Of the nearest folder that is there: a new machine has none of them. */
static int read_free_disk(const struct env *env, uint64_t *ret_bytes, struct dv_error *err)
{
	static const char *const folders[] = { STORE_FOLDER "/" ROLLOUT_ITEM, STORE_FOLDER, "opt",
					       "." };
	struct statvfs fs;

	for (size_t i = 0; i < DV_COUNT(folders); i++) {
		DV_AUTO_CLOSE int fd =
			openat(env->root_dirfd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (fstatvfs(fd, &fs) < 0)
			break;
		*ret_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
		return 0;
	}
	return dv_fail(err, -errno, "ask how much of /" STORE_FOLDER " is free");
}

/* MemAvailable of proc(5), in kB there. */
static int read_free_memory(const struct env *env, uint64_t *ret_bytes, struct dv_error *err)
{
	static const char key[] = "MemAvailable:";
	DV_AUTO_FREE char *text = NULL;
	const char *at;
	size_t n_bytes = 0;
	int r = file_read_kernel(env->root_dirfd, "proc/meminfo", MEMINFO_MAX, &text, &n_bytes,
				 err);

	if (r < 0)
		return r;
	at = strstr(text, key);
	if (!at)
		return dv_refuse(err, -EBADMSG, "/proc/meminfo does not say what is available");
	*ret_bytes = strtoull(at + strlen(key), NULL, 10) * 1024;
	return 0;
}

int rollout_judge(struct rollout *rollout, enum rules_why why, enum update_outcome *ret_outcome,
		  struct dv_error *err)
{
	const struct config *config = &rollout->config;
	DV_CLEANUP(pointers_done) struct pointers pointers = { 0 };
	DV_AUTO_FREE char *last_good = NULL;
	DV_AUTO_FREE char *bad = NULL;
	char current[STORE_VERSION_BYTES];
	struct rules_facts facts = {
		.why = why,
		.tag = config->t3_track,
		.candidate = &rollout->candidate,
		.candidate_level = RULES_NO_LEVEL,
		.now_usec = rollout->env.wall_usec(&rollout->env),
		.cooldown_usec = config->update_cooldown_hours * USEC_PER_HOUR,
		.min_free_disk_bytes = config->update_min_free_disk_mb * MIB,
		.min_free_memory_bytes = config->update_min_free_memory_mb * MIB,
	};
	int r = store_get_pointer(&rollout->env, ROLLOUT_ITEM, NULL, current, err);

	if (r == 0)
		r = read_pointers(rollout, &pointers, err);
	if (r == 0)
		r = gates_level(rollout->ledger, rollout->candidate.version, &facts.candidate_level,
				err);
	if (r == 0)
		r = update_get_last_good(rollout->ledger, &last_good, err);
	if (r == 0)
		r = known_bad_reason(rollout->ledger, rollout->candidate.version, &bad, err);
	if (r == 0)
		r = read_free_disk(&rollout->env, &facts.free_disk_bytes, err);
	if (r == 0)
		r = read_free_memory(&rollout->env, &facts.free_memory_bytes, err);
	if (r < 0)
		return r;
	facts.current = current;
	facts.last_good = last_good;
	facts.people = pointers.rows;
	facts.n_people = pointers.n_rows;
	facts.known_bad_reason = bad;
	*ret_outcome = rules_judge(&facts, rollout->text);
	return 0;
}
