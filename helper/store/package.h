/* package.h - what an npm package and npm itself say, as far as we must know.
 *
 * Pure but for the readers of package.json. Everything comes from outside and is checked.
 */
#ifndef DEVVM_STORE_PACKAGE_H
#define DEVVM_STORE_PACKAGE_H

#include <stddef.h>

#include "store/store.h"

#define PACKAGE_NAME_MAX 214 /* npm's own limit */
#define PACKAGE_INTEGRITY_MAX 200
#define PACKAGE_PATH_BYTES 512

/* A name that npm takes: "t3", "@playwright/mcp". Safe as a path and on a command line. */
bool package_is_name(const char *text);

/* `version` of ROOT/node_modules/PACKAGE/package.json, where `root_fd` is ROOT. -EBADMSG
 * where there is none that is one. */
DV_MUST_CHECK int package_read_version(int root_fd, const char *package,
				       char ret_version[static STORE_VERSION_BYTES],
				       struct dv_error *err);
/* The file its `bin` names for the command `name` (or the only one it names), as a path
 * below ROOT, which is there. */
DV_MUST_CHECK int package_find_bin(int root_fd, const char *package, const char *name,
				   char ret_path[static PACKAGE_PATH_BYTES], struct dv_error *err);

/* `integrity` of PACKAGE in a package-lock.json (lockfileVersion 2 or 3). */
DV_MUST_CHECK int package_parse_lock(const char *text, size_t n_bytes, const char *package,
				     char ret_integrity[static PACKAGE_INTEGRITY_MAX + 1],
				     struct dv_error *err);
/* What `npm view PACKAGE@V dist.integrity --json` prints: a JSON text. */
DV_MUST_CHECK int package_parse_integrity(const char *text,
					  char ret_integrity[static PACKAGE_INTEGRITY_MAX + 1],
					  struct dv_error *err);
/* The version of `tag` in what `npm view PACKAGE dist-tags --json` prints; -ENOENT with the
 * tags there are. */
DV_MUST_CHECK int package_parse_tags(const char *text, const char *tag,
				     char ret_version[static STORE_VERSION_BYTES],
				     struct dv_error *err);

/* Of all that npm printed, the one line that says why it failed, without its "npm error". */
void package_npm_sentence(const char *output, char *ret_sentence, size_t n_bytes);

/* What a stage leaves beside node_modules, and a version keeps: devvm.json. */
#define PACKAGE_MANIFEST "devvm.json"
struct package_manifest {
	char package[PACKAGE_NAME_MAX + 1];
	char version[STORE_VERSION_BYTES];
	char integrity[PACKAGE_INTEGRITY_MAX + 1];
};
DV_MUST_CHECK int package_read_manifest(int root_fd, struct package_manifest *ret_manifest,
					struct dv_error *err);
DV_MUST_CHECK int package_write_manifest(int root_fd, const struct package_manifest *manifest,
					 struct dv_error *err);

#endif
