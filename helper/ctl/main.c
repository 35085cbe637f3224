/* main.c - devvmctl: the table of its commands.
 *
 * Needs no sudo: what somebody may ask is decided by the helper, from who they are
 * (docs/PROTOCOL.md). check-config, derive and validate work on files alone.
 */
#include <stdio.h>
#include <string.h>

#include "ctl/cmd_offline.h"
#include "ctl/commands.h"
#include "ctl/ctl.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *words; /* of the usage line */
	const char *help;
};

static const struct command COMMANDS[] = {
	{ "status", cmd_status, "[USER] [--json]",
	  "who is there, and what is not as it should be" },
	{ "ensure", cmd_ensure, "USER [--wait] [--timeout S]", "have a person prepared now" },
	{ "wait", cmd_wait, "[USER] [--progress] [--timeout S]",
	  "wait until a person's preparation has ended" },
	{ "reconcile", cmd_reconcile, "[USER] [--dry-run [--json]] | --allow-mass-leave",
	  "make the machine what the roster says" },
	{ "machine", cmd_machine, "[--packages]",
	  "install and update the machine's own programs now" },
	{ "install", cmd_install, "t3|playwright [VERSION|TAG]",
	  "put a version on the machine; current where none is" },
	{ "offboard", cmd_offboard, "USER [--archive [--yes]]",
	  "what archiving who left would do; with --archive, do it" },
	{ "events", cmd_events, "[-f] [--json] [--user USER] [-n N]", "what happened" },
	{ "secrets", cmd_secrets, "[--json]", "where each secret comes from, and how it stands" },
	{ "mirrors", cmd_mirrors, "[--all] [--json]", "what the runs of each mirror did" },
	{ "backup", cmd_backup, "[USER]", "copy everybody's t3 database, or one person's, now" },
	{ "restore", cmd_restore, "USER [ID] [--dry-run] [--force]",
	  "put a copy in the place of somebody's t3 database" },
	{ "backups", cmd_backups, "[USER] [--json]", "the copies that there are" },
	{ "update", cmd_update,
	  "[--dry-run | --stage] [--to VERSION] | --forgive VERSION |\n"
	  "                       --now [USER] | --not-before TIME|now [USER]",
	  "look for a newer t3; or when one person's own is moved" },
	{ "versions", cmd_versions, "[--json]", "the versions of t3 here, and who runs which" },
	{ "freeze", cmd_freeze, "--reason REASON [--until TIME]", "hold the version of t3" },
	{ "unfreeze", cmd_unfreeze, "", "let it move again" },
	{ "mint", cmd_mint, "[USER] [--json]",
	  "a one-time credential that pairs a browser with a t3" },
	{ "gate", cmd_gate,
	  "VERSION [--seed [USER=]FILE] [--admin [USER=]FILE]\n"
	  "                     [--no-synthetic] [--last-good VERSION] [--timeout S] [--json]",
	  "check a version of t3 on copies of databases (root)" },
	{ "doctor", cmd_doctor, "[USER] [--json]", "what is wrong here, and what to type" },
	{ "pam", cmd_pam, "enable|disable|status", "put pam_devvm into the PAM stacks (root)" },
	{ "check-config", cmd_check_config, "[--config FILE] [--roster FILE]",
	  "check devvm.yaml and the roster" },
	{ "derive", cmd_derive,
	  "[--json] [--config FILE] [--roster FILE] [--ports-json FILE]\n"
	  "                       [--playwright-ports-json FILE]",
	  "print what a roster comes to" },
	{ "validate", cmd_validate, "[--config FILE] [--roster FILE] --k8s-users-json FILE",
	  "hold a roster against the k8s_users map" },
};

static void print_help(FILE *stream)
{
	(void)fputs("usage: devvmctl COMMAND ...\n\n", stream);
	for (size_t i = 0; i < DV_COUNT(COMMANDS); i++)
		(void)fprintf(stream, "  %-13s %s\n", COMMANDS[i].name, COMMANDS[i].help);
	(void)fputs(
		"\n  devvmctl COMMAND --help says how it is called; devvmctl(8) says the rest.\n",
		stream);
}

static void print_usage(FILE *stream, const struct command *command)
{
	(void)fprintf(stream, "usage: devvmctl %s %s\n", command->name, command->words);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < DV_COUNT(COMMANDS); i++) {
		if (strcmp(COMMANDS[i].name, name) == 0)
			return &COMMANDS[i];
	}
	return NULL;
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

static int run_command(int argc, char **argv)
{
	const struct command *command = find_command(argv[0]);
	int exit_status;

	if (!command) {
		(void)fprintf(stderr,
			      "devvmctl: there is no command %s; devvmctl --help lists them\n",
			      argv[0]);
		return CTL_USAGE;
	}
	if (wants_help(argc, argv)) {
		print_usage(stdout, command);
		(void)printf("  %s\n", command->help);
		return CTL_OK;
	}
	exit_status = command->run(argc, argv);
	if (exit_status == CTL_USAGE)
		print_usage(stderr, command);
	return exit_status;
}

int main(int argc, char **argv)
{
	int exit_status = CTL_OK;

	if (argc < 2) {
		print_help(stderr);
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		print_help(stdout);
	else if (strcmp(argv[1], "--version") == 0)
		(void)puts("devvmctl " DEVVM_VERSION);
	else
		exit_status = run_command(argc - 1, argv + 1);
	/* A full disk behind `>file` is a failure of the command. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		(void)fprintf(stderr, "devvmctl: cannot write the output: %s\n", strerror(errno));
		return exit_status == CTL_OK ? CTL_FAILED : exit_status;
	}
	return exit_status;
}
