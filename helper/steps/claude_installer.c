/* claude_installer.c - see claude_installer.h. */
#include "steps/claude_installer.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "fetch/fetch.h"
#include "steps/work.h"

#define SCRIPT "install.sh"
#define SCRIPT_MAX_BYTES (1024 * 1024)
#define SCRIPT_MS 60000
#define MAX_REDIRECTS 5
#define SHOWN_LINES 3
#define MAX_ENVIRONMENT 16

/* What a program behind a proxy needs, handed on when the unit has it. */
static const char *const PROXIES[] = { "http_proxy",  "https_proxy", "no_proxy",
				       "HTTPS_PROXY", "NO_PROXY",    "ALL_PROXY" };

struct environment {
	char *items[MAX_ENVIRONMENT + 1]; /* NULL-terminated */
	size_t n_items;
	bool is_short; /* memory was */
};

static void environment_done(struct environment *environment)
{
	for (size_t i = 0; i < environment->n_items; i++)
		free(environment->items[i]);
}

static void environment_add(struct environment *environment, const char *name, const char *value)
{
	char *item = NULL;

	if (environment->n_items < MAX_ENVIRONMENT && asprintf(&item, "%s=%s", name, value) >= 0)
		environment->items[environment->n_items++] = item;
	else
		environment->is_short = true;
}

static void fill_environment(struct environment *environment, const struct home_work *work)
{
	DV_AUTO_FREE char *path = NULL;

	environment_add(environment, "HOME", work->home);
	environment_add(environment, "USER", work->user);
	environment_add(environment, "LOGNAME", work->user);
	environment_add(environment, "SHELL", "/bin/bash");
	environment_add(environment, "LANG", "C.UTF-8");
	/* ~/.local/bin on it keeps the script from advice about PATH. */
	if (asprintf(&path, "%s/.local/bin:/usr/local/bin:/usr/bin:/bin", work->home) < 0)
		environment->is_short = true;
	else
		environment_add(environment, "PATH", path);
	for (size_t i = 0; i < DV_COUNT(PROXIES); i++) {
		const char *value = getenv(PROXIES[i]);

		if (value)
			environment_add(environment, PROXIES[i], value);
	}
}

/* The last lines that say something, in one. */
static void last_lines(const char *output, char *ret_words, size_t n_room)
{
	const char *from = output + strlen(output);
	size_t n_lines = 0;
	size_t n = 0;

	while (from > output && n_lines < SHOWN_LINES) {
		from--;
		if (*from == '\n' && from[1] && from[1] != '\n')
			n_lines++;
	}
	from += n_lines == SHOWN_LINES ? 1 : 0;
	for (; *from && n + 4 < n_room; from++) {
		bool is_end = *from == '\n';

		if (!is_end)
			ret_words[n++] = (char)(*from >= ' ' && *from <= '~' ? *from : '?');
		else if (n > 0 && from[1] && from[1] != '\n')
			n += (size_t)snprintf(ret_words + n, n_room - n, " | ");
	}
	ret_words[n] = '\0';
}

static int explain(const struct process_result *result, struct dv_error *err)
{
	char said[300] = "it said nothing";

	if (*result->output)
		last_lines(result->output, said, sizeof(said));
	if (result->timed_out)
		return dv_refuse(err, -ETIMEDOUT, "the installer did not end within %d seconds: %s",
				 CLAUDE_INSTALLER_MS / 1000, said);
	if (result->signal)
		return dv_refuse(err, -EIO, "the installer was ended by signal %d: %s",
				 result->signal, said);
	if (result->exit_status != 0)
		return dv_refuse(err, -EIO, "the installer exited with status %d: %s",
				 result->exit_status, said);
	return 0;
}

static int run_script(const struct step_context *context, const char *folder, int64_t deadline_ms,
		      struct dv_error *err)
{
	const struct home_work *work = context->home;
	DV_CLEANUP(environment_done) struct environment environment = { 0 };
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	DV_AUTO_FREE char *script = NULL;
	const char *argv[] = { "bash", NULL, context->config->claude_version, NULL };
	struct process_spec spec = { .argv = argv,
				     .envp = (const char *const *)environment.items,
				     .working_folder = work->home,
				     .deadline_ms = deadline_ms };
	int r;

	fill_environment(&environment, work);
	if (!result || environment.is_short || asprintf(&script, "%s/" SCRIPT, folder) < 0)
		return dv_fail(err, -ENOMEM, "run the installer");
	argv[1] = script;
	r = process_run(&spec, result, err);
	return r == 0 ? explain(result, err) : r;
}

static int fetch_script(const char *url, int dirfd, int64_t deadline_ms, struct dv_error *err)
{
	int64_t own_deadline_ms = clock_deadline_ms(SCRIPT_MS);
	const struct fetch_request request = {
		.url = url,
		.protocols = FETCH_HTTP | FETCH_HTTPS | FETCH_FILE,
		.max_bytes = SCRIPT_MAX_BYTES,
		.deadline_ms = own_deadline_ms < deadline_ms ? own_deadline_ms : deadline_ms,
		.max_redirects = MAX_REDIRECTS,
	};
	const struct fetch_target target = { .dirfd = dirfd, .name = SCRIPT, .mode = 0600 };
	int r = fetch_file(&request, &target, err);

	return r < 0 ? dv_prefix(err, r, "the installer") : 0;
}

int claude_installer_run(const struct step_context *context, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(CLAUDE_INSTALLER_MS);
	const char *above = getenv("TMPDIR");
	DV_AUTO_FREE char *folder = NULL;
	DV_AUTO_CLOSE int folder_fd = -1;
	int r;

	if (asprintf(&folder, "%s/devvm-claude-XXXXXX", above ? above : "/tmp") < 0)
		return dv_fail(err, -ENOMEM, "run the installer");
	if (!mkdtemp(folder))
		return dv_fail(err, -errno, "create %s", folder);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = folder_fd < 0
		    ? dv_fail(err, -errno, "open %s", folder)
		    : fetch_script(context->config->claude_installer, folder_fd, deadline_ms, err);
	if (r == 0)
		r = run_script(context, folder, deadline_ms, err);
	/* What the script itself put there is for systemd-tmpfiles(8). */
	if (folder_fd >= 0)
		(void)unlinkat(folder_fd, SCRIPT, 0);
	(void)rmdir(folder);
	return r;
}
