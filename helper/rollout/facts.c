/* facts.c - what the rules of an update ask about this machine. See facts.h. */
#include "rollout/facts.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "ledger/backups.h"
#include "ledger/gates.h"
#include "ledger/known_bad.h"
#include "ledger/update_notes.h"
#include "store/store.h"

#define MIB (UINT64_C(1) << 20)
#define USEC_PER_HOUR (INT64_C(3600) * 1000000)
#define MEMINFO_MAX 65536

/* Everybody's pointer, for as long as the rules look at it. */
struct pointers {
	struct str_list users;
	struct rules_person *people;
	char (*versions)[STORE_VERSION_BYTES];
};

static void pointers_done(struct pointers *pointers)
{
	str_list_done(&pointers->users);
	free(pointers->people);
	free(pointers->versions);
}

/* As the newest checked copy of their database has it. Both lists are sorted by name: `at` goes on in the one
 * as the caller does in the other. */
static int level_of(const struct backups *backups, const char *user, size_t *at)
{
	for (; *at < backups->n_rows && strcmp(backups->rows[*at].name, user) <= 0; *at += 1) {
		const struct backups_row *row = &backups->rows[*at];

		if (strcmp(row->name, user) == 0 && row->is_ok && row->level >= 0 &&
		    row->level <= INT_MAX)
			return (int)row->level;
	}
	return RULES_NO_LEVEL;
}

static int read_pointers(const struct env *env, struct ledger *ledger, struct pointers *pointers,
			 struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	size_t n, at = 0;
	int r = backups_list(ledger, NULL, &backups, err);

	if (r == 0)
		r = store_list_people(env, ROLLOUT_ITEM, &pointers->users, err);
	if (r < 0)
		return r;
	n = pointers->users.n_items;
	pointers->people = calloc(n + 1, sizeof(*pointers->people));
	pointers->versions = calloc(n + 1, sizeof(*pointers->versions));
	if (!pointers->people || !pointers->versions)
		return dv_fail(err, -ENOMEM, "read the pointers of people");
	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *user = pointers->users.items[i];

		r = store_get_pointer(env, ROLLOUT_ITEM, user, pointers->versions[i], err);
		pointers->people[i] =
			(struct rules_person){ .name = user,
					       .version = pointers->versions[i],
					       .level = level_of(&backups, user, &at) };
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
		r = read_pointers(&rollout->env, rollout->ledger, &pointers, err);
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
	facts.people = pointers.people;
	facts.n_people = pointers.users.n_items;
	facts.known_bad_reason = bad;
	*ret_outcome = rules_judge(&facts, rollout->text);
	return 0;
}
