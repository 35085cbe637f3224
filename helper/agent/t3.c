/* t3.c - run the version of t3 that is the caller's. */
#include "agent/agents.h"

#include "base/cleanup.h"
#include "base/log.h"

int agent_t3(int argc DV_UNUSED, char **argv DV_UNUSED)
{
	log_error("no version of t3 is installed here; an administrator runs: devvmctl install t3");
	return AGENT_FAILED;
}

int agent_t3_serve(int argc, char **argv)
{
	return agent_t3(argc, argv);
}
