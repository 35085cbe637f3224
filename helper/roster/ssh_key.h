/* ssh_key.h - a public key as it stands in an authorized_keys file. */
#ifndef DEVVM_ROSTER_SSH_KEY_H
#define DEVVM_ROSTER_SSH_KEY_H

/* NULL for one line "type base64 [comment]" of a type sshd takes, else what is wrong
 * with it as the rest of a sentence. No options in front: the roster gives people their
 * key, not a way to run something. The blob must hold what its type needs, so a key that
 * was cut while pasting is found here and not at the first login. RFC 4253, 6.6. */
const char *ssh_key_fault(const char *line);

#endif
