/* fuzz_answer.c - any bytes as what a person's server answers, in pieces of a size that the first byte says: refused
 * in one line, or an answer whose body is inside of what came. Corpus: corpus/answer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dispatch/answer.h"
#include "t3/pairing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void insist(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	struct answer answer = { 0 };
	struct dv_error err = { "" };
	size_t n_piece, n = 0;
	char *bytes;
	int r = 0;

	if (n_bytes == 0)
		return 0;
	n_piece = (size_t)*data + 1;
	data++;
	n_bytes--;
	bytes = malloc(n_bytes + 1);
	insist(bytes);
	while (r == 0 && n < n_bytes) {
		size_t n_more = n_piece < n_bytes - n ? n_piece : n_bytes - n;

		memcpy(bytes + n, data + n, n_more);
		n += n_more;
		r = answer_read(&answer, bytes, n, false, &err);
	}
	if (r == 0)
		r = answer_read(&answer, bytes, n, true, &err);
	insist(r == 1 || r == -EBADMSG);
	if (r < 0) {
		insist(*err.text && !str_has_control(err.text));
	} else {
		insist(answer.at_body <= n && answer.n_body <= n - answer.at_body);
		(void)t3_read_session(bytes + answer.at_body, answer.n_body);
	}
	free(bytes);
	return 0;
}
