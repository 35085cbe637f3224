/* cmd_update_person.c - see cmd_update_person.h. */
#include "ctl/cmd_update_person.h"

#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "ctl/follow.h"
#include "ctl/update_end.h"
#include "update/freeze.h"

int update_now_run(const struct ctl *ctl, const char *user)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.total_ms = UPDATE_TOTAL_MS,
		.has_bar = true,
		.words = "moving to the current t3",
	};

	proto_begin_request(&request, PROTO_UPDATE_NOW);
	record_add(&request, "user", user);
	follow_run(ctl, &spec, &result);
	return update_tell(ctl, &result);
}

int update_not_before_run(const struct ctl *ctl, const char *user, int64_t until_usec)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = { .request = &request, .total_ms = ONLINE_ANSWER_MS };

	proto_begin_request(&request, PROTO_NOT_BEFORE);
	record_add(&request, "user", user);
	record_add_int(&request, "until", until_usec);
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE)
		(void)fprintf(ctl->out, "%s\n", result.text);
	return (int)follow_explain(ctl, &result);
}

int update_person(const struct ctl *ctl, int argc, char **argv, const char *not_before)
{
	const struct passwd *me;
	struct dv_error err = { "" };
	int64_t until_usec = 0;
	const char *user = ctl_user_word(ctl, argc, argv, "");

	if (!user)
		return CTL_USAGE;
	if (!*user) {
		me = getuid() == 0 ? NULL : getpwuid(getuid());
		user = me ? me->pw_name : "";
	}
	if (!str_is_user_name(user)) {
		ctl_say(ctl, "update: whose t3? Name them: devvmctl update %s USER",
			not_before ? "--not-before TIME" : "--now");
		return CTL_USAGE;
	}
	if (!not_before)
		return update_now_run(ctl, user);
	if (strcmp(not_before, "now") != 0 &&
	    freeze_parse_until(not_before, clock_wall_usec(), &until_usec, &err) < 0) {
		ctl_say(ctl, "update: %s; now lifts it", err.text);
		return CTL_USAGE;
	}
	return update_not_before_run(ctl, user, until_usec);
}
