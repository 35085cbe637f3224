/* gate.h - the candidate on copies of people's databases, before anybody gets it. */
#ifndef DEVVM_ROLLOUT_GATE_H
#define DEVVM_ROLLOUT_GATE_H

#include "rollout/rollout.h"

/* Try the candidate on copies of databases: UPDATE_STAGED where it is good, with `excluded` filled in. A dry run
 * makes no copy for it: it takes the newest checked ones, however old. */
enum update_outcome rollout_gate(struct rollout *rollout);

#endif
