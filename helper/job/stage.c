/* stage.c - devvm-job stage ITEM-WANT: fetch one version of a program from the registry.
 *
 * Runs in devvm-stage@ITEM-WANT as an account without rights, for npm runs what packages
 * bring along. Which registry is npm's own configuration. The hash that the registry names for
 * the version before the install is the one that must have been installed. What it leaves is
 * described in store/stage.h; root believes none of it.
 */
#include "job/jobs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "store/package.h"
#include "store/stage.h"
#include "store/tree.h"

#define VIEW_DEADLINE_MS 120000
#define INSTALL_DEADLINE_MS (15 * 60000)
#define LOCK_MAX_BYTES (16 << 20)
#define SPEC_BYTES (PACKAGE_NAME_MAX + STORE_VERSION_BYTES + 2)
#define WORK_BYTES 256
#define SYSTEM_PATH "/usr/local/bin:/usr/bin:/bin"
#define EMPTY_PACKAGE "{\n \"name\": \"devvm-stage\",\n \"private\": true\n}\n"

struct stage {
	struct env env;
	struct config config;
	struct stage_name name;
	struct node_found node;
	struct package_manifest manifest;
	char work[WORK_BYTES]; /* absolute */
	int work_fd, tree_fd;
	struct process_result *result; /* of the last npm */
};

static void stage_done(struct stage *stage)
{
	free(stage->result);
	dv_closep(&stage->tree_fd);
	dv_closep(&stage->work_fd);
	node_found_done(&stage->node);
	config_done(&stage->config);
	env_done(&stage->env);
}

static int open_folders(struct stage *stage, const char *instance, struct dv_error *err)
{
	int r;

	(void)snprintf(stage->work, sizeof(stage->work), "/" STAGE_FOLDER "/%s", instance);
	stage->work_fd = open(stage->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage->work_fd < 0)
		return dv_fail(err, -errno, "open %s, which devvm-stage@%s.service has",
			       stage->work, instance);
	r = file_remove(stage->work_fd, STAGE_ERROR, err);
	if (r == 0)
		r = tree_remove(stage->work_fd, STAGE_TREE, err);
	if (r == 0 && mkdirat(stage->work_fd, STAGE_TREE, 0755) < 0)
		r = dv_fail(err, -errno, "create %s/" STAGE_TREE, stage->work);
	if (r < 0)
		return r;
	stage->tree_fd = openat(stage->work_fd, STAGE_TREE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return stage->tree_fd < 0 ? dv_fail(err, -errno, "open " STAGE_TREE) : 0;
}

/* npm and the scripts of packages find our node first, and write nowhere but here. */
static int set_environment(const struct stage *stage, struct dv_error *err)
{
	DV_AUTO_FREE char *cache = NULL;
	DV_AUTO_FREE char *path = NULL;
	int n_folder = (int)(strrchr(stage->node.path, '/') - stage->node.path);

	if (asprintf(&cache, "%s/cache", stage->work) < 0 ||
	    asprintf(&path, "%.*s:" SYSTEM_PATH, n_folder, stage->node.path) < 0)
		return dv_fail(err, -ENOMEM, "set the environment of npm");
	if (setenv("PATH", path, 1) < 0 || setenv("npm_config_cache", cache, 1) < 0 ||
	    setenv("XDG_CACHE_HOME", cache, 1) < 0 || setenv("NODE_NO_WARNINGS", "1", 1) < 0 ||
	    setenv("npm_config_update_notifier", "false", 1) < 0)
		return dv_fail(err, -errno, "set the environment of npm");
	return 0;
}

/* npm's answer in `stage->result`. It ends with a status, and says why in its output. */
static int run_npm(struct stage *stage, const char *const *argv, int64_t deadline_ms,
		   struct dv_error *err)
{
	struct process_result *result = stage->result;
	char sentence[ERROR_MAX_BYTES / 2];
	char tree[WORK_BYTES + sizeof(STAGE_TREE) + 1];
	int r;

	(void)snprintf(tree, sizeof(tree), "%s/" STAGE_TREE, stage->work);
	r = process_run(&(struct process_spec){ .argv = argv,
						.working_folder = tree,
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
				 stage->node.path);
	package_npm_sentence(result->output, sentence, sizeof(sentence));
	return dv_refuse(err, -EIO, "%s", sentence);
}

static int view(struct stage *stage, const char *spec, const char *field, struct dv_error *err)
{
	const char *const argv[] = {
		"npm", "view", spec, field, "--json", "--loglevel=error", NULL
	};

	return run_npm(stage, argv, VIEW_DEADLINE_MS, err);
}

static int resolve(struct stage *stage, struct dv_error *err)
{
	struct package_manifest *manifest = &stage->manifest;
	char spec[SPEC_BYTES];
	int r;

	(void)snprintf(manifest->version, sizeof(manifest->version), "%s", stage->name.want);
	if (stage_is_tag(stage->name.want)) {
		r = view(stage, manifest->package, "dist-tags", err);
		if (r == 0)
			r = package_parse_tags(stage->result->output, stage->name.want,
					       manifest->version, err);
		if (r < 0)
			return r;
	}
	(void)snprintf(spec, sizeof(spec), "%s@%s", manifest->package, manifest->version);
	r = view(stage, spec, "dist.integrity", err);
	if (r == 0 && !*stage->result->output)
		r = dv_refuse(err, -ENOENT, "there is no %s in the registry", spec);
	if (r == 0)
		r = package_parse_integrity(stage->result->output, manifest->integrity, err);
	return r;
}

static int install(struct stage *stage, struct dv_error *err)
{
	char spec[SPEC_BYTES];
	/* Scripts run, on purpose: native parts are built by them, and here they can do no harm. */
	const char *const argv[] = { "npm",
				     "install",
				     "--no-audit",
				     "--no-fund",
				     "--save-exact",
				     "--package-lock=true",
				     "--loglevel=error",
				     "--ignore-scripts=false",
				     spec,
				     NULL };
	int r = file_replace(stage->tree_fd, "package.json",
			     &(struct file_spec){ .data = EMPTY_PACKAGE,
						  .n_bytes = strlen(EMPTY_PACKAGE),
						  .mode = 0644,
						  .uid = (uid_t)-1,
						  .gid = (gid_t)-1 },
			     err);

	(void)snprintf(spec, sizeof(spec), "%s@%s", stage->manifest.package,
		       stage->manifest.version);
	return r < 0 ? r : run_npm(stage, argv, INSTALL_DEADLINE_MS, err);
}

/* npm ends well in more cases than one would like: what is there decides. */
static int verify(struct stage *stage, struct dv_error *err)
{
	const struct package_manifest *manifest = &stage->manifest;
	char integrity[PACKAGE_INTEGRITY_MAX + 1];
	char version[STORE_VERSION_BYTES];
	DV_AUTO_FREE char *lock = NULL;
	size_t n_bytes = 0;
	int r = package_read_version(stage->tree_fd, manifest->package, version, err);

	if (r == 0 && strcmp(version, manifest->version) != 0)
		r = dv_refuse(err, -EBADMSG, "npm installed %s %s instead of %s", manifest->package,
			      version, manifest->version);
	if (r == 0)
		r = file_read(stage->tree_fd, "package-lock.json", LOCK_MAX_BYTES, &lock, &n_bytes,
			      NULL, err);
	if (r == 0)
		r = package_parse_lock(lock, n_bytes, manifest->package, integrity, err);
	if (r == 0 && strcmp(integrity, manifest->integrity) != 0)
		r = dv_refuse(err, -EBADMSG, "%s %s has the hash %s, and the registry says %s",
			      manifest->package, version, integrity, manifest->integrity);
	return r < 0 ? r : package_write_manifest(stage->tree_fd, manifest, err);
}

static int run(struct stage *stage, const char *instance, struct dv_error *err)
{
	int r = env_init(&stage->env, "/", err);

	if (r == 0)
		r = config_load(&stage->config, &stage->env, err);
	if (r == 0)
		r = open_folders(stage, instance, err);
	if (r < 0)
		return r;
	(void)snprintf(stage->manifest.package, sizeof(stage->manifest.package), "%s",
		       stage->name.item->package(&stage->config));
	if (!package_is_name(stage->manifest.package))
		return dv_refuse(err, -EINVAL, "%s is no name of a package; see devvm.yaml",
				 stage->manifest.package);
	r = store_find_node(&stage->config, stage->name.item->purpose, &stage->node, err);
	if (r == 0)
		r = set_environment(stage, err);
	if (r == 0)
		r = resolve(stage, err);
	if (r == 0)
		r = install(stage, err);
	if (r == 0)
		r = verify(stage, err);
	DV_IGNORE(tree_remove(stage->work_fd, "cache", NULL)); /* as good as gone */
	return r;
}

/* For root, who reads it when the unit has ended. */
static void leave_error(const struct stage *stage, const struct dv_error *err)
{
	if (stage->work_fd < 0)
		return;
	DV_IGNORE(file_replace(stage->work_fd, STAGE_ERROR,
			       &(struct file_spec){ .data = err->text,
						    .n_bytes = strlen(err->text),
						    .mode = 0644,
						    .uid = (uid_t)-1,
						    .gid = (gid_t)-1 },
			       NULL)); /* it is in the journal too */
}

int job_stage(int argc, char **argv)
{
	DV_CLEANUP(stage_done)
	struct stage stage = { .env = ENV_EMPTY, .work_fd = -1, .tree_fd = -1 };
	struct dv_error err = { "" };
	int r;

	if (argc != 2 || geteuid() == 0 || stage_parse(argv[1], &stage.name, &err) < 0) {
		log_error("usage: devvm-job stage ITEM-VERSION, not as root (%s)", err.text);
		return JOB_USAGE;
	}
	(void)umask(0022);
	stage.result = malloc(sizeof(*stage.result));
	r = stage.result ? run(&stage, argv[1], &err) : dv_fail(&err, -ENOMEM, "stage");
	if (r == 0) {
		log_notice("%s %s is staged", stage.manifest.package, stage.manifest.version);
		return JOB_OK;
	}
	log_error("stage %s: %s", argv[1], err.text);
	leave_error(&stage, &err);
	return JOB_FAILED;
}
