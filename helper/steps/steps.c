/* steps.c - THE table. Its order is the order of running. */
#include "steps/steps.h"

#include <string.h>

#include "steps/account.h"
#include "steps/claude.h"
#include "steps/claude_cache.h"
#include "steps/code.h"
#include "steps/codex.h"
#include "steps/deny.h"
#include "steps/door.h"
#include "steps/facts.h"
#include "steps/fence.h"
#include "steps/groups.h"
#include "steps/instance.h"
#include "steps/keep.h"
#include "steps/keys.h"
#include "steps/launcher.h"
#include "steps/leave.h"
#include "steps/limits.h"
#include "steps/maps.h"
#include "steps/mirrors.h"
#include "steps/nginx_sockets.h"
#include "steps/nginx_user.h"
#include "steps/path.h"
#include "steps/playwright_server.h"
#include "steps/playwright_mcp.h"
#include "steps/playwright_token.h"
#include "steps/ports.h"
#include "steps/protect.h"
#include "steps/retire_legacy.h"
#include "steps/secrets_step.h"
#include "steps/settle.h"
#include "steps/sshd.h"
#include "steps/t3_pointer.h"
#include "steps/ticket.h"
#include "steps/token.h"
#include "steps/tools.h"
#include "steps/update_timer.h"
#include "steps/withdraw.h"

#define SECONDS 1000

/* clang-format off */
const struct step STEPS[] = {
	/* name,     place,          needs,            doing,                       deadline,      check, apply */
	{ "sshd",    STEP_SYSTEM,    NULL,             "letting sshd read the keys", 0,            sshd_check, sshd_apply },
	{ "limits",  STEP_SYSTEM,    NULL,             "limiting people's units",   0,            limits_check, limits_apply },
	{ "update-timer", STEP_SYSTEM, NULL,           "timing the nightly update",  0,            update_timer_check, update_timer_apply },
	{ "nginx-user", STEP_SYSTEM, NULL,             "letting nginx's account in", 0,            nginx_user_check, nginx_user_apply },

	{ "deny",    STEP_LEAVE,     NULL,             "refusing logins",            0,            deny_check, deny_apply },
	{ "withdraw", STEP_LEAVE,    NULL,             "taking keys and units away", 0,            withdraw_check, withdraw_apply },

	{ "account", STEP_RECONCILE, NULL,             "creating the account",       0,            account_check, account_apply },
	{ "groups",  STEP_RECONCILE, "account",        "adding groups",              0,            groups_check, groups_apply },
	{ "ports",   STEP_RECONCILE, NULL,             "writing the ports",          0,            ports_check, ports_apply },
	{ "token",   STEP_RECONCILE, NULL,             "handing over the token",     0,            token_check, token_apply },
	{ "keys",    STEP_RECONCILE, "account",        "writing the ssh keys",       0,            keys_check, keys_apply },
	{ "t3-pointer", STEP_RECONCILE, NULL,          "choosing a version of t3",   0,            t3_pointer_check, t3_pointer_apply },
	{ "units",   STEP_RECONCILE, "account",        "writing the units",          0,            instance_check, instance_apply },
	{ "admit",   STEP_RECONCILE, NULL,             "letting in again",           0,            deny_lifted_check, deny_lifted_apply },
	{ "ticket",  STEP_RECONCILE, "account ports",  "writing the ticket",         0,            ticket_check, ticket_apply },

	{ "keep",    STEP_MAPS,      NULL,             "writing down uids and ports", 0,           keep_check, keep_apply },
	{ "maps",    STEP_MAPS,      NULL,             "writing the maps",           0,            maps_check, maps_apply },
	{ "door",    STEP_MAPS,      NULL,             "writing the door's maps",    0,            door_check, door_apply },

	{ "secrets", STEP_MACHINE, NULL,               "staging the secrets",        0,            secrets_step_check, secrets_step_apply },
	{ "protect", STEP_MACHINE, NULL,               "closing the protected trees", 0,           protect_check, protect_apply },
	{ "tools",   STEP_MACHINE, NULL,               "installing the tools",       0,            tools_check, tools_apply },
	{ "claude-cache", STEP_MACHINE, NULL,          "downloading claude",         0,            claude_cache_check, claude_cache_apply },
	{ "playwright-server", STEP_MACHINE, NULL,     "installing playwright",      0,            playwright_server_check, playwright_server_apply },
	/* The last of them: it may take an hour. */
	{ "mirrors", STEP_MACHINE, NULL,               "following the mirrors",      0,            mirrors_check, mirrors_apply },

	{ "leave",   STEP_SETTLE,    NULL,             "stopping what ran for who left", 0,        leave_check, leave_apply },
	{ "fence",   STEP_SETTLE,    NULL,             "fencing the ports",          0,            fence_check, fence_apply },
	{ "settle",  STEP_SETTLE,    NULL,             "starting people's units",   0,            settle_check, settle_apply },
	{ "nginx-sockets", STEP_SETTLE, NULL,          "opening the sockets to nginx", 0,          nginx_sockets_check, nginx_sockets_apply },
	{ "nginx",   STEP_SETTLE,    NULL,             "telling nginx",              0,            nginx_check, nginx_apply },

	{ "facts",   STEP_HOME,      NULL,             "looking at the home",        2 * SECONDS,  facts_check, facts_apply },
	{ "path",    STEP_HOME,      NULL,             "preparing ~/.local/bin",     5 * SECONDS,  path_check, path_apply },
	{ "code",    STEP_HOME,      NULL,             "preparing ~/code",           600 * SECONDS, code_check, code_apply },
	{ "claude",  STEP_HOME,      NULL,             "installing claude",          300 * SECONDS, claude_check, claude_apply },
	{ "launcher", STEP_HOME,     NULL,             "writing ~/start-claude.sh",  5 * SECONDS,  launcher_check, launcher_apply },
	{ "codex",   STEP_HOME,      NULL,             "linking the shared codex login", 5 * SECONDS, codex_check, codex_apply },
	{ "playwright-token", STEP_HOME, NULL,         "giving the browser token",   5 * SECONDS,  playwright_token_check, playwright_token_apply },
	{ "playwright-mcp", STEP_HOME, "claude",       "telling claude of the browser", 60 * SECONDS, playwright_mcp_check, playwright_mcp_apply },
	{ "retire-legacy", STEP_HOME, NULL,            "retiring hand-made units",   90 * SECONDS, retire_legacy_check, retire_legacy_apply },
	{ 0 },
};
/* clang-format on */

const struct step *step_find(const char *name)
{
	for (const struct step *step = STEPS; step->name; step++) {
		if (strcmp(step->name, name) == 0)
			return step;
	}
	return NULL;
}

bool step_needs(const struct step *step, const char *name)
{
	size_t n_name = strlen(name);

	for (const char *word = step->needs; word && *word; word += strspn(word, " ")) {
		size_t n_word = strcspn(word, " ");

		if (n_word == n_name && memcmp(word, name, n_name) == 0)
			return true;
		word += n_word;
	}
	return false;
}

const struct step *step_next(enum step_place place, const struct step *previous)
{
	for (const struct step *step = previous ? previous + 1 : STEPS; step->name; step++) {
		if (step->place == place)
			return step;
	}
	return NULL;
}
