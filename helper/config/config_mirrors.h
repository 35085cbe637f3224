/* config_mirrors.h - `mirrors:` of devvm.yaml: folders of this machine that follow a source.
 *
 * A source is written in one of four ways, each with its own means of knowing whom it talks to:
 * an absolute path; sftp://HOST[:PORT]/PATH with a private key and a file of host keys; an
 * http(s):// URL of a WebDAV server with a password, or of a plain web server's listing. What
 * else rclone can do is not offered. A destination lies below one of a few folders that hold
 * nothing of the system, so that one unit can be allowed to write there.
 */
#ifndef DEVVM_CONFIG_CONFIG_MIRRORS_H
#define DEVVM_CONFIG_CONFIG_MIRRORS_H

#include "config/config.h"
#include "config/config_values.h"

#define CONFIG_MIRROR_SLACK_MINUTES 10 /* devvm-machine.timer is an hour, give or take */

config_value_reader config_read_mirrors; /* struct config_mirrors: map of name to mirror */

void config_mirrors_done(struct config_mirrors *mirrors);
/* Fill in what the file leaves open, and refuse what does not fit together. After the secrets. */
DV_MUST_CHECK int config_mirrors_check(struct config *config, const char *name,
				       struct dv_error *err);

/* NULL when there is none. Borrowed. */
const struct config_mirror *config_mirror_find(const struct config *config, const char *name);
/* The secret that it names; NULL when it names none. Borrowed. */
const struct config_secret *config_mirror_secret(const struct config *config,
						 const struct config_mirror *mirror);

/* The parts of sftp://HOST[:PORT]/PATH. -EINVAL for anything else. */
struct config_sftp {
	char host[256]; /* without the brackets of an IPv6 address */
	unsigned int port;
	const char *path; /* into the source, from its "/" on */
};
DV_MUST_CHECK int config_mirror_parse_sftp(const char *source, struct config_sftp *ret_sftp);

#endif
