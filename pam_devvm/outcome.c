/* outcome.c - see outcome.h. */
#include "outcome.h"

#include <security/pam_ext.h>
#include <syslog.h>

#define NO_LOG OUTCOME_NO_LOG

/* WARNING where the next login may well do better by itself, ERR where a person has
 * to look: another version, an impostor, files that are not as we write them. */
/* clang-format off */
static const struct outcome_row OUTCOME_ROWS[OUTCOME_N] = {
	[OUTCOME_UNSET] = { PAM_IGNORE, LOG_ERR, "no outcome (a fault in pam_devvm)", NULL },

	[OUTCOME_SKIPPED] = { PAM_IGNORE, NO_LOG, "not a session to look after", NULL },
	[OUTCOME_NOT_A_PERSON] = { PAM_IGNORE, NO_LOG, "not the account of a person", NULL },
	[OUTCOME_NOT_OURS] = { PAM_IGNORE, NO_LOG, "not on the roster", NULL },
	[OUTCOME_TICKET] = { PAM_SUCCESS, NO_LOG, "environment set from the ticket", NULL },
	[OUTCOME_READY] = { PAM_SUCCESS, NO_LOG, "prepared by the helper, environment set", NULL },
	[OUTCOME_REPEATED] = { PAM_IGNORE, NO_LOG, "asked once already in this session", NULL },
	[OUTCOME_BAD_TICKET] = { PAM_IGNORE, LOG_ERR, "the ticket is not believed", NULL },
	[OUTCOME_NO_TICKET] = { PAM_IGNORE, LOG_ERR,
		"the helper said ready and left no good ticket; session opened without it", NULL },
	[OUTCOME_ABSENT] = { PAM_IGNORE, LOG_WARNING,
		"the helper is not there; session opened without it", NULL },
	[OUTCOME_TIMEOUT] = { PAM_IGNORE, LOG_WARNING,
		"the helper was too slow; session opened without it",
		"This machine is still preparing your environment, so parts of it may be missing "
		"here. They will be there when you log in again." },
	[OUTCOME_CLOSED] = { PAM_IGNORE, LOG_WARNING,
		"the helper hung up; session opened without it", NULL },
	[OUTCOME_IMPOSTOR] = { PAM_IGNORE, LOG_ERR,
		"the helper's place is taken; session opened without it", NULL },
	[OUTCOME_REFUSED] = { PAM_IGNORE, LOG_WARNING,
		"the helper refused; session opened without it", NULL },
	[OUTCOME_VERSION] = { PAM_IGNORE, LOG_ERR,
		"the helper is of another version; session opened without it", NULL },
	[OUTCOME_MALFORMED] = { PAM_IGNORE, LOG_ERR,
		"the helper's answer makes no sense; session opened without it", NULL },
	[OUTCOME_FAILED] = { PAM_IGNORE, LOG_WARNING,
		"the helper could not be asked; session opened without it", NULL },

	[OUTCOME_ALLOWED] = { PAM_IGNORE, NO_LOG, "not denied", NULL },
	[OUTCOME_DENIED] = { PAM_PERM_DENIED, LOG_NOTICE, "access denied", NULL },
	[OUTCOME_BAD_DENIAL] = { PAM_IGNORE, LOG_ERR, "a denial is not believed", NULL },
};
/* clang-format on */

const struct outcome_row *outcome_row_of(enum outcome outcome)
{
	return &OUTCOME_ROWS[outcome];
}

void outcome_log(pam_handle_t *pamh, enum outcome outcome, bool debug, const char *user,
		 const struct dv_error *err)
{
	const struct outcome_row *row = &OUTCOME_ROWS[outcome];
	int priority = row->priority;

	if (priority == OUTCOME_NO_LOG) {
		if (!debug)
			return;
		priority = LOG_DEBUG;
	}
	pam_syslog(pamh, priority, "%s: %s%s%s", user, row->sentence, err->text[0] ? ": " : "",
		   err->text);
}
