/* restore_version.c - the t3 that somebody gets with a copy. See restore.h. */
#include "base/log.h"
#include "job/restore.h"
#include "ledger/origin.h"
#include "move/look.h"
#include "store/store.h"
#include "t3/program.h"

/* Of their database as it is: the caller holds their lock. What cannot be looked at may be of any level. */
static int64_t present_level(const struct restore *run)
{
	struct look look = { 0 };
	struct dv_error err = { "" };

	if (look_run(&run->env, run->row.name, 0, &look, &err) == 0)
		return look.has_database ? look.level : ORIGIN_NO_LEVEL;
	log_warning("restore: the database of %s cannot be looked at: %s", run->row.name, err.text);
	return ORIGIN_NO_LEVEL;
}

static int refuse_absent(const struct restore *run, const struct origin *origin,
			 struct dv_error *err)
{
	return dv_refuse(err, -ENOENT,
			 "the copy %s is of t3 %s, which is not on this machine any more: devvmctl "
			 "install t3 %s brings it; with --force they keep t3 %s, which migrates it",
			 run->row.id, origin->version, origin->version, origin->own);
}

static int refuse_bad(const struct restore *run, const struct origin *origin, struct dv_error *err)
{
	return dv_refuse(err, -EPERM,
			 "the copy %s is of t3 %s, which is known to be bad: take another one of "
			 "devvmctl backups %s, or say --force",
			 run->row.id, origin->version, run->row.name);
}

int restore_choose_version(struct restore *run, bool *ret_leads_back, struct dv_error *err)
{
	const char *stuck = run->row.version;
	struct origin origin = { 0 };
	int64_t level = ORIGIN_NO_LEVEL;
	bool is_here;
	int r = origin_find(run->ledger, run->row.name, run->row.id, *stuck ? stuck : run->own,
			    &origin, err);

	if (r < 0)
		return r;
	/* What is there was not made by a version that they were only to get. */
	if (origin_asks_level(&origin) && str_equal(origin.own, run->own))
		level = present_level(run);
	*ret_leads_back = origin_leads_back(&origin, level);
	if (!*ret_leads_back)
		return 0;
	is_here = store_has(&run->env, T3_ITEM, origin.version);
	if (!is_here && !run->is_forced)
		return refuse_absent(run, &origin, err);
	if (origin.is_bad && !run->is_forced)
		return refuse_bad(run, &origin, err);
	*ret_leads_back = is_here;
	if (is_here)
		(void)snprintf(run->row.version, sizeof(run->row.version), "%s", origin.version);
	return 0;
}

int restore_find_own(struct restore *run, struct dv_error *err)
{
	return store_get_pointer(&run->env, T3_ITEM, run->row.name, run->own, err);
}

void restore_name_version(const struct restore *run, const char *before,
			  char ret_text[static RESTORE_VERSION_TEXT_BYTES])
{
	const char *version = *run->row.version ? run->row.version : run->own;

	(void)snprintf(ret_text, RESTORE_VERSION_TEXT_BYTES, "%s%s", *version ? before : "",
		       version);
}
