/* outcome.c - see outcome.h. */
#include "update/outcome.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "base/str.h"

#define STATUS_OF_SIGNAL 128 /* sh(1): of what a signal has ended, and its number */
#define SIGNAL_MAX 64

/* clang-format off */
static const struct update_outcome_row ROWS[UPDATE_N_OUTCOMES] = {
	[UPDATE_UNSET] = { "unset", 1, LOG_ERR, "b333a82c1abc5b1e86c0b38b400d018c", "nothing is known" },
	[UPDATE_STAGED] = { "staged", 0, LOG_NOTICE, "72ac74d2cfc05d93844e4da6760fd39b",
		"a newer version is on the machine, and nobody runs it yet" },
	[UPDATE_CURRENT] = { "current", 0, LOG_INFO, "416d118ab8f25264a4c7a2c02fd32ed3",
		"there is nothing newer" },
	[UPDATE_PLANNED] = { "planned", 0, LOG_INFO, "f37ebdc6b51f572fb98cf6e54e701bce",
		"a dry run: this version would be given to people" },
	[UPDATE_FAILED] = { "failed", 1, LOG_ERR, "8a681bf8ee915dd397b738fa42054f59",
		"the run itself failed: a disk, the ledger, systemd" },
	[UPDATE_FROZEN] = { "frozen", 10, LOG_NOTICE, "f4eed7f93fe85747a4bfd6e9c5c1b3b6",
		"versions are frozen" },
	[UPDATE_BUSY] = { "busy", 11, LOG_NOTICE, "322e2e6461315ba3a1d805c2e799c82e",
		"another run is under way" },
	[UPDATE_INTERRUPTED] = { "interrupted", 12, LOG_WARNING, "1e78ed8e0d025af196c3487380ce23c3",
		"the run was killed, or the machine went down" },
	[UPDATE_OUTSIDE] = { "outside-window", 13, LOG_NOTICE, "0c2fe3fa6dea5888a374fadf7cb3853b",
		"the timer fired outside update.window" },
	[UPDATE_NO_REGISTRY] = { "no-registry", 20, LOG_WARNING, "a20cafc486275644b41c46264b9bc635",
		"the registry does not answer" },
	[UPDATE_NO_VERSION] = { "no-version", 21, LOG_ERR, "73e26820f134532fa2f223072a608ed0",
		"the registry has no such version or tag" },
	[UPDATE_MOVED] = { "tag-moved", 22, LOG_WARNING, "f85ee8078e195b9ea6a10e913f69ba1e",
		"the tag moved again and again during the run" },
	[UPDATE_BACKWARD] = { "backward", 30, LOG_ERR, "3b2387e96905588ab59ffef5ee98c96d",
		"the version is older than what people run" },
	[UPDATE_CHANNEL] = { "wrong-channel", 31, LOG_ERR, "d4df761f3e915ef1b721105c38cef693",
		"the tag names a version of another channel" },
	[UPDATE_KNOWN_BAD] = { "known-bad", 32, LOG_NOTICE, "0b09f8114d68547b9e4f9c91540b3281",
		"an earlier run has found the version to be bad" },
	[UPDATE_DEPRECATED] = { "deprecated", 33, LOG_ERR, "93dd40b5cca457d9b02b2925ec9cc121",
		"its publisher has withdrawn the version" },
	[UPDATE_INCOMPLETE] = { "incomplete", 34, LOG_ERR, "6833d96789115fe0886b29000b9a0554",
		"the package lacks its hash or its program" },
	[UPDATE_TOO_NEW] = { "too-new", 35, LOG_NOTICE, "f021e2a89a445b82854b465141abbd6e",
		"the version is younger than update.cooldown_hours" },
	[UPDATE_NO_DISK] = { "no-disk", 36, LOG_ERR, "7264d1e5d45954ccb2b68b3481a29056",
		"less disk is free than update.min_free_disk_mb" },
	[UPDATE_NO_MEMORY] = { "no-memory", 37, LOG_WARNING, "7c6de36975955e8997fbaae63600cb6f",
		"less memory is free than update.min_free_memory_mb" },
	[UPDATE_INTEGRITY] = { "integrity", 40, LOG_ERR, "e38289c192ee5b9786821eed0693fd61",
		"what came is not what the registry's hash says: no run takes it" },
	[UPDATE_NOT_STAGED] = { "not-staged", 41, LOG_ERR, "ad1bf7eb8c1a5bbe8e77006c693b2b0b",
		"npm could not install the version" },
	[UPDATE_SCRIPT] = { "install-script", 42, LOG_ERR, "555483bc2d8a4b7e88113308b90377b2",
		"an install script of the package failed: no run takes it" },
	[UPDATE_DONE] = { "done", 0, LOG_NOTICE, "5d0b087a1c5149a58502664995fa94f6",
		"people have the version; who waits or keeps the old one is named" },
	[UPDATE_DEFERRED] = { "deferred", 14, LOG_NOTICE, "f271399b48ca458086b1e047f2895a67",
		"nobody was moved: they are at work, or asked to wait" },
	[UPDATE_BAD] = { "bad", 50, LOG_ERR, "77d78f2977a549c487c3b0ebdfd4230f",
		"the gate found the version to be bad: nobody has got it, and no run takes it" },
	[UPDATE_INCONCLUSIVE] = { "inconclusive", 51, LOG_WARNING, "437725418b3b41f2a91cfdf067a8d5bd",
		"the gate could not tell, or everybody keeps the old one for reasons of their own: nobody has got it" },
	[UPDATE_ROLLED_BACK] = { "rolled-back", 52, LOG_ERR, "c3e90a93cb404b3fbbc0ea21422a4e75",
		"the version failed with a person: who could go back is, the others are named, and versions are frozen" },
};

/* npm's codes: https://docs.npmjs.com/cli/v10/using-npm/logging, and errno's names. */
static const struct {
	const char *code;
	enum update_outcome outcome;
} NPM_CODES[] = {
	{ "there is no node", UPDATE_FAILED }, /* store/node.c, job/npm.c: nobody was asked */
	{ "there is no npm", UPDATE_FAILED },
	{ "EINTEGRITY", UPDATE_INTEGRITY },
	{ "has the hash", UPDATE_INTEGRITY }, /* our own comparison in the stage */
	{ "E404", UPDATE_NO_VERSION },
	{ "ETARGET", UPDATE_NO_VERSION },
	{ "there is no tag", UPDATE_NO_VERSION },
	{ "in the registry", UPDATE_NO_VERSION }, /* "there is no X in the registry" */
	{ "ECONNREFUSED", UPDATE_NO_REGISTRY },
	{ "ECONNRESET", UPDATE_NO_REGISTRY },
	{ "EHOSTUNREACH", UPDATE_NO_REGISTRY },
	{ "ENETUNREACH", UPDATE_NO_REGISTRY },
	{ "ENOTFOUND", UPDATE_NO_REGISTRY },
	{ "EAI_AGAIN", UPDATE_NO_REGISTRY },
	{ "ETIMEDOUT", UPDATE_NO_REGISTRY },
	{ "ERR_SOCKET_TIMEOUT", UPDATE_NO_REGISTRY },
	{ "E401", UPDATE_NO_REGISTRY },
	{ "E403", UPDATE_NO_REGISTRY },
	{ "E500", UPDATE_NO_REGISTRY },
	{ "E502", UPDATE_NO_REGISTRY },
	{ "E503", UPDATE_NO_REGISTRY },
	{ "E504", UPDATE_NO_REGISTRY },
	{ "did not end within", UPDATE_NO_REGISTRY },
	{ "No space left", UPDATE_NO_DISK },
	{ "ENOSPC", UPDATE_NO_DISK },
};
/* clang-format on */

const struct update_outcome_row *update_outcome_row(enum update_outcome outcome)
{
	return &ROWS[outcome < UPDATE_N_OUTCOMES ? outcome : UPDATE_UNSET];
}

enum update_outcome update_outcome_of(const char *name)
{
	for (int i = UPDATE_UNSET + 1; i < UPDATE_N_OUTCOMES; i++) {
		if (str_equal(name, ROWS[i].name))
			return (enum update_outcome)i;
	}
	return UPDATE_UNSET;
}

/* It may have had too little memory, which says nothing of the version. */
static bool was_killed(long status)
{
	return status > STATUS_OF_SIGNAL && status <= STATUS_OF_SIGNAL + SIGNAL_MAX;
}

enum update_outcome update_outcome_of_npm(const char *sentence)
{
	const char *at;

	for (size_t i = 0; i < DV_COUNT(NPM_CODES); i++) {
		if (strstr(sentence, NPM_CODES[i].code))
			return NPM_CODES[i].outcome;
	}
	/* npm's own codes are words; a number is the exit status of a script that it ran. */
	at = strstr(sentence, "npm: ");
	if (at && at[5] >= '0' && at[5] <= '9' && !was_killed(strtol(at + 5, NULL, 10)))
		return UPDATE_SCRIPT;
	return UPDATE_NOT_STAGED;
}
