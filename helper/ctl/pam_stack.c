/* pam_stack.c - see pam_stack.h. */
#include "ctl/pam_stack.h"

#include <string.h>

#define MODULE "pam_devvm.so"
#define MARK "# devvm:"

enum line_kind {
	LINE_OTHER,
	LINE_OURS,
	LINE_FOREIGN,
	LINE_COMMENTED,
};

static bool contains(const char *line, size_t n_bytes, const char *text)
{
	return memmem(line, n_bytes, text, strlen(text)) != NULL;
}

static size_t skip(const char *line, size_t n_bytes, size_t at, const char *characters)
{
	while (at < n_bytes && strchr(characters, line[at]))
		at++;
	return at;
}

static bool is_session_line(const char *line, size_t n_bytes)
{
	size_t at = skip(line, n_bytes, 0, " \t-"); /* "-session": no log when it is missing */

	return n_bytes - at > 7 && strncasecmp(line + at, "session", 7) == 0 &&
	       strchr(" \t", line[at + 7]) && contains(line, n_bytes, MODULE);
}

static enum line_kind kind_of(const char *line, size_t n_bytes)
{
	size_t at = skip(line, n_bytes, 0, " \t");

	if (at < n_bytes && line[at] == '#') {
		at = skip(line, n_bytes, at, " \t#");
		return is_session_line(line + at, n_bytes - at) ? LINE_COMMENTED : LINE_OTHER;
	}
	if (!is_session_line(line, n_bytes))
		return LINE_OTHER;
	return contains(line, n_bytes, MARK) ? LINE_OURS : LINE_FOREIGN;
}

/* The bytes of the line at `at`, its newline included. */
static size_t line_bytes(const char *at)
{
	const char *newline = strchr(at, '\n');

	return newline ? (size_t)(newline + 1 - at) : strlen(at);
}

enum pam_stack_state pam_stack_state_of(const char *text)
{
	size_t n_ours = 0;
	bool is_last_ours = false, has_foreign = false, has_commented = false;

	for (size_t n = line_bytes(text); n > 0; text += n, n = line_bytes(text)) {
		enum line_kind kind = kind_of(text, n);

		is_last_ours = kind == LINE_OURS;
		n_ours += is_last_ours;
		has_foreign |= kind == LINE_FOREIGN;
		has_commented |= kind == LINE_COMMENTED;
	}
	if (has_foreign)
		return PAM_STACK_FOREIGN;
	if (has_commented)
		return PAM_STACK_COMMENTED;
	if (n_ours == 0)
		return PAM_STACK_ABSENT;
	return n_ours == 1 && is_last_ours ? PAM_STACK_PRESENT : PAM_STACK_MISPLACED;
}

bool pam_stack_calls_module(const char *text)
{
	for (size_t n = line_bytes(text); n > 0; text += n, n = line_bytes(text)) {
		size_t at = skip(text, n, 0, " \t");

		if (text[at] != '#' && contains(text, n, MODULE))
			return true;
	}
	return false;
}

int pam_stack_disable(const char *text, char **ret_text, struct dv_error *err)
{
	DV_AUTO_FREE char *kept = malloc(strlen(text) + 1);
	char *end = kept;

	if (!kept)
		return dv_fail(err, -ENOMEM, "edit the stack");
	for (size_t n = line_bytes(text); n > 0; text += n, n = line_bytes(text)) {
		if (kind_of(text, n) != LINE_OURS)
			end = mempcpy(end, text, n);
	}
	*end = '\0';
	*ret_text = DV_TAKE_PTR(kept);
	return 0;
}

int pam_stack_enable(const char *text, char **ret_text, struct dv_error *err)
{
	enum pam_stack_state state = pam_stack_state_of(text);
	DV_AUTO_FREE char *kept = NULL;
	DV_AUTO_FREE char *whole = NULL;
	size_t n_bytes;
	int r = 0;

	if (state == PAM_STACK_FOREIGN || state == PAM_STACK_COMMENTED)
		kept = strdup(text);
	else
		r = pam_stack_disable(text, &kept, err);
	if (r < 0)
		return r;
	if (!kept)
		return dv_fail(err, -ENOMEM, "edit the stack");
	if (state == PAM_STACK_FOREIGN || state == PAM_STACK_COMMENTED) {
		*ret_text = DV_TAKE_PTR(kept);
		return 0;
	}
	n_bytes = strlen(kept);
	/* A backslash at the end of a line joins it with the next one (pam.conf(5)). */
	if ((n_bytes > 0 && kept[n_bytes - 1] == '\\') ||
	    (n_bytes > 1 && strcmp(kept + n_bytes - 2, "\\\n") == 0))
		return dv_refuse(err, -EINVAL, "the last line ends with a backslash");
	if (asprintf(&whole, "%s%s%s\n", kept, n_bytes > 0 && kept[n_bytes - 1] != '\n' ? "\n" : "",
		     PAM_STACK_LINE) < 0)
		return dv_fail(err, -ENOMEM, "edit the stack");
	*ret_text = DV_TAKE_PTR(whole);
	return 0;
}
