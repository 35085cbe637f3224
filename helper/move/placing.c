/* placing.c - see placing.h. */
#include "move/placing.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "move/systemctl.h"

#define HANDOVER "run/devvm/restore"
#define PATH_BYTES (64 + STR_USER_NAME_MAX + BACKUPS_ID_BYTES)
#define TEXT_BYTES 256
#define STOP_MS 60000
#define PLACE_MS (25 * 3600 * INT64_C(1000)) /* the unit has a limit of its own */

static void aside_name(const struct placing *placing, char ret_name[static PLACING_ASIDE_BYTES])
{
	(void)snprintf(ret_name, PLACING_ASIDE_BYTES, "aside-%s-%" PRId64,
		       *placing->id ? placing->id : "none", placing->began_usec / 1000000);
}

void placing_aside(const struct placing *placing, char ret_aside[static PLACING_ASIDE_BYTES])
{
	char name[PLACING_ASIDE_BYTES];

	aside_name(placing, name);
	(void)snprintf(ret_aside, PLACING_ASIDE_BYTES, "~/.t3/userdata/%.48s", name);
}

static int find_digest(const struct placing *placing, char ret_sha256[static DIGEST_HEX_BYTES],
		       struct dv_error *err)
{
	DV_AUTO_BACKUPS struct backups backups = { 0 };
	int r = backups_list(placing->ledger, placing->user, &backups, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < backups.n_rows; i++) {
		const struct backups_row *row = &backups.rows[i];

		if (strcmp(row->id, placing->id) != 0 || !row->is_ok || !row->sha256)
			continue;
		(void)snprintf(ret_sha256, DIGEST_HEX_BYTES, "%s", row->sha256);
		return 0;
	}
	return dv_refuse(err, -ENOENT, "%s has no copy %s: devvmctl backups %s lists them",
			 placing->user, placing->id, placing->user);
}

int placing_check(const struct placing *placing, char ret_sha256[static DIGEST_HEX_BYTES],
		  struct dv_error *err)
{
	char path[BACKUPS_PATH_BYTES], wanted[DIGEST_HEX_BYTES], sha256[DIGEST_HEX_BYTES];
	DV_AUTO_CLOSE int fd = -1;
	int r = find_digest(placing, wanted, err);

	if (r < 0)
		return r;
	backups_path(placing->user, placing->id, path);
	fd = openat(placing->env->root_dirfd, path, FILE_READ_FLAGS);
	if (fd < 0)
		return dv_fail(err, -errno, "open /%s", path);
	r = digest_sha256_fd(fd, sha256, err);
	if (r == 0 && strcmp(sha256, wanted) != 0)
		r = dv_refuse(err, -EBADMSG,
			      "/%s is damaged: it is not what was backed up. Nothing was touched; "
			      "take another of devvmctl backups %s",
			      path, placing->user);
	if (r == 0)
		memcpy(ret_sha256, sha256, DIGEST_HEX_BYTES);
	return r;
}

/* systemd opens what the link leads to, as root, and their process gets the descriptor. */
static int hand_over(const struct placing *placing, const char *sha256, struct dv_error *err)
{
	char copy[BACKUPS_PATH_BYTES], link[PATH_BYTES], words[PATH_BYTES];
	char target[BACKUPS_PATH_BYTES + 1];
	char aside[PLACING_ASIDE_BYTES], text[TEXT_BYTES];
	int root_fd = placing->env->root_dirfd;
	int r = file_make_dirs(root_fd, HANDOVER, 0700, err);

	backups_path(placing->user, placing->id, copy);
	aside_name(placing, aside);
	(void)snprintf(target, sizeof(target), "/%s", *placing->id ? copy : "dev/null");
	(void)snprintf(link, sizeof(link), HANDOVER "/%s", placing->user);
	(void)snprintf(words, sizeof(words), HANDOVER "/%s.env", placing->user);
	(void)snprintf(text, sizeof(text), "DEVVM_ASIDE=%s\nDEVVM_SHA256=%s\n", aside, sha256);
	if (r == 0)
		r = file_link(root_fd, target, link, true, err);
	if (r == 0)
		r = file_replace(root_fd, words,
				 &(struct file_spec){ .data = text,
						      .n_bytes = strlen(text),
						      .mode = 0600,
						      .uid = geteuid(),
						      .gid = (gid_t)-1 },
				 err);
	return r;
}

int placing_run(const struct placing *placing, struct dv_error *err)
{
	char sha256[DIGEST_HEX_BYTES] = "none";
	int r = *placing->id ? placing_check(placing, sha256, err) : 0;

	if (r == 0)
		r = systemctl_run("stop", "t3-serve@", placing->user, STOP_MS, err);
	/* What else reads the database of theirs. */
	if (r == 0)
		r = systemctl_run("stop", "devvm-mint@", placing->user, STOP_MS, err);
	/* One that is left of a killed job may put another copy there. */
	if (r == 0)
		r = systemctl_run("stop", "devvm-restore-place@", placing->user, STOP_MS, err);
	if (r == 0)
		r = hand_over(placing, sha256, err);
	return r < 0 ? r
		     : systemctl_run("start", "devvm-restore-place@", placing->user, PLACE_MS, err);
}
