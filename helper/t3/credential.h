/* credential.h - what t3 says of a credential it made. */
#ifndef DEVVM_T3_CREDENTIAL_H
#define DEVVM_T3_CREDENTIAL_H

#include "base/error.h"

struct t3_credential {
	char text[512];
	char expires[64]; /* "" where it does not say */
};

/* From the output of `t3 auth pairing create --json`: one JSON object, perhaps with words around it.
 * -EBADMSG with a sentence that quotes nothing of it. */
DV_MUST_CHECK int t3_parse_credential(const char *output, struct t3_credential *ret_credential,
				      struct dv_error *err);

#endif
