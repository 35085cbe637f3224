/* pam_devvm.c - what sshd, login, su and sudo -i load.
 *
 *   account [success=ok perm_denied=die default=ignore] pam_devvm.so
 *   session optional pam_devvm.so [timeout=3] [quiet] [debug]
 *
 * Opening a session: the person's ticket, if there is one, goes into the PAM environment
 * and a touch of the file tells devvm-helperd who came; that is a file read, without name
 * lookup, without a wait. Without a ticket the helper is asked, within one absolute deadline, and
 * whatever comes of it the session opens. The account phase refuses those whose denial is
 * written down, and asks nobody.
 *
 * The process is somebody else's: no fork, signal, thread, umask, chdir, exit, abort, no
 * mutable static; everything is closed before we return. The application's user name is
 * believed only when it is one of ours in form; PAM environment values are never read.
 */
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "base/clock.h"
#include "base/str.h"

#include "ask.h"
#include "denial.h"
#include "options.h"
#include "outcome.h"
#include "ticket.h"

#define PERSON_UID_MIN 1000
#define PERSON_UID_MAX 60000

/* The key of the note on the handle that this session has been opened by us. */
#define OPENED_KEY "devvm-session-opened"

struct session {
	pam_handle_t *pamh;
	struct options options;
	const char *user;    /* borrowed from the handle, as the next two are */
	const char *service; /* may be NULL */
	const char *tty;     /* may be NULL */
};

/* Borrowed; NULL when it is not set. No prompt: who is not named yet is nobody to us. */
static const char *get_text(pam_handle_t *pamh, int item)
{
	const void *text = NULL;

	if (pam_get_item(pamh, item, &text) != PAM_SUCCESS)
		return NULL;
	return text;
}

static bool is_ours_in_form(const char *user)
{
	return user && str_is_user_name(user) && !str_equal(user, "root");
}

/* systemd-user is the person's service manager: its session has no shell, and pam_systemd
 * opens it while the login it belongs to is being opened. The effective uid decides:
 * under sudo the real one is still the caller's. */
static bool is_session_of_a_person(const struct session *session)
{
	return geteuid() == 0 && is_ours_in_form(session->user) &&
	       !str_equal(session->service, "systemd-user");
}

/* The one name lookup, and only without a ticket. A name service that hangs has no
 * deadline of ours; the application has asked it about the same person before us. */
static bool has_uid_of_a_person(const struct session *session)
{
	const struct passwd *account = pam_modutil_getpwnam(session->pamh, session->user);

	return account && account->pw_uid >= PERSON_UID_MIN && account->pw_uid <= PERSON_UID_MAX;
}

static int put_ticket(const struct session *session, struct dv_error *err)
{
	return ticket_put(session->pamh, session->user, TICKET_LOGIN, err);
}

static enum outcome ask_helper(const struct session *session, int64_t deadline_ms,
			       struct dv_error *err)
{
	enum outcome outcome = ask_open_session(session->user, session->service, deadline_ms, err);

	if (outcome == OUTCOME_NOT_OURS)
		return outcome;
	if (outcome == OUTCOME_READY)
		return put_ticket(session, err) == 0 ? OUTCOME_READY : OUTCOME_NO_TICKET;
	/* The reconcile writes everybody's ticket and may have got to this one while the
	 * helper kept us waiting. */
	if (put_ticket(session, NULL) < 0)
		return outcome;
	outcome_log(session->pamh, outcome, session->options.debug, session->user, err);
	*err = (struct dv_error){ "" };
	return OUTCOME_TICKET;
}

static enum outcome open_first(const struct session *session, struct dv_error *err)
{
	int r = put_ticket(session, err);
	int64_t deadline_ms;

	if (r == 0)
		return OUTCOME_TICKET;
	deadline_ms = clock_deadline_ms(session->options.timeout_ms);
	if (r != -ENOENT)
		outcome_log(session->pamh, OUTCOME_BAD_TICKET, session->options.debug,
			    session->user, err);
	*err = (struct dv_error){ "" };
	if (!has_uid_of_a_person(session))
		return OUTCOME_NOT_A_PERSON;
	return ask_helper(session, deadline_ms, err);
}

/* We stand twice in Debian's sshd stack: in common-session, and once more behind its
 * pam_env, which would otherwise have the last word about PATH. The second line puts
 * the environment again and does nothing else; what failed is in the log already. */
static enum outcome open_again(const struct session *session)
{
	if (ticket_put(session->pamh, session->user, TICKET_REPEAT, NULL) < 0)
		return OUTCOME_REPEATED;
	return OUTCOME_TICKET;
}

static bool was_opened(pam_handle_t *pamh)
{
	const void *note = NULL;

	return pam_get_data(pamh, OPENED_KEY, &note) == PAM_SUCCESS && note;
}

static void note_opened(pam_handle_t *pamh, bool opened)
{
	static const char NOTE = '+';

	/* Without the note (no memory) the second line touches once more: harmless. */
	(void)pam_set_data(pamh, OPENED_KEY, opened ? (void *)&NOTE : NULL, NULL);
}

/* Only where text cannot get into data: sshd (its PAM_TTY is the word ssh) holds it back
 * until it knows of a terminal; others print it to stdout, which `su - USER -c CMD >file`
 * has redirected. */
static bool may_show_text(const struct session *session, int flags)
{
	if (((unsigned int)flags & PAM_SILENT) || session->options.quiet || !session->tty)
		return false;
	return str_equal(session->tty, "ssh") || isatty(STDOUT_FILENO);
}

PAM_EXTERN int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct session session = {
		.pamh = pamh,
		.user = get_text(pamh, PAM_USER),
		.service = get_text(pamh, PAM_SERVICE),
		.tty = get_text(pamh, PAM_TTY),
	};
	struct dv_error err = { "" };
	enum outcome outcome;
	const struct outcome_row *row;

	options_parse(pamh, argc, argv, &session.options);
	if (!is_session_of_a_person(&session)) {
		outcome = OUTCOME_SKIPPED;
	} else if (was_opened(pamh)) {
		outcome = open_again(&session);
	} else {
		note_opened(pamh, true);
		outcome = open_first(&session, &err);
	}
	row = outcome_row_of(outcome);
	/* A name that is not one of ours in form is not repeated in the log. */
	outcome_log(pamh, outcome, session.options.debug,
		    is_ours_in_form(session.user) ? session.user : "(skipped)", &err);
	if (row->text && may_show_text(&session, flags))
		(void)pam_info(pamh, "%s", row->text); /* the person may not listen */
	return row->pam_code;
}

PAM_EXTERN int pam_sm_close_session(pam_handle_t *pamh, int flags DV_UNUSED, int argc DV_UNUSED,
				    const char **argv DV_UNUSED)
{
	note_opened(pamh, false); /* a handle may open one session after another */
	return PAM_SUCCESS;
}

PAM_EXTERN int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	const char *user = get_text(pamh, PAM_USER);
	char sentence[DENIAL_MAX_BYTES + 1] = "";
	struct dv_error err = { "" };
	struct options options;
	enum outcome outcome;

	options_parse(pamh, argc, argv, &options);
	/* No denial can lock root out of the machine that would have to be repaired. */
	if (!is_ours_in_form(user))
		return outcome_row_of(OUTCOME_ALLOWED)->pam_code;
	outcome = denial_check(user, sentence, &err);
	outcome_log(pamh, outcome, options.debug, user, &err);
	if (outcome == OUTCOME_DENIED && !options.quiet && !((unsigned int)flags & PAM_SILENT))
		(void)pam_error(pamh, "%s", sentence); /* the person may not listen */
	return outcome_row_of(outcome)->pam_code;
}
