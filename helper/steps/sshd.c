/* sshd.c - lets sshd read the roster's keys beside the person's own.
 *
 * sshd takes the first value of a keyword over all its files, so a drop-in with
 * AuthorizedKeysFile silently replaces an administrator's. Therefore ours is there only
 * while nobody else says AuthorizedKeysFile for everybody: its value is sshd's own default
 * (as `sshd -T` tells it) and our folder, `sshd -t` must accept it before it stays, and it
 * goes when an administrator sets the keyword. A Match block of theirs wins over it anyway.
 */
#include "steps/sshd.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "steps/paths.h"
#include "steps/view.h"

#define SSHD "/usr/sbin/sshd"
#define SSHD_CONFIG "etc/ssh/sshd_config"
#define KEYWORD "authorizedkeysfile"
/* sshd_config(5): the default. */
#define DEFAULT_FILES ".ssh/authorized_keys .ssh/authorized_keys2"
#define OUR_FILES "/" STEPS_KEYS_FOLDER "/%u"
#define PROGRAM_DEADLINE_MS 10000
#define CONFIG_MAX_BYTES (1024 * 1024)
#define VALUE_BYTES 512
#define META_UNTOLD "sshd-reload"

#define WANTED_TEXT                                                                                \
	"# Written by devvm: sshd's own AuthorizedKeysFile and the roster's keys. Removed when\n"  \
	"# AuthorizedKeysFile stands elsewhere in sshd's configuration.\n"                         \
	"AuthorizedKeysFile " DEFAULT_FILES " " OUR_FILES "\n"

static int ask_sshd(const char *option, struct process_result *ret_result, struct dv_error *err)
{
	const char *const argv[] = { SSHD, option, NULL };

	return process_run(&(struct process_spec){ .argv = argv,
						   .deadline_ms =
							   clock_deadline_ms(PROGRAM_DEADLINE_MS) },
			   ret_result, err);
}

/* The global AuthorizedKeysFile that sshd sees now. */
static int read_effective(char ret_value[static VALUE_BYTES], struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	char *rest, *line;
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "ask sshd");
	r = ask_sshd("-T", result, err);
	if (r < 0)
		return r;
	if (result->exit_status != 0)
		return dv_refuse(err, -EINVAL, "sshd -T refuses its configuration: %.200s",
				 result->output);
	rest = result->output;
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, KEYWORD " ", strlen(KEYWORD) + 1) != 0)
			continue;
		(void)snprintf(ret_value, VALUE_BYTES, "%s", line + strlen(KEYWORD) + 1);
		return 0;
	}
	return dv_refuse(err, -EINVAL, "sshd -T does not tell " KEYWORD);
}

/* Whether this file sets the keyword for everybody, that is, outside a Match block. */
static int file_sets_it(int dirfd, const char *path, bool *ret_sets, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	char *rest, *line;
	int r = file_read(dirfd, path, CONFIG_MAX_BYTES, &text, &n_bytes, NULL, err);

	if (r < 0)
		return r;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		line += strspn(line, " \t");
		if (strncasecmp(line, "match", 5) == 0 && strchr(" \t", line[5]))
			return 0;
		if (strncasecmp(line, KEYWORD, strlen(KEYWORD)) == 0 &&
		    strchr(" \t=", line[strlen(KEYWORD)]))
			*ret_sets = true;
	}
	return 0;
}

static void close_folder(DIR **folder)
{
	if (*folder)
		(void)closedir(*folder); /* it was only read */
}

/* Whether somebody else sets it: in the main file or in a drop-in that sorts behind ours,
 * `sshd -T` shows our value and not theirs. */
static int others_set_it(const struct env *env, bool *ret_set, struct dv_error *err)
{
	DV_CLEANUP(close_folder) DIR *folder = NULL;
	DV_AUTO_CLOSE int fd = -1;
	const struct dirent *entry;
	int r = file_sets_it(env->root_dirfd, SSHD_CONFIG, ret_set, err);

	if (r < 0)
		return r;
	fd = openat(env->root_dirfd, STEPS_SSHD_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder)
		return errno == ENOENT ? 0 : dv_fail(err, -errno, "open /%s", STEPS_SSHD_FOLDER);
	(void)DV_TAKE_FD(fd); /* the stream's from here on */
	while (r == 0 && (entry = readdir(folder))) {
		size_t n = strlen(entry->d_name);

		if (n <= 5 || strcmp(entry->d_name + n - 5, ".conf") != 0 ||
		    strcmp(entry->d_name, STEPS_SSHD_DROPIN + strlen(STEPS_SSHD_FOLDER "/")) == 0)
			continue;
		r = file_sets_it(dirfd(folder), entry->d_name, ret_set, err);
	}
	return r;
}

static int is_untold(struct step_context *context, bool *ret_untold, struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	int r = ledger_get_meta(context->machine->ledger, META_UNTOLD, &value, err);

	if (r == 0)
		*ret_untold = value != NULL;
	return r;
}

/* What is to be: the drop-in with `text`, or none (`text` empty). */
struct sshd_plan {
	char text[sizeof(WANTED_TEXT)];
	const char *what;
	bool differs;
	bool untold; /* sshd has not been told of the last change */
};

static int make_plan(struct step_context *context, struct sshd_plan *plan, struct dv_error *err)
{
	char effective[VALUE_BYTES] = "";
	DV_AUTO_FREE char *present = NULL;
	size_t n_present = 0;
	bool others_set = false;
	int r = read_effective(effective, err);

	if (r == 0)
		r = others_set_it(context->env, &others_set, err);
	if (r < 0)
		return r;
	*plan = (struct sshd_plan){ .what = "let sshd read /" STEPS_KEYS_FOLDER };
	if (!context->machine->config->manage_sshd_keys)
		plan->what = "ssh_keys.sshd is false: remove the sshd drop-in";
	else if (others_set || (strcmp(effective, DEFAULT_FILES) != 0 &&
				strcmp(effective, DEFAULT_FILES " " OUR_FILES) != 0))
		plan->what = "an administrator has set AuthorizedKeysFile: remove the sshd drop-in";
	else
		(void)snprintf(plan->text, sizeof(plan->text), "%s", WANTED_TEXT);
	r = is_untold(context, &plan->untold, err);
	if (r < 0)
		return r;
	/* What cannot be read is not what it should be. */
	if (file_read(context->env->root_dirfd, STEPS_SSHD_DROPIN, CONFIG_MAX_BYTES, &present,
		      &n_present, NULL, NULL) < 0)
		plan->differs = *plan->text != '\0';
	else
		plan->differs = strcmp(present, plan->text) != 0;
	return 0;
}

int sshd_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	struct sshd_plan plan;
	int r;

	if (access(SSHD, X_OK) < 0 ||
	    faccessat(context->env->root_dirfd, SSHD_CONFIG, F_OK, 0) < 0) {
		*ret_verdict = STEP_SKIPPED;
		return 0;
	}
	r = make_plan(context, &plan, err);
	if (r < 0)
		return r;
	*ret_verdict = plan.differs || plan.untold ? STEP_DIFFERS : STEP_FINE;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "%s",
		       plan.differs ? plan.what : "have sshd read its configuration again");
	return 0;
}

static int reload_sshd(struct step_context *context, struct dv_error *err)
{
	static const char *const argv[] = { "systemctl", "try-reload-or-restart", "ssh.service",
					    NULL };

	int r = process_run_ok(&(struct process_spec){ .argv = argv,
						       .deadline_ms = clock_deadline_ms(
							       PROGRAM_DEADLINE_MS) },
			       err);

	return r < 0 ? r : ledger_set_meta(context->machine->ledger, META_UNTOLD, NULL, err);
}

int sshd_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	int root_fd = context->env->root_dirfd;
	struct sshd_plan plan;
	int r = result ? make_plan(context, &plan, err) : dv_fail(err, -ENOMEM, "sshd");

	if (r < 0)
		return r;
	if (!plan.differs)
		return plan.untold ? reload_sshd(context, err) : 0;
	/* Noted before the file changes: who is killed in between leaves the reload to the next. */
	r = ledger_set_meta(context->machine->ledger, META_UNTOLD, "1", err);
	if (r < 0)
		return r;
	if (!*plan.text) {
		r = file_remove(root_fd, STEPS_SSHD_DROPIN, err);
		return r < 0 ? r : reload_sshd(context, err);
	}
	r = file_replace(root_fd, STEPS_SSHD_DROPIN,
			 &(struct file_spec){ .data = plan.text,
					      .n_bytes = strlen(plan.text),
					      .mode = 0644,
					      .uid = 0,
					      .gid = 0 },
			 err);
	if (r == 0)
		r = ask_sshd("-t", result, err);
	if (r < 0)
		return r;
	if (result->exit_status != 0) {
		/* Back to what worked; the refusal is what there is to tell. */
		DV_IGNORE(file_remove(root_fd, STEPS_SSHD_DROPIN, NULL));
		return dv_refuse(err, -EINVAL, "sshd -t refuses /%s: %.200s", STEPS_SSHD_DROPIN,
				 result->output);
	}
	return reload_sshd(context, err);
}
