/* cmd_doctor.c - `devvmctl doctor [USER] [--json]`. */
#include "ctl/cmd_doctor.h"

#include <getopt.h>
#include <pwd.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/commands.h"
#include "ctl/online.h"

#define RUN_MS 10000
#define TOTAL_MS 30000

static int run_program(const struct doctor *doctor DV_UNUSED, const char *const *argv,
		       struct process_result *ret_result, struct dv_error *err)
{
	const struct process_spec spec = { .argv = argv, .deadline_ms = clock_deadline_ms(RUN_MS) };

	return process_run(&spec, ret_result, err);
}

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	return status_add(context, row, err);
}

/* What the helper knows, of all that the caller may see; why not, in one sentence. */
static void ask_helper(const struct ctl *ctl, struct doctor *doctor)
{
	const struct online_limits limits = { .total_ms = TOTAL_MS, .idle_ms = ONLINE_ANSWER_MS };
	DV_AUTO_FREE char *said = NULL;
	size_t n_bytes = 0;
	struct ctl quiet = *ctl;
	struct record_writer request;
	enum ctl_exit exit_status;

	quiet.messages = open_memstream(&said, &n_bytes);
	if (!quiet.messages) {
		doctor->is_short = true;
		return;
	}
	proto_begin_request(&request, PROTO_STATUS);
	exit_status = online_collect(&quiet, &request, &limits, on_row, &doctor->status);
	(void)fclose(quiet.messages);
	if (exit_status == CTL_OK || !said)
		return;
	said[strcspn(said, "\n")] = '\0';
	(void)snprintf(doctor->helper_trouble, sizeof(doctor->helper_trouble), "%s",
		       str_starts_with(said, "devvmctl: ") ? said + strlen("devvmctl: ") : said);
}

enum ctl_exit doctor_examine(const struct ctl *ctl, struct doctor *doctor, bool as_json)
{
	struct dv_error err = { "" };

	ask_helper(ctl, doctor);
	if (config_load(&doctor->config, doctor->env, &err) < 0)
		(void)snprintf(doctor->config_trouble, sizeof(doctor->config_trouble), "%s",
			       err.text);
	if (doctor_run(doctor) < 0 || (as_json && doctor_print_json(doctor, ctl->out) < 0)) {
		ctl_say(ctl, "out of memory");
		return CTL_FAILED;
	}
	if (!as_json)
		doctor_print(doctor, ctl->out, ctl->utf8);
	return doctor->n_findings == 0 ? CTL_OK : CTL_FAILED;
}

/* Who is looked at: the one named, else the caller, else (root) nobody in particular. */
static enum ctl_exit choose_person(const struct ctl *ctl, struct doctor *doctor, const char *user,
				   char **ret_name, char **ret_home)
{
	const struct passwd *person = *user		? getpwnam(user)
				      : doctor->is_root ? NULL
							: getpwuid(getuid());

	if (!person && (*user || !doctor->is_root)) {
		ctl_say(ctl,
			"there is no account %s here; devvmctl status %s says whether the "
			"roster has them",
			*user ? user : "of yours", user);
		return CTL_FAILED;
	}
	if (!person)
		return CTL_OK;
	*ret_name = strdup(person->pw_name);
	*ret_home = strdup(person->pw_dir);
	if (!*ret_name || !*ret_home)
		return CTL_FAILED;
	doctor->user = *ret_name;
	doctor->home = *ret_home;
	doctor->uid = person->pw_uid;
	doctor->gid = person->pw_gid;
	if (person->pw_uid == getuid())
		doctor->path = getenv("PATH");
	return CTL_OK;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_DOCTOR struct doctor doctor = { .env = &env,
						.is_root = geteuid() == 0,
						.run = run_program };
	DV_AUTO_FREE char *name = NULL;
	DV_AUTO_FREE char *home = NULL;
	struct dv_error err = { "" };
	enum ctl_exit exit_status;
	bool as_json = false;
	struct ctl ctl;
	const char *user;

	ctl_init(&ctl);
	user = ctl_flag_and_user(&ctl, argc, argv, ":", options, &as_json);
	if (!user)
		return CTL_USAGE;
	exit_status = choose_person(&ctl, &doctor, user, &name, &home);
	if (exit_status != CTL_OK)
		return (int)exit_status;
	if (env_init(&env, "/", &err) < 0) {
		ctl_say(&ctl, "%s", err.text);
		return CTL_FAILED;
	}
	return (int)doctor_examine(&ctl, &doctor, as_json);
}
