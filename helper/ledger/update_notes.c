/* update_notes.c - see update_notes.h. */
#include "ledger/update_notes.h"

#include <string.h>

#include "base/str.h"

#define KEY_LAST_GOOD "t3-last-good"
#define KEY_GATED "t3-gated"
#define KEY_BYTES 160

int update_get_last_good(struct ledger *ledger, char **ret_version, struct dv_error *err)
{
	char *version = NULL;
	int r = ledger_get_meta(ledger, KEY_LAST_GOOD, &version, err);

	if (r == 0 && !version)
		version = strdup("");
	if (r == 0 && !version)
		return dv_fail(err, -ENOMEM, "read the last good version");
	if (r == 0)
		*ret_version = version;
	return r;
}

int update_set_last_good(struct ledger *ledger, const char *version, struct dv_error *err)
{
	return ledger_set_meta(ledger, KEY_LAST_GOOD, version, err);
}

static void result_key(char ret_key[static KEY_BYTES], const char *instance)
{
	(void)snprintf(ret_key, KEY_BYTES, "update:%s", instance);
}

int update_put_result(struct ledger *ledger, const char *instance, const char *outcome,
		      const char *text, struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	char key[KEY_BYTES];

	result_key(key, instance);
	if (!outcome)
		return ledger_set_meta(ledger, key, NULL, err);
	if (asprintf(&value, "%s %s", outcome, text) < 0) {
		value = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "note the end of a run");
	}
	return ledger_set_meta(ledger, key, value, err);
}

int update_get_result(struct ledger *ledger, const char *instance, char **ret_outcome,
		      char **ret_text, struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	DV_AUTO_FREE char *outcome = NULL;
	char key[KEY_BYTES];
	size_t n;
	int r;

	result_key(key, instance);
	*ret_outcome = *ret_text = NULL;
	r = ledger_get_meta(ledger, key, &value, err);
	if (r < 0 || !value)
		return r;
	n = strcspn(value, " ");
	outcome = strndup(value, n);
	*ret_text = strdup(value + n + (value[n] == ' '));
	if (!outcome || !*ret_text)
		return dv_fail(err, -ENOMEM, "read the end of a run");
	*ret_outcome = DV_TAKE_PTR(outcome);
	return 0;
}

int update_note_gated(struct ledger *ledger, const char *version, const char *integrity,
		      const char *last_good, int64_t at_usec, const struct str_list *excluded,
		      struct dv_error *err)
{
	DV_AUTO_FREE char *names = str_list_join(excluded, "\n");
	DV_AUTO_FREE char *value = NULL;

	if (!names || asprintf(&value, "%s %s %s\n%lld\n%s", version, integrity, last_good,
			       (long long)at_usec, names) < 0) {
		value = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "note what the gate found");
	}
	return ledger_set_meta(ledger, KEY_GATED, value, err);
}

/* Behind the two first lines of the note. */
static int read_excluded(char *rest, struct str_list *ret_excluded, struct dv_error *err)
{
	char *line;

	while ((line = strsep(&rest, "\n"))) {
		if (*line && str_list_add(ret_excluded, line) < 0)
			return dv_fail(err, -ENOMEM, "read what the gate found");
	}
	return 0;
}

int update_was_gated(struct ledger *ledger, const char *version, bool *ret_was,
		     struct str_list *ret_excluded, struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	char *rest;
	size_t n = strlen(version);
	int r = ledger_get_meta(ledger, KEY_GATED, &value, err);

	*ret_was = r == 0 && value && strncmp(value, version, n) == 0 && value[n] == ' ';
	if (!*ret_was)
		return r;
	rest = value;
	(void)strsep(&rest, "\n"); /* what was gated */
	(void)strsep(&rest, "\n"); /* when */
	return read_excluded(rest, ret_excluded, err);
}

int update_is_gated(struct ledger *ledger, const char *version, const char *integrity,
		    const char *last_good, int64_t now_usec, bool *ret_is,
		    struct str_list *ret_excluded, struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	DV_AUTO_FREE char *wanted = NULL;
	char *rest, *line;
	uint64_t at_usec = 0;
	int r = ledger_get_meta(ledger, KEY_GATED, &value, err);

	*ret_is = false;
	if (r < 0 || !value)
		return r;
	if (asprintf(&wanted, "%s %s %s", version, integrity, last_good) < 0) {
		wanted = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "read what the gate found");
	}
	rest = value;
	line = strsep(&rest, "\n");
	if (strcmp(line, wanted) != 0 || !(line = strsep(&rest, "\n")) ||
	    str_to_uint(line, INT64_MAX, &at_usec) < 0 || (int64_t)at_usec > now_usec ||
	    now_usec - (int64_t)at_usec > UPDATE_GATED_USEC)
		return 0;
	*ret_is = true;
	return read_excluded(rest, ret_excluded, err);
}
