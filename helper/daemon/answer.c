/* answer.c - see answer.h. */
#include "daemon/answer.h"

#include <stdarg.h>

void *answer_new(size_t n_bytes, const struct answer_ops *ops, struct daemon *daemon,
		 const char *user)
{
	struct answer *answer = calloc(1, n_bytes);

	if (!answer)
		return NULL;
	answer->ops = ops;
	answer->daemon = daemon;
	(void)snprintf(answer->user, sizeof(answer->user), "%s", user ? user : "");
	return answer;
}

void answer_free(struct answer *answer)
{
	if (!answer)
		return;
	if (answer->ops->release)
		answer->ops->release(answer);
	free(answer);
}

void answer_write_done(struct record_writer *writer, const char *outcome, const char *text)
{
	record_begin(writer, proto_row_of(PROTO_DONE)->name);
	record_add(writer, "outcome", outcome);
	record_add_text(writer, "text", text);
}

void answer_write_error(struct record_writer *writer, const char *code, const char *format, ...)
{
	char text[RECORD_TEXT_MAX + 1];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* a cut sentence is still one */
	va_end(args);
	record_begin(writer, proto_row_of(PROTO_ERROR)->name);
	record_add(writer, "code", code);
	record_add_text(writer, "text", text);
}

void answer_write_progress(struct record_writer *writer, const struct answer_progress *progress)
{
	record_begin(writer, proto_row_of(PROTO_PROGRESS)->name);
	record_add(writer, "user", progress->user);
	record_add(writer, "step", progress->step);
	record_add(writer, "status", progress->status);
	record_add_text(writer, "text", progress->text);
	if (progress->n)
		record_add_int(writer, "n", progress->n);
	if (progress->of)
		record_add_int(writer, "of", progress->of);
}
