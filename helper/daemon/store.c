/* store.c - see store.h. */
#include "daemon/store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"

void store_init(struct store *store, const struct env *env)
{
	*store = (struct store){ .env = env };
}

void store_done(struct store *store)
{
	ledger_closep(&store->ledger);
}

static void set_failure(struct store *store, int r, const struct dv_error *err)
{
	if (store->failure == 0)
		log_error("%s", err->text);
	store->failure = r;
	store->why = *err;
	store->retry_at_ms = clock_deadline_ms(STORE_RETRY_MS);
}

/* Somebody put another database in its place, or took it away. */
static bool was_replaced(const struct store *store)
{
	struct stat now;

	if (fstatat(store->env->root_dirfd, LEDGER_PATH, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return now.st_dev != store->dev || now.st_ino != store->ino;
}

static int open_ledger(struct store *store)
{
	struct dv_error why = { "" };
	struct stat now = { 0 };
	int r = ledger_open(&store->ledger, store->env, LEDGER_WRITE, STORE_BUSY_MS, &why);

	if (r == 0 && fstatat(store->env->root_dirfd, LEDGER_PATH, &now, AT_SYMLINK_NOFOLLOW) < 0)
		r = dv_fail(&why, -errno, "look at /%s", LEDGER_PATH);
	if (r < 0) {
		ledger_closep(&store->ledger);
		set_failure(store, r, &why);
		return r;
	}
	if (store->failure < 0)
		log_notice("the ledger is there again");
	store->dev = now.st_dev;
	store->ino = now.st_ino;
	store->failure = 0;
	return 0;
}

int store_get(struct store *store, struct ledger **ret_ledger, struct dv_error *err)
{
	if (store->ledger && was_replaced(store))
		ledger_closep(&store->ledger);
	if (!store->ledger) {
		if (store->failure < 0 && clock_left_ms(store->retry_at_ms) > 0)
			return dv_refuse(err, store->failure, "%s", store->why.text);
		if (open_ledger(store) < 0)
			return dv_refuse(err, store->failure, "%s", store->why.text);
	}
	*ret_ledger = store->ledger;
	return 0;
}

int store_note(struct store *store, int r, const struct dv_error *err)
{
	if (r != -EUCLEAN && r != -EIO)
		return r;
	ledger_closep(&store->ledger);
	set_failure(store, r, err);
	return r;
}
