/* caller.h - who runs this program, and the machine's configuration: what each verb begins with. */
#ifndef DEVVM_AGENT_CALLER_H
#define DEVVM_AGENT_CALLER_H

#include "config/config.h"

struct caller {
	struct env env;
	struct config config;
	char *name;  /* of NSS */
	char *home;  /* absolute, of NSS */
	int home_fd; /* of it, owned */
};

/* devvm.yaml; a bad one is told and takes nobody's t3 or browser away: the defaults then. Root's jobs refuse it. */
DV_MUST_CHECK int caller_load_config(const struct env *env, struct config *config,
				     struct dv_error *err);
/* -EPERM for root: these programs are people's own. Release with caller_done(). */
DV_MUST_CHECK int caller_init(struct caller *caller, struct dv_error *err);
/* The same without the configuration, for what goes without it. */
DV_MUST_CHECK int caller_find(struct caller *caller, struct dv_error *err);
/* -EBUSY with a sentence while somebody works on their data: nothing of theirs starts (steps/hold.h). */
DV_MUST_CHECK int caller_check_hold(const struct caller *caller, struct dv_error *err);
void caller_done(struct caller *caller);

#define CALLER_EMPTY ((struct caller){ .env = ENV_EMPTY, .home_fd = -1 })
#define DV_AUTO_CALLER DV_CLEANUP(caller_done)

#endif
