/* log.c - see log.h. The journal is written through sd_journal_sendv(3), so that
 * a field holds what it holds: no text of a message can forge another field. */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#define MAX_FIELDS 7
#define LINE_MAX_BYTES 1024

static const char *log_identifier = "devvm";
static int log_max_priority = LOG_INFO;
static bool log_to_journal;

/* systemd.exec(5), $JOURNAL_STREAM: "device:inode" of what the service manager connected
 * to the journal. A program further down may have inherited it with its stderr in a file. */
static bool is_stderr_the_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char ours[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, ours) == 0;
}

void log_init(const char *identifier, int max_priority)
{
	log_identifier = identifier;
	log_max_priority = max_priority;
	log_to_journal = is_stderr_the_journal();
}

struct field_list {
	char texts[MAX_FIELDS][LINE_MAX_BYTES + 64];
	struct iovec vectors[MAX_FIELDS];
	int n;
};

static void add_field(struct field_list *list, const char *name, const char *value)
{
	int n;

	if (!value || list->n == MAX_FIELDS)
		return;
	n = snprintf(list->texts[list->n], sizeof(list->texts[0]), "%s=%s", name, value);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(list->texts[0]))
		n = (int)sizeof(list->texts[0]) - 1;
	list->vectors[list->n].iov_base = list->texts[list->n];
	list->vectors[list->n].iov_len = (size_t)n;
	list->n++;
}

void log_write(int priority, const struct log_fields *fields, const char *format, ...)
{
	struct field_list list = { .n = 0 };
	char line[LINE_MAX_BYTES];
	char digit[2] = { (char)('0' + (priority & 7)), '\0' };
	va_list args;

	if (priority > log_max_priority)
		return;
	va_start(args, format);
	(void)vsnprintf(line, sizeof(line), format, args); /* a cut line is still a line */
	va_end(args);
	for (char *c = line; *c; c++) {
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	if (!log_to_journal) {
		(void)fprintf(stderr, "%s: %s\n", log_identifier, line);
		return;
	}
	add_field(&list, "MESSAGE", line);
	add_field(&list, "PRIORITY", digit);
	add_field(&list, "SYSLOG_IDENTIFIER", log_identifier);
	if (fields) {
		add_field(&list, "DEVVM_USER", fields->user);
		add_field(&list, "DEVVM_STEP", fields->step);
		add_field(&list, "DEVVM_RUN", fields->run);
		add_field(&list, "MESSAGE_ID", fields->message_id);
	}
	if (sd_journal_sendv(list.vectors, list.n) < 0)
		(void)fprintf(stderr, "<%d>%s\n", priority, line);
}
