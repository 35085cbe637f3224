/* answer.c - see answer.h. */
#include "dispatch/answer.h"

#include <string.h>
#include <strings.h>

#define MAX_CHUNK_LINE 64
#define MAX_LENGTH ((size_t)1 << 30) /* the buffer has a bound of its own */

/* ---- its head ------------------------------------------------------------------------- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; 1xx is asked for by nobody. */
static int read_status(struct answer *answer, const char *line, size_t n, struct dv_error *err)
{
	if (n < 12 || (memcmp(line, "HTTP/1.1 ", 9) != 0 && memcmp(line, "HTTP/1.0 ", 9) != 0) ||
	    line[9] < '2' || line[9] > '9' || !is_digit(line[10]) || !is_digit(line[11]) ||
	    (n > 12 && line[12] != ' '))
		return dv_refuse(err, -EBADMSG, "its server answered with what is no HTTP");
	answer->status =
		(unsigned int)((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
	answer->keeps = line[7] == '1';
	return 0;
}

static int read_length(struct answer *answer, const char *value, size_t n, struct dv_error *err)
{
	size_t length = 0;

	if (answer->has_length || n == 0 || n > 9)
		return dv_refuse(err, -EBADMSG, "its server answered with no clear length");
	for (size_t i = 0; i < n; i++) {
		if (!is_digit(value[i]))
			return dv_refuse(err, -EBADMSG, "its server answered with no clear length");
		length = length * 10 + (size_t)(value[i] - '0');
	}
	answer->has_length = true;
	answer->n_length = length;
	return 0;
}

static bool is_word(const char *bytes, size_t n, const char *word)
{
	return n == strlen(word) && strncasecmp(bytes, word, n) == 0;
}

static int read_header(struct answer *answer, const char *line, size_t n, struct dv_error *err)
{
	const char *colon = memchr(line, ':', n), *value, *end = line + n;
	size_t n_name;

	if (!colon || colon == line || *line == ' ' || *line == '\t' || memchr(line, '\0', n))
		return dv_refuse(err, -EBADMSG,
				 "its server answered with a line that is no header");
	n_name = (size_t)(colon - line);
	for (value = colon + 1; value < end && (*value == ' ' || *value == '\t');)
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	n = (size_t)(end - value);
	if (is_word(line, n_name, "Content-Length"))
		return read_length(answer, value, n, err);
	if (is_word(line, n_name, "Transfer-Encoding")) {
		if (answer->is_chunked || !is_word(value, n, "chunked"))
			return dv_refuse(err, -EBADMSG, "its server answered in an unknown coding");
		answer->is_chunked = true;
	} else if (is_word(line, n_name, "Connection") && !is_word(value, n, "keep-alive")) {
		answer->keeps = false;
	}
	return 0;
}

static int read_head(struct answer *answer, const char *bytes, struct dv_error *err)
{
	const char *at = bytes, *end = bytes + answer->n_head - 2; /* before the empty line */
	int r = 0;

	while (r == 0 && at < end) {
		const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
		size_t n = (size_t)((line_end ? line_end : end) - at);

		r = at == bytes ? read_status(answer, at, n, err) : read_header(answer, at, n, err);
		at += n + 2;
	}
	if (r == 0 && answer->has_length && answer->is_chunked)
		r = dv_refuse(err, -EBADMSG, "its server answered with two lengths");
	if (answer->status == 204 || answer->status == 304) {
		answer->has_length = true;
		answer->n_length = 0;
		answer->is_chunked = false;
	}
	answer->at_body = answer->at_chunk = answer->n_head;
	return r;
}

/* 1: it is whole. */
static int find_head(struct answer *answer, const char *bytes, size_t n_bytes, struct dv_error *err)
{
	const char *end = memmem(bytes + answer->n_seen, n_bytes - answer->n_seen, "\r\n\r\n", 4);
	int r;

	if (!end) {
		answer->n_seen = n_bytes > 3 ? n_bytes - 3 : 0;
		return 0;
	}
	answer->n_head = (size_t)(end - bytes) + 4;
	r = read_head(answer, bytes, err);
	return r < 0 ? r : 1;
}

/* ---- its body ------------------------------------------------------------------------- */

static int hex_of(char c)
{
	return is_digit(c)	      ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int end_with(struct answer *answer, size_t n_used, size_t n_bytes)
{
	answer->keeps = answer->keeps && n_used == n_bytes;
	return 1;
}

/* 1: there is a whole line, of `*ret_n` bytes with its end, that says `*ret_size`. */
static int read_chunk_line(const char *at, size_t n_left, size_t *ret_n, size_t *ret_size,
			   struct dv_error *err)
{
	const char *end = memmem(at, n_left < MAX_CHUNK_LINE ? n_left : MAX_CHUNK_LINE, "\r\n", 2);
	const char *c = at;
	size_t size = 0;

	if (!end)
		return n_left < MAX_CHUNK_LINE
			       ? 0
			       : dv_refuse(err, -EBADMSG, "its server answered in bad chunks");
	for (; c < end && hex_of(*c) >= 0 && size <= MAX_LENGTH; c++)
		size = size * 16 + (size_t)hex_of(*c);
	if (c == at || size > MAX_LENGTH || (c < end && *c != ';'))
		return dv_refuse(err, -EBADMSG, "its server answered in bad chunks");
	*ret_n = (size_t)(end - at) + 2;
	*ret_size = size;
	return 1;
}

static int read_chunks(struct answer *answer, char *bytes, size_t n_bytes, struct dv_error *err)
{
	for (;;) {
		char *at = bytes + answer->at_chunk;
		size_t n_left = n_bytes - answer->at_chunk, n_line = 0, size = 0;
		int r = read_chunk_line(at, n_left, &n_line, &size, err);

		if (r <= 0)
			return r;
		if (n_left < n_line + size + 2)
			return 0;
		/* Behind the last there may be more headers, and nobody sends them here. */
		if (memcmp(at + n_line + size, "\r\n", 2) != 0)
			return dv_refuse(err, -EBADMSG, "its server answered in bad chunks");
		answer->at_chunk += n_line + size + 2;
		if (size == 0)
			return end_with(answer, answer->at_chunk, n_bytes);
		memmove(bytes + answer->at_body + answer->n_body, at + n_line, size);
		answer->n_body += size;
	}
}

static int read_body(struct answer *answer, char *bytes, size_t n_bytes, bool is_end,
		     struct dv_error *err)
{
	size_t n_there = n_bytes - answer->n_head;

	if (answer->is_chunked)
		return read_chunks(answer, bytes, n_bytes, err);
	if (!answer->has_length) {
		answer->keeps = false;
		answer->n_body = n_there;
		return is_end;
	}
	if (n_there < answer->n_length)
		return 0;
	answer->n_body = answer->n_length;
	return end_with(answer, answer->n_head + answer->n_length, n_bytes);
}

int answer_read(struct answer *answer, char *bytes, size_t n_bytes, bool is_end,
		struct dv_error *err)
{
	int r = answer->n_head ? 1 : find_head(answer, bytes, n_bytes, err);

	if (r == 1)
		r = read_body(answer, bytes, n_bytes, is_end, err);
	if (r == 0 && is_end)
		return dv_refuse(err, -EBADMSG, "its server ended before its answer did");
	if (r == 1 && is_end)
		answer->keeps = false;
	return r;
}
