/* resolve.c - devvm-job resolve ITEM-WANT: what the registry says of one version.
 *
 * Runs in devvm-resolve@ITEM-WANT as an account without rights, for npm is a large program that
 * reads what a network sends. Nothing is installed and no script runs. What it leaves is
 * update/candidate.h's file, or `error` with a sentence; root believes none of it.
 */
#include "job/jobs.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "job/npm.h"
#include "store/stage.h"
#include "store/tree.h"
#include "update/candidate.h"

#define WORK_BYTES 256
#define SPEC_BYTES (PACKAGE_NAME_MAX + STORE_VERSION_BYTES + 2)

struct resolve {
	struct env env;
	struct config config;
	struct stage_name name;
	struct npm npm;
	char work[WORK_BYTES];
	int work_fd;
};

static void resolve_done(struct resolve *resolve)
{
	npm_done(&resolve->npm);
	dv_closep(&resolve->work_fd);
	config_done(&resolve->config);
	env_done(&resolve->env);
}

static int open_folder(struct resolve *resolve, const char *instance, struct dv_error *err)
{
	int r;

	(void)snprintf(resolve->work, sizeof(resolve->work), "/" STAGE_RESOLVE_FOLDER "/%s",
		       instance);
	resolve->work_fd = open(resolve->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (resolve->work_fd < 0)
		return dv_fail(err, -errno, "open %s, which devvm-resolve@%s.service has",
			       resolve->work, instance);
	r = file_remove(resolve->work_fd, STAGE_ERROR, err);
	return r < 0 ? r : file_remove(resolve->work_fd, CANDIDATE_FILE, err);
}

static int ask(struct resolve *resolve, struct dv_error *err)
{
	/* Not "time" alone: that is a line for every version there has ever been. */
	char time[STORE_VERSION_BYTES + 8];
	const char *const fields[] = {
		"version", "dist.integrity", "deprecated", "bin", time, NULL
	};
	const char *package = resolve->name.item->package(&resolve->config);
	char version[STORE_VERSION_BYTES], spec[SPEC_BYTES];
	struct candidate candidate = { 0 };
	int r;

	if (!package_is_name(package))
		return dv_refuse(err, -EINVAL, "%s is no name of a package; see devvm.yaml",
				 package);
	r = npm_find_version(&resolve->npm, package, resolve->name.want, version, err);
	if (r < 0)
		return r;
	(void)snprintf(time, sizeof(time), "time[%s]", version);
	(void)snprintf(spec, sizeof(spec), "%s@%s", package, version);
	r = npm_view(&resolve->npm, spec, fields, err);
	if (r == 0 && !*resolve->npm.result->output)
		r = dv_refuse(err, -ENOENT, "there is no %s in the registry", spec);
	if (r == 0)
		r = candidate_parse(resolve->npm.result->output, &candidate, err);
	return r < 0 ? r : candidate_write(resolve->work_fd, &candidate, err);
}

static int run(struct resolve *resolve, const char *instance, struct dv_error *err)
{
	int r = env_init(&resolve->env, "/", err);

	if (r == 0)
		r = config_load(&resolve->config, &resolve->env, err);
	if (r == 0)
		r = open_folder(resolve, instance, err);
	if (r == 0)
		r = npm_init(&resolve->npm, &resolve->config, resolve->name.item->purpose,
			     resolve->work, err);
	if (r == 0)
		r = ask(resolve, err);
	if (resolve->work_fd >= 0)
		DV_IGNORE(tree_remove(resolve->work_fd, "cache", NULL)); /* as good as gone */
	return r;
}

/* For root, who reads it when the unit has ended. */
static void leave_error(const struct resolve *resolve, const struct dv_error *err)
{
	if (resolve->work_fd < 0)
		return;
	DV_IGNORE(file_replace(resolve->work_fd, STAGE_ERROR,
			       &(struct file_spec){ .data = err->text,
						    .n_bytes = strlen(err->text),
						    .mode = 0644,
						    .uid = (uid_t)-1,
						    .gid = (gid_t)-1 },
			       NULL)); /* it is in the journal too */
}

int job_resolve(int argc, char **argv)
{
	DV_CLEANUP(resolve_done)
	struct resolve resolve = { .env = ENV_EMPTY, .work_fd = -1 };
	struct dv_error err = { "" };
	int r;

	if (argc != 2 || geteuid() == 0 || stage_parse(argv[1], &resolve.name, &err) < 0) {
		log_error("usage: devvm-job resolve ITEM-VERSION, not as root (%s)", err.text);
		return JOB_USAGE;
	}
	(void)umask(0022);
	r = run(&resolve, argv[1], &err);
	if (r == 0)
		return JOB_OK;
	log_error("resolve %s: %s", argv[1], err.text);
	leave_error(&resolve, &err);
	return JOB_FAILED;
}
