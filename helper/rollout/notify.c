/* notify.c - a run that wants a person's attention tells the command of update.notify. See notify.h.
 *
 * The command runs in a unit of its own, without rights, and nobody waits for it: whatever becomes of it, the run has
 * ended as it has. What it is told lies in a file that systemd opens for the unit (units/devvm-notify@.service,
 * job/notify.c): four lines, the outcome, the run, the version and the sentence.
 */
#include "rollout/notify.h"

#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/events.h"

#define MESSAGE_BYTES (ERROR_MAX_BYTES + STORE_VERSION_BYTES + 80)

static int write_message(struct rollout *rollout, const char *path, const char *text,
			 struct dv_error *err)
{
	const struct file_spec spec = { .data = text,
					.n_bytes = strlen(text),
					.mode = 0600,
					.uid = (uid_t)-1,
					.gid = (gid_t)-1 };

	if (mkdirat(rollout->env.root_dirfd, NOTIFY_FOLDER, 0700) < 0 && errno != EEXIST)
		return dv_fail(err, -errno, "make /" NOTIFY_FOLDER);
	return file_replace(rollout->env.root_dirfd, path, &spec, err);
}

static int start(struct rollout *rollout, int64_t run, const char *text, struct dv_error *err)
{
	const char *program = rollout->config.update_notify.items[0];
	char path[64], unit[64];
	const char *units[] = { unit };
	int r;

	if (faccessat(rollout->env.root_dirfd, program + 1, X_OK, 0) < 0)
		return dv_fail(err, -errno, "run %s", program);
	(void)snprintf(path, sizeof(path), NOTIFY_FOLDER "/%lld", (long long)run);
	(void)snprintf(unit, sizeof(unit), "devvm-notify@%lld.service", (long long)run);
	r = write_message(rollout, path, text, err);
	return r < 0 ? r : manager_act(rollout->manager, MANAGER_QUEUE, units, 1, err);
}

/* One line each. */
static void write_words(char ret_text[static MESSAGE_BYTES], const char *outcome, int64_t run,
			const char *version, const char *sentence)
{
	char *at;
	int n = snprintf(ret_text, MESSAGE_BYTES, "%s\n%lld\n%s\n", outcome, (long long)run,
			 version);

	at = ret_text + n;
	(void)snprintf(at, MESSAGE_BYTES - (size_t)n - 1, "%s", sentence);
	for (; *at; at++) {
		if ((unsigned char)*at < ' ')
			*at = ' ';
	}
	*at = '\n';
	at[1] = '\0';
}

void rollout_notify(struct rollout *rollout, int64_t run, const char *version,
		    enum update_outcome outcome)
{
	const struct update_outcome_row *row = update_outcome_row(outcome);
	char text[MESSAGE_BYTES], told[ERROR_MAX_BYTES];
	struct dv_error err = { "" };

	if (rollout->config.update_notify.n_items == 0 || row->priority > LOG_WARNING)
		return;
	write_words(text, row->name, run, version, rollout->text);
	if (start(rollout, run, text, &err) == 0)
		return;
	(void)snprintf(told, sizeof(told),
		       "nobody was told of run %lld: %.300s; see update.notify in devvm.yaml",
		       (long long)run, err.text);
	log_warning("update: %s", told);
	if (events_add(rollout->ledger, rollout->env.wall_usec(&rollout->env), LOG_WARNING, NULL,
		       "update", told, &err) < 0)
		log_warning("update: %s", err.text);
}
