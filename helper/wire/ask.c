/* ask.c - see ask.h. */
#include "wire/ask.h"

#include <string.h>

#include "wire/client.h"

int ask_helper(const char *path, const struct record_writer *writer, int64_t deadline_ms,
	       ask_on_record on_record, void *context, struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = client_connect(path, deadline_ms, err);
	struct record record;
	int r = fd < 0 ? fd : client_send(fd, writer, deadline_ms, err);

	while (r == 0) {
		const char *text;

		r = client_receive(fd, &record, deadline_ms, err);
		if (r < 0 || strcmp(record.verb, "done") == 0)
			break;
		if (strcmp(record.verb, "error") != 0) {
			r = on_record(context, &record, err);
			continue;
		}
		text = record_get(&record, "text");
		r = dv_refuse(err, -EREMOTEIO, "%s", text ? text : "devvm-helperd refused");
	}
	explicit_bzero(&record, sizeof(record));
	return r;
}
