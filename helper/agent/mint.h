/* mint.h - devvm-agent mint: what t3 says of a credential it made. */
#ifndef DEVVM_AGENT_MINT_H
#define DEVVM_AGENT_MINT_H

#include "base/error.h"

struct mint_credential {
	char text[512];
	char expires[64]; /* "" where it does not say */
};

/* From the output of `t3 auth pairing create --json`: one JSON object, perhaps with words around it.
 * -EBADMSG with a sentence that quotes nothing of it. */
DV_MUST_CHECK int mint_parse(const char *output, struct mint_credential *ret_credential,
			     struct dv_error *err);

#endif
