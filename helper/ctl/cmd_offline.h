/* cmd_offline.h - the commands of devvmctl that work on files alone: no root, no helper,
 * no network. A pull request's check can run them.
 *
 * A refused file is one line "file:line: user: what" on `messages`, without the name of
 * the program in front, as compilers do, so that editors and CI can jump to it.
 */
#ifndef DEVVM_CTL_CMD_OFFLINE_H
#define DEVVM_CTL_CMD_OFFLINE_H

#include "ctl/ctl.h"

/* The words of main.c's table; see enum ctl_exit. On CTL_USAGE the caller adds the usage
 * line. */
int cmd_check_config(int argc, char **argv);
int cmd_derive(int argc, char **argv);
int cmd_validate(int argc, char **argv);

/* What the words ask for. A NULL path is one that was not given. */
struct offline_words {
	const char *config; /* NULL: OFFLINE_CONFIG if it is readable, else the defaults */
	const char *roster; /* NULL: what the configuration says */
	const char *ports;
	const char *playwright_ports;
	const char *k8s_users;
	bool json;
};

#define OFFLINE_CONFIG "/etc/devvm/devvm.yaml"

/* Read both files and say "FILE: ok" of each. */
enum ctl_exit offline_check_config(const struct ctl *ctl, const struct offline_words *words);
/* Print what the roster comes to: JSON, or a table. Warnings go to `messages`. */
enum ctl_exit offline_derive(const struct ctl *ctl, const struct offline_words *words);
/* Print "ERROR: ..." and "WARN: ..." lines; CTL_FAILED when there is an error. No map to
 * be had is a warning. */
enum ctl_exit offline_validate(const struct ctl *ctl, const struct offline_words *words);

#endif
