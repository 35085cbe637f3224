/* paths.h - where the steps put things; below the root of struct env. */
#ifndef DEVVM_STEPS_PATHS_H
#define DEVVM_STEPS_PATHS_H

#include <stdio.h>

#define STEPS_ENV_FOLDER "etc/t3-serve"
#define STEPS_T3_ENV_PREFIX "etc/t3-serve/"		       /* USER.env */
#define STEPS_PLAYWRIGHT_ENV_PREFIX "etc/t3-serve/playwright-" /* USER.env */
#define STEPS_KEYS_FOLDER "etc/devvm/keys"
#define STEPS_TICKETS_FOLDER "run/devvm/tickets"
#define STEPS_DENIED_FOLDER "var/lib/devvm/denied"
#define STEPS_LOCKS_FOLDER "run/devvm/locks"
#define STEPS_SSHD_FOLDER "etc/ssh/sshd_config.d"
#define STEPS_SSHD_DROPIN STEPS_SSHD_FOLDER "/50-devvm-keys.conf"

/* Where the package's units lie, and where drop-ins and links of ours go. */
#define STEPS_VENDOR_UNITS_FOLDER "usr/lib/systemd/system"
#define STEPS_UNITS_FOLDER "etc/systemd/system"
#define STEPS_UNITS_DROPIN "50-devvm.conf"
#define STEPS_LIMITS_DROPIN "50-devvm-limits.conf"
#define STEPS_FENCE_FILE "run/devvm/ports.nft"

#define STEPS_PATH_BYTES 96 /* the longest of them and a user name of 32 bytes */

#define STEPS_TOKEN_KEY "CLAUDE_CODE_OAUTH_TOKEN"

static inline void steps_env_path(char ret_path[static STEPS_PATH_BYTES], const char *prefix,
				  const char *name)
{
	(void)snprintf(ret_path, STEPS_PATH_BYTES, "%s%s.env", prefix, name);
}

static inline void steps_person_path(char ret_path[static STEPS_PATH_BYTES], const char *folder,
				     const char *name)
{
	(void)snprintf(ret_path, STEPS_PATH_BYTES, "%s/%s", folder, name);
}

#endif
