/* due.c - see due.h. */
#include "steps/due.h"

#include <string.h>

#include "steps/steps.h"

static const struct steps_log_row *find_row(const struct steps_log *log, const char *step)
{
	for (size_t i = 0; i < log->n_rows; i++) {
		if (strcmp(log->rows[i].step, step) == 0)
			return &log->rows[i];
	}
	return NULL;
}

static bool row_is_due(const struct steps_log_row *row, const struct people_row *person,
		       const struct config *config, int64_t now_usec)
{
	int64_t refresh_usec = (int64_t)config->home_refresh_minutes * 60 * 1000000;

	if (!row || row->generation != person->generation)
		return true;
	switch (row->status) {
	case STEPS_LOG_OK:
		return now_usec - row->updated_usec >= refresh_usec;
	case STEPS_LOG_FAILED:
		return now_usec >= row->next_retry_usec;
	case STEPS_LOG_UNSET:
		return true;
	}
	return true;
}

bool due_home(const struct people_row *person, const struct steps_log *log,
	      const struct config *config, int64_t now_usec)
{
	if (person->state != PEOPLE_PRESENT)
		return false;
	for (const struct step *step = step_next(STEP_HOME, NULL); step;
	     step = step_next(STEP_HOME, step)) {
		if (row_is_due(find_row(log, step->name), person, config, now_usec))
			return true;
	}
	return false;
}
