/* config_good.c - see config_good.h. */
#include "config/config_good.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/yaml.h"

int config_good_keep(const struct env *env, struct dv_error *err)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec = { .mode = 0644, .uid = getuid(), .gid = getgid() };
	struct stat st = { 0 };
	bool matches = false;
	int r = file_read(env->root_dirfd, CONFIG_PATH, YAML_MAX_BYTES, &text, &spec.n_bytes, &st,
			  err);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		/* Nobody may read in the copy what they may not in the file. */
		spec.mode &= st.st_mode;
		spec.gid = st.st_gid;
	}
	spec.data = text ? text : "";
	r = config_parse(&config, "/" CONFIG_PATH, spec.data, spec.n_bytes, err);
	if (r == 0)
		r = file_matches(env->root_dirfd, CONFIG_GOOD_PATH, &spec, &matches, err);
	if (r < 0 || matches)
		return r;
	return file_replace(env->root_dirfd, CONFIG_GOOD_PATH, &spec, err);
}

int config_load_or_good(struct config *config, const struct env *env, struct dv_error *ret_why,
			struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	struct dv_error bad = { "" };
	size_t n_bytes = 0;
	int loaded = config_load(config, env, &bad);
	int r;

	*ret_why = (struct dv_error){ "" };
	if (loaded == 0)
		return 0;
	r = file_read(env->root_dirfd, CONFIG_GOOD_PATH, YAML_MAX_BYTES, &text, &n_bytes, NULL,
		      NULL);
	if (r == 0)
		r = config_parse(config, "/" CONFIG_GOOD_PATH, text, n_bytes, NULL);
	if (r < 0)
		return dv_refuse(err, loaded, "%s", bad.text);
	(void)dv_refuse(ret_why, loaded, "%s; the last good settings stay in force", bad.text);
	return 0;
}

int config_load_or_defaults(struct config *config, const struct env *env, struct dv_error *ret_why,
			    struct dv_error *err)
{
	struct dv_error bad = { "" };
	int r = config_load_or_good(config, env, ret_why, &bad);

	if (r == 0)
		return 0;
	(void)dv_refuse(ret_why, r, "%s; the defaults are used", bad.text);
	return config_init(config, err);
}
