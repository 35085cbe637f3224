/* stage.c - devvm-job stage ITEM-WANT: fetch one version of a program from the registry.
 *
 * Runs in devvm-stage@ITEM-WANT as an account without rights, for npm runs what packages
 * bring along. Which registry is said in npm.h. The hash that the registry names for
 * the version before the install is the one that must have been installed. What it leaves is
 * described in store/stage.h; root believes none of it.
 */
#include "job/jobs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "job/npm.h"
#include "store/package.h"
#include "store/stage.h"
#include "store/tree.h"

#define INSTALL_DEADLINE_MS (15 * 60000)
#define LOCK_MAX_BYTES (16 << 20)
#define SPEC_BYTES (PACKAGE_NAME_MAX + STORE_VERSION_BYTES + 2)
#define WORK_BYTES 256
#define EMPTY_PACKAGE "{\n \"name\": \"devvm-stage\",\n \"private\": true\n}\n"

struct stage {
	struct env env;
	struct config config;
	struct stage_name name;
	struct npm npm;
	struct package_manifest manifest;
	char work[WORK_BYTES]; /* absolute */
	int work_fd, tree_fd;
};

static void stage_done(struct stage *stage)
{
	npm_done(&stage->npm);
	dv_closep(&stage->tree_fd);
	dv_closep(&stage->work_fd);
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

static int resolve(struct stage *stage, struct dv_error *err)
{
	struct package_manifest *manifest = &stage->manifest;
	static const char *const fields[] = { "dist.integrity", NULL };
	char spec[SPEC_BYTES];
	int r = npm_find_version(&stage->npm, manifest->package, stage->name.want,
				 manifest->version, err);

	if (r < 0)
		return r;
	(void)snprintf(spec, sizeof(spec), "%s@%s", manifest->package, manifest->version);
	r = npm_view(&stage->npm, spec, fields, err);
	if (r == 0 && !*stage->npm.result->output)
		r = dv_refuse(err, -ENOENT, "there is no %s in the registry", spec);
	if (r == 0)
		r = package_parse_integrity(stage->npm.result->output, manifest->integrity, err);
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
	return r < 0 ? r : npm_run(&stage->npm, argv, STAGE_TREE, INSTALL_DEADLINE_MS, err);
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
	r = npm_init(&stage->npm, &stage->config, stage->name.item->purpose, stage->work, err);
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
	r = run(&stage, argv[1], &err);
	if (r == 0) {
		log_notice("%s %s is staged", stage.manifest.package, stage.manifest.version);
		return JOB_OK;
	}
	log_error("stage %s: %s", argv[1], err.text);
	leave_error(&stage, &err);
	return JOB_FAILED;
}
