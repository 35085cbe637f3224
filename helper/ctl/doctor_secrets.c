/* doctor_secrets.c - secrets that everybody on the machine can read.
 *
 * Two ways to find one: what devvm.yaml says is a secret, wherever it is staged; and whatever lies in
 * folders that are devvm's own and is not known to be for everybody. A folder that others cannot enter
 * is not looked into: nothing in it is open. Homes are not looked at.
 */
#include "ctl/doctor.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FIX_BYTES 512
#define PATH_BYTES 384
#define MAX_DEPTH 8
#define ENTER 0001
#define READ_OR_WRITE 0006

/* Below the root. `open` are names that are for everybody, space-separated. */
static const struct {
	const char *folder;
	const char *open;
} OURS[] = {
	{ "etc/t3-serve", "dispatch.json nginx-people.conf door.json" },
	{ "etc/devvm/secrets", "" },
	{ "var/lib/devvm", "denied hold devvm.yaml.good" },
	{ "var/backups/t3-state", "" },
	{ "opt/codex-shared", "" },
	{ "run/devvm/tickets", "" },
	{ "run/devvm/locks", "" },
};

static bool is_open_name(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = strstr(names, name); at; at = strstr(at + 1, name)) {
		if ((at == names || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	}
	return false;
}

static void judge(struct doctor *doctor, const char *path, const struct stat *st)
{
	char fix[FIX_BYTES];

	if (!S_ISREG(st->st_mode) || (st->st_mode & READ_OR_WRITE) == 0)
		return;
	(void)snprintf(fix, sizeof(fix), "sudo chmod o-rwx /%s", path);
	doctor_add(doctor, DOCTOR_MACHINE, fix, "/%s is open to everybody (mode %04o)", path,
		   (unsigned int)(st->st_mode & 07777));
}

/* `path` is an open folder of ours; `open` holds only for its own entries. */
static void walk(struct doctor *doctor, const char *path, const char *open, unsigned int depth)
{
	int fd = openat(doctor->env->root_dirfd, path,
			O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		dv_closep(&fd); /* not there, or not for the caller and so not for everybody */
		return;
	}
	while ((entry = readdir(dir))) {
		char below[PATH_BYTES];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    is_open_name(open, entry->d_name) ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (size_t)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >=
			    sizeof(below))
			continue;
		judge(doctor, below, &st);
		if (S_ISDIR(st.st_mode) && (st.st_mode & ENTER) && depth < MAX_DEPTH)
			walk(doctor, below, "", depth + 1);
	}
	(void)closedir(dir);
}

static bool is_below_ours(const char *path)
{
	for (size_t i = 0; i < DV_COUNT(OURS); i++) {
		if (str_starts_with(path, OURS[i].folder) && path[strlen(OURS[i].folder)] == '/')
			return true;
	}
	return false;
}

/* A file that devvm.yaml names; NULL: it names none. */
static void judge_named(struct doctor *doctor, const char *path)
{
	struct stat st;

	if (path && !is_below_ours(path + 1) &&
	    fstatat(doctor->env->root_dirfd, path + 1, &st, AT_SYMLINK_NOFOLLOW) == 0)
		judge(doctor, path + 1, &st);
}

void doctor_check_secrets(struct doctor *doctor)
{
	const struct config *config = &doctor->config;

	for (size_t i = 0; i < DV_COUNT(OURS); i++) {
		struct stat st;

		if (fstatat(doctor->env->root_dirfd, OURS[i].folder, &st, AT_SYMLINK_NOFOLLOW) ==
			    0 &&
		    S_ISDIR(st.st_mode) && (st.st_mode & ENTER))
			walk(doctor, OURS[i].folder, OURS[i].open, 0);
	}
	for (size_t i = 0; i < config->secrets.n_rows; i++) {
		const struct config_secret *secret = &config->secrets.rows[i];

		judge_named(doctor, secret->path);
		if (secret->source == CONFIG_SECRET_FILE)
			judge_named(doctor, secret->from);
	}
	judge_named(doctor, config->vault_token_file);
	judge_named(doctor, config->vault_role_id_file);
	judge_named(doctor, config->vault_secret_id_file);
}
