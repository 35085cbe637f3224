/* playwright.h - what starts a person's browser server; see playwright.c. */
#ifndef DEVVM_AGENT_PLAYWRIGHT_H
#define DEVVM_AGENT_PLAYWRIGHT_H

#include "agent/agents.h"
#include "agent/caller.h"
#include "store/node.h"

#define PLAYWRIGHT_MAX_WORDS 24

/* The server's command line and what it is told by the environment. */
struct playwright_start {
	const char *argv[PLAYWRIGHT_MAX_WORDS + 1]; /* NULL-terminated; borrowed or in `made` */
	char *made[3];
	char idle_seconds[16];
	bool has_sandbox;
};

/* The node to run it, once the server, the preload and the browser are there as well. -ENOENT
 * and others with one sentence that says which is not, and what to do. */
DV_MUST_CHECK int playwright_find_parts(const struct caller *caller, struct node_found *ret_node,
					struct dv_error *err);

/* The words for a port. `node` is borrowed. */
DV_MUST_CHECK int playwright_words(struct playwright_start *start, const struct caller *caller,
				   const char *node, unsigned int port, struct dv_error *err);
void playwright_start_done(struct playwright_start *start);

/* ~/.config/playwright/storage-state.json, seeded with an empty one where there is none. */
DV_MUST_CHECK int playwright_seed_state(int home_fd, struct dv_error *err);

#define DV_AUTO_PLAYWRIGHT_START DV_CLEANUP(playwright_start_done)

#endif
