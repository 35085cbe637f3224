/* main.c - devvm-job VERB: what the job units run. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "job/jobs.h"

static const struct {
	const char *verb;
	int (*run)(int argc, char **argv);
	const char *help;
} VERBS[] = {
	{ "reconcile", job_reconcile, "keep people and the machine as the roster says (root)" },
	{ "machine", job_machine, "what is slow and needs a network, for the machine (root)" },
	{ "install", job_install, "a version of a program for the machine (root)" },
	{ "backup", job_backup, "copies of people's t3 databases (root)" },
	{ "restore", job_restore, "put a copy of a t3 database back (root)" },
	{ "hold", job_hold, "at a boot: hold who is between two versions of t3 (root)" },
	{ "recover", job_recover, "finish or undo what a kill has left open (root)" },
	{ "offboard", job_offboard, "archive the home of who left, and remove the account (root)" },
	{ "stage", job_stage, "fetch a version from the npm registry (devvm-stage)" },
	{ "resolve", job_resolve, "ask the npm registry about a version (devvm-stage)" },
	{ "update", job_update, "one run of the updater of t3 (root)" },
	{ "drain", job_drain, "move people to the current t3 who were at work before (root)" },
	{ "notify", job_notify, "tell a command of a run of the updater (nobody)" },
	{ "packages", job_packages, "install the Debian packages that devvm.yaml names (root)" },
	{ "protect", job_protect, "close a tree of `protect:` to others (its owner)" },
	{ "mirror", job_mirror, "one run of one mirror (devvm-mirror)" },
	{ "settle", job_settle, "have systemd run what the roster says (root)" },
	{ "gate", job_gate, "check a version of t3 on copies of databases (root)" },
	{ "gate-check", job_gate_check, "the part of it in the sandbox (devvm-gate)" },
	{ "idle", job_idle, "stop the t3 of whoever has not used it for long (root)" },
	{ "watch", job_watch, "restart the t3 that answer no more (root)" },
	{ "home", job_home, "prepare the caller's own home" },
};

static void print_help(FILE *stream)
{
	(void)fprintf(stream, "usage: devvm-job VERB [OPTION...]\n\n");
	for (size_t i = 0; i < DV_COUNT(VERBS); i++)
		(void)fprintf(stream, "  %-10s %s\n", VERBS[i].verb, VERBS[i].help);
}

int main(int argc, char **argv)
{
	log_init("devvm-job", LOG_INFO);
	if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
		(void)puts("devvm-job " DEVVM_VERSION);
		return JOB_OK;
	}
	if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
		return JOB_OK;
	}
	for (size_t i = 0; argc >= 2 && i < DV_COUNT(VERBS); i++) {
		if (strcmp(argv[1], VERBS[i].verb) == 0)
			return VERBS[i].run(argc - 1, argv + 1);
	}
	print_help(stderr);
	return JOB_USAGE;
}
