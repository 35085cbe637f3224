/* doctor_machine.c - checks of what belongs to the machine, and of everybody's steps. */
#include "ctl/doctor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ctl/cmd_pam.h"
#include "ctl/output.h"

#define FIX_BYTES 256

/* The words of online.h end with what to type, behind the last "; ". */
void doctor_check_helper(struct doctor *doctor)
{
	static const char fallback[] =
		"systemctl status devvm-helperd.socket devvm-helperd.service";
	const char *words = doctor->helper_trouble;
	const char *fix = NULL;
	size_t n_words = strlen(words);

	if (!*words)
		return;
	for (const char *at = strstr(words, "; "); at; at = strstr(at + 1, "; "))
		fix = at;
	if (fix)
		n_words = (size_t)(fix - words);
	doctor_add(doctor, DOCTOR_MACHINE, fix ? fix + 2 : fallback, "%.*s", (int)n_words, words);
}

void doctor_check_config(struct doctor *doctor)
{
	if (*doctor->config_trouble)
		doctor_add(doctor, DOCTOR_MACHINE,
			   "correct that line (devvmctl check-config); the last good one stays in "
			   "force for logins meanwhile, nothing is updated",
			   "%s", doctor->config_trouble);
	/* Whoever stands between could run what they like as everybody. */
	if (doctor->config.claude_source == CLAUDE_INSTALLER &&
	    str_starts_with(doctor->config.claude_installer, "http://") &&
	    !str_starts_with(doctor->config.claude_installer, "http://127.0.0.1"))
		doctor_add(doctor, DOCTOR_MACHINE,
			   "set claude.installer to an https:// URL in /etc/devvm/devvm.yaml",
			   "claude's installer is fetched over plain http");
}

void doctor_check_roster(struct doctor *doctor)
{
	const struct status_machine *machine = &doctor->status.machine;

	if (*doctor->helper_trouble)
		doctor_skip(doctor, "needs the helper");
	else if (!machine->is_known)
		doctor_skip(doctor, "is shown to root and admins");
	else if (strcmp(machine->roster, "ok") != 0)
		doctor_add(doctor, DOCTOR_MACHINE,
			   "correct that line; the last good roster stays in force meanwhile",
			   "the roster is refused: %s", machine->roster_error);
}

void doctor_check_pam(struct doctor *doctor)
{
	const struct pam_machine machine = { .env = doctor->env, .tool = PAM_UPDATE_TOOL };
	char what[ERROR_MAX_BYTES] = "";
	struct dv_error err = { "" };

	if (pam_find_trouble(&machine, what, &err) < 0)
		doctor_add(doctor, DOCTOR_MACHINE, "devvmctl pam status", "%s", err.text);
	else if (*what)
		doctor_add(doctor, DOCTOR_MACHINE, "sudo devvmctl pam enable", "%s", what);
}

/* ---- units ----------------------------------------------------------------------------- */

#define DEBIANS_TTYD "ttyd.service"

static const char *const UNITS[] = {
	"devvm-helperd.service", "devvm-helperd.socket", "devvm-pam.socket",   "devvm-idle.timer",
	"devvm-reconcile.timer", "devvm-machine.timer",	 "devvm-backup.timer", DEBIANS_TTYD,
	"devvm-update.timer",	 "devvm-drain.timer",	 "devvm-watch.timer",  "devvm-hold.service",
};

/* Of Debian's package, which enables it: a login prompt for everybody on the machine. Ours are ttyd@. */
static void judge_ttyd(struct doctor *doctor, const struct doctor_unit *unit)
{
	if (strcmp(unit->active, "active") == 0 || strcmp(unit->file, "enabled") == 0)
		doctor_add(doctor, DOCTOR_MACHINE, "sudo systemctl disable --now " DEBIANS_TTYD,
			   DEBIANS_TTYD " offers a login on a port of 127.0.0.1 to every local "
					"user, beside the web terminals of devvm");
}

static void judge_unit(struct doctor *doctor, const struct doctor_unit *unit)
{
	static const char *const enabled[] = { "enabled", "static", "indirect", "alias",
					       "generated" };
	char fix[FIX_BYTES];
	bool is_enabled = false;

	if (strcmp(unit->id, DEBIANS_TTYD) == 0) {
		judge_ttyd(doctor, unit);
		return;
	}
	for (size_t i = 0; i < DV_COUNT(enabled); i++)
		is_enabled = is_enabled || strcmp(unit->file, enabled[i]) == 0;
	(void)snprintf(fix, sizeof(fix), "sudo systemctl enable --now %s", unit->id);
	if (strcmp(unit->load, "not-found") == 0)
		doctor_add(doctor, DOCTOR_MACHINE, "install devvm again", "%s is not there",
			   unit->id);
	else if (strcmp(unit->load, "masked") == 0)
		doctor_add(doctor, DOCTOR_MACHINE, "sudo systemctl unmask it and enable it --now",
			   "%s is masked", unit->id);
	else if (!is_enabled)
		doctor_add(doctor, DOCTOR_MACHINE, fix, "%s is %s: it is gone after the next boot",
			   unit->id, *unit->file ? unit->file : "in no state");
	else if (strcmp(unit->active, "failed") == 0) {
		(void)snprintf(fix, sizeof(fix),
			       "journalctl -u %s says why; sudo systemctl restart %s", unit->id,
			       unit->id);
		doctor_add(doctor, DOCTOR_MACHINE, fix, "%s has failed", unit->id);
	} else if (strcmp(unit->active, "active") != 0 && strcmp(unit->active, "activating") != 0 &&
		   strcmp(unit->active, "reloading") != 0)
		doctor_add(doctor, DOCTOR_MACHINE, fix, "%s is %s", unit->id, unit->active);
}

static void take_property(struct doctor_unit *unit, const char *line)
{
	const struct {
		const char *name;
		char *value;
		size_t n_room;
	} properties[] = {
		{ "Id=", unit->id, sizeof(unit->id) },
		{ "LoadState=", unit->load, sizeof(unit->load) },
		{ "ActiveState=", unit->active, sizeof(unit->active) },
		{ "UnitFileState=", unit->file, sizeof(unit->file) },
	};

	for (size_t i = 0; i < DV_COUNT(properties); i++) {
		if (str_starts_with(line, properties[i].name))
			(void)snprintf(properties[i].value, properties[i].n_room, "%s",
				       line + strlen(properties[i].name));
	}
}

/* Blocks of properties with an empty line between. */
static void judge_units(struct doctor *doctor, char *output, doctor_unit_judge *judge)
{
	struct doctor_unit unit = { 0 };
	char *rest = output;
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		if (*line) {
			take_property(&unit, line);
			continue;
		}
		if (*unit.id)
			judge(doctor, &unit);
		unit = (struct doctor_unit){ 0 };
	}
}

void doctor_ask_units(struct doctor *doctor, const char *const *names, size_t n_names,
		      doctor_unit_judge *judge)
{
	const char *argv[4 + DOCTOR_MAX_UNITS] = {
		"systemctl", "show", "--property=Id,LoadState,ActiveState,UnitFileState"
	};
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	struct dv_error err = { "" };

	assert(n_names <= DOCTOR_MAX_UNITS);
	if (!result) {
		doctor->is_short = true;
		return;
	}
	for (size_t i = 0; i < n_names; i++)
		argv[3 + i] = names[i];
	if (doctor->run(doctor, argv, result, &err) < 0 || result->exit_status != 0)
		doctor_add(doctor, DOCTOR_MACHINE, "systemctl is-system-running",
			   "systemd does not tell about devvm's units%s%.80s",
			   *err.text ? ": " : "", err.text);
	else
		judge_units(doctor, result->output, judge);
}

void doctor_check_units(struct doctor *doctor)
{
	doctor_ask_units(doctor, UNITS, DV_COUNT(UNITS), judge_unit);
}

/* ---- steps ----------------------------------------------------------------------------- */

/* What runs steps again that are nobody's: the slow ones are a job of their own. A test holds
 * these names against the table of steps, which a program of people does not link. */
static const char *const MACHINE_STEPS[] = { "secrets",	     "protect",		  "tools",
					     "claude-cache", "playwright-server", "mirrors" };

static const char *machine_fix(const char *step)
{
	for (size_t i = 0; i < DV_COUNT(MACHINE_STEPS); i++) {
		if (strcmp(MACHINE_STEPS[i], step) == 0)
			return "sudo devvmctl machine";
	}
	return "sudo devvmctl reconcile";
}

/* `fix` NULL: of the machine, so it depends on the step. */
static void tell_failed(struct doctor *doctor, const char *who, const char *fix,
			const struct status_steps *steps)
{
	int64_t now_usec = doctor->env->wall_usec(doctor->env);

	for (size_t i = 0; i < steps->n_items; i++) {
		const struct status_step *step = &steps->items[i];
		char when[CLOCK_RELATIVE_BYTES] = "not tried again by itself";

		if (strcmp(step->status, "failed") != 0)
			continue;
		if (step->next_retry_usec > 0)
			clock_relative(step->next_retry_usec, now_usec, when);
		doctor_add(doctor, who, fix ? fix : machine_fix(step->name),
			   "%s failed: %s (tried %" PRId64 " time%s, %s%s)", step->name,
			   step->error, step->attempts, step->attempts == 1 ? "" : "s",
			   step->next_retry_usec > 0 ? "next try " : "", when);
	}
}

void doctor_check_steps(struct doctor *doctor)
{
	const struct status *status = &doctor->status;
	bool is_known = !doctor->user;

	if (*doctor->helper_trouble) {
		doctor_skip(doctor, "needs the helper");
		return;
	}
	tell_failed(doctor, DOCTOR_MACHINE, NULL, &status->machine.steps);
	for (size_t i = 0; i < status->n_people; i++) {
		const struct status_person *person = &status->people[i];
		char fix[FIX_BYTES];

		if (doctor->user && strcmp(doctor->user, person->user) != 0)
			continue;
		is_known = true;
		(void)snprintf(fix, sizeof(fix), "devvmctl ensure %s --wait", person->user);
		tell_failed(doctor, person->user, fix, &person->steps);
	}
	if (!is_known)
		doctor_add(doctor, doctor->user, "add them to the roster, or ask as root",
			   "is nobody of this machine's roster that you may see");
}

/* ---- the fence ------------------------------------------------------------------------- */

void doctor_check_nft(struct doctor *doctor)
{
	static const char *const argv[] = { "nft", "list", "table", "inet", "devvm", NULL };
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	struct dv_error err = { "" };

	if (!result)
		doctor->is_short = true;
	else if (doctor->run(doctor, argv, result, &err) < 0 || result->exit_status == 127)
		doctor_add(doctor, DOCTOR_MACHINE, "sudo apt install nftables",
			   "nftables is not there, so anybody here can connect to everybody's "
			   "ports");
	else if (result->exit_status != 0)
		doctor_add(doctor, DOCTOR_MACHINE, "sudo systemctl restart devvm-ports.service",
			   "the nftables table inet devvm is missing, so anybody here can connect "
			   "to everybody's ports");
}
