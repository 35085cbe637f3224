/* settle_note.c - see settle_note.h. */
#include "steps/settle_note.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "ledger/people.h"
#include "steps/instance_units.h"
#include "steps/paths.h"
#include "steps/view.h"

#define META "units-pending" /* "BITS USEC" */
#define META_BYTES 48
/* Its time is that of the last comparison; gone after a boot. */
#define LOOKED_FILE "run/devvm/settled"
#define LOOK_EVERY_USEC (55 * 60 * INT64_C(1000000))

unsigned int settle_bits(const char *note)
{
	return note ? (unsigned int)strtoul(note, NULL, 10) : 0;
}

static int write_note(struct reconcile_view *view, unsigned int bits, struct dv_error *err)
{
	char text[META_BYTES];

	/* The time makes each note another one. */
	(void)snprintf(text, sizeof(text), "%u %" PRId64, bits, view->env->wall_usec(view->env));
	return ledger_set_meta(view->ledger, META, text, err);
}

bool settle_has_units(struct reconcile_view *view)
{
	char path[STEPS_PATH_BYTES];

	(void)snprintf(path, sizeof(path), STEPS_VENDOR_UNITS_FOLDER "/%s%s",
		       INSTANCE_UNITS[0].prefix, INSTANCE_UNITS[0].suffix);
	return faccessat(view->env->root_dirfd, path, F_OK, 0) == 0;
}

int settle_note(struct reconcile_view *view, enum settle_note note, struct dv_error *err)
{
	DV_AUTO_FREE char *before = NULL;
	int r;

	if ((view->settle_noted & note) || !settle_has_units(view))
		return 0;
	r = ledger_get_meta(view->ledger, META, &before, err);
	if (r == 0)
		r = write_note(view, settle_bits(before) | note, err);
	if (r == 0)
		view->settle_noted |= note;
	return r;
}

bool settle_look_is_due(const struct env *env)
{
	struct stat st;
	int64_t age_usec;

	if (fstatat(env->root_dirfd, LOOKED_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	age_usec = env->wall_usec(env) - (int64_t)st.st_mtim.tv_sec * 1000000;
	return age_usec < 0 || age_usec > LOOK_EVERY_USEC;
}

int settle_is_due(struct reconcile_view *view, bool *ret_due, struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people uncut = { 0 };
	DV_AUTO_FREE char *note = NULL;
	int r = ledger_get_meta(view->ledger, META, &note, err);

	if (r == 0 && note && view->settle_noted)
		r = write_note(view, settle_bits(note), err);
	if (r == 0)
		r = people_list_uncut(view->ledger, &uncut, err);
	if (r < 0)
		return r;
	*ret_due = uncut.n_rows > 0 ||
		   (settle_has_units(view) && (note || settle_look_is_due(view->env)));
	return 0;
}

int settle_get_note(struct reconcile_view *view, char **ret_note, struct dv_error *err)
{
	return ledger_get_meta(view->ledger, META, ret_note, err);
}

int settle_replace_note(struct reconcile_view *view, const char *known, unsigned int bits,
			bool *ret_again, struct dv_error *err)
{
	DV_AUTO_FREE char *note = NULL;
	int r = ledger_begin(view->ledger, err);

	if (r == 0)
		r = ledger_get_meta(view->ledger, META, &note, err);
	*ret_again = !str_equal(note, known);
	if (r == 0 && !*ret_again)
		r = bits ? write_note(view, bits, err)
			 : ledger_set_meta(view->ledger, META, NULL, err);
	if (r == 0)
		r = ledger_commit(view->ledger, err);
	if (r < 0)
		ledger_rollback(view->ledger);
	return r;
}

int settle_note_look(const struct env *env, struct dv_error *err)
{
	const struct timespec now = { .tv_sec = env->wall_usec(env) / 1000000 };
	const struct timespec times[] = { now, now };
	int r = file_replace(env->root_dirfd, LOOKED_FILE,
			     &(struct file_spec){
				     .data = "", .mode = 0644, .uid = getuid(), .gid = getgid() },
			     err);

	if (r == 0 && utimensat(env->root_dirfd, LOOKED_FILE, times, AT_SYMLINK_NOFOLLOW) < 0)
		r = dv_fail(err, -errno, "set the time of /%s", LOOKED_FILE);
	return r;
}
