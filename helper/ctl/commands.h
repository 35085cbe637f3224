/* commands.h - the functions behind the words of devvmctl. Each takes the words from its
 * own name on and returns an enum ctl_exit; on CTL_USAGE the caller adds the usage line. */
#ifndef DEVVM_CTL_COMMANDS_H
#define DEVVM_CTL_COMMANDS_H

int cmd_status(int argc, char **argv);
int cmd_ensure(int argc, char **argv);
int cmd_wait(int argc, char **argv);
int cmd_reconcile(int argc, char **argv);
int cmd_machine(int argc, char **argv);
int cmd_install(int argc, char **argv);
int cmd_gate(int argc, char **argv);
int cmd_offboard(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_secrets(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_backups(int argc, char **argv);
int cmd_mirrors(int argc, char **argv);
int cmd_update(int argc, char **argv);
int cmd_versions(int argc, char **argv);
int cmd_freeze(int argc, char **argv);
int cmd_unfreeze(int argc, char **argv);
int cmd_mint(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_pam(int argc, char **argv);

#endif
