/* playwright_mcp.c - the person's browser server in their claude, for every directory.
 *
 * claude keeps its servers of user scope in ~/.claude.json (mcpServers), a file that it writes all
 * the time and that holds much else. So the check reads it as data, and claude itself makes the
 * entry. To ask `claude mcp get` instead would connect to the port and wake the server.
 *
 * An entry called playwright stays, wherever it points. A file that is not JSON stays as well and is
 * told: claude would begin a new one over it.
 */
#include "steps/playwright_mcp.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/home.h"
#include "base/process.h"
#include "steps/work.h"

#define SETTINGS ".claude.json"
#define SETTINGS_MAX_BYTES (64U << 20) /* it holds histories, and they grow */
#define CLAUDE ".local/bin/claude"
#define ADD_DEADLINE_MS 50000

static void json_cleanup(json_t **json)
{
	json_decref(*json);
}

/* Whether there is an entry. */
static int look(int home_fd, bool *ret_has_entry, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	DV_CLEANUP(json_cleanup) json_t *json = NULL;
	size_t n_bytes = 0;
	struct dv_error trouble = { "" }; /* told only where it is not an answer */
	json_error_t where;
	int r = home_read(home_fd, SETTINGS, SETTINGS_MAX_BYTES, &text, &n_bytes, &trouble);

	*ret_has_entry = false;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return dv_refuse(err, r, "%s", trouble.text);
	json = json_loadb(text, n_bytes, 0, &where);
	if (!json_is_object(json))
		return dv_refuse(err, -EBADMSG,
				 "~/" SETTINGS
				 " is not what claude writes (line %d): it stays as it "
				 "is; mend it or move it away",
				 json ? 1 : where.line);
	*ret_has_entry = json_object_get(json_object_get(json, "mcpServers"), "playwright") != NULL;
	return 0;
}

static bool has_claude(const struct home_work *work)
{
	return faccessat(work->home_fd, CLAUDE, X_OK, 0) == 0;
}

int playwright_mcp_check(struct step_context *context, enum step_verdict *ret_verdict,
			 char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct home_work *work = context->home;
	unsigned int port = work->ports[PEOPLE_PORT_PLAYWRIGHT];
	bool has_entry = false;
	int r;

	*ret_verdict = STEP_SKIPPED;
	if (port == 0)
		return 0;
	r = look(work->home_fd, &has_entry, err);
	if (r < 0)
		return r;
	/* Nobody is given a claude, and they brought none: there is nobody to tell. */
	if (!has_entry && work->config->claude_source == CLAUDE_NONE && !has_claude(work))
		return 0;
	*ret_verdict = has_entry ? STEP_FINE : STEP_DIFFERS;
	if (!has_entry)
		(void)snprintf(ret_what, STEP_WHAT_BYTES,
			       "tell claude of the browser server on port %u", port);
	return 0;
}

int playwright_mcp_apply(struct step_context *context, struct dv_error *err)
{
	const struct home_work *work = context->home;
	DV_AUTO_FREE char *claude = NULL, *home = NULL, *path = NULL, *user = NULL;
	char url[64];
	const char *const argv[] = {
		NULL,	       "mcp",  "add",	     "--scope", "user",
		"--transport", "http", "playwright", url,	NULL,
	};
	const char *words[DV_COUNT(argv)];
	struct process_spec spec = { .argv = words,
				     .working_folder = work->home,
				     .deadline_ms = clock_deadline_ms(ADD_DEADLINE_MS) };
	int r;

	if (!has_claude(work))
		return dv_refuse(err, -ENOENT,
				 "claude is not there yet (~/" CLAUDE "): it is told once it is");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/mcp",
		       work->ports[PEOPLE_PORT_PLAYWRIGHT]);
	if (asprintf(&claude, "%s/" CLAUDE, work->home) < 0 ||
	    asprintf(&home, "HOME=%s", work->home) < 0 ||
	    asprintf(&user, "USER=%s", work->user) < 0 ||
	    asprintf(&path, "PATH=%s/.local/bin:/usr/local/bin:/usr/bin:/bin", work->home) < 0)
		return dv_fail(err, -ENOMEM, "run claude");
	memcpy(words, argv, sizeof(argv));
	words[0] = claude;
	/* It is asked one thing, and is not to begin a download of itself. */
	spec.envp = (const char *const[]){ home, user, path, "DISABLE_AUTOUPDATER=1", NULL };
	r = process_run_ok(&spec, err);
	return r < 0 ? dv_prefix(err, r, "claude mcp add playwright") : 0;
}
