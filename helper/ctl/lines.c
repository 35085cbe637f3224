/* lines.c - see lines.h. */
#include "ctl/lines.h"

#include "base/str.h"
#include "ctl/output.h"

void lines_print(const struct ctl *ctl, char mark, const struct record *progress)
{
	const char *user = record_get(progress, "user");
	const char *step = record_get(progress, "step");
	const char *text = record_get(progress, "text");
	DV_AUTO_FREE char *clean = output_clean(text ? text : "", ctl->utf8);
	bool has_text = clean && *clean;

	(void)fprintf(ctl->out, "%c %s %s%s%s\n", mark, user && *user ? user : "machine",
		      step ? step : "-", has_text ? ": " : "", has_text ? clean : "");
}

void lines_print_failed(const struct ctl *ctl, const struct record *progress,
			void *context DV_UNUSED)
{
	if (str_equal(record_get(progress, "status"), "failed"))
		lines_print(ctl, '!', progress);
}
