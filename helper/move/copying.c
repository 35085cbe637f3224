/* copying.c - see copying.h. */
#include "move/copying.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "ledger/events.h"
#include "store/backup_copy.h"
#include "store/store.h"
#include "t3/program.h"

#define STAGING "var/cache/devvm-backup"
#define RESULT_MAX_BYTES (4U << 20)
#define CHUNK_BYTES 65536
#define SPARE_BYTES (UINT64_C(64) << 20) /* that stay free on the disk */
#define PATH_BYTES (64 + STR_USER_NAME_MAX + BACKUPS_ID_BYTES)
#define UNIT_MARGIN_S 60
#define CLEAR_MS 120000 /* above what systemd gives a unit to end, 90 s */
#define COPY_UNIT "devvm-backup-copy@%s.service"
#define MARK ".copied"
#define USEC_PER_SECOND INT64_C(1000000)

/* ---- their side ----------------------------------------------------------------------- */

static int run_systemctl(const char *user, const char *verb, const char *option, int64_t ms,
			 struct dv_error *err)
{
	char unit[64 + STR_USER_NAME_MAX];
	const char *const argv[] = { "systemctl", verb, unit, option, NULL };

	(void)snprintf(unit, sizeof(unit), COPY_UNIT, user);
	return process_run_ok(&(struct process_spec){ .argv = argv,
						      .deadline_ms = clock_deadline_ms(ms) },
			      err);
}

/* We hold the person's lock, so what runs was left by somebody who was killed, and so was what lies there: a copy from
 * before the caller held what it holds is none of ours. systemd removes it, for its name is theirs to change; the unit
 * must be down for that. */
static int clear(const char *user, struct dv_error *err)
{
	int r = run_systemctl(user, "stop", NULL, CLEAR_MS, err);

	return r < 0 ? r : run_systemctl(user, "clean", "--what=cache", CLEAR_MS, err);
}

static int run_copy_unit(const struct copying *copying, const char *user, struct dv_error *err)
{
	struct dv_error why = { "" };
	int64_t ms = ((int64_t)copying->config->backup_deadline_s + UNIT_MARGIN_S) * 1000;
	int r = clear(user, err);

	if (r < 0)
		return r;
	/* Not `start`: it would be content with one that somebody has started meanwhile. */
	r = run_systemctl(user, "restart", NULL, ms, &why);
	return r < 0 ? dv_refuse(err, r, "journalctl -u " COPY_UNIT " says why", user) : 0;
}

/* A plain file of theirs and of nobody's else; they may change it at any time. */
static int open_theirs(int folder_fd, const char *name, uid_t uid, struct stat *ret_stat,
		       struct dv_error *err)
{
	int fd = file_open_beneath(folder_fd, name, FILE_READ_FLAGS, 0, err);

	if (fd < 0)
		return fd;
	if (fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode) && ret_stat->st_uid == uid &&
	    ret_stat->st_nlink == 1)
		return fd;
	dv_closep(&fd);
	return dv_refuse(err, -EPERM, "%s is not a plain file of theirs", name);
}

static int read_result(int folder_fd, uid_t uid, json_t **ret_json, struct dv_error *err)
{
	struct stat st;
	DV_AUTO_CLOSE int fd = open_theirs(folder_fd, BACKUP_RESULT, uid, &st, err);
	DV_AUTO_FREE char *text = NULL;
	size_t n = 0;
	int r = fd < 0 ? fd
		       : file_read_fd(fd, BACKUP_RESULT, RESULT_MAX_BYTES, &text, &n, NULL, err);

	if (r < 0)
		return r;
	*ret_json = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	return json_is_object(*ret_json)
		       ? 0
		       : dv_refuse(err, -EBADMSG, "what their process told is no JSON object");
}

/* Their words: held against what they may be before they go anywhere. */
static int take_words(const json_t *json, struct backups_row *row, struct dv_error *err)
{
	const json_t *bytes = json_object_get(json, "bytes"),
		     *level = json_object_get(json, "level");
	const char *sha256 = json_string_value(json_object_get(json, "sha256"));
	const char *rows = json_string_value(json_object_get(json, "rows"));

	if (!json_is_integer(bytes) || json_integer_value(bytes) <= 0 || !json_is_integer(level) ||
	    json_integer_value(level) < BACKUP_NO_LEVEL || !sha256 || !digest_is_hex(sha256) ||
	    !rows)
		return dv_refuse(err, -EBADMSG, "what their process told is not what it should be");
	row->bytes = json_integer_value(bytes);
	row->level = json_integer_value(level);
	row->sha256 = strdup(sha256);
	row->rows = strdup(rows);
	return row->sha256 && row->rows ? 0 : dv_fail(err, -ENOMEM, "note the backup");
}

/* ---- our side ------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = write(fd, bytes, n);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			bytes += written;
			n -= (size_t)written;
		}
	}
	return 0;
}

/* Not one byte more than was told: they may still write to it. */
static int copy_bytes(int from_fd, int to_fd, const struct backups_row *row, struct dv_error *err)
{
	DV_AUTO_DIGEST struct digest *digest = NULL;
	char chunk[CHUNK_BYTES], hex[DIGEST_HEX_BYTES];
	int64_t left = row->bytes;
	int r = digest_new(&digest, err);

	while (r == 0 && left > 0) {
		size_t n_want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
		ssize_t n = read(from_fd, chunk, n_want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return dv_refuse(err, -EBADMSG, "their copy is shorter than they told");
		r = digest_add(digest, chunk, (size_t)n, err);
		if (r == 0) {
			r = write_all(to_fd, chunk, (size_t)n);
			r = r < 0 ? dv_fail(err, r, "write the copy") : 0;
		}
		left -= n;
	}
	if (r == 0)
		r = digest_end(digest, hex, err);
	if (r == 0 && strcmp(hex, row->sha256) != 0)
		r = dv_refuse(err, -EBADMSG, "their copy changed while it was taken over");
	return r;
}

static int sync_folder(int fd, struct dv_error *err)
{
	return fsync(fd) < 0 ? dv_fail(err, -errno, "keep the copy") : 0;
}

/* Before the file has its name: what a kill leaves is a failed attempt, and its file goes with that row. */
static int announce(const struct copying *copying, const struct backups_row *row,
		    struct dv_error *err)
{
	struct backups_row begun = *row;

	begun.error = (char *)"it was killed before its end";
	return backups_add(copying->ledger, &begun, err);
}

/* What they told may be any number, and a file with holes of that size costs them nothing. */
static int require_room(int folder_fd, int64_t n_bytes, struct dv_error *err)
{
	struct statvfs disk;
	uint64_t free_bytes;

	if (fstatvfs(folder_fd, &disk) < 0)
		return dv_fail(err, -errno, "look how much is free");
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (free_bytes >= (uint64_t)n_bytes + SPARE_BYTES)
		return 0;
	return dv_refuse(err, -ENOSPC,
			 "a copy needs %" PRId64 " MiB, and %" PRIu64
			 " MiB are free in /" BACKUPS_FOLDER ": make room",
			 n_bytes >> 20, free_bytes >> 20);
}

static int place(const struct copying *copying, int from_fd, const struct backups_row *row,
		 struct dv_error *err)
{
	char folder[PATH_BYTES], temporary[FILE_TEMPORARY_BYTES], name[32];
	DV_AUTO_CLOSE int folder_fd = -1;
	DV_AUTO_CLOSE int to_fd = -1;
	int r;

	(void)snprintf(folder, sizeof(folder), BACKUPS_FOLDER "/%s", row->name);
	(void)snprintf(name, sizeof(name), "state-%s.sqlite", row->id);
	r = file_make_dirs(copying->env->root_dirfd, folder, 0700, err);
	if (r < 0)
		return r;
	file_sweep(copying->env->root_dirfd, folder);
	folder_fd = openat(copying->env->root_dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return dv_fail(err, -errno, "open /%s", folder);
	r = require_room(folder_fd, row->bytes, err);
	if (r < 0)
		return r;
	to_fd = file_create_temporary(folder_fd, name, temporary, err);
	if (to_fd < 0)
		return to_fd;
	r = copy_bytes(from_fd, to_fd, row, err);
	if (r == 0 && fsync(to_fd) < 0)
		r = dv_fail(err, -errno, "keep the copy");
	if (r == 0)
		r = announce(copying, row, err);
	if (r == 0 && renameat2(folder_fd, temporary, folder_fd, name, RENAME_NOREPLACE) < 0)
		r = dv_fail(err, -errno, "name the copy /%s/%s", folder, name);
	if (r < 0) {
		(void)unlinkat(folder_fd, temporary, 0);
		return r;
	}
	return sync_folder(folder_fd, err);
}

/* What they told of the run that has just ended with `ran`: 0 and `ret_outcome` MADE or NONE, or why there is no copy.
 * Of a run that failed nothing but its own reason is believed. */
static int hear(int folder_fd, const struct people_row *person, int ran,
		const struct dv_error *ran_why, struct backups_row *row,
		enum copying_outcome *ret_outcome, struct dv_error *err)
{
	json_t *json = NULL;
	int r = read_result(folder_fd, (uid_t)person->uid, &json, err);
	const char *state = json_string_value(json_object_get(json, "state"));
	const char *error = json_string_value(json_object_get(json, "error"));

	if (r == 0 && str_equal(state, "failed"))
		r = dv_refuse(err, -EMEDIUMTYPE, "%.400s", error ? error : "no reason given");
	else if (ran < 0)
		r = dv_refuse(err, ran, "%s", ran_why->text);
	else if (r == 0 && str_equal(state, "none"))
		*ret_outcome = COPYING_NONE;
	else if (r == 0) {
		*ret_outcome = COPYING_MADE;
		r = str_equal(state, "ok")
			    ? take_words(json, row, err)
			    : dv_refuse(err, -EBADMSG,
					"what their process told is not what it should be");
	}
	json_decref(json);
	return r;
}

static int take_over(const struct copying *copying, const struct people_row *person, int ran,
		     const struct dv_error *ran_why, struct backups_row *row,
		     enum copying_outcome *ret_outcome, struct dv_error *err)
{
	char folder[PATH_BYTES];
	DV_AUTO_CLOSE int folder_fd = -1;
	DV_AUTO_CLOSE int from_fd = -1;
	struct stat st;
	int r;

	(void)snprintf(folder, sizeof(folder), STAGING "/%s", person->name);
	folder_fd = openat(copying->env->root_dirfd, folder,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder_fd < 0)
		return ran < 0 ? dv_refuse(err, ran, "%s", ran_why->text)
			       : dv_fail(err, -errno, "open /%s", folder);
	r = hear(folder_fd, person, ran, ran_why, row, ret_outcome, err);
	if (r < 0 || *ret_outcome == COPYING_NONE)
		return r;
	from_fd = open_theirs(folder_fd, BACKUP_COPY, (uid_t)person->uid, &st, err);
	if (from_fd < 0)
		return from_fd;
	return place(copying, from_fd, row, err);
}

/* ---- one person ----------------------------------------------------------------------- */

/* A later one where a file of that name is there already: a kill has kept it from the ledger. */
static int make_id(const struct copying *copying, const char *user,
		   char ret_id[static BACKUPS_ID_BYTES], struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int64_t at_usec = copying->env->wall_usec(copying->env);
	char path[BACKUPS_PATH_BYTES];
	int r = backups_list(copying->ledger, user, &backups, err);

	if (r < 0)
		return r;
	for (;; at_usec += USEC_PER_SECOND) {
		backups_next_id(&backups, at_usec, ret_id);
		backups_path(user, ret_id, path);
		if (faccessat(copying->env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !backups_time(ret_id, &at_usec))
			return 0;
	}
}

static int forget_old(const struct copying *copying, const char *user, struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	DV_AUTO_FREE bool *forget = NULL;
	struct dv_error why = { "" };
	int r = backups_list(copying->ledger, user, &backups, err);

	if (r < 0)
		return r;
	forget = calloc(backups.n_rows + 1, sizeof(*forget));
	if (!forget)
		return dv_fail(err, -ENOMEM, "forget old backups");
	backups_choose(&backups, copying->config->backup_keep, forget);
	for (size_t i = 0; r == 0 && i < backups.n_rows; i++) {
		char path[BACKUPS_PATH_BYTES];

		if (!forget[i])
			continue;
		backups_path(user, backups.rows[i].id, path);
		/* First the file: a row without one is seen, a file without a row is not. */
		if (file_remove(copying->env->root_dirfd, path, &why) < 0)
			log_warning("the old copy stays: %s", why.text);
		else
			r = backups_remove(copying->ledger, user, backups.rows[i].id, err);
	}
	return r;
}

static int note(const struct copying *copying, struct backups_row *row, int made,
		const struct dv_error *why, struct dv_error *err)
{
	const struct log_fields fields = { .user = row->name, .step = "backup" };
	char text[ERROR_MAX_BYTES];
	int r;

	row->is_ok = made == 0;
	if (made == 0) {
		log_write(LOG_INFO, &fields,
			  "backed up %s, %s: %" PRId64 " KiB, level %" PRId64 ", in %" PRId64 " ms",
			  row->name, row->id, row->bytes >> 10, row->level, row->took_ms);
		r = backups_add(copying->ledger, row, err);
		return r < 0 ? r : forget_old(copying, row->name, err);
	}
	row->error = strdup(why->text);
	(void)snprintf(text, sizeof(text), "no backup of %s: %.400s", row->name, why->text);
	log_write(LOG_WARNING, &fields, "%s", text);
	r = backups_add(copying->ledger, row, err);
	return r < 0 ? r
		     : events_add(copying->ledger, copying->env->wall_usec(copying->env),
				  LOG_WARNING, row->name, "backup", text, err);
}

/* Of t3, that reads the copy as it is. Without it the copy is one all the same. */
static void note_version(const struct copying *copying, struct backups_row *row)
{
	struct dv_error err = { "" };

	_Static_assert(sizeof(row->version) == STORE_VERSION_BYTES, "a version fits");
	if (store_get_pointer(copying->env, T3_ITEM, row->name, row->version, &err) == 0)
		return;
	row->version[0] = '\0';
	log_warning("%s", err.text);
}

/* The next try makes up for one that cannot be made. */
static void mark(const struct copying *copying, const char *user)
{
	char folder[PATH_BYTES], path[PATH_BYTES + sizeof(MARK)];
	struct dv_error err = { "" };
	int root_fd = copying->env->root_dirfd;
	int r;

	(void)snprintf(folder, sizeof(folder), BACKUPS_FOLDER "/%s", user);
	(void)snprintf(path, sizeof(path), "%s/" MARK, folder);
	if (faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	r = file_make_dirs(root_fd, folder, 0700, &err);
	if (r == 0)
		r = file_replace(root_fd, path,
				 &(struct file_spec){ .data = "",
						      .mode = 0600,
						      .uid = (uid_t)-1,
						      .gid = (gid_t)-1 },
				 &err);
	if (r < 0)
		log_warning("%s", err.text);
}

int copying_run(const struct copying *copying, const struct people_row *person,
		struct copying_result *ret_result, struct dv_error *err)
{
	struct backups_row row = { .name = person->name,
				   .reason = (char *)copying->reason,
				   .needed_by = (char *)copying->needed_by };
	struct copying_result result = { .level = BACKUP_NO_LEVEL };
	int64_t began_ms = clock_now_ms();
	struct dv_error why = { "" }, ran_why = { "" };
	int made, ran, r = make_id(copying, person->name, row.id, err);

	if (r < 0)
		return r;
	note_version(copying, &row);
	ran = run_copy_unit(copying, person->name, &ran_why);
	made = take_over(copying, person, ran, &ran_why, &row, &result.outcome, &why);
	if (made < 0)
		result.outcome = COPYING_FAILED;
	if (clear(person->name, &ran_why) < 0)
		log_warning("%s", ran_why.text);
	row.took_ms = clock_now_ms() - began_ms;
	if (result.outcome != COPYING_NONE)
		r = note(copying, &row, made, &why, err);
	if (r == 0 && made == 0)
		mark(copying, person->name);
	if (result.outcome == COPYING_MADE) {
		result.level = row.level;
		(void)snprintf(result.id, sizeof(result.id), "%s", row.id);
	}
	(void)snprintf(result.why, sizeof(result.why), "%s", made == 0 ? "" : why.text);
	free(row.sha256);
	free(row.rows);
	free(row.error);
	if (r == 0)
		*ret_result = result;
	return r;
}
