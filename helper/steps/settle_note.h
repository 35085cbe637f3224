/* settle_note.h - what the step `settle` is to do, in the ledger until it is done; and when it last looked. */
#ifndef DEVVM_STEPS_SETTLE_NOTE_H
#define DEVVM_STEPS_SETTLE_NOTE_H

#include "steps/steps.h"

enum settle_note {
	SETTLE_PEOPLE = 1 << 0, /* units of a person: a new one is read when it is started */
	SETTLE_RELOAD = 1 << 1, /* files of units that may be loaded */
	SETTLE_RETRY = 1 << 2,	/* a unit that could not be started or stopped */
};

/* Before the first change of a file; the ledger is written once per run. */
DV_MUST_CHECK int settle_note(struct reconcile_view *view, enum settle_note note,
			      struct dv_error *err);

/* At the end of a reconcile: whether the job is to run. Renews a note of this run, so that
 * a job that is under way looks again. */
DV_MUST_CHECK int settle_is_due(struct reconcile_view *view, bool *ret_due, struct dv_error *err);

/* Whether our units are installed at all. */
bool settle_has_units(struct reconcile_view *view);

/* The note as it is written, for settle_replace_note(); NULL: none. Caller frees. */
DV_MUST_CHECK int settle_get_note(struct reconcile_view *view, char **ret_note,
				  struct dv_error *err);
/* Its enum settle_note bits. */
unsigned int settle_bits(const char *note);
/* Put `bits` (0: nothing) in the place of the note `known`. Whoever noted something since
 * then wants another round: `*ret_again`, and it stays. */
DV_MUST_CHECK int settle_replace_note(struct reconcile_view *view, const char *known,
				      unsigned int bits, bool *ret_again, struct dv_error *err);

/* Whether the last comparison is so old that a stopped socket may have gone unseen. */
bool settle_look_is_due(const struct env *env);
/* It was now: by the clock of `env`, like all that it is held against. */
DV_MUST_CHECK int settle_note_look(const struct env *env, struct dv_error *err);

#endif
