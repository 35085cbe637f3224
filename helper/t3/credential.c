/* credential.c - see credential.h. */
#include "t3/credential.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"

static void json_cleanup(json_t **json)
{
	json_decref(*json);
}

/* Warnings of node and of t3 come before it, and may hold braces, too. */
static json_t *find_credential(const char *output)
{
	for (const char *at = output; (at = strchr(at, '{')); at++) {
		json_t *json = json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);

		if (json_object_get(json, "credential"))
			return json;
		json_decref(json);
	}
	return NULL;
}

int t3_parse_credential(const char *output, struct t3_credential *ret_credential,
			struct dv_error *err)
{
	DV_CLEANUP(json_cleanup) json_t *json = find_credential(output);
	const char *credential = json_string_value(json_object_get(json, "credential"));
	const char *expires = json_string_value(json_object_get(json, "expiresAt"));

	if (!*output)
		return dv_refuse(
			err, -EBADMSG,
			"t3 printed nothing: its node may be older than it takes (devvmctl "
			"doctor)");
	if (!credential || !*credential || strlen(credential) >= sizeof(ret_credential->text) ||
	    !str_is_utf8(credential, strlen(credential)) || str_has_control(credential))
		return dv_refuse(err, -EBADMSG, "t3 printed no credential");
	(void)snprintf(ret_credential->text, sizeof(ret_credential->text), "%s", credential);
	(void)snprintf(ret_credential->expires, sizeof(ret_credential->expires), "%.63s",
		       expires && !str_has_control(expires) ? expires : "");
	return 0;
}
