/* secrets.c - see secrets.h. */
#include "secrets/secrets.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include "base/digest.h"

#define GROUP_FOLDER_MODE 02770

void secrets_describe(const struct config *config, const struct config_secret *row,
		      char ret_text[static SECRETS_SOURCE_BYTES])
{
	switch ((enum config_secret_source)row->source) {
	case CONFIG_SECRET_FILE:
		(void)snprintf(ret_text, SECRETS_SOURCE_BYTES, "file %s", row->from);
		return;
	case CONFIG_SECRET_VAULT:
		(void)snprintf(ret_text, SECRETS_SOURCE_BYTES, "vault %s/%s#%s",
			       config->vault_mount, row->from, row->field);
		return;
	case CONFIG_SECRET_CREDENTIAL:
		(void)snprintf(ret_text, SECRETS_SOURCE_BYTES, "credential %s", row->from);
		return;
	case CONFIG_SECRET_NONE:
		(void)snprintf(ret_text, SECRETS_SOURCE_BYTES, "none");
		return;
	}
}

void secrets_found_done(struct secrets_found *found)
{
	secret_done(&found->value);
}

static int get_file(const struct vault *vault, const char *path, struct secrets_found *found,
		    struct dv_error *err)
{
	char hex[DIGEST_HEX_BYTES];
	int r = secret_read(vault->env->root_dirfd, path, SECRETS_MAX_BYTES, &found->value, err);

	if (r == 0)
		r = digest_sha256(found->value.text, found->value.n_bytes, hex, err);
	if (r == 0)
		(void)snprintf(found->version, sizeof(found->version), "sha256:%s", hex);
	return r;
}

static int get_credential(const struct vault *vault, const char *name, const char *credentials,
			  struct secrets_found *found, struct dv_error *err)
{
	DV_AUTO_FREE char *path = NULL;

	if (!credentials || credentials[0] != '/')
		return dv_refuse(err, -ENOENT,
				 "systemd gives no credentials: add LoadCredential=%s:PATH to "
				 "devvm-machine.service (systemctl edit)",
				 name);
	if (asprintf(&path, "%s/%s", credentials + 1, name) < 0) {
		path = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "read the credential %s", name);
	}
	return get_file(vault, path, found, err);
}

static int get_vault(struct vault *vault, const struct config_secret *row,
		     struct secrets_found *found, struct dv_error *err)
{
	uint64_t version = 0;
	int r = vault_read(vault, row->from, row->field, &found->value, &version, err);

	if (r == 0)
		(void)snprintf(found->version, sizeof(found->version), "%" PRIu64, version);
	return r;
}

static int check_value(const struct secret *value, struct dv_error *err)
{
	if (value->n_bytes > SECRETS_MAX_BYTES)
		return dv_refuse(err, -EFBIG, "the value is larger than the %d bytes allowed",
				 SECRETS_MAX_BYTES);
	if (value->n_bytes == 0 || strspn(value->text, " \t\r\n") == value->n_bytes)
		return dv_refuse(err, -ENODATA, "the value is empty");
	return 0;
}

int secrets_get(struct vault *vault, const struct config_secret *row, const char *credentials,
		struct secrets_found *ret_found, struct dv_error *err)
{
	DV_AUTO_SECRETS_FOUND struct secrets_found found = { 0 };
	int r = -EINVAL;

	switch ((enum config_secret_source)row->source) {
	case CONFIG_SECRET_FILE:
		r = get_file(vault, row->from + 1, &found, err);
		break;
	case CONFIG_SECRET_VAULT:
		r = get_vault(vault, row, &found, err);
		break;
	case CONFIG_SECRET_CREDENTIAL:
		r = get_credential(vault, row->from, credentials, &found, err);
		break;
	case CONFIG_SECRET_NONE:
		return dv_refuse(err, -EINVAL, "%s has no source", row->head.name);
	}
	if (r == 0)
		r = check_value(&found.value, err);
	if (r < 0)
		return r;
	*ret_found = found;
	found = (struct secrets_found){ 0 }; /* handed over */
	return 0;
}

bool secrets_has_risen(const struct config_secret *row, const char *known, const char *now)
{
	uint64_t before = 0, after = 0;

	if (!known)
		return true;
	if (row->source != CONFIG_SECRET_VAULT)
		return strcmp(known, now) != 0;
	if (str_to_uint(known, UINT64_MAX, &before) < 0 || str_to_uint(now, UINT64_MAX, &after) < 0)
		return true; /* it came from another kind of source before */
	return after > before;
}

int secrets_when_staged(const struct env *env, const struct config_secret *row, int64_t *ret_usec,
			struct dv_error *err)
{
	struct stat st;

	if (fstatat(env->root_dirfd, row->path + 1, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			return dv_fail(err, -errno, "look at %s", row->path);
		*ret_usec = 0;
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EEXIST, "%s is no plain file; move it away", row->path);
	/* 1970 is as good as any other year for a file without a time. */
	*ret_usec = st.st_mtim.tv_sec > 0 ? (int64_t)st.st_mtim.tv_sec * 1000000 : 1;
	return 0;
}

static int find_owner(const struct config_secret *row, struct file_spec *spec, struct dv_error *err)
{
	const struct passwd *owner = strcmp(row->owner, "root") == 0 ? NULL : getpwnam(row->owner);
	const struct group *group = strcmp(row->group, "root") == 0 ? NULL : getgrnam(row->group);

	if (!owner && strcmp(row->owner, "root") != 0)
		return dv_refuse(err, -ENOENT, "there is no user %s", row->owner);
	if (!group && strcmp(row->group, "root") != 0)
		return dv_refuse(err, -ENOENT,
				 "there is no group %s; systemd-sysusers makes those of devvm",
				 row->group);
	/* Who is not root is a test, in a folder of its own. */
	spec->uid = owner ? owner->pw_uid : geteuid() == 0 ? 0 : (uid_t)-1;
	spec->gid = group ? group->gr_gid : geteuid() == 0 ? 0 : (gid_t)-1;
	return 0;
}

/* Only a folder that is made here gets a mode and a group. */
static int make_folder(const struct env *env, const struct config_secret *row, gid_t gid,
		       struct dv_error *err)
{
	DV_AUTO_FREE char *folder = strdup(row->path + 1);
	bool is_shared = strcmp(row->group, "root") != 0 && row->mode & 0070;
	struct stat st;
	int r;

	if (!folder)
		return dv_fail(err, -ENOMEM, "stage %s", row->head.name);
	if (!strchr(folder, '/'))
		return 0;
	*strrchr(folder, '/') = '\0';
	if (fstatat(env->root_dirfd, folder, &st, 0) == 0)
		return 0;
	r = file_make_dirs(env->root_dirfd, folder, is_shared ? 0700 : 0755, err);
	if (r < 0 || !is_shared)
		return r;
	if (fchownat(env->root_dirfd, folder, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(env->root_dirfd, folder, GROUP_FOLDER_MODE, 0) < 0)
		return dv_fail(err, -errno, "give /%s to the group %s", folder, row->group);
	return 0;
}

int secrets_stage(const struct env *env, const struct config_secret *row,
		  const struct secret *value, struct dv_error *err)
{
	struct file_spec spec = { .data = value->text,
				  .n_bytes = value->n_bytes,
				  .mode = row->mode };
	int r = find_owner(row, &spec, err);

	if (r == 0)
		r = make_folder(env, row, spec.gid, err);
	return r < 0 ? r : file_replace(env->root_dirfd, row->path + 1, &spec, err);
}
