/* cmd_wait.c - `devvmctl wait [USER] [--progress] [--timeout S]`.
 *
 * With --progress it runs in everybody's login, between the profile and the first
 * prompt. So: nothing under way means no output and one round trip; no helper, a silent
 * one or one that does not know the person means no output and exit 0; a key ends it.
 * What comes with the end of it is for the person: an update that waits for them.
 */
#include "ctl/cmd_wait.h"

#include <getopt.h>
#include <pwd.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/follow.h"
#include "ctl/lines.h"
#include "ctl/output.h"

enum ctl_exit wait_run(const struct ctl *ctl, const char *user, uint64_t timeout_s)
{
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.total_ms = (int64_t)timeout_s * 1000,
		.on_progress = lines_print_failed,
	};

	proto_begin_request(&request, PROTO_WAIT);
	record_add(&request, "user", user);
	follow_run(ctl, &spec, &result);
	return follow_explain(ctl, &result);
}

/* What the helper has to say to whoever logs in. */
static void print_notice(const struct ctl *ctl, const char *text)
{
	DV_AUTO_FREE char *clean = output_clean(text, ctl->utf8);

	if (*text && clean)
		(void)fprintf(ctl->messages, "%s\n", clean);
}

enum ctl_exit wait_run_progress(const struct ctl *ctl, const char *user, uint64_t timeout_s)
{
	bool has_terminal = ctl->bar_fd >= 0;
	struct record_writer request;
	struct follow_result result;
	const struct follow_spec spec = {
		.request = &request,
		.first_ms = WAIT_FIRST_MS,
		.total_ms = (int64_t)timeout_s * 1000,
		.has_bar = true,
		.words = "waiting for its turn",
		.keys_end_it = true,
		.hint = "(Ctrl-C: go on)",
		.on_progress = has_terminal ? lines_print_failed : NULL,
	};

	proto_begin_request(&request, PROTO_WAIT);
	record_add(&request, "user", user);
	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE && has_terminal)
		print_notice(ctl, result.text);
	if (!result.was_under_way || result.end == FOLLOW_BROKEN)
		return CTL_OK;
	if (result.end == FOLLOW_LATE) {
		if (has_terminal)
			ctl_say(ctl,
				"your home is still being prepared; devvmctl status %s shows "
				"how far it is",
				user);
		return CTL_OK;
	}
	if (!has_terminal && result.end == FOLLOW_REFUSED)
		return CTL_FAILED;
	return follow_explain(ctl, &result);
}

int cmd_wait(int argc, char **argv)
{
	static const struct option options[] = {
		{ "progress", no_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 't' },
		{ 0 },
	};
	const struct passwd *me;
	bool has_progress = false;
	uint64_t timeout_s = 0;
	const char *user;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		if (option == 'p')
			has_progress = true;
		if (option == 't' && ctl_seconds(&ctl, optarg, &timeout_s) < 0)
			return CTL_USAGE;
	}
	user = ctl_user_word(&ctl, argc, argv, "");
	if (!user)
		return CTL_USAGE;
	if (!*user) {
		me = getpwuid(getuid());
		user = me ? me->pw_name : "";
	}
	/* A name we would not have given to anybody has nothing under way. */
	if (!str_is_user_name(user) && has_progress)
		return CTL_OK;
	if (!str_is_user_name(user)) {
		ctl_say(&ctl, "wait: whose preparation? There is no name for uid %u",
			(unsigned int)getuid());
		return CTL_USAGE;
	}
	if (has_progress)
		return (int)wait_run_progress(&ctl, user,
					      timeout_s ? timeout_s : WAIT_PROGRESS_TIMEOUT_S);
	return (int)wait_run(&ctl, user, timeout_s ? timeout_s : WAIT_TIMEOUT_S);
}
