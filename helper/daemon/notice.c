/* notice.c - see notice.h. */
#include "daemon/notice.h"

#include "base/clock.h"

static void format_day(int64_t at_usec, char ret_text[static 32])
{
	clock_format(at_usec, ret_text);
	ret_text[10] = '\0'; /* 2026-01-31 */
}

int notice_waiting(const struct daemon *daemon, struct ledger *ledger, const char *user,
		   char ret_text[static NOTICE_BYTES], struct dv_error *err)
{
	struct deferral row;
	char when[32];
	int r = deferrals_get(ledger, user, &row, err);

	*ret_text = '\0';
	if (r < 0)
		return r;
	if (*row.version) {
		format_day(row.since_usec, when);
		(void)snprintf(ret_text, NOTICE_BYTES, "t3 %s waits for %s since %s: %s",
			       row.version, user, when, row.why);
	} else if (row.not_before_usec > daemon_now_usec(daemon)) {
		clock_format(row.not_before_usec, when);
		(void)snprintf(ret_text, NOTICE_BYTES, "%s gets no other t3 before %s", user, when);
	}
	return 0;
}

void notice_overdue(struct daemon *daemon, const char *user, char ret_text[static NOTICE_BYTES])
{
	struct dv_error err = { "" };
	struct ledger *ledger;
	struct deferral row;
	char when[32];
	int r = store_get(&daemon->store, &ledger, &err);

	*ret_text = '\0';
	if (r == 0)
		r = store_note(&daemon->store, deferrals_get(ledger, user, &row, &err), &err);
	if (r < 0 || !deferrals_is_overdue(&row, daemon->config.update_defer_max_days,
					   daemon_now_usec(daemon)))
		return;
	format_day(row.since_usec, when);
	(void)snprintf(ret_text, NOTICE_BYTES,
		       "t3 %s waits for you since %s: %s. devvmctl update --now takes it when you "
		       "are idle; devvmctl update --not-before +2d keeps it waiting",
		       row.version, when, row.why);
}
