/* vault.h - secrets of a Vault or OpenBao server: KV v2 over its HTTP API
 * (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2).
 *
 * Model: a vault is opened for one run and asked any number of times. The token is read from a
 * file or got with an AppRole login at the first question, looked up, and renewed when two
 * thirds of its lease are over. Statuses 412, 429 and 5xx but 501 are tried again, with
 * jitter and a bound, and so is a connection that breaks; 400, 403 and 404 never are. A server
 * that does not answer, or is sealed, is asked once per run: what comes later fails at once
 * with the same sentence.
 *
 * Invariants: the token goes to the configured server and, where that sends on with a 307, to
 * hosts of vault.redirect_hosts and nowhere else. No part of an answer's body gets into a
 * sentence. Bodies are wiped, and so is what the JSON parser makes of them.
 *
 * Blocks; for devvm-machine.
 */
#ifndef DEVVM_SECRETS_VAULT_H
#define DEVVM_SECRETS_VAULT_H

#include "base/secret.h"
#include "config/config.h"

struct vault {
	const struct env *env;	     /* borrowed */
	const struct config *config; /* borrowed */
	int64_t backoff_ms;	     /* of the first try again; doubled each time */
	struct secret token;
	bool is_looked_up;
	int64_t renew_at_ms; /* on the clock of clock_now_ms(); 0: never */
	int down;	     /* -errno: the server is not to be had in this run */
	struct dv_error down_err;
};

void vault_init(struct vault *vault, const struct env *env, const struct config *config);
void vault_done(struct vault *vault);

/* The value of `field` of the newest version of `path`; an object or array is given as JSON.
 * -ENOENT absent or deleted, -EACCES refused, -EAGAIN the server is sealed or not to be had,
 * -EBADMSG an answer that is none, -ENODATA empty. */
DV_MUST_CHECK int vault_read(struct vault *vault, const char *path, const char *field,
			     struct secret *ret_value, uint64_t *ret_version, struct dv_error *err);

#define DV_AUTO_VAULT DV_CLEANUP(vault_done)

#endif
