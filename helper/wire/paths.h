/* paths.h - the names both ends of the wire meet at. Absolute; the jobs, which
 * take a root, skip the leading slash with PATH_BELOW_ROOT. */
#ifndef DEVVM_WIRE_PATHS_H
#define DEVVM_WIRE_PATHS_H

#define PATH_PAM_SOCKET "/run/devvm/pam.sock"	    /* 0600 root, SOCK_SEQPACKET */
#define PATH_HELPER_SOCKET "/run/devvm/helper.sock" /* 0666, SOCK_SEQPACKET */
#define PATH_TICKETS "/run/devvm/tickets"	    /* 0700 root */
#define PATH_DENIED "/var/lib/devvm/denied"	    /* 0755 root */

#define PATH_BELOW_ROOT(path) (&(path)[1])

#endif
