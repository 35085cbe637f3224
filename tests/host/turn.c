/* turn.c - prints of each USER what turn_look() says: "anna busy: WHY". For the case update-look, in a host. */
#include "base/clock.h"
#include "move/turn.h"
#include "steps/lock.h"

static const char *const WORDS[] = {
	[TURN_UNSET] = "unset", [TURN_DOWN] = "down", [TURN_IDLE] = "idle", [TURN_BUSY] = "busy"
};

static int print_turn(const struct env *env, struct manager *manager, const char *user,
		      struct dv_error *err)
{
	DV_AUTO_CLOSE int lock = lock_take(env, user, clock_deadline_ms(60000), err);
	enum turn_verdict verdict = TURN_UNSET;
	char why[TURN_WHY_BYTES] = "";
	int r = lock < 0 ? lock : turn_look(env, manager, user, &verdict, why, err);

	if (r == 0)
		(void)printf("%s %s%s%s\n", user, WORDS[verdict], *why ? ": " : "", why);
	return r;
}

int main(int argc, char **argv)
{
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_MANAGER struct manager *manager = NULL;
	struct dv_error err = { "" };
	int r = env_init(&env, "/", &err);

	if (r == 0)
		r = manager_open(&manager, &err);
	for (int i = 1; r == 0 && i < argc; i++)
		r = print_turn(&env, manager, argv[i], &err);
	if (r < 0)
		(void)fprintf(stderr, "turn: %s\n", err.text);
	return r < 0;
}
