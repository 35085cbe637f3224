/* verbs.h - a handler per verb. Each is called with a request that parsed, that the table
 * knows and that the policy allows, and answers as request_handle() says. */
#ifndef DEVVM_DAEMON_VERBS_H
#define DEVVM_DAEMON_VERBS_H

#include "daemon/request.h"

/* Look up and call the handler of the request's verb. */
struct answer *verbs_handle(struct daemon *daemon, const struct request *request,
			    struct record_writer *reply);

struct answer *session_handle_open(struct daemon *, const struct request *, struct record_writer *);
struct answer *report_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *work_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *wait_handle_ensure(struct daemon *, const struct request *, struct record_writer *);
struct answer *wait_handle_wait(struct daemon *, const struct request *, struct record_writer *);
struct answer *wait_handle_reconcile(struct daemon *, const struct request *,
				     struct record_writer *);
struct answer *programs_handle_machine(struct daemon *, const struct request *,
				       struct record_writer *);
struct answer *offboard_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *programs_handle_install(struct daemon *, const struct request *,
				       struct record_writer *);
struct answer *status_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *feed_handle_events(struct daemon *, const struct request *, struct record_writer *);
struct answer *secrets_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *mint_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *minted_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *backup_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *restore_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *backups_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *mirrors_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *update_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *versions_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *freeze_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *unfreeze_handle(struct daemon *, const struct request *, struct record_writer *);
struct answer *people_update_handle_now(struct daemon *, const struct request *,
					struct record_writer *);
struct answer *people_update_handle_not_before(struct daemon *, const struct request *,
					       struct record_writer *);

/* For handlers: the person asked about. 0, or the error is written to `reply`. */
struct people_row;
DV_MUST_CHECK int verbs_find_person(struct daemon *daemon, const char *user,
				    struct people_row *ret_person, struct record_writer *reply);
/* "1" is yes; absent or anything else is no. */
bool verbs_is_set(const struct request *request, const char *key);
/* What is next of an answer that waits for a run of the updater: the outcome it noted under the waiter's instance. */
enum answer_next update_next(struct answer *answer, struct record_writer *writer);
/* For handlers whose answer could not be allocated. Returns NULL. */
struct answer *verbs_no_memory(struct record_writer *reply);

#endif
