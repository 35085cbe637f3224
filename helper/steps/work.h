/* work.h - what devvm-helperd tells a home job about its person.
 *
 * A home job runs as the person and sees neither roster nor ledger; this is all it knows.
 */
#ifndef DEVVM_STEPS_WORK_H
#define DEVVM_STEPS_WORK_H

#include "base/str.h"
#include "config/config.h"
#include "ledger/people.h"
#include "roster/roster.h"

#define WORK_MAX_HOLDS 16

struct home_work {
	char *user;
	char *home;  /* absolute, from NSS */
	int home_fd; /* O_PATH | O_DIRECTORY of it, owned */
	int64_t generation;
	enum code_layout layout;
	struct str_list repos;
	unsigned int ports[PEOPLE_N_PORTS]; /* 0: none yet */
	const struct config *config;	    /* borrowed */
	char *code_remote;	 /* git URL with {repo}; NULL when the machine has none */
	enum people_login login; /* set by the facts step */
	/* Steps not to be tried again before a time. */
	struct {
		char step[32];
		int64_t until_usec;
	} holds[WORK_MAX_HOLDS];
	size_t n_holds;
};

void work_done(struct home_work *work);

#define DV_AUTO_WORK DV_CLEANUP(work_done)

#endif
