/* gate.c - see gate.h. */
#include "gate/gate.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/str.h"
#include "steps/lock.h"
#include "store/store.h"
#include "store/tree.h"

#define LOCK_NAME "@gate"
#define MORE_MS (2 * 60000) /* that the unit has beyond the check's own deadline */
#define STOP_MS 60000
#define NAME_BYTES 64
#define ENV_BYTES (2 * STORE_VERSION_BYTES + 128)

int gate_lock(const struct env *env, int64_t deadline_ms, struct dv_error *err)
{
	return lock_take(env, LOCK_NAME, deadline_ms, err);
}

static void name_of(char ret_name[static NAME_BYTES], const struct gate_seed *seed,
		    const char *suffix)
{
	(void)snprintf(ret_name, NAME_BYTES, "%.40s%s", seed->name, suffix);
}

static int hand_over(int folder_fd, const struct gate_order *order, const struct gate_seed *seed,
		     struct dv_error *err)
{
	char name[NAME_BYTES], text[ENV_BYTES];
	int r;

	(void)snprintf(text, sizeof(text),
		       GATE_VERSION_KEY "=%s\n" GATE_MAKER_KEY "=%s\n" GATE_START_KEY "=%u\n",
		       order->version, seed->path ? "" : order->maker, order->start_s);
	name_of(name, seed, ".result");
	r = file_remove(folder_fd, name, err);
	name_of(name, seed, ".env");
	if (r == 0)
		r = file_replace(folder_fd, name,
				 &(struct file_spec){ .data = text,
						      .n_bytes = strlen(text),
						      .mode = 0600,
						      .uid = (uid_t)-1,
						      .gid = (gid_t)-1 },
				 err);
	name_of(name, seed, ".seed");
	return r < 0 ? r
		     : file_link(folder_fd, seed->path ? seed->path : "/dev/null", name, true, err);
}

static void take_away(int folder_fd, const struct gate_seed *seed)
{
	static const char *const suffixes[] = { ".env", ".seed", ".result" };
	char name[NAME_BYTES];

	for (size_t i = 0; i < DV_COUNT(suffixes); i++) {
		name_of(name, seed, suffixes[i]);
		DV_IGNORE(file_remove(folder_fd, name, NULL)); /* written anew the next time */
	}
}

/* How systemctl ends says nothing about the build; what the unit wrote does. */
static int run_unit(const struct gate_seed *seed, int64_t deadline_ms, struct dv_error *err)
{
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	char unit[NAME_BYTES];
	const char *const start[] = { "systemctl", "start", unit, NULL };
	const char *const stop[] = { "systemctl", "stop", "devvm-gate@*.service", NULL };
	int r;

	if (!result)
		return dv_fail(err, -ENOMEM, "run the gate");
	(void)snprintf(unit, sizeof(unit), "devvm-gate@%.40s.service", seed->name);
	/* We hold the lock: what runs still was left by a run that was killed, and would share the
	 * account with ours. */
	r = process_run(&(struct process_spec){ .argv = stop,
						.deadline_ms = clock_deadline_ms(STOP_MS) },
			result, err);
	if (r == 0)
		r = process_run(&(struct process_spec){ .argv = start, .deadline_ms = deadline_ms },
				result, err);
	if (r == 0 && result->timed_out) {
		DV_IGNORE(process_run_ok(&(struct process_spec){ .argv = stop,
								 .deadline_ms = clock_deadline_ms(
									 STOP_MS) },
					 NULL)); /* it ends by its own deadline otherwise */
		r = dv_refuse(err, -ETIMEDOUT, "%s did not end in time", unit);
	}
	return r;
}

static int read_result(int folder_fd, const struct gate_seed *seed, struct gate_result *ret_result,
		       struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	char name[NAME_BYTES];
	size_t n_bytes = 0;
	int r;

	name_of(name, seed, ".result");
	r = file_read(folder_fd, name, GATE_RESULT_MAX, &text, &n_bytes, NULL, err);
	if (r == 0)
		r = gate_result_parse(text, n_bytes, ret_result, err);
	return r < 0 ? dv_prefix(err, r, "journalctl -u devvm-gate@%s says more", seed->name) : 0;
}

static int run(const struct env *env, const struct gate_order *order, const struct gate_seed *seed,
	       struct gate_result *ret_result, struct dv_error *err)
{
	DV_AUTO_CLOSE int folder_fd = -1;
	int r;

	if (!store_is_version(order->version) || (!seed->path && !store_is_version(order->maker)))
		return dv_refuse(err, -EINVAL,
				 "there is no last good version to make a database with");
	/* We hold the lock: what lies there was left by a run that was killed. */
	r = tree_remove(env->root_dirfd, GATE_FOLDER, err);
	if (r == 0)
		r = file_make_dirs(env->root_dirfd, GATE_FOLDER, 0700, err);
	if (r < 0)
		return r;
	folder_fd = openat(env->root_dirfd, GATE_FOLDER,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder_fd < 0)
		return dv_fail(err, -errno, "open /" GATE_FOLDER);
	if (seed->path && access(seed->path, R_OK) < 0)
		return dv_fail(err, -errno, "open %s", seed->path);
	r = hand_over(folder_fd, order, seed, err);
	if (r == 0)
		r = run_unit(seed,
			     clock_deadline_ms((GATE_CHECK_S + (int64_t)order->start_s) * 1000 +
					       MORE_MS),
			     err);
	if (r == 0)
		r = read_result(folder_fd, seed, ret_result, err);
	take_away(folder_fd, seed);
	return r;
}

void gate_run(const struct env *env, const struct gate_order *order, const struct gate_seed *seed,
	      struct gate_result *ret_result)
{
	struct dv_error err = { "" };

	*ret_result = (struct gate_result){ 0 };
	if (run(env, order, seed, ret_result, &err) < 0)
		gate_result_say(ret_result, GATE_ERROR, GATE_CHECK_SEED, err.text);
}
