/* test_sync.c - roster.yaml into the ledger: who is new, changed, gone and back, what that
 * does to tickets and ports, and that a bad roster or a dry run changes nothing. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "job/sync.h"
#include "ledger/backups.h"
#include "steps/hold.h"

#define ROSTER "etc/devvm/roster.yaml"
#define LINE(name, more)                                                                           \
	"  " name ": {authentik_user: " name ", k8s_user: " name ", tier: power-user" more "}\n"
#define EMO LINE("emo", "")
#define WIZARD LINE("wizard", "")
#define TICKET "run/devvm/tickets/"

static enum sync_outcome try_sync(struct scratch *scratch, const char *roster,
				  const struct sync_options *options)
{
	enum sync_outcome outcome = SYNC_UNSET;
	char digest[DIGEST_HEX_BYTES], on_disk[DIGEST_HEX_BYTES];

	if (roster)
		scratch_write(scratch, ROSTER, roster, 0644);
	assert_ok(scratch, sync_roster(&scratch->view, options, &outcome, digest, &scratch->err));
	sync_digest(&scratch->view, on_disk);
	assert_string_equal(digest, on_disk);
	return outcome;
}

static void take(struct scratch *scratch, const char *roster)
{
	const struct sync_options options = { .dry_run = false };

	scratch->err.text[0] = '\0';
	if (try_sync(scratch, roster, &options) == SYNC_REFUSED)
		fail_msg("refused: %s", scratch->err.text);
}

static void assert_refused(struct scratch *scratch, const char *roster, const char *sentence)
{
	const struct sync_options options = { .dry_run = false };
	DV_AUTO_FREE char *noted = NULL;

	assert_int_equal(try_sync(scratch, roster, &options), SYNC_REFUSED);
	assert_string_equal(scratch->err.text, sentence);
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "roster-error", &noted, &scratch->err));
	assert_string_equal(noted, sentence);
}

/* "emo present 1 3773 8931" a line, with a '!' behind who has a ticket. */
static void assert_people(struct scratch *scratch, const char *expected)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	char text[1024] = "";
	size_t n = 0;

	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	for (size_t i = 0; i < people.n_rows; i++) {
		const struct people_row *row = &people.rows[i];
		char ticket[128];

		(void)snprintf(ticket, sizeof(ticket), TICKET "%s", row->name);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %s %lld %u %u%s\n", row->name,
				      people_state_name(row->state), (long long)row->generation,
				      row->ports[0], row->ports[1],
				      scratch_has(scratch, ticket) ? "!" : "");
		assert_in_range(n, 0, sizeof(text) - 1);
	}
	assert_string_equal(text, expected);
}

static void put_tickets(struct scratch *scratch)
{
	static const char *const names[] = { "anca", "bob", "emo", "wizard" };

	for (size_t i = 0; i < DV_COUNT(names); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), TICKET "%s", names[i]);
		scratch_write(scratch, path, "#devvm-ticket 1\n", 0600);
	}
}

static void new_people_have_the_lowest_ports_in_order(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" WIZARD EMO);
	assert_people(scratch, "emo present 1 3773 8931\nwizard present 1 3774 8932\n");
}

static void all_of_a_roster_line_is_written(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	take(scratch,
	     "users:\n"
	     "  anca: {authentik_user: ancaelena98, k8s_user: anca2, tier: admin, parked: true,\n"
	     "         eager: true, uid: 1234, shell: /bin/sh, groups: [video], \n"
	     "         code_layout: workspace, repos: [book, notes]}\n");
	row = scratch_person(scratch, "anca");
	assert_string_equal(row.identity, "ancaelena98");
	assert_string_equal(row.k8s_user, "anca2");
	assert_string_equal(row.tier, "admin");
	assert_string_equal(row.shell, "/bin/sh");
	assert_string_equal(row.groups, "code-shared\ndocker\nsudo\nvideo");
	assert_string_equal(row.layout, "workspace");
	assert_string_equal(row.repos, "book\nnotes");
	assert_int_equal(row.parked, true);
	assert_int_equal(row.eager, true);
	assert_int_equal(row.wanted_uid, 1234);
}

static void the_same_roster_again_writes_nothing(void **state)
{
	struct scratch *scratch = *state;
	const struct sync_options options = { .dry_run = false };
	sqlite3 *other = NULL;
	int before;

	take(scratch, "users:\n" EMO WIZARD);
	put_tickets(scratch);
	other = scratch_open_beside(scratch);
	before = scratch_data_version(other);
	assert_int_equal(try_sync(scratch, NULL, &options), SYNC_UNCHANGED);
	/* Other words that mean the same. */
	assert_int_equal(scratch_data_version(other), before);
	assert_int_equal(try_sync(scratch, "# ours\nusers:\n" WIZARD EMO, &options),
			 SYNC_UNCHANGED);
	(void)sqlite3_close(other);
	assert_people(scratch, "emo present 1 3773 8931!\nwizard present 1 3774 8932!\n");
}

static void a_change_is_that_persons_alone(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	take(scratch, "users:\n" EMO WIZARD);
	put_tickets(scratch);
	take(scratch, "users:\n" LINE("emo", ", shell: /bin/sh") WIZARD);
	assert_people(scratch, "emo present 2 3773 8931\nwizard present 1 3774 8932!\n");
	row = scratch_person(scratch, "emo");
	assert_string_equal(row.shell, "/bin/sh");
}

static void who_is_gone_leaves_a_tombstone_and_no_way_in(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO WIZARD);
	put_tickets(scratch);
	scratch_write(scratch, "etc/devvm/keys/emo", "ssh-ed25519 A\n", 0644);
	scratch_write(scratch, "etc/devvm/keys/wizard", "ssh-ed25519 B\n", 0644);
	scratch_write(scratch, "etc/t3-serve/emo.env", "T3_PORT=3773\n", 0600);
	take(scratch, "users:\n" WIZARD);
	assert_people(scratch, "emo left 2 3773 8931\nwizard present 1 3774 8932!\n");
	/* Keys and units are the steps' of who left. */
	assert_file(scratch, "etc/devvm/keys/emo", "ssh-ed25519 A\n");
	assert_file(scratch, "etc/devvm/keys/wizard", "ssh-ed25519 B\n");
	assert_file(scratch, "etc/t3-serve/emo.env", "T3_PORT=3773\n");
	/* Gone already: nothing more happens. */
	take(scratch, "users:\n" WIZARD);
	assert_people(scratch, "emo left 2 3773 8931\nwizard present 1 3774 8932!\n");
}

static void who_comes_back_has_their_ports(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO WIZARD);
	take(scratch, "users:\n" WIZARD);
	put_tickets(scratch);
	take(scratch, "users:\n" EMO WIZARD);
	assert_people(scratch, "emo present 3 3773 8931\nwizard present 1 3774 8932!\n");
}

static void ports_are_sticky_and_never_given_twice(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO WIZARD);
	take(scratch, "users:\n" WIZARD);
	take(scratch, "users:\n" LINE("anca", "") WIZARD);
	assert_people(scratch, "anca present 1 3775 8933\nemo left 2 3773 8931\n"
			       "wizard present 1 3774 8932\n");
	take(scratch, "users:\n" EMO);
	take(scratch, "users:\n" EMO LINE("bob", ""));
	assert_people(scratch, "anca left 2 3775 8933\nbob present 1 3776 8934\n"
			       "emo present 3 3773 8931\nwizard left 2 3774 8932\n");
}

static void a_new_identity_of_somebody_present_is_a_change(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO);
	take(scratch, "users:\n  emo: {authentik_user: emil, k8s_user: emo, tier: power-user}\n");
	assert_people(scratch, "emo present 2 3773 8931\n");
}

#define OTHER_EMO(more)                                                                            \
	"users:\n  emo: {authentik_user: emilia, k8s_user: emo, tier: power-user" more "}\n"

static void a_name_is_not_handed_on_unasked(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO);
	take(scratch, "users: {}\n");
	assert_refused(scratch, OTHER_EMO(""),
		       "/etc/devvm/roster.yaml:2: emo: the name belonged to emo, who left; "
		       "reuse: true gives it to emilia");
	assert_people(scratch, "emo left 2 3773 8931\n");
}

/* Another person under the same name: no port, uid, login, token or result is theirs. */
static void a_name_that_is_handed_on_brings_nothing_along(void **state)
{
	struct scratch *scratch = *state;
	struct ledger *ledger = scratch->ledger;
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	take(scratch, "users:\n" EMO);
	assert_ok(scratch,
		  people_set_account(ledger, "emo", PEOPLE_ACCOUNT_CREATED, 1001, &scratch->err));
	assert_ok(scratch, people_set_login(ledger, "emo", PEOPLE_LOGIN_OWN, &scratch->err));
	assert_ok(scratch, people_set_token(ledger, "emo", "digest", &scratch->err));
	take(scratch, "users: {}\n");
	put_tickets(scratch);
	scratch_make_folder(scratch, "var/lib/devvm/hold", 0755);
	assert_ok(scratch, hold_set(&scratch->env, "emo", "a run that was killed", &scratch->err));
	scratch_write(scratch, "etc/t3-serve/emo.env", "CLAUDE_CODE_OAUTH_TOKEN=theirs\n", 0600);
	scratch_write(scratch, "etc/t3-serve/playwright-emo.env", "", 0600);
	scratch_write(scratch, "opt/devvm/t3/people/emo", "", 0644);
	scratch_write(scratch, BACKUPS_FOLDER "/emo/state-1.sqlite", "theirs", 0600);
	take(scratch, OTHER_EMO(", reuse: true"));
	assert_false(hold_is_set(&scratch->env, "emo"));
	/* Nor what root keeps of the one before; the copies of their data are still theirs. */
	assert_false(scratch_has(scratch, "etc/t3-serve/emo.env"));
	assert_false(scratch_has(scratch, "etc/t3-serve/playwright-emo.env"));
	assert_false(scratch_has(scratch, "opt/devvm/t3/people/emo"));
	assert_false(scratch_has(scratch, BACKUPS_FOLDER "/emo"));
	assert_file(scratch, BACKUPS_FOLDER "/emo@1001/state-1.sqlite", "theirs");
	assert_people(scratch, "emo present 3 3774 8932\nemo@1 left 2 3773 8931\n");
	row = scratch_person(scratch, "emo");
	assert_string_equal(row.identity, "emilia");
	assert_int_equal(row.uid, PEOPLE_NO_UID);
	assert_int_equal(row.account, PEOPLE_ACCOUNT_UNKNOWN);
	assert_string_equal(people_login_name(row.login), "unknown");
	assert_null(row.token_digest);
	people_row_done(&row);
	row = scratch_person(scratch, "emo@1");
	assert_string_equal(row.identity, "emo");
	assert_int_equal(row.uid, 1001);
	/* And once more: the second emo leaves, the first one comes back. */
	take(scratch, OTHER_EMO(", reuse: true"));
	take(scratch, "users: {}\n");
	take(scratch, "users:\n" LINE("emo", ", reuse: true"));
	assert_people(scratch, "emo present 5 3775 8933\nemo@1 left 2 3773 8931\n"
			       "emo@2 left 4 3774 8932\n");
}

/* What lies about on the machine under that number is the former owner's. */
static void the_uid_of_who_left_is_not_handed_on(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO WIZARD);
	assert_ok(scratch, people_set_account(scratch->ledger, "emo", PEOPLE_ACCOUNT_CREATED, 1001,
					      &scratch->err));
	take(scratch, "users:\n" WIZARD);
	assert_refused(
		scratch, "users:\n" WIZARD LINE("anca", ", uid: 1001"),
		"/etc/devvm/roster.yaml:3: anca: uid 1001 is kept for emo (emo): name another, or "
		"none");
	assert_refused(
		scratch, OTHER_EMO(", reuse: true, uid: 1001") WIZARD,
		"/etc/devvm/roster.yaml:2: emo: uid 1001 is kept for emo (emo): name another, or "
		"none");
	/* Themselves, and an account that is there already. */
	take(scratch, "users:\n" WIZARD LINE("emo", ", uid: 1001"));
	take(scratch, "users:\n" WIZARD);
	scratch_add_account(scratch, "anca", 1001);
	take(scratch, "users:\n" WIZARD LINE("anca", ", uid: 1001"));
}

#define FOUR "users:\n" LINE("anca", "") LINE("bob", "") LINE("emo", "") LINE("wizard", "")

static void most_of_the_people_do_not_leave_at_once(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *allowed = NULL;

	scratch->config.leaving_max_share = 30;
	take(scratch, FOUR);
	assert_refused(scratch, "users: {}\n",
		       "/etc/devvm/roster.yaml: 4 of 4 people would leave at once (first anca), "
		       "more than leaving.max_share (30 %) allows: correct the roster, or say "
		       "devvmctl reconcile --allow-mass-leave");
	assert_refused(scratch, "users:\n" EMO WIZARD,
		       "/etc/devvm/roster.yaml: 2 of 4 people would leave at once (first anca), "
		       "more than leaving.max_share (30 %) allows: correct the roster, or say "
		       "devvmctl reconcile --allow-mass-leave");
	/* One of several may; the last one not. */
	take(scratch, "users:\n" LINE("bob", "") EMO WIZARD);
	scratch->config.leaving_max_share = 67;
	take(scratch, "users:\n" WIZARD);
	assert_refused(scratch, "users: {}\n",
		       "/etc/devvm/roster.yaml: 1 of 1 people would leave at once (first wizard), "
		       "more than leaving.max_share (67 %) allows: correct the roster, or say "
		       "devvmctl reconcile --allow-mass-leave");
	/* Allowed once. */
	assert_ok(scratch,
		  ledger_set_meta(scratch->ledger, LEDGER_ALLOW_MASS_LEAVE, "1", &scratch->err));
	take(scratch, "users: {}\n");
	assert_ok(scratch, ledger_get_meta(scratch->ledger, LEDGER_ALLOW_MASS_LEAVE, &allowed,
					   &scratch->err));
	assert_null(allowed);
}

/* The account of who left is nobody else's, whatever the roster says. */
static void a_name_is_not_handed_on_with_its_account(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO);
	take(scratch, "users: {}\n");
	scratch_add_account(scratch, "emo", 1001);
	assert_refused(scratch, OTHER_EMO(", reuse: true"),
		       "/etc/devvm/roster.yaml:2: emo: the account (uid 1001) and its home are "
		       "still those of emo, who left: devvmctl offboard emo --archive comes first");
	take(scratch, "users:\n" EMO);
}

static void a_refused_roster_changes_nobody(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *noted = NULL;

	take(scratch, "users:\n" EMO WIZARD);
	put_tickets(scratch);
	assert_refused(scratch, "users:\n" EMO "  wizard: {tier: king}\n",
		       "/etc/devvm/roster.yaml:3: wizard: unknown tier \"king\"; known are "
		       "admin, power-user, namespace-owner");
	assert_people(scratch, "emo present 1 3773 8931!\nwizard present 1 3774 8932!\n");
	take(scratch, "users:\n" EMO WIZARD);
	assert_ok(scratch, ledger_get_meta(scratch->ledger, "roster-error", &noted, &scratch->err));
	assert_null(noted);
}

static void a_roster_that_is_not_there_is_refused(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO);
	assert_ok(scratch, file_remove(scratch->env.root_dirfd, ROSTER, &scratch->err));
	assert_refused(scratch, NULL, "read /etc/devvm/roster.yaml: No such file or directory");
	assert_people(scratch, "emo present 1 3773 8931\n");
}

static void one_that_anybody_may_write_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ROSTER, "users:\n" EMO, 0666);
	assert_refused(scratch, NULL,
		       "/etc/devvm/roster.yaml: the file may be written by everybody (mode 0666)");
	assert_people(scratch, "");
}

static void one_of_a_stranger_is_refused_until_trusted(void **state)
{
	struct scratch *scratch = *state;
	uid_t owner = geteuid() == 0 ? 1234 : geteuid();
	DV_AUTO_FREE char *expected = NULL;

	scratch_write(scratch, ROSTER, "users:\n" EMO, 0644);
	assert_int_equal(fchownat(scratch->env.root_dirfd, ROSTER, owner, (gid_t)-1, 0), 0);
	scratch->config.trusted_uids[0] = owner + 1;
	assert_true(asprintf(&expected,
			     "/etc/devvm/roster.yaml: the file belongs to uid %u, which is "
			     "neither root nor in trusted_uids",
			     owner) > 0);
	assert_refused(scratch, NULL, expected);
	scratch->config.trusted_uids[0] = owner;
	take(scratch, NULL);
	assert_people(scratch, "emo present 1 3773 8931\n");
}

static void a_system_account_is_never_taken_over(void **state)
{
	struct scratch *scratch = *state;

	scratch_add_account(scratch, "daemon", 1);
	assert_refused(scratch, "users:\n" LINE("daemon", ""),
		       "/etc/devvm/roster.yaml:2: daemon: the existing account has uid 1, outside "
		       "1000 to 60000");
}

static void a_full_range_is_refused(void **state)
{
	struct scratch *scratch = *state;

	scratch->config.ports[CONFIG_T3].last = 3773;
	assert_refused(scratch, "users:\n" EMO WIZARD,
		       "no t3 port is left for wizard: 3773 to 3773 are all taken");
	assert_people(scratch, "");
}

static void collect_change(void *context, const char *name, enum step_mark mark, const char *what)
{
	static const char *const signs[] = { "+ ", "~ ", "- " };
	char *text = context;

	(void)strcat(strcat(strcat(strcat(strcat(text, signs[mark]), name), ": "), what), "\n");
}

static void a_dry_run_says_what_differs_and_touches_no_file(void **state)
{
	struct scratch *scratch = *state;
	char told[512] = "";
	const struct sync_options options = { .dry_run = true,
					      .on_change = collect_change,
					      .context = told };
	DV_AUTO_FREE char *tree = NULL;
	DV_AUTO_FREE char *tree_after = NULL;

	take(scratch, "users:\n" EMO WIZARD LINE("anca", "") LINE("bob", ""));
	take(scratch, "users:\n" EMO WIZARD LINE("bob", ""));
	put_tickets(scratch);
	scratch_write(scratch, ROSTER,
		      "users:\n" LINE("anca", "") LINE("carl", "") LINE("emo", ", eager: true")
			      LINE("bob", ""),
		      0644);
	scratch_close_ledger(scratch);
	assert_ok(scratch,
		  ledger_open(&scratch->ledger, &scratch->env, LEDGER_SCRATCH, 0, &scratch->err));
	scratch->view.ledger = scratch->ledger;
	tree = scratch_dump_tree(scratch);
	assert_int_equal(try_sync(scratch, NULL, &options), SYNC_CHANGED);
	assert_string_equal(told, "+ anca: back in the roster\n+ carl: new in the roster\n"
				  "~ emo: changed in the roster\n- wizard: gone from the roster\n");
	tree_after = scratch_dump_tree(scratch);
	assert_string_equal(tree_after, tree);
}

/* ---- ports of the scripts before devvm -------------------------------------------------- */

#define ENV "etc/t3-serve/"

static void who_was_here_before_keeps_their_ports(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ENV "emo.env", "CLAUDE_CODE_OAUTH_TOKEN=x\nT3_PORT=4100\n", 0600);
	scratch_write(scratch, ENV "playwright-emo.env", "PLAYWRIGHT_PORT=9100\n", 0600);
	take(scratch, "users:\n" EMO WIZARD);
	assert_people(scratch, "emo present 1 4100 9100\nwizard present 1 3773 8931\n");
	assert_file(scratch, ENV "emo.env", "CLAUDE_CODE_OAUTH_TOKEN=x\nT3_PORT=4100\n");
	/* The ledger is what counts from here on. */
	scratch_write(scratch, ENV "emo.env", "T3_PORT=4200\n", 0600);
	take(scratch, "users:\n" EMO);
	assert_people(scratch, "emo present 1 4100 9100\nwizard left 2 3773 8931\n");
}

static void a_port_of_the_ledger_is_not_given_away(void **state)
{
	struct scratch *scratch = *state;

	take(scratch, "users:\n" EMO);
	take(scratch, "users: {}\n");
	scratch_write(scratch, ENV "wizard.env", "T3_PORT=3773\n", 0600);
	take(scratch, "users:\n" WIZARD);
	assert_people(scratch, "emo left 2 3773 8931\nwizard present 1 3774 8932\n");
}

static void a_name_that_is_handed_on_has_no_ports_of_before(void **state)
{
	struct scratch *scratch = *state;

	scratch_write(scratch, ENV "emo.env", "T3_PORT=4100\n", 0600);
	take(scratch, "users:\n" EMO);
	take(scratch, "users: {}\n");
	take(scratch,
	     "users:\n"
	     "  emo: {authentik_user: other, k8s_user: emo, tier: power-user, reuse: true}\n");
	assert_people(scratch, "emo present 3 3773 8932\nemo@1 left 2 4100 8931\n");
}

/* Most of these are about one person who leaves, who would be everybody. */
static int setup(void **state)
{
	int r = scratch_setup_ledger(state);

	((struct scratch *)*state)->config.leaving_max_share = 100;
	return r;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_people_have_the_lowest_ports_in_order),
		TEST(all_of_a_roster_line_is_written),
		TEST(the_same_roster_again_writes_nothing),
		TEST(a_change_is_that_persons_alone),
		TEST(who_is_gone_leaves_a_tombstone_and_no_way_in),
		TEST(who_comes_back_has_their_ports),
		TEST(ports_are_sticky_and_never_given_twice),
		TEST(a_new_identity_of_somebody_present_is_a_change),
		TEST(a_name_is_not_handed_on_unasked),
		TEST(a_name_that_is_handed_on_brings_nothing_along),
		TEST(most_of_the_people_do_not_leave_at_once),
		TEST(a_name_is_not_handed_on_with_its_account),
		TEST(the_uid_of_who_left_is_not_handed_on),
		TEST(a_refused_roster_changes_nobody),
		TEST(a_roster_that_is_not_there_is_refused),
		TEST(one_that_anybody_may_write_is_refused),
		TEST(one_of_a_stranger_is_refused_until_trusted),
		TEST(a_system_account_is_never_taken_over),
		TEST(who_was_here_before_keeps_their_ports),
		TEST(a_port_of_the_ledger_is_not_given_away),
		TEST(a_name_that_is_handed_on_has_no_ports_of_before),
		TEST(a_full_range_is_refused),
		TEST(a_dry_run_says_what_differs_and_touches_no_file),
	};

	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
