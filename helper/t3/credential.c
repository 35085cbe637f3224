/* credential.c - see credential.h. */
#include "t3/credential.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"

static void json_cleanup(json_t **json)
{
	json_decref(*json);
}

int t3_parse_credential(const char *output, struct t3_credential *ret_credential,
			struct dv_error *err)
{
	const char *begin = strchr(output, '{');
	DV_CLEANUP(json_cleanup)
	json_t *json = begin ? json_loads(begin, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
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
