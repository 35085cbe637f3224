/* look.c - see look.h. */
#include "move/look.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/process.h"
#include "base/str.h"
#include "t3/activity.h"

#define UNIT_MS 70000 /* above the unit's own deadline */
#define STOP_MS 20000
#define NAME_BYTES (STR_USER_NAME_MAX + 16)
#define UNIT_BYTES (STR_USER_NAME_MAX + 32)
#define NO_LEVEL (-1)

/* ---- what was printed ----------------------------------------------------------------- */

static int refuse(struct dv_error *err)
{
	return dv_refuse(err, -EBADMSG, "what their process said is not what it should be");
}

static bool take_number(const json_t *json, const char *key, int64_t min, int64_t max,
			int64_t *ret_number)
{
	const json_t *number = json_object_get(json, key);

	if (!json_is_integer(number) || json_integer_value(number) < min ||
	    json_integer_value(number) > max)
		return false;
	*ret_number = json_integer_value(number);
	return true;
}

static int take_ok(const json_t *json, struct look *look, struct dv_error *err)
{
	int64_t n_turns = 0;

	if (json_object_size(json) != 4 ||
	    !take_number(json, "level", NO_LEVEL, ACTIVITY_LEVEL_MAX, &look->level) ||
	    !take_number(json, "turns", 0, ACTIVITY_TURNS_MAX, &n_turns) ||
	    !take_number(json, "worked_usec", 0, ACTIVITY_USEC_MAX, &look->worked_usec))
		return refuse(err);
	look->n_turns = (unsigned int)n_turns;
	look->has_database = true;
	return 0;
}

static int take_none(const json_t *json, struct look *look DV_UNUSED, struct dv_error *err)
{
	return json_object_size(json) == 1 ? 0 : refuse(err);
}

/* Their words reach a terminal. */
static int take_failed(const json_t *json, struct look *look DV_UNUSED, struct dv_error *err)
{
	const json_t *error = json_object_get(json, "error");
	const char *text = json_string_value(error);

	if (json_object_size(json) != 2 || !text || !*text ||
	    json_string_length(error) >= ERROR_MAX_BYTES)
		return refuse(err);
	for (const char *at = text; *at; at++) {
		if (*at < ' ' || *at > '~')
			return refuse(err);
	}
	return dv_refuse(err, -EMEDIUMTYPE, "%.400s", text);
}

static const struct {
	const char *state;
	int (*take)(const json_t *json, struct look *look, struct dv_error *err);
} STATES[] = {
	{ "ok", take_ok },
	{ "none", take_none },
	{ "failed", take_failed },
};

int look_parse(const char *text, size_t n_bytes, struct look *ret_look, struct dv_error *err)
{
	struct look look = { .level = NO_LEVEL };
	json_t *json = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL);
	const char *state = json_string_value(json_object_get(json, "state"));
	int r = -ENOENT;

	for (size_t i = 0; state && i < DV_COUNT(STATES); i++) {
		if (strcmp(state, STATES[i].state) == 0)
			r = STATES[i].take(json, &look, err);
	}
	if (r == -ENOENT)
		r = refuse(err);
	json_decref(json);
	if (r == 0)
		*ret_look = look;
	return r;
}

/* ---- the unit ------------------------------------------------------------------------- */

static int write_file(int folder_fd, const char *user, const char *suffix, const char *text,
		      struct dv_error *err)
{
	char name[NAME_BYTES];

	(void)snprintf(name, sizeof(name), "%s%s", user, suffix);
	return file_replace(folder_fd, name,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0600,
						 .uid = geteuid(),
						 .gid = getegid() },
			    err);
}

/* The result is a new file: what a unit that was left behind still prints goes nowhere. */
static int hand_over(int folder_fd, const char *user, int64_t since_usec, struct dv_error *err)
{
	char text[64];
	int r;

	(void)snprintf(text, sizeof(text), ACTIVITY_SINCE_KEY "=%" PRId64 "\n", since_usec);
	r = write_file(folder_fd, user, ".env", text, err);
	return r < 0 ? r : write_file(folder_fd, user, ".result", "", err);
}

static void take_away(int folder_fd, const char *user)
{
	static const char *const suffixes[] = { ".env", ".result" };

	for (size_t i = 0; i < DV_COUNT(suffixes); i++) {
		char name[NAME_BYTES];

		(void)snprintf(name, sizeof(name), "%s%s", user, suffixes[i]);
		DV_IGNORE(file_remove(folder_fd, name, NULL)); /* written anew the next time */
	}
}

/* We hold the person's lock, so what runs already was left by somebody who was killed: `restart` ends it. */
static int run_unit(const char *user, struct dv_error *err)
{
	char unit[UNIT_BYTES];
	const char *const restart[] = { "systemctl", "restart", unit, NULL };
	const char *const stop[] = { "systemctl", "stop", unit, NULL };
	struct dv_error why = { "" };
	int r;

	(void)snprintf(unit, sizeof(unit), "devvm-look@%s.service", user);
	r = process_run_ok(&(struct process_spec){ .argv = restart,
						   .deadline_ms = clock_deadline_ms(UNIT_MS) },
			   &why);
	if (r == -ETIMEDOUT)
		DV_IGNORE(process_run_ok(&(struct process_spec){ .argv = stop,
								 .deadline_ms = clock_deadline_ms(
									 STOP_MS) },
					 NULL)); /* it ends by its own deadline otherwise */
	return r < 0 ? dv_refuse(err, r, "journalctl -u %s says why", unit) : 0;
}

static int read_result(int folder_fd, const char *user, struct look *ret_look, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	char name[NAME_BYTES];
	size_t n_bytes = 0;
	int r;

	(void)snprintf(name, sizeof(name), "%s.result", user);
	r = file_read(folder_fd, name, ACTIVITY_ANSWER_MAX, &text, &n_bytes, NULL, err);
	if (r == -EFBIG)
		return refuse(err);
	return r < 0 ? r : look_parse(text, n_bytes, ret_look, err);
}

int look_run(const struct env *env, const char *user, int64_t since_usec, struct look *ret_look,
	     struct dv_error *err)
{
	DV_AUTO_CLOSE int folder_fd = -1;
	struct look look = { .level = NO_LEVEL };
	struct dv_error why = { "" };
	int ran, r;

	if (!str_is_user_name(user) || since_usec < 0)
		return dv_refuse(err, -EINVAL, "look at a database: whose, since when?");
	r = file_make_dirs(env->root_dirfd, LOOK_FOLDER, 0700, err);
	if (r < 0)
		return r;
	folder_fd = openat(env->root_dirfd, LOOK_FOLDER,
			   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder_fd < 0)
		return dv_fail(err, -errno, "open /" LOOK_FOLDER);
	r = hand_over(folder_fd, user, since_usec, err);
	if (r < 0)
		return r;
	ran = run_unit(user, &why);
	r = read_result(folder_fd, user, &look, err);
	take_away(folder_fd, user);
	/* One that failed may have said why; one that said that all is well and failed has not. */
	if (ran < 0 && r != -EMEDIUMTYPE)
		return dv_refuse(err, ran, "%s", why.text);
	if (r == 0)
		*ret_look = look;
	return r;
}
