/* resolving.c - see resolving.h. */
#include "steps/resolving.h"

#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "steps/unit_run.h"

#define PATH_BYTES 160

static void path_of(char ret_path[static PATH_BYTES], const struct stage_item *item,
		    const char *want, const char *below)
{
	(void)snprintf(ret_path, PATH_BYTES, STAGE_RESOLVE_FOLDER "/%s-%s%s", item->name, want,
		       below);
}

int resolving_take(const struct env *env, const struct stage_item *item, const char *want,
		   struct candidate *ret_candidate, struct dv_error *err)
{
	struct candidate candidate = { 0 };
	DV_AUTO_CLOSE int fd = -1;
	char path[PATH_BYTES];
	int r;

	path_of(path, item, want, "");
	fd = file_open_beneath(env->root_dirfd, path, O_RDONLY | O_DIRECTORY, 0, err);
	if (fd < 0)
		return fd;
	r = candidate_read(fd, &candidate, err);
	if (r < 0)
		return r;
	if (!stage_is_tag(want) && strcmp(want, candidate.version) != 0)
		return dv_refuse(err, -EBADMSG, "%s was asked for and the answer is about %s", want,
				 candidate.version);
	*ret_candidate = candidate;
	return 0;
}

int resolving_run(const struct env *env, const struct stage_item *item, const char *want,
		  struct candidate *ret_candidate, struct dv_error *err)
{
	char unit[UNIT_RUN_BYTES], path[PATH_BYTES], what[PATH_BYTES];
	int r;

	if (!stage_is_want(want))
		return dv_refuse(err, -EINVAL, "that is no version or tag of %s", item->name);
	(void)snprintf(unit, sizeof(unit), "devvm-resolve@%s-%s.service", item->name, want);
	(void)snprintf(what, sizeof(what), "ask for %s %s", item->name, want);
	path_of(path, item, want, "/" STAGE_ERROR);
	r = unit_run(env, unit, path, what, clock_deadline_ms(RESOLVING_DEADLINE_MS), err);
	if (r == 0)
		r = resolving_take(env, item, want, ret_candidate, err);
	unit_run_clean(unit);
	return r;
}
