/* freeze.c - see freeze.h. */
#include "update/freeze.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#define FILE_MAX_BYTES 4096
#define TEXT_BYTES 512
#define USEC_PER_S INT64_C(1000000)

static const char *const PATHS[] = { FREEZE_PATH, FREEZE_HAND_PATH };

static void take_reason(struct freeze *freeze, const char *text)
{
	if (!*text || *freeze->reason)
		return;
	(void)snprintf(freeze->reason, sizeof(freeze->reason), "%.*s", FREEZE_REASON_MAX, text);
	if (!str_is_utf8(freeze->reason, strlen(freeze->reason)) || str_has_control(freeze->reason))
		(void)snprintf(freeze->reason, sizeof(freeze->reason),
			       "no reason that can be shown");
}

static void take_line(struct freeze *freeze, const char *line)
{
	uint64_t number = 0;

	if (str_starts_with(line, "reason="))
		take_reason(freeze, line + strlen("reason="));
	else if (str_starts_with(line, "until=")) {
		/* One that makes no sense is one without an end. */
		if (freeze_parse_until(line + strlen("until="), 0, &freeze->until_usec, NULL) < 0)
			freeze->until_usec = 0;
	} else if (str_starts_with(line, "run=")) {
		if (str_to_uint(line + strlen("run="), INT64_MAX, &number) == 0)
			freeze->run = (int64_t)number;
	} else {
		take_reason(freeze, line);
	}
}

static void look_at(const struct env *env, const char *path, struct freeze *ret_freeze)
{
	struct freeze freeze = { .is_frozen = true, .path = path };
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { "" };
	size_t n_bytes = 0;
	char *rest, *line;
	int r = file_read(env->root_dirfd, path, FILE_MAX_BYTES, &text, &n_bytes, NULL, &err);

	if (r == -ENOENT)
		return;
	if (r < 0)
		take_reason(&freeze, err.text);
	rest = text;
	while ((line = strsep(&rest, "\n")))
		take_line(&freeze, line);
	take_reason(&freeze, "no reason is given");
	if (freeze.until_usec == 0 || freeze.until_usec > env->wall_usec(env))
		*ret_freeze = freeze;
}

void freeze_look(const struct env *env, struct freeze *ret_freeze)
{
	*ret_freeze = (struct freeze){ 0 };
	for (size_t i = 0; !ret_freeze->is_frozen && i < DV_COUNT(PATHS); i++)
		look_at(env, PATHS[i], ret_freeze);
}

void freeze_text(const struct freeze *freeze, char ret_text[static FREEZE_TEXT_BYTES])
{
	char until[32] = "";

	if (freeze->until_usec > 0)
		clock_format(freeze->until_usec, until);
	(void)snprintf(ret_text, FREEZE_TEXT_BYTES, "%s%s%s", freeze->reason,
		       *until ? ", until " : "", until);
}

int freeze_set(const struct env *env, const char *reason, int64_t until_usec, int64_t run,
	       struct dv_error *err)
{
	char text[TEXT_BYTES], until[32] = "", of_run[32] = "";

	if (!*reason || strlen(reason) > FREEZE_REASON_MAX ||
	    !str_is_utf8(reason, strlen(reason)) || str_has_control(reason))
		return dv_refuse(err, -EINVAL, "a reason is one line of at most %d characters",
				 FREEZE_REASON_MAX);
	if (until_usec > 0)
		clock_format(until_usec, until);
	if (run > 0)
		(void)snprintf(of_run, sizeof(of_run), "run=%lld\n", (long long)run);
	(void)snprintf(text, sizeof(text), "reason=%s\n%s%s%s%s", reason, *until ? "until=" : "",
		       until, *until ? "\n" : "", of_run);
	return file_replace(env->root_dirfd, FREEZE_PATH,
			    &(struct file_spec){ .data = text,
						 .n_bytes = strlen(text),
						 .mode = 0644,
						 .uid = (uid_t)-1,
						 .gid = (gid_t)-1 },
			    err);
}

int freeze_lift(const struct env *env, struct dv_error *err)
{
	int r = 0;

	if (faccessat(env->root_dirfd, FREEZE_PATH, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = file_remove(env->root_dirfd, FREEZE_PATH, err);
	/* Looked for first: where the folder is read-only even the removal of nothing fails. */
	if (r == 0 &&
	    faccessat(env->root_dirfd, FREEZE_HAND_PATH, F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    file_remove(env->root_dirfd, FREEZE_HAND_PATH, NULL) < 0)
		r = dv_refuse(err, -EBUSY,
			      "/" FREEZE_HAND_PATH
			      " was made by hand and still freezes: remove it");
	return r;
}

static int parse_span(const char *text, int64_t now_usec, int64_t *ret_usec)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char digits[16] = "";
	size_t n = strspn(text, "0123456789");
	uint64_t number = 0;

	if (n == 0 || n >= sizeof(digits) || text[n] == '\0' || text[n + 1] != '\0')
		return -EINVAL;
	memcpy(digits, text, n);
	if (str_to_uint(digits, 1000000, &number) < 0 || number == 0)
		return -EINVAL;
	for (size_t i = 0; i < DV_COUNT(units); i++) {
		if (text[n] != units[i].letter)
			continue;
		*ret_usec = now_usec + (int64_t)number * units[i].seconds * USEC_PER_S;
		return 0;
	}
	return -EINVAL;
}

int freeze_parse_until(const char *text, int64_t now_usec, int64_t *ret_usec, struct dv_error *err)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ",
					     "%Y-%m-%dT%H:%M", "%Y-%m-%d" };

	if (text[0] == '+' && parse_span(text + 1, now_usec, ret_usec) == 0)
		return 0;
	for (size_t i = 0; i < DV_COUNT(forms); i++) {
		struct tm tm = { 0 };
		const char *rest = strptime(text, forms[i], &tm);

		if (rest && !*rest && tm.tm_year >= 70) {
			*ret_usec = (int64_t)timegm(&tm) * USEC_PER_S;
			return 0;
		}
	}
	return dv_refuse(err, -EINVAL,
			 "a time is written 2026-01-31, 2026-01-31T12:00 (UTC), +90m, +12h or +3d");
}
