/* npm.c - see npm.h. */
#include "job/npm.h"

#include <string.h>

#include "base/clock.h"
#include "store/package.h"
#include "store/stage.h"

#define VIEW_DEADLINE_MS 120000
#define WORK_BYTES 256
#define SYSTEM_PATH "/usr/local/bin:/usr/bin:/bin"

static int set_environment(const struct npm *npm, const struct config *config, struct dv_error *err)
{
	DV_AUTO_FREE char *cache = NULL;
	DV_AUTO_FREE char *path = NULL;
	int n_folder = (int)(strrchr(npm->node.path, '/') - npm->node.path);

	if (asprintf(&cache, "%s/cache", npm->work) < 0 ||
	    asprintf(&path, "%.*s:" SYSTEM_PATH, n_folder, npm->node.path) < 0)
		return dv_fail(err, -ENOMEM, "set the environment of npm");
	if (setenv("PATH", path, 1) < 0 || setenv("npm_config_cache", cache, 1) < 0 ||
	    setenv("XDG_CACHE_HOME", cache, 1) < 0 || setenv("NODE_NO_WARNINGS", "1", 1) < 0 ||
	    setenv("npm_config_update_notifier", "false", 1) < 0)
		return dv_fail(err, -errno, "set the environment of npm");
	/* Before every npmrc; after it come the registries of scopes (npm-config: @scope:registry). */
	if (config->update_registry &&
	    setenv("npm_config_registry", config->update_registry, 1) < 0)
		return dv_fail(err, -errno, "set the registry of npm");
	return 0;
}

int npm_init(struct npm *npm, const struct config *config, enum node_purpose purpose,
	     const char *work, struct dv_error *err)
{
	int r;

	npm->work = work;
	npm->result = malloc(sizeof(*npm->result));
	if (!npm->result)
		return dv_fail(err, -ENOMEM, "run npm");
	r = store_find_node(config, purpose, &npm->node, err);
	return r < 0 ? r : set_environment(npm, config, err);
}

void npm_done(struct npm *npm)
{
	free(npm->result);
	node_found_done(&npm->node);
	*npm = (struct npm){ 0 };
}

int npm_run(struct npm *npm, const char *const *argv, const char *below, int64_t deadline_ms,
	    struct dv_error *err)
{
	struct process_result *result = npm->result;
	char sentence[ERROR_MAX_BYTES / 2];
	char folder[WORK_BYTES];
	int r;

	(void)snprintf(folder, sizeof(folder), "%s%s%s", npm->work, *below ? "/" : "", below);
	r = process_run(&(struct process_spec){ .argv = argv,
						.working_folder = folder,
						.deadline_ms = clock_deadline_ms(deadline_ms) },
			result, err);
	if (r < 0)
		return r;
	if (result->timed_out)
		return dv_refuse(err, -ETIMEDOUT, "npm %s did not end within %lld seconds", argv[1],
				 (long long)deadline_ms / 1000);
	if (result->exit_status == 0)
		return 0;
	(void)fputs(result->output, stderr); /* all of it, for the journal */
	if (result->exit_status == 127)
		return dv_refuse(err, -ENOENT, "there is no npm beside %s or in " SYSTEM_PATH,
				 npm->node.path);
	package_npm_sentence(result->output, sentence, sizeof(sentence));
	return dv_refuse(err, -EIO, "%s", sentence);
}

int npm_view(struct npm *npm, const char *spec, const char *const *fields, struct dv_error *err)
{
	const char *argv[NPM_FIELDS_MAX + 6] = { "npm", "view", spec };
	size_t n = 3;

	for (size_t i = 0; i < NPM_FIELDS_MAX && fields[i]; i++)
		argv[n++] = fields[i];
	argv[n++] = "--json";
	argv[n] = "--loglevel=error";
	return npm_run(npm, argv, "", VIEW_DEADLINE_MS, err);
}

int npm_find_version(struct npm *npm, const char *package, const char *want,
		     char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	static const char *const tags[] = { "dist-tags", NULL };
	int r;

	if (!stage_is_tag(want)) {
		(void)snprintf(ret_version, STORE_VERSION_BYTES, "%s", want);
		return 0;
	}
	r = npm_view(npm, package, tags, err);
	return r < 0 ? r : package_parse_tags(npm->result->output, want, ret_version, err);
}
