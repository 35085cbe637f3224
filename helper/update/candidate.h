/* candidate.h - what the registry says of the version that an update would take.
 *
 * devvm-job resolve, which has no rights, asks npm and leaves a file of JSON; root reads it and
 * believes nothing of it: lengths, kinds and words are held against what they may be here, and
 * whether the version is wanted is for the rules (rules.h). Pure but for the file's reader.
 */
#ifndef DEVVM_UPDATE_CANDIDATE_H
#define DEVVM_UPDATE_CANDIDATE_H

#include <stdint.h>

#include "store/package.h"

#define CANDIDATE_FILE "candidate.json"
#define CANDIDATE_REASON_MAX 200

struct candidate {
	char version[STORE_VERSION_BYTES];
	char integrity[PACKAGE_INTEGRITY_MAX + 1]; /* "" where the registry names none */
	char deprecated[CANDIDATE_REASON_MAX + 1]; /* the publisher's words; "" where it is not */
	bool has_bin;				   /* it names a program */
	int64_t published_usec;			   /* 0 where the registry does not say */
};

/* From what `npm view PACKAGE@V version dist.integrity deprecated bin time[V] --json` prints.
 * -EBADMSG where that is not about one version. */
DV_MUST_CHECK int candidate_parse(const char *text, struct candidate *ret_candidate,
				  struct dv_error *err);

DV_MUST_CHECK int candidate_write(int folder_fd, const struct candidate *candidate,
				  struct dv_error *err);
/* From CANDIDATE_FILE in a folder that somebody else may write to. */
DV_MUST_CHECK int candidate_read(int folder_fd, struct candidate *ret_candidate,
				 struct dv_error *err);

#endif
