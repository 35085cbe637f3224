/* knock.h - hears of logins: pam_devvm touches the ticket of whoever comes, and the folder of
 * the tickets is watched for that (a touch is IN_ATTRIB, inotify(7)). Whoever is due gets a home job. Only root can enter the
 * folder, so nobody else can knock.
 *
 * A ticket that was touched lately counts as a knock also when nobody saw the touch: at the
 * start, when the folder is found (again) and when the kernel's queue overflowed, all of them
 * are looked at. The reconcile writes tickets as modified at the epoch, so a new one is none.
 */
#ifndef DEVVM_DAEMON_KNOCK_H
#define DEVVM_DAEMON_KNOCK_H

#include "daemon/daemon.h"

/* How long ago a touch that was not seen still counts. */
#define KNOCK_RECENT_USEC (INT64_C(600) * 1000000)

struct knock;

/* Watch the folder of the tickets below the root of `daemon`, as soon as it is there, and see
 * who has come lately. */
DV_MUST_CHECK int knock_new(struct knock **ret_knock, struct daemon *daemon, struct dv_error *err);
void knock_free(struct knock *knock);

/* A reconcile has ended: look for the folder where it is not watched yet. */
void knock_look(struct knock *knock);

#endif
