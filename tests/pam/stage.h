/* stage.h - a small world of its own for the real module.
 *
 * The module knows fixed paths, and no test switch. So the test process takes a mount
 * namespace of its own (and, without root, a user namespace in which it is uid 0) and puts
 * tmpfs and bind mounts where /run, /var/lib, /etc/passwd and friends are. Nothing of it
 * is seen outside, and nothing of it is left behind.
 *
 * Every function ends the test program with a sentence when the stage itself breaks.
 */
#ifndef DEVVM_TESTS_STAGE_H
#define DEVVM_TESTS_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define STAGE "/run/stage"
#define STAGE_CONFDIR STAGE "/pam.d"

/* The uid of somebody else, where there may be others (stage_has_other_uids()). */
#define STAGE_OTHER_UID 1234

/* Once, before any thread: enter the namespaces. */
void stage_enter(void);

/* Whether uids other than 0 exist here: not when we came without root. */
bool stage_has_other_uids(void);

/* Fresh, empty /run/devvm (with tickets/) and /var/lib/devvm (with denied/). */
void stage_reset(void);

/* The accounts: root, `ann` (1000), `low` (999), `high` (60001), and p00001… until there
 * are `n_people` with a person's uid. `with_ann` false leaves ann out. */
void stage_accounts(int n_people, bool with_ann);

/* Write a file, in one go, with this mode. */
void stage_write(const char *path, mode_t mode, const void *bytes, size_t n_bytes);
void stage_write_text(const char *path, mode_t mode, const char *text);

/* Write a PAM service file: each %s in `text` becomes the path of the module. */
void stage_service(const char *name, const char *text);

/* Where pam_devvm.so is: made absolute from `path`. */
void stage_set_module(const char *path);
const char *stage_module(void);

/* Say why and end the program. */
__attribute__((noreturn, format(printf, 1, 2))) void stage_fail(const char *format, ...);

#endif
