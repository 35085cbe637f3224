/* staging.c - see staging.h. */
#include "steps/staging.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "steps/lock.h"
#include "store/package.h"

#define LOCK_DEADLINE_MS 60000
#define CLEAN_DEADLINE_MS 60000
#define ERROR_MAX 4096
#define UNIT_BYTES 160
#define PATH_BYTES 160

static void unit_of(char ret_unit[static UNIT_BYTES], const struct stage_item *item,
		    const char *want)
{
	(void)snprintf(ret_unit, UNIT_BYTES, "devvm-stage@%s-%s.service", item->name, want);
}

static void stage_path(char ret_path[static PATH_BYTES], const struct stage_item *item,
		       const char *want, const char *below)
{
	(void)snprintf(ret_path, PATH_BYTES, STAGE_FOLDER "/%s-%s/%s", item->name, want, below);
}

/* One lock per item: stages of one item end one after the other. */
static int take_lock(const struct env *env, const char *item, struct dv_error *err)
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

int staging_take(const struct env *env, const struct config *config, const struct stage_item *item,
		 const char *want, char ret_version[static STORE_VERSION_BYTES],
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
	if (r < 0)
		return r;
	lock_fd = take_lock(env, item->name, err);
	if (lock_fd < 0)
		return lock_fd;
	r = store_install(env, item->name, manifest.version, tree_fd, err);
	if (r == 0)
		(void)snprintf(ret_version, STORE_VERSION_BYTES, "%s", manifest.version);
	return r;
}

/* The sentence the stage left, where it left one; else what systemd says. */
static int explain(const struct env *env, const struct stage_item *item, const char *want, int r,
		   const struct dv_error *systemd_err, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	char text[ERROR_MAX] = "";
	char path[PATH_BYTES];
	ssize_t n;

	stage_path(path, item, want, STAGE_ERROR);
	fd = file_open_beneath(env->root_dirfd, path, O_RDONLY, 0, NULL);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (!*text || !str_is_utf8(text, strlen(text)) || str_has_control(text))
		return dv_refuse(err, r, "stage %s %s: %s", item->name, want, systemd_err->text);
	return dv_refuse(err, r, "stage %s %s: %.400s", item->name, want, text);
}

static int run_stage(const struct env *env, const struct stage_item *item, const char *want,
		     struct dv_error *err)
{
	char unit[UNIT_BYTES];
	const char *const argv[] = { "systemctl", "start", unit, NULL };
	struct dv_error why = { "" };
	int r;

	unit_of(unit, item, want);
	r = process_run_ok(&(struct process_spec){ .argv = argv,
						   .deadline_ms =
							   clock_deadline_ms(STAGING_DEADLINE_MS) },
			   &why);
	return r < 0 ? explain(env, item, want, r, &why, err) : 0;
}

/* The account's files are not root's to remove without capabilities; systemd does it. */
static void clean_stage(const struct stage_item *item, const char *want)
{
	char unit[UNIT_BYTES];
	const char *const argv[] = { "systemctl", "clean", "--what=cache", unit, NULL };
	struct dv_error err = { "" };

	unit_of(unit, item, want);
	if (process_run_ok(&(struct process_spec){ .argv = argv,
						   .deadline_ms =
							   clock_deadline_ms(CLEAN_DEADLINE_MS) },
			   &err) < 0)
		log_debug("%s", err.text); /* the next stage of this name starts afresh anyway */
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

int staging_set_current(const struct env *env, const char *item, const char *version,
			bool only_first, char ret_current[static STORE_VERSION_BYTES],
			struct dv_error *err)
{
	DV_AUTO_CLOSE int lock_fd = take_lock(env, item, err);
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
