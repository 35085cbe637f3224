/* claude_cache.c - see claude_cache.h. */
#include "steps/claude_cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "fetch/fetch.h"

#define PROGRAM "claude"
#define RECORD "claude.checked"
#define CURRENT CLAUDE_FOLDER "/current"
#define PROGRAM_MODE 0555
#define MAX_BYTES (UINT64_C(2) << 30) /* the real one has 0.4 of these */
#define DOWNLOAD_MS (30 * 60 * 1000)
#define MAX_REDIRECTS 5
#define RECORD_MAX_BYTES 256
#define RECORD_LASTS_USEC (INT64_C(24) * 3600 * 1000000)

enum cache_state {
	CACHE_FINE,
	CACHE_ABSENT,	 /* no file, or one that cannot be the copy */
	CACHE_UNCHECKED, /* a file whose digest is not known (any more) */
	CACHE_UNLINKED,	 /* `current` is another version */
};

static const char *const STATE_WORDS[] = {
	[CACHE_FINE] = "",
	[CACHE_ABSENT] = "download claude",
	[CACHE_UNCHECKED] = "check the digest of claude",
	[CACHE_UNLINKED] = "make current claude",
};

static void version_path(char ret_path[static CLAUDE_PATH_BYTES], const char *version,
			 const char *name)
{
	(void)snprintf(ret_path, CLAUDE_PATH_BYTES, CLAUDE_FOLDER "/versions/%s/%s", version,
		       name); /* fits: a version has 64 bytes at most */
}

void claude_cache_path(char ret_path[static CLAUDE_PATH_BYTES], const char *version)
{
	version_path(ret_path, version, PROGRAM);
}

/* What is recorded: the digest, what the file was like, and when it was looked at. */
static void write_record(char ret_text[static RECORD_MAX_BYTES], const char *sha256,
			 const struct stat *st, int64_t now_usec)
{
	(void)snprintf(ret_text, RECORD_MAX_BYTES, "%s %lld %lld.%09ld %lld.%09ld %" PRId64 "\n",
		       sha256, (long long)st->st_size, (long long)st->st_mtim.tv_sec,
		       st->st_mtim.tv_nsec, (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec,
		       now_usec);
}

/* Whether the record is of this file as it is now, with the pinned digest, and fresh. */
static bool record_holds(const struct env *env, const struct config *config, const struct stat *st)
{
	char path[CLAUDE_PATH_BYTES];
	char expected[RECORD_MAX_BYTES];
	DV_AUTO_FREE char *text = NULL;
	int64_t now_usec = env->wall_usec(env);
	size_t n_bytes = 0;
	char *time_word;
	uint64_t at_usec = 0;

	version_path(path, config->claude_version, RECORD);
	if (file_read(env->root_dirfd, path, RECORD_MAX_BYTES, &text, &n_bytes, NULL, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	time_word = strrchr(text, ' ');
	if (!time_word || str_to_uint(time_word + 1, INT64_MAX, &at_usec) < 0)
		return false;
	write_record(expected, config->claude_sha256, st, (int64_t)at_usec);
	expected[strcspn(expected, "\n")] = '\0';
	/* A clock that went backward makes it old, not fresh for ever. */
	return strcmp(text, expected) == 0 && now_usec >= (int64_t)at_usec &&
	       now_usec - (int64_t)at_usec < RECORD_LASTS_USEC;
}

static bool is_current(const struct env *env, const char *version)
{
	char target[CLAUDE_PATH_BYTES] = "";
	char wanted[CLAUDE_PATH_BYTES];

	(void)snprintf(wanted, sizeof(wanted), "versions/%s", version);
	return readlinkat(env->root_dirfd, CURRENT, target, sizeof(target) - 1) > 0 &&
	       strcmp(target, wanted) == 0;
}

/* Ours alone, and as it was put there. */
static bool is_closed(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_mode & 07777) == PROGRAM_MODE &&
	       st->st_uid == geteuid();
}

static int look(const struct step_context *context, enum cache_state *ret_state,
		struct dv_error *err)
{
	const struct env *env = context->env;
	const struct config *config = context->config;
	char path[CLAUDE_PATH_BYTES];
	struct stat st;

	claude_cache_path(path, config->claude_version);
	if (fstatat(env->root_dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return dv_fail(err, -errno, "look at /%s", path);
		*ret_state = CACHE_ABSENT;
	} else if (!is_closed(&st)) {
		*ret_state = CACHE_ABSENT;
	} else if (!record_holds(env, config, &st)) {
		*ret_state = CACHE_UNCHECKED;
	} else {
		*ret_state = is_current(env, config->claude_version) ? CACHE_FINE : CACHE_UNLINKED;
	}
	return 0;
}

int claude_cache_check(struct step_context *context, enum step_verdict *ret_verdict,
		       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	enum cache_state state = CACHE_FINE;
	int r;

	if (context->config->claude_source != CLAUDE_CACHE) {
		*ret_verdict = STEP_SKIPPED;
		return 0;
	}
	r = look(context, &state, err);
	if (r < 0)
		return r;
	*ret_verdict = state == CACHE_FINE ? STEP_FINE : STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "%s %s", STATE_WORDS[state],
		       context->config->claude_version);
	return 0;
}

static int download(const struct config *config, int folder_fd, struct dv_error *err)
{
	DV_AUTO_FREE char *url = str_fill(config->claude_url, "{version}", config->claude_version);
	const struct fetch_request request = {
		.url = url,
		.protocols = FETCH_HTTP | FETCH_HTTPS | FETCH_FILE, /* the digest is pinned */
		.max_bytes = MAX_BYTES,
		.deadline_ms = clock_deadline_ms(DOWNLOAD_MS),
		.max_redirects = MAX_REDIRECTS,
	};
	const struct fetch_target target = { .dirfd = folder_fd,
					     .name = PROGRAM,
					     .mode = PROGRAM_MODE,
					     .sha256 = config->claude_sha256 };

	if (!url)
		return dv_fail(err, -ENOMEM, "download claude");
	file_sweep(folder_fd, ".");
	return fetch_file(&request, &target, err);
}

/* Whether the file has the pinned digest. */
static int has_digest(const struct config *config, int folder_fd, bool *ret_has,
		      struct dv_error *err)
{
	DV_AUTO_CLOSE int fd =
		openat(folder_fd, PROGRAM, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char hex[DIGEST_HEX_BYTES];
	int r;

	if (fd < 0)
		return dv_fail(err, -errno, "open %s", PROGRAM);
	r = digest_sha256_fd(fd, hex, err);
	*ret_has = r == 0 && strcmp(hex, config->claude_sha256) == 0;
	return r;
}

static int put_record(const struct step_context *context, int folder_fd, struct dv_error *err)
{
	char text[RECORD_MAX_BYTES];
	struct file_spec spec = { .data = text, .mode = 0444, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	struct stat st;

	if (fstatat(folder_fd, PROGRAM, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return dv_fail(err, -errno, "look at %s", PROGRAM);
	write_record(text, context->config->claude_sha256, &st,
		     context->env->wall_usec(context->env));
	spec.n_bytes = strlen(text);
	return file_replace(folder_fd, RECORD, &spec, err);
}

/* Download where there is nothing to keep; the record comes last. */
static int make_whole(const struct step_context *context, enum cache_state state, int folder_fd,
		      struct dv_error *err)
{
	const struct config *config = context->config;
	bool is_good = false;
	int r = 0;

	if (state == CACHE_UNCHECKED)
		r = has_digest(config, folder_fd, &is_good, err);
	if (r == 0 && !is_good)
		r = download(config, folder_fd, err);
	return r == 0 ? put_record(context, folder_fd, err) : r;
}

int claude_cache_apply(struct step_context *context, struct dv_error *err)
{
	const struct env *env = context->env;
	const char *version = context->config->claude_version;
	enum cache_state state = CACHE_FINE;
	char folder[CLAUDE_PATH_BYTES];
	char target[CLAUDE_PATH_BYTES];
	DV_AUTO_CLOSE int folder_fd = -1;
	int r = look(context, &state, err);

	version_path(folder, version, "");
	if (r == 0)
		r = file_make_dirs(env->root_dirfd, folder, 0755, err);
	if (r < 0)
		return r;
	folder_fd = openat(env->root_dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return dv_fail(err, -errno, "open /%s", folder);
	if (state == CACHE_ABSENT || state == CACHE_UNCHECKED)
		r = make_whole(context, state, folder_fd, err);
	if (r == 0 && !is_current(env, version)) {
		(void)snprintf(target, sizeof(target), "versions/%s", version);
		r = file_link(env->root_dirfd, target, CURRENT, true, err);
	}
	return r;
}
