/* staging.c - see staging.h. */
#include "steps/staging.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "steps/lock.h"
#include "steps/unit_run.h"
#include "store/package.h"

#define LOCK_DEADLINE_MS 60000
#define PATH_BYTES 160

static void unit_of(char ret_unit[static UNIT_RUN_BYTES], const struct stage_item *item,
		    const char *want)
{
	(void)snprintf(ret_unit, UNIT_RUN_BYTES, "devvm-stage@%s-%s.service", item->name, want);
}

static void stage_path(char ret_path[static PATH_BYTES], const struct stage_item *item,
		       const char *want, const char *below)
{
	(void)snprintf(ret_path, PATH_BYTES, STAGE_FOLDER "/%s-%s/%s", item->name, want, below);
}

/* One lock per item: stages of one item end one after the other. */
int staging_lock(const struct env *env, const char *item, struct dv_error *err)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "@store-%s", item);
	return lock_take(env, name, clock_deadline_ms(LOCK_DEADLINE_MS), err);
}

/* Nothing of the stage is believed, so neither is its name for the version. */
static int check_tree(const struct config *config, const struct stage_item *item, const char *want,
		      int tree_fd, struct package_manifest *ret_manifest, struct dv_error *err)
{
	struct package_manifest manifest = { 0 };
	char found[STORE_VERSION_BYTES];
	int r = package_read_manifest(tree_fd, &manifest, err);

	if (r == 0)
		r = package_read_version(tree_fd, item->package(config), found, err);
	if (r < 0)
		return r;
	if (strcmp(manifest.package, item->package(config)) != 0)
		return dv_refuse(err, -EBADMSG, "%s was staged, not %s", manifest.package,
				 item->package(config));
	if (strcmp(manifest.version, found) != 0 ||
	    (!stage_is_tag(want) && strcmp(want, found) != 0) || !stage_is_want(found))
		return dv_refuse(err, -EBADMSG, "%s was asked for and %s was staged", want, found);
	*ret_manifest = manifest;
	return 0;
}

/* What a version must be where one was resolved before. */
struct exact {
	const char *integrity; /* NULL: any */
	enum staging_fault fault;
};

static int check_exact(const struct config *config, const struct stage_item *item, int root_fd,
		       struct exact *exact, struct dv_error *err)
{
	struct package_manifest manifest = { 0 };
	char bin[PACKAGE_PATH_BYTES];
	int r;

	exact->fault = STAGING_FAULT_OURS;
	r = package_read_manifest(root_fd, &manifest, err);
	if (r < 0)
		return r;
	exact->fault = STAGING_FAULT_HASH;
	if (strcmp(manifest.integrity, exact->integrity) != 0)
		return dv_refuse(err, -EBADMSG,
				 "%s %s here has the hash %.100s, and the registry names %.100s",
				 item->name, manifest.version, manifest.integrity,
				 exact->integrity);
	exact->fault = STAGING_FAULT_PROGRAM;
	r = package_find_bin(root_fd, item->package(config), item->name, bin, err);
	if (r < 0)
		return dv_prefix(err, r, "%s %s is not a whole package", item->name,
				 manifest.version);
	exact->fault = STAGING_FAULT_NONE;
	return 0;
}

static int take(const struct env *env, const struct config *config, const struct stage_item *item,
		const char *want, struct exact *exact, char ret_version[static STORE_VERSION_BYTES],
		struct dv_error *err)
{
	DV_AUTO_CLOSE int tree_fd = -1;
	DV_AUTO_CLOSE int lock_fd = -1;
	struct package_manifest manifest = { 0 };
	char path[PATH_BYTES];
	int r;

	stage_path(path, item, want, STAGE_TREE);
	tree_fd = file_open_beneath(env->root_dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (tree_fd < 0)
		return tree_fd;
	r = check_tree(config, item, want, tree_fd, &manifest, err);
	if (r == 0 && exact->integrity)
		r = check_exact(config, item, tree_fd, exact, err);
	if (r < 0)
		return r;
	lock_fd = staging_lock(env, item->name, err);
	if (lock_fd < 0)
		return lock_fd;
	r = store_install(env, item->name, manifest.version, tree_fd, err);
	if (r == 0)
		(void)snprintf(ret_version, STORE_VERSION_BYTES, "%s", manifest.version);
	return r;
}

int staging_take(const struct env *env, const struct config *config, const struct stage_item *item,
		 const char *want, char ret_version[static STORE_VERSION_BYTES],
		 struct dv_error *err)
{
	struct exact any = { 0 };

	return take(env, config, item, want, &any, ret_version, err);
}

static int run_stage(const struct env *env, const struct stage_item *item, const char *want,
		     struct dv_error *err)
{
	char unit[UNIT_RUN_BYTES], path[PATH_BYTES], what[PATH_BYTES];

	unit_of(unit, item, want);
	stage_path(path, item, want, STAGE_ERROR);
	(void)snprintf(what, sizeof(what), "stage %s %s", item->name, want);
	return unit_run(env, unit, path, what, clock_deadline_ms(STAGING_DEADLINE_MS), err);
}

static void clean_stage(const struct stage_item *item, const char *want)
{
	char unit[UNIT_RUN_BYTES];

	unit_of(unit, item, want);
	unit_run_clean(unit);
}

int staging_run(const struct env *env, const struct config *config, const struct stage_item *item,
		const char *want, char ret_version[static STORE_VERSION_BYTES],
		struct dv_error *err)
{
	int r;

	if (!stage_is_want(want))
		return dv_refuse(err, -EINVAL, "that is no version or tag of %s", item->name);
	if (!stage_is_tag(want) && store_has(env, item->name, want)) {
		(void)snprintf(ret_version, STORE_VERSION_BYTES, "%s", want);
		return 0;
	}
	r = run_stage(env, item, want, err);
	if (r == 0)
		r = staging_take(env, config, item, want, ret_version, err);
	clean_stage(item, want);
	return r;
}

static int run_exact(const struct env *env, const struct config *config,
		     const struct stage_item *item, const char *version, struct exact *exact,
		     struct dv_error *err)
{
	DV_AUTO_CLOSE int root_fd = -1;
	char taken[STORE_VERSION_BYTES];
	int r;

	exact->fault = STAGING_FAULT_OURS;
	if (!stage_is_want(version) || stage_is_tag(version))
		return dv_refuse(err, -EINVAL, "that is no version of %s", item->name);
	if (store_has(env, item->name, version)) {
		root_fd = store_open(env, item->name, version, err);
		return root_fd < 0 ? root_fd : check_exact(config, item, root_fd, exact, err);
	}
	exact->fault = STAGING_FAULT_NPM;
	r = run_stage(env, item, version, err);
	if (r == 0) {
		exact->fault = STAGING_FAULT_OURS;
		r = take(env, config, item, version, exact, taken, err);
	}
	clean_stage(item, version);
	return r;
}

int staging_run_exact(const struct env *env, const struct config *config,
		      const struct stage_item *item, const char *version, const char *integrity,
		      enum staging_fault *ret_fault, struct dv_error *err)
{
	struct exact exact = { .integrity = integrity };
	int r = run_exact(env, config, item, version, &exact, err);

	*ret_fault = r == 0				 ? STAGING_FAULT_NONE
		     : exact.fault == STAGING_FAULT_NONE ? STAGING_FAULT_OURS
							 : exact.fault;
	return r;
}

int staging_set_current(const struct env *env, const char *item, const char *version,
			bool only_first, char ret_current[static STORE_VERSION_BYTES],
			struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = staging_lock(env, item, err);
	int r;

	if (lock_fd < 0)
		return lock_fd;
	r = store_get_pointer(env, item, NULL, ret_current, err);
	if (r < 0 || (only_first && *ret_current) || strcmp(ret_current, version) == 0)
		return r;
	r = store_set_pointer(env, item, NULL, version, err);
	if (r == 0)
		(void)snprintf(ret_current, STORE_VERSION_BYTES, "%s", version);
	return r;
}
