/* installs.c - see installs.h. A single value per instance: "ok TEXT" or "failed TEXT". */
#include "ledger/installs.h"

#include <string.h>

#include "base/str.h"

#define KEY_BYTES 160
#define OK "ok "
#define FAILED "failed "

static void key_of(char ret_key[static KEY_BYTES], const char *instance)
{
	(void)snprintf(ret_key, KEY_BYTES, "install:%s", instance);
}

int installs_put(struct ledger *ledger, const char *instance, bool done, const char *text,
		 struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	char key[KEY_BYTES];

	key_of(key, instance);
	if (asprintf(&value, "%s%s", done ? OK : FAILED, text) < 0) {
		value = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "note the install of %s", instance);
	}
	return ledger_set_meta(ledger, key, value, err);
}

int installs_get(struct ledger *ledger, const char *instance, bool *ret_done, char **ret_text,
		 struct dv_error *err)
{
	DV_AUTO_FREE char *value = NULL;
	char key[KEY_BYTES];
	char *text = NULL;
	bool done;
	int r;

	key_of(key, instance);
	r = ledger_get_meta(ledger, key, &value, err);
	if (r < 0)
		return r;
	done = value && str_starts_with(value, OK);
	if (value) {
		text = strdup(value + strcspn(value, " ") + 1);
		if (!text)
			return dv_fail(err, -ENOMEM, "read the install of %s", instance);
	}
	*ret_done = done;
	*ret_text = text;
	return 0;
}
