/* config_secrets.h - `secrets:` and the parts of `vault:` that have readers of their own.
 *
 * A secret is a name with a source and a place where it is staged. Four names are always
 * there, with places that other parts of devvm read: each has a file of its name below
 * CONFIG_SECRETS_FOLDER as its source until devvm.yaml says otherwise.
 */
#ifndef DEVVM_CONFIG_CONFIG_SECRETS_H
#define DEVVM_CONFIG_CONFIG_SECRETS_H

#include "config/config.h"
#include "config/config_values.h"

#define CONFIG_SECRETS_FOLDER "/etc/devvm/secrets"
#define CONFIG_K8S_USERS "k8s-users"
#define CONFIG_K8S_USERS_PATH "/var/lib/devvm/k8s-users.json"

config_value_reader config_read_secrets; /* struct config_secrets: map of name to secret */
config_value_reader config_read_hosts;	 /* struct str_list: host or host:port each */

/* The four, with claude-token at `token_path`. -ENOMEM. */
DV_MUST_CHECK int config_secrets_init(struct config_secrets *secrets);
void config_secrets_done(struct config_secrets *secrets);
/* Fill in what the file leaves open, and refuse what does not fit together. */
DV_MUST_CHECK int config_secrets_check(struct config *config, const char *name,
				       struct dv_error *err);

/* TLS, or this machine: what may be sent a password. */
bool config_is_safe_url(const char *url);

#endif
