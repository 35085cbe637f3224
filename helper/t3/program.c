/* program.c - see program.h. */
#include "t3/program.h"

#include <stdio.h>

#include "store/package.h"
#include "store/store.h"

int t3_program_of(const struct env *env, const struct config *config, const char *version,
		  char **ret_program, struct dv_error *err)
{
	struct package_manifest manifest = { 0 };
	char bin[PACKAGE_PATH_BYTES];
	DV_AUTO_CLOSE int fd = -1;
	bool has_manifest;
	char *program;
	int r;

	fd = store_open(env, T3_ITEM, version, err);
	if (fd < 0)
		return fd;
	/* What was staged says which package it is: devvm.yaml may name another by now. */
	has_manifest = package_read_manifest(fd, &manifest, NULL) == 0;
	r = package_find_bin(fd, has_manifest ? manifest.package : config->t3_package, "t3", bin,
			     err);
	if (r < 0)
		return dv_prefix(err, r, "t3 %s", version);
	if (asprintf(&program, "/" STORE_FOLDER "/" T3_ITEM "/versions/%s/%s", version, bin) < 0)
		return dv_fail(err, -ENOMEM, "find t3");
	*ret_program = program;
	return 0;
}
