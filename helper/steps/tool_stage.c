/* tool_stage.c - see tool_stage.h. */
#include "steps/tool_stage.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "fetch/fetch.h"
#include "store/store.h"
#include "store/tree.h"

#define MAX_BYTES (UINT64_C(2) << 30)
#define DOWNLOAD_MS (30 * 60 * 1000)
#define UNPACK_MS (10 * 60 * 1000)
#define MAX_REDIRECTS 5
#define PATH_BYTES 160
#define STAGE ".stage" /* below the item's folder; no version begins with a dot */
#define DOWNLOAD "download"
#define UNPACKED "unpacked"
#define TREE "tree"

static void stage_path(char ret_path[static PATH_BYTES], const struct config_tool *tool,
		       const char *below)
{
	(void)snprintf(ret_path, PATH_BYTES, STORE_FOLDER "/%s/" STAGE "%s%s", tool->head.name,
		       *below ? "/" : "", below); /* fits: names are short */
}

int tool_stage_remove(const struct env *env, const struct config_tool *tool, struct dv_error *err)
{
	char path[PATH_BYTES];

	stage_path(path, tool, "");
	return tree_remove(env->root_dirfd, path, err);
}

static int make_folder(int stage_fd, const char *name, struct dv_error *err)
{
	int fd;

	if (mkdirat(stage_fd, name, 0700) < 0)
		return dv_fail(err, -errno, "create %s", name);
	fd = openat(stage_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? dv_fail(err, -errno, "open %s", name) : fd;
}

static int download(const struct config_tool *tool, int stage_fd, struct dv_error *err)
{
	DV_AUTO_FREE char *url = str_fill(tool->url, "{version}", tool->version);
	const struct fetch_request request = {
		.url = url,
		.protocols = FETCH_HTTP | FETCH_HTTPS | FETCH_FILE, /* the digest is pinned */
		.max_bytes = MAX_BYTES,
		.deadline_ms = clock_deadline_ms(DOWNLOAD_MS),
		.max_redirects = MAX_REDIRECTS,
	};
	const struct fetch_target target = {
		.dirfd = stage_fd, .name = DOWNLOAD, .mode = 0600, .sha256 = tool->sha256
	};

	if (!url)
		return dv_fail(err, -ENOMEM, "download %s", tool->head.name);
	return fetch_file(&request, &target, err);
}

/* tar(1) knows the compression by itself, and drops what leads out of the folder. */
static int unpack(const struct config_tool *tool, int stage_fd, const char *into,
		  struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	char folder[32];
	const char *const argv[] = { "tar",
				     "--extract",
				     "--file",
				     DOWNLOAD,
				     "--no-same-owner",
				     "--no-same-permissions",
				     "--no-xattrs",
				     "--no-selinux",
				     "--no-acls",
				     "--directory",
				     into,
				     tool->is_tree ? "--strip-components=1" : "--",
				     tool->member,
				     NULL };

	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "unpack it");
	(void)snprintf(folder, sizeof(folder), "/proc/self/fd/%d", stage_fd);
	r = process_run(&(struct process_spec){ .argv = argv,
						.working_folder = folder,
						.deadline_ms = clock_deadline_ms(UNPACK_MS) },
			result, err);
	if (r < 0 || result->exit_status == 0)
		return r;
	/* Its first line says what, its last that something was. */
	result->output[strcspn(result->output, "\n")] = '\0';
	return result->timed_out ? dv_refuse(err, -ETIMEDOUT, "tar was not done in ten minutes")
				 : dv_refuse(err, -EIO, "%.300s", result->output);
}

/* One file is the tool: under its own name, and it can be run. */
static int take_file(const struct config_tool *tool, int stage_fd, const char *from, int tree_fd,
		     struct dv_error *err)
{
	struct stat st;

	if (fstatat(stage_fd, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && tool->member
			       ? dv_refuse(err, -ENOENT, "the archive has no member %s",
					   tool->member)
			       : dv_fail(err, -errno, "look at %s", from);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EINVAL, "the member %s is no file", tool->member);
	if (renameat(stage_fd, from, tree_fd, tool->head.name) < 0)
		return dv_fail(err, -errno, "rename %s", from);
	if (fchmodat(tree_fd, tool->head.name, 0555, 0) < 0)
		return dv_fail(err, -errno, "change the mode of %s", tool->head.name);
	return 0;
}

static int fill_tree(const struct config_tool *tool, int stage_fd, int tree_fd,
		     struct dv_error *err)
{
	DV_AUTO_CLOSE int unpacked_fd = -1;
	char member[sizeof(UNPACKED) + 200];
	int r;

	if (tool->is_tree)
		return unpack(tool, stage_fd, TREE, err);
	if (!tool->member)
		return take_file(tool, stage_fd, DOWNLOAD, tree_fd, err);
	unpacked_fd = make_folder(stage_fd, UNPACKED, err);
	if (unpacked_fd < 0)
		return unpacked_fd;
	r = unpack(tool, stage_fd, UNPACKED, err);
	if (r < 0)
		return r;
	(void)snprintf(member, sizeof(member), UNPACKED "/%s", tool->member);
	return take_file(tool, stage_fd, member, tree_fd, err);
}

int tool_stage(const struct env *env, const struct config_tool *tool, struct dv_error *err)
{
	DV_AUTO_CLOSE int stage_fd = -1;
	DV_AUTO_CLOSE int tree_fd = -1;
	char path[PATH_BYTES];
	int r = tool_stage_remove(env, tool, err);

	stage_path(path, tool, "");
	if (r == 0)
		r = file_make_dirs(env->root_dirfd, path, 0755, err);
	if (r < 0)
		return r;
	stage_fd = openat(env->root_dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage_fd < 0 || fchmod(stage_fd, 0700) < 0)
		return dv_fail(err, -errno, "open /%s", path);
	tree_fd = make_folder(stage_fd, TREE, err);
	if (tree_fd < 0)
		return tree_fd;
	r = download(tool, stage_fd, err);
	if (r == 0)
		r = fill_tree(tool, stage_fd, tree_fd, err);
	return r < 0 ? r : DV_TAKE_FD(tree_fd);
}
