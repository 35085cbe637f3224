/* restore.c - devvm-job restore plan-USER-ID|run-USER-ID|force-USER-ID, and devvm-job recover.
 *
 * Order: the copy is held against its digest; a row in the ledger; the hold, behind which nothing of the
 * person's starts; their t3 stops; their own process puts what is there aside and the copy in its place; the
 * row says so; the hold goes; their t3 starts if it ran, and must let in. Whoever finds a row (the next restore,
 * or devvm-recover at boot) goes on from it: until it says "placed" nothing has run, and putting the copy in
 * its place can be done again.
 */
#include "job/jobs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/secret.h"
#include "base/str.h"
#include "job/busy.h"
#include "ledger/events.h"
#include "ledger/installs.h"
#include "ledger/people.h"
#include "ledger/restores.h"
#include "steps/lock.h"
#include "t3/listener.h"
#include "t3/pairing.h"
#include "units/cgroup.h"
#include "wire/ask.h"
#include "wire/paths.h"
#include "wire/proto.h"

#define LEDGER_BUSY_MS 10000
#define LOCK_MS 60000
#define HOLD_FOLDER "var/lib/devvm/hold"
#define HANDOVER "run/devvm/restore"
#define PATH_BYTES (64 + STR_USER_NAME_MAX + BACKUPS_ID_BYTES)
#define STOP_MS 60000
#define PLACE_MS (25 * 3600 * INT64_C(1000)) /* the unit has a limit of its own */
#define COME_UP_MS 60000
#define MINT_MS 60000
#define LOOK_EVERY_MS 500

struct restore {
	struct env env;
	struct ledger *ledger;
	struct people_row person;
	struct restore_row row;
	char sha256[DIGEST_HEX_BYTES];
};

static void restore_done(struct restore *run)
{
	people_row_done(&run->person);
	ledger_close(run->ledger);
	env_done(&run->env);
}

static int systemctl(const char *verb, const char *unit, int64_t total_ms, struct dv_error *err)
{
	const char *const argv[] = { "systemctl", verb, "--quiet", unit, NULL };
	struct dv_error why = { "" };
	int r = process_run_ok(&(struct process_spec){ .argv = argv,
						       .deadline_ms = clock_deadline_ms(total_ms) },
			       &why);

	return r < 0 ? dv_refuse(err, r, "%s %s: journalctl -u '%s' says why", verb, unit, unit)
		     : 0;
}

/* ---- what is to be restored ----------------------------------------------------------- */

static void copy_path(const struct restore_row *row, char ret_path[static PATH_BYTES])
{
	(void)snprintf(ret_path, PATH_BYTES, BACKUPS_FOLDER "/%s/%s.sqlite", row->name, row->id);
}

static int find_digest(struct restore *run, struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int r = backups_list(run->ledger, run->row.name, &backups, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < backups.n_rows; i++) {
		const struct backups_row *row = &backups.rows[i];

		if (strcmp(row->id, run->row.id) != 0 || !row->is_ok || !row->sha256)
			continue;
		(void)snprintf(run->sha256, sizeof(run->sha256), "%s", row->sha256);
		return 0;
	}
	return dv_refuse(err, -ENOENT, "%s has no copy %s: devvmctl backups %s lists them",
			 run->row.name, run->row.id, run->row.name);
}

static int check_copy(struct restore *run, struct dv_error *err)
{
	char path[PATH_BYTES], sha256[DIGEST_HEX_BYTES];
	DV_AUTO_CLOSE int fd = -1;
	int r = find_digest(run, err);

	if (r < 0)
		return r;
	copy_path(&run->row, path);
	fd = openat(run->env.root_dirfd, path, FILE_READ_FLAGS);
	if (fd < 0)
		return dv_fail(err, -errno, "open /%s", path);
	r = digest_sha256_fd(fd, sha256, err);
	if (r == 0 && strcmp(sha256, run->sha256) != 0)
		r = dv_refuse(err, -EBADMSG,
			      "/%s is damaged: it is not what was backed up. Nothing was touched; "
			      "take another of devvmctl backups %s",
			      path, run->row.name);
	return r;
}

static void t3_unit(const struct restore *run, char ret_unit[static PATH_BYTES])
{
	(void)snprintf(ret_unit, PATH_BYTES, "t3-serve@%s.service", run->row.name);
}

static bool is_running(const struct restore *run)
{
	char unit[PATH_BYTES];
	DV_AUTO_CLOSE int fd = -1;

	t3_unit(run, unit);
	fd = cgroup_open(&run->env, unit, NULL);
	return fd >= 0;
}

static int check_idle(const struct restore *run, struct dv_error *err)
{
	char unit[PATH_BYTES];
	const struct busy_question question = { .env = &run->env,
						.unit = unit,
						.uid = (uid_t)run->person.uid,
						.port = run->person.ports[PEOPLE_PORT_T3] };
	struct busy_answer answer;

	t3_unit(run, unit);
	if (!is_running(run))
		return 0;
	busy_look(&question, &answer);
	return answer.verdict == BUSY_IDLE
		       ? 0
		       : dv_refuse(err, -EBUSY,
				   "%s is at work (%s): wait, or say --force, which ends what "
				   "their t3 does",
				   run->row.name, answer.why);
}

/* ---- the hold ------------------------------------------------------------------------- */

static void hold_path(const struct restore *run, char ret_path[static PATH_BYTES])
{
	(void)snprintf(ret_path, PATH_BYTES, HOLD_FOLDER "/%s", run->row.name);
}

static int hold(const struct restore *run, struct dv_error *err)
{
	char path[PATH_BYTES], text[PATH_BYTES];

	hold_path(run, path);
	(void)snprintf(text, sizeof(text), "restore of %s\n", run->row.id);
	return file_replace(run->env.root_dirfd, path,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = geteuid(),
						 .gid = (gid_t)-1 },
			    err);
}

static int check_hold(const struct restore *run, struct dv_error *err)
{
	char path[PATH_BYTES];

	hold_path(run, path);
	if (faccessat(run->env.root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return dv_refuse(err, -EBUSY, "%s is on hold already: /%s says by whom", run->row.name,
			 path);
}

/* ---- the place ------------------------------------------------------------------------ */

/* systemd opens what the link leads to, as root, and their process gets the descriptor. */
static int hand_over(const struct restore *run, struct dv_error *err)
{
	char copy[PATH_BYTES], link[PATH_BYTES], words[PATH_BYTES], target[PATH_BYTES + 1];
	char text[256];
	int r = file_make_dirs(run->env.root_dirfd, HANDOVER, 0700, err);

	copy_path(&run->row, copy);
	(void)snprintf(target, sizeof(target), "/%s", copy);
	(void)snprintf(link, sizeof(link), HANDOVER "/%s", run->row.name);
	(void)snprintf(words, sizeof(words), HANDOVER "/%s.env", run->row.name);
	(void)snprintf(text, sizeof(text), "DEVVM_ASIDE=aside-%s-%" PRId64 "\nDEVVM_SHA256=%s\n",
		       run->row.id, run->row.began_usec / 1000000, run->sha256);
	if (r == 0)
		r = file_link(run->env.root_dirfd, target, link, true, err);
	if (r == 0)
		r = file_replace(run->env.root_dirfd, words,
				 &(struct file_spec){ .data = text,
						      .n_bytes = strlen(text),
						      .mode = 0600,
						      .uid = geteuid(),
						      .gid = (gid_t)-1 },
				 err);
	return r;
}

static int place(const struct restore *run, struct dv_error *err)
{
	char unit[PATH_BYTES];
	int r;

	(void)snprintf(unit, sizeof(unit), "t3-serve@%s.service", run->row.name);
	r = systemctl("stop", unit, STOP_MS, err);
	/* What else reads the database of theirs. */
	(void)snprintf(unit, sizeof(unit), "devvm-mint@%s.service", run->row.name);
	if (r == 0)
		r = systemctl("stop", unit, STOP_MS, err);
	if (r == 0)
		r = hand_over(run, err);
	(void)snprintf(unit, sizeof(unit), "devvm-restore-place@%s.service", run->row.name);
	return r < 0 ? r : systemctl("start", unit, PLACE_MS, err);
}

/* ---- afterwards ----------------------------------------------------------------------- */

static int on_record(void *context, const struct record *record, struct dv_error *err)
{
	struct secret *credential = context;
	const char *value = record_get(record, "credential");

	if (!value || credential->text)
		return 0;
	credential->text = strdup(value);
	if (!credential->text)
		return dv_fail(err, -ENOMEM, "keep the credential");
	credential->n_bytes = strlen(value);
	return 0;
}

static int pair(const struct restore *run, const struct t3_server *server, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	DV_AUTO_SECRET struct secret credential = { 0 };
	struct record_writer writer;
	const char *path = NULL;
	bool fallback = false;
	int r;

	record_begin(&writer, "mint");
	record_add(&writer, "v", PROTO_VERSION);
	record_add(&writer, "user", run->row.name);
	r = ask_helper(PATH_HELPER_SOCKET, &writer, clock_deadline_ms(MINT_MS), on_record,
		       &credential, err);
	if (r == 0 && !credential.text)
		r = dv_refuse(err, -EBADMSG, "no credential was made");
	if (r == 0)
		r = t3_exchange(server, credential.text, clock_deadline_ms(MINT_MS), &cookies,
				&path, &fallback, err);
	for (size_t i = 0; i < cookies.n_items; i++)
		explicit_bzero(cookies.items[i], strlen(cookies.items[i]));
	return r;
}

/* Somebody may have taken the port while nothing listened there, and would get a credential. */
static int is_theirs(void *context, struct dv_error *err)
{
	const struct restore *run = context;

	return listener_require((uint16_t)run->person.ports[PEOPLE_PORT_T3], (uid_t)run->person.uid,
				run->row.name, err);
}

static int start_again(const struct restore *run, struct dv_error *err)
{
	const struct t3_server server = { .host = "127.0.0.1",
					  .may_ask = is_theirs,
					  .context = (void *)run,
					  .port = (uint16_t)run->person.ports[PEOPLE_PORT_T3] };
	int64_t deadline_ms = clock_deadline_ms(COME_UP_MS);
	char unit[PATH_BYTES], version[T3_VERSION_SAID_BYTES];
	int r;

	t3_unit(run, unit);
	r = systemctl("start", unit, COME_UP_MS, err);
	while (r == 0) {
		r = t3_ask_version(&server, clock_deadline_ms(5000), version, err);
		if (r == 0 || clock_left_ms(deadline_ms) == 0)
			break;
		r = 0;
		(void)poll(NULL, 0, LOOK_EVERY_MS);
	}
	return r < 0 ? r : pair(run, &server, err);
}

/* ---- the run -------------------------------------------------------------------------- */

static int release(struct restore *run, char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	char path[PATH_BYTES];
	struct dv_error why = { "" };
	int r, started = 0;

	hold_path(run, path);
	r = file_remove(run->env.root_dirfd, path, err);
	if (r == 0 && run->row.was_running)
		started = start_again(run, &why);
	if (r == 0)
		r = restores_end(run->ledger, run->row.name, err);
	if (r < 0)
		return r;
	(void)snprintf(ret_done, ERROR_MAX_BYTES,
		       "%s has the copy %s; what was there is in ~/.t3/userdata/aside-%s-%" PRId64
		       "%s%.200s",
		       run->row.name, run->row.id, run->row.id, run->row.began_usec / 1000000,
		       started < 0	      ? ". Their t3 does not let in: "
		       : run->row.was_running ? "; their t3 runs and lets in"
					      : "; their t3 starts when they come",
		       started < 0 ? why.text : "");
	log_write(LOG_NOTICE, &(struct log_fields){ .user = run->row.name, .step = "restore" },
		  "%s", ret_done);
	r = events_add(run->ledger, run->env.wall_usec(&run->env), LOG_NOTICE, run->row.name,
		       "restore", ret_done, err);
	return r < 0 ? r : started < 0 ? dv_refuse(err, started, "%s", ret_done) : 0;
}

/* From the row on. */
static int go_on(struct restore *run, char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	DV_AUTO_CLOSE int lock =
		lock_take(&run->env, run->row.name, clock_deadline_ms(LOCK_MS), err);
	int r = lock < 0 ? lock : 0;

	if (r == 0 && run->row.state == RESTORE_HELD) {
		r = hold(run, err);
		if (r == 0)
			r = place(run, err);
		if (r < 0)
			return dv_prefix(err, r,
					 "it is not finished, and nothing of %s starts until "
					 "systemctl start devvm-recover has finished it",
					 run->row.name);
		if (r == 0)
			r = restores_note(run->ledger, run->row.name, RESTORE_PLACED, err);
	}
	return r < 0 ? r : release(run, ret_done, err);
}

static int begin(struct restore *run, bool is_forced, char ret_done[static ERROR_MAX_BYTES],
		 struct dv_error *err)
{
	int r = is_forced ? 0 : check_idle(run, err);

	if (r == 0)
		r = check_hold(run, err);
	if (r < 0)
		return r;
	run->row.state = RESTORE_HELD;
	run->row.began_usec = run->env.wall_usec(&run->env);
	run->row.was_running = is_running(run);
	r = restores_begin(run->ledger, &run->row, err);
	return r < 0 ? r : go_on(run, ret_done, err);
}

static int find_person(struct restore *run, struct dv_error *err)
{
	int r = people_get(run->ledger, run->row.name, &run->person, err);

	if (r == 0 && (run->person.state != PEOPLE_PRESENT || run->person.uid == PEOPLE_NO_UID))
		r = dv_refuse(err, -EPERM, "%s has left, or has no account yet", run->row.name);
	return r;
}

static int open_run(struct restore *run, struct dv_error *err)
{
	int r = env_init(&run->env, "/", err);

	return r < 0 ? r : ledger_open(&run->ledger, &run->env, LEDGER_WRITE, LEDGER_BUSY_MS, err);
}

/* "run-emo-20261127-031500": the ID is of one length, and a name may have a dash. */
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

static int carry_out(struct restore *run, bool is_plan, bool is_forced,
		     char ret_done[static ERROR_MAX_BYTES], struct dv_error *err)
{
	int r = find_person(run, err);

	if (r == 0)
		r = check_copy(run, err);
	if (r < 0 || !is_plan)
		return r < 0 ? r : begin(run, is_forced, ret_done, err);
	r = check_idle(run, err);
	if (r == 0)
		r = check_hold(run, err);
	if (r == 0)
		(void)snprintf(
			ret_done, ERROR_MAX_BYTES,
			"would put the copy %s in the place of %s's database%s; what is there "
			"goes to ~/.t3/userdata/aside-%s-…",
			run->row.id, run->row.name,
			is_running(run) ? ", stopping their t3 for that" : "", run->row.id);
	return r;
}

int job_restore(int argc, char **argv)
{
	static const struct {
		const char *word;
		bool is_plan, is_forced;
	} words[] = { { "plan-", true, false },
		      { "run-", false, false },
		      { "force-", false, true } };
	DV_CLEANUP(restore_done) struct restore run = { .env = ENV_EMPTY };
	char done[ERROR_MAX_BYTES] = "", key[PATH_BYTES + 32];
	struct dv_error err = { "" }, why = { "" };
	size_t i = 0;
	int r, result;

	while (i < DV_COUNT(words) && (argc != 2 || !str_starts_with(argv[1], words[i].word) ||
				       !parse(argv[1], strlen(words[i].word), &run.row)))
		i++;
	if (i == DV_COUNT(words)) {
		log_error("usage: devvm-job restore plan-USER-ID|run-USER-ID|force-USER-ID");
		return JOB_USAGE;
	}
	r = open_run(&run, &err);
	if (r < 0) {
		log_error("restore: %s", err.text);
		return JOB_FAILED;
	}
	result = carry_out(&run, words[i].is_plan, words[i].is_forced, done, &why);
	if (result < 0)
		log_error("restore of %s: %s", run.row.name, why.text);
	(void)snprintf(key, sizeof(key), "restore-%s", argv[1]);
	r = installs_put(run.ledger, key, result == 0, result < 0 ? why.text : done, &err);
	if (r < 0)
		log_error("restore: %s", err.text);
	return r < 0 || result < 0 ? JOB_FAILED : JOB_OK;
}

/* ---- recovering ----------------------------------------------------------------------- */

static int recover_one(const struct restore_row *row, struct dv_error *err)
{
	DV_CLEANUP(restore_done) struct restore run = { .env = ENV_EMPTY, .row = *row };
	char done[ERROR_MAX_BYTES] = "";
	int r = open_run(&run, err);

	if (r == 0)
		r = find_person(&run, err);
	if (r == 0 && row->state == RESTORE_HELD)
		r = check_copy(&run, err);
	return r < 0 ? r : go_on(&run, done, err);
}

int job_recover(int argc, char **argv DV_UNUSED)
{
	DV_CLEANUP(restore_done) struct restore run = { .env = ENV_EMPTY };
	DV_AUTO_RESTORES struct restores restores = { 0 };
	struct dv_error err = { "" };
	bool failed = false;
	int r;

	if (argc != 1) {
		log_error("usage: devvm-job recover");
		return JOB_USAGE;
	}
	r = open_run(&run, &err);
	if (r == 0)
		r = restores_list(run.ledger, &restores, &err);
	if (r < 0) {
		log_error("recover: %s", err.text);
		return JOB_FAILED;
	}
	for (size_t i = 0; i < restores.n_rows; i++) {
		if (recover_one(&restores.rows[i], &err) == 0)
			continue;
		log_error("the restore of %s is not finished, and nothing of theirs starts: %s",
			  restores.rows[i].name, err.text);
		failed = true;
	}
	return failed ? JOB_FAILED : JOB_OK;
}
