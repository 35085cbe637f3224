/* update_end.c - see update_end.h. */
#include "ctl/update_end.h"

#include "ctl/follow.h"
#include "update/outcome.h"

int update_tell(const struct ctl *ctl, const struct follow_result *result)
{
	const struct update_outcome_row *row;

	if (result->end != FOLLOW_DONE || !*result->outcome) {
		if (result->end == FOLLOW_DONE)
			(void)fprintf(ctl->out, "%s\n", result->text);
		return (int)follow_explain(ctl, result);
	}
	row = update_outcome_row(update_outcome_of(result->outcome));
	if (row->exit_status == CTL_OK)
		(void)fprintf(ctl->out, "%s\n", result->text);
	else
		ctl_say(ctl, "update: %s: %s", row->name, result->text);
	return row->exit_status;
}
