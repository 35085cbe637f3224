/* facts.c - what only the owner of a home may look at.
 *
 * Has it a claude login of its own? claude keeps one in ~/.claude/.credentials.json. The
 * answer goes to the helper with the report; nothing is ever changed here. Links are
 * followed: it is the person's own process and their own login, wherever they keep it.
 */
#include "steps/facts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/work.h"

#define CREDENTIALS ".claude/.credentials.json"

int facts_look(const struct home_work *work, enum people_login *ret_login, struct dv_error *err)
{
	struct stat st;

	if (fstatat(work->home_fd, CREDENTIALS, &st, 0) == 0) {
		*ret_login = S_ISREG(st.st_mode) && st.st_size > 0 ? PEOPLE_LOGIN_OWN
								   : PEOPLE_LOGIN_NONE;
		return 0;
	}
	if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
		return dv_fail(err, -errno, "look at ~/%s", CREDENTIALS);
	*ret_login = PEOPLE_LOGIN_NONE;
	return 0;
}

int facts_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES] DV_UNUSED, struct dv_error *err)
{
	enum people_login login = PEOPLE_LOGIN_UNKNOWN;

	*ret_verdict = STEP_FINE;
	return facts_look(context->home, &login, err);
}

int facts_apply(struct step_context *context DV_UNUSED, struct dv_error *err DV_UNUSED)
{
	return 0;
}
