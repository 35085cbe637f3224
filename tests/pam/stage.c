/* stage.c - see stage.h. */
#include "stage.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "wire/paths.h"

static char module_path[PATH_MAX];

void stage_fail(const char *format, ...)
{
	va_list args;

	(void)fprintf(stderr, "the stage broke: ");
	va_start(args, format);
	(void)vfprintf(stderr, format, args);
	va_end(args);
	(void)fprintf(stderr, ": %s\n", strerror(errno));
	exit(2);
}

static void make_folder(const char *path, mode_t mode)
{
	if (mkdir(path, mode) < 0 && errno != EEXIST)
		stage_fail("mkdir %s", path);
	if (chmod(path, mode) < 0)
		stage_fail("chmod %s", path);
}

static void mount_tmpfs(const char *path)
{
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		stage_fail("mount a tmpfs on %s", path);
}

static void bind(const char *from, const char *to)
{
	if (mount(from, to, NULL, MS_BIND | MS_REC, NULL) < 0)
		stage_fail("bind %s to %s", from, to);
}

static void become_root_of_a_user_namespace(void)
{
	char uid_map[32], gid_map[32];

	(void)snprintf(uid_map, sizeof(uid_map), "0 %u 1", geteuid());
	(void)snprintf(gid_map, sizeof(gid_map), "0 %u 1", getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		stage_fail("no user namespace to be had; run the tests as root");
	stage_write_text("/proc/self/setgroups", 0, "deny");
	stage_write_text("/proc/self/uid_map", 0, uid_map);
	stage_write_text("/proc/self/gid_map", 0, gid_map);
}

/* dpkg's and pam's folders stay visible in the new /var/lib: pam-auth-update reads them. */
static void replace_var_lib(void)
{
	static const char *const kept[] = { "dpkg", "pam" };
	char from[64], to[64];

	for (size_t i = 0; i < DV_COUNT(kept); i++) {
		(void)snprintf(from, sizeof(from), "/var/lib/%s", kept[i]);
		(void)snprintf(to, sizeof(to), STAGE "/%s", kept[i]);
		make_folder(to, 0755);
		if (access(from, F_OK) == 0)
			bind(from, to);
	}
	mount_tmpfs("/var/lib");
	for (size_t i = 0; i < DV_COUNT(kept); i++) {
		(void)snprintf(from, sizeof(from), STAGE "/%s", kept[i]);
		(void)snprintf(to, sizeof(to), "/var/lib/%s", kept[i]);
		make_folder(to, 0755);
		bind(from, to);
	}
}

static void replace_file(const char *name, const char *text)
{
	char from[64], to[64];

	(void)snprintf(from, sizeof(from), STAGE "/%s", name);
	(void)snprintf(to, sizeof(to), "/etc/%s", name);
	stage_write_text(from, 0644, text);
	bind(from, to);
}

void stage_enter(void)
{
	if (geteuid() != 0)
		become_root_of_a_user_namespace();
	if (unshare(CLONE_NEWNS) < 0)
		stage_fail("no mount namespace to be had");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		stage_fail("make the mounts private");
	mount_tmpfs("/run");
	make_folder(STAGE, 0755);
	make_folder(STAGE_CONFDIR, 0755);
	replace_var_lib();
	/* No other name service and no cache of one: what passwd says is what there is. */
	replace_file("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\n");
	replace_file("passwd", "root:x:0:0::/root:/bin/sh\n");
	replace_file("shadow", "root:*:19000:0:99999:7:::\n");
	make_folder("/run/devvm", 0755);
	make_folder("/var/lib/devvm", 0755);
	stage_service("other", "auth required pam_deny.so\naccount required pam_deny.so\n"
			       "session required pam_deny.so\npassword required pam_deny.so\n");
}

bool stage_has_other_uids(void)
{
	stage_write_text(STAGE "/uid-probe", 0600, "");
	return chown(STAGE "/uid-probe", STAGE_OTHER_UID, (gid_t)-1) == 0;
}

static void renew(const char *path)
{
	/* EINVAL: not mounted yet. */
	if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL)
		stage_fail("umount %s", path);
	mount_tmpfs(path);
}

void stage_reset(void)
{
	renew("/run/devvm");
	renew("/var/lib/devvm");
	make_folder(PATH_TICKETS, 0700);
	make_folder(PATH_DENIED, 0755);
}

void stage_accounts(int n_people, bool with_ann)
{
	DV_AUTO_FCLOSE FILE *file = fopen(STAGE "/passwd", "we");

	if (!file)
		stage_fail("open the passwd of the stage");
	(void)fprintf(file, "root:x:0:0::/root:/bin/sh\nlow:x:999:999::/run:/bin/sh\n"
			    "high:x:60001:60001::/run:/bin/sh\n");
	for (int i = 1; i < n_people; i++)
		(void)fprintf(file, "p%05d:x:%d:1000::/run:/bin/sh\n", i, 1000 + i);
	/* Last, so that finding her costs the whole file. */
	if (with_ann)
		(void)fprintf(file, "ann:x:1000:1000::/run:/bin/sh\n");
	if (fflush(file) != 0)
		stage_fail("write the passwd of the stage");
}

void stage_write(const char *path, mode_t mode, const void *bytes, size_t n_bytes)
{
	DV_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, bytes, n_bytes) != (ssize_t)n_bytes)
		stage_fail("write %s", path);
	if (mode && fchmod(fd, mode) < 0)
		stage_fail("chmod %s", path);
}

void stage_write_text(const char *path, mode_t mode, const char *text)
{
	stage_write(path, mode, text, strlen(text));
}

void stage_service(const char *name, const char *text)
{
	const char *rest = text;
	const char *hole;
	char path[PATH_MAX];
	DV_AUTO_FCLOSE FILE *file = NULL;

	(void)snprintf(path, sizeof(path), STAGE_CONFDIR "/%s", name);
	file = fopen(path, "we");
	if (!file)
		stage_fail("open %s", path);
	for (; (hole = strstr(rest, "%s")); rest = hole + 2)
		(void)fprintf(file, "%.*s%s", (int)(hole - rest), rest, module_path);
	(void)fprintf(file, "%s", rest);
	if (fflush(file) != 0)
		stage_fail("write %s", path);
}

void stage_set_module(const char *path)
{
	if (!realpath(path, module_path))
		stage_fail("find the module %s", path);
}

const char *stage_module(void)
{
	return module_path;
}
