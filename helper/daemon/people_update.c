/* people_update.c - the verbs update-now and not-before: what somebody may say to the updater of their own t3.
 *
 * Now is a drain of one person (devvm-drain@), which interrupts nobody who is at work. Later is a row of the ledger
 * that each run and each drain reads; it holds for at most update.defer_max days, so that nobody stays behind
 * for good without an administrator.
 */
#include "base/clock.h"
#include "base/log.h"
#include "daemon/programs.h"
#include "daemon/verbs.h"
#include "ledger/deferrals.h"
#include "ledger/events.h"
#include "ledger/people.h"

#define UNIT_BYTES 96
#define DAY_USEC (24 * 3600 * INT64_C(1000000))

struct answer *people_update_handle_now(struct daemon *daemon, const struct request *request,
					struct record_writer *reply)
{
	static const struct answer_ops OPS = { .next = update_next,
					       .release = programs_release_waiter };
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	char instance[STAGE_NAME_BYTES], unit[UNIT_BYTES];

	if (verbs_find_person(daemon, request->user, &person, reply) < 0)
		return NULL;
	if (person.parked) {
		answer_write_error(reply, PROTO_CODE_DENIED,
				   "%s is parked: nothing of theirs is moved before they are back",
				   person.name);
		return NULL;
	}
	(void)snprintf(instance, sizeof(instance), "drain-%s", person.name);
	(void)snprintf(unit, sizeof(unit), "devvm-drain@%s.service", person.name);
	return programs_wait_for(daemon, &OPS, unit, instance, reply);
}

/* 0, or the refusal is in `err`. */
static int read_until(struct daemon *daemon, const struct request *request, int64_t *ret_usec,
		      struct dv_error *err)
{
	unsigned int max_days = daemon->config.update_defer_max_days;
	int64_t now_usec = daemon_now_usec(daemon);
	uint64_t until_usec = 0;
	char last[32];

	if (str_to_uint(record_get(request->record, "until"), INT64_MAX, &until_usec) < 0)
		return dv_refuse(err, -EINVAL, "that is no time");
	*ret_usec = (int64_t)until_usec;
	if (*ret_usec == 0)
		return 0;
	if (*ret_usec <= now_usec)
		return dv_refuse(err, -EINVAL, "that time is over already");
	if (max_days == 0 || *ret_usec - now_usec <= max_days * DAY_USEC)
		return 0;
	clock_format(now_usec + max_days * DAY_USEC, last);
	return dv_refuse(err, -EINVAL,
			 "an update waits for at most %u days (update.defer_max), so until %s",
			 max_days, last);
}

static int keep(struct daemon *daemon, const char *name, int64_t until_usec, const char *text,
		struct dv_error *err)
{
	struct ledger *ledger;
	int r = store_get(&daemon->store, &ledger, err);

	if (r == 0)
		r = deferrals_set_not_before(ledger, name, until_usec, err);
	if (r == 0)
		r = events_add(ledger, daemon_now_usec(daemon), LOG_NOTICE, name, "update", text,
			       err);
	return store_note(&daemon->store, r, err);
}

struct answer *people_update_handle_not_before(struct daemon *daemon, const struct request *request,
					       struct record_writer *reply)
{
	DV_AUTO_PEOPLE_ROW struct people_row person = { 0 };
	char text[STR_USER_NAME_MAX + 100], until[32];
	struct dv_error err = { "" };
	int64_t until_usec = 0;
	int r;

	if (verbs_find_person(daemon, request->user, &person, reply) < 0)
		return NULL;
	r = read_until(daemon, request, &until_usec, &err);
	if (r == 0) {
		clock_format(until_usec, until);
		(void)snprintf(text, sizeof(text),
			       until_usec > 0 ? "%s gets no other t3 before %s"
					      : "%s gets the next t3 with everybody else",
			       person.name, until);
		r = keep(daemon, person.name, until_usec, text, &err);
	}
	if (r < 0) {
		answer_write_error(reply, r == -EINVAL ? PROTO_CODE_BAD_REQUEST : PROTO_CODE_FAILED,
				   "%s", err.text);
		return NULL;
	}
	log_write(LOG_NOTICE, &(struct log_fields){ .user = person.name, .step = "update" },
		  "update: %s", text);
	answer_write_done(reply, NULL, text);
	return NULL;
}
