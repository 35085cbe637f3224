/* cmd_mint.c - `devvmctl mint [USER] [--json]`: a one-time credential, for whoever asked. */
#include "ctl/cmd_mint.h"

#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <string.h>

#include "base/str.h"
#include "ctl/commands.h"
#include "ctl/online.h"

#define TOTAL_MS 120000 /* others may be before us, and each takes its seconds */

struct printer {
	const struct ctl *ctl;
	bool as_json;
};

static int on_row(const struct record *row, void *context, struct dv_error *err)
{
	const struct printer *printer = context;
	const char *credential = record_get(row, "credential");
	json_t *json;

	if (!str_equal(record_get(row, "kind"), "credential") || !credential)
		return 0;
	if (!printer->as_json) {
		(void)fprintf(printer->ctl->out, "%s\n", credential);
		return 0;
	}
	json = json_pack("{s:s, s:s?, s:s?}", "credential", credential, "expires",
			 record_get(row, "expires"), "version", record_get(row, "version"));
	if (!json)
		return dv_fail(err, -ENOMEM, "print the credential");
	/* A stream that takes no more shows itself when it is flushed. */
	(void)json_dumpf(json, printer->ctl->out, JSON_COMPACT | JSON_PRESERVE_ORDER);
	(void)fputc('\n', printer->ctl->out);
	json_decref(json);
	return 0;
}

enum ctl_exit mint_run(const struct ctl *ctl, const char *user, bool as_json)
{
	const struct online_limits limits = { .total_ms = TOTAL_MS };
	struct printer printer = { .ctl = ctl, .as_json = as_json };
	struct record_writer request;

	proto_begin_request(&request, PROTO_MINT);
	record_add(&request, "user", user);
	return online_collect(ctl, &request, &limits, on_row, &printer);
}

int cmd_mint(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	const struct passwd *me = getuid() == 0 ? NULL : getpwuid(getuid());
	bool as_json = false;
	const char *user;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		as_json |= option == 'j';
	}
	user = ctl_user_word(&ctl, argc, argv, me ? me->pw_name : NULL);
	return user ? (int)mint_run(&ctl, user, as_json) : CTL_USAGE;
}
