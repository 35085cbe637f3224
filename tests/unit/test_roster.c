/* test_roster.c - what a good roster comes to, how one is found, loaded and held against
 * the machine. Runs in the folder of the sources. */
#include "folder.h"

#include "base/yaml.h"
#include "roster/roster.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJAZyvG9kZOAMokdjPAcN3JgsbNvdOIpqR4n4va6+s3v me"

static struct roster parse(const char *text)
{
	struct roster roster = { 0 };
	struct dv_error err = { 0 };
	int r = roster_parse(&roster, "r.yaml", text, strlen(text), &err);

	if (r != 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return roster;
}

static void three_people_sorted_by_name(void **state DV_UNUSED)
{
	DV_AUTO_ROSTER struct roster roster = { 0 };
	struct dv_error err = { 0 };
	const struct roster_person *anca, *emo, *wizard;

	assert_int_equal(roster_load(&roster, AT_FDCWD, "conf/roster.example.yaml",
				     "roster.example.yaml", &err),
			 0);
	assert_string_equal(roster.file, "roster.example.yaml");
	assert_int_equal(roster.n_people, 3);
	anca = &roster.people[0];
	emo = &roster.people[1];
	wizard = &roster.people[2];
	assert_string_equal(anca->name, "ancamilea");
	assert_string_equal(anca->identity, "ancaelena98");
	assert_string_equal(anca->k8s_user, "anca");
	assert_int_equal(anca->tier, TIER_NAMESPACE_OWNER);
	assert_int_equal(anca->namespaces.n_items, 1);
	assert_string_equal(anca->namespaces.items[0], "plotting-book");
	assert_string_equal(emo->identity, "emil.barzin");
	assert_int_equal(emo->tier, TIER_POWER_USER);
	assert_int_equal(emo->layout, CODE_SINGLE);
	assert_null(emo->shell);
	assert_int_equal(emo->uid, ROSTER_NO_UID);
	assert_false(emo->parked || emo->eager || emo->reuse);
	assert_int_equal(wizard->tier, TIER_ADMIN);
	assert_true(anca->line == wizard->line + 2); /* where it stands, not where it sorts */
}

/* The commented person of the example, who has every key. */
static void example_of_every_key_is_good(void **state DV_UNUSED)
{
	DV_AUTO_ROSTER struct roster roster = parse("users:\n"
						    "  maria:\n"
						    "    authentik_user: maria.p\n"
						    "    k8s_user: maria@example.org\n"
						    "    tier: power-user\n"
						    "    namespaces: []\n"
						    "    code_layout: workspace\n"
						    "    repos: [website, tools, 9lives, A.b_c-d]\n"
						    "    shell: /bin/bash\n"
						    "    uid: 4242\n"
						    "    groups: [kvm, video]\n"
						    "    ssh_keys:\n"
						    "      - " KEY "\n"
						    "    eager: true\n"
						    "    parked: false\n"
						    "    reuse: true\n");
	const struct roster_person *maria = roster_find(&roster, "maria");

	assert_non_null(maria);
	assert_int_equal(maria->line, 2);
	assert_int_equal(maria->layout, CODE_WORKSPACE);
	assert_int_equal(maria->repos.n_items, 4);
	assert_string_equal(maria->shell, "/bin/bash");
	assert_int_equal(maria->uid, 4242);
	assert_int_equal(maria->groups.n_items, 2);
	assert_string_equal(maria->groups.items[1], "video");
	assert_string_equal(maria->ssh_keys.items[0], KEY);
	assert_true(maria->eager);
	assert_false(maria->parked);
	assert_true(maria->reuse);
}

static void optional_keys_may_be_empty(void **state DV_UNUSED)
{
	DV_AUTO_ROSTER struct roster roster =
		parse("users:\n"
		      "  emo: {authentik_user: 007, k8s_user: e, tier: admin, shell: , uid: ~,\n"
		      "        groups: , ssh_keys: [], repos: [], parked: null}\n");

	assert_string_equal(roster.people[0].identity, "007"); /* a word, not a number */
	assert_null(roster.people[0].shell);
	assert_int_equal(roster.people[0].uid, ROSTER_NO_UID);
}

static void nobody_is_a_roster_too(void **state DV_UNUSED)
{
	static const char *const texts[] = { "users: {}\n", "users:\n", "users: ~\n" };

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		DV_AUTO_ROSTER struct roster roster = parse(texts[i]);

		assert_int_equal(roster.n_people, 0);
		assert_null(roster_find(&roster, "emo"));
	}
}

static void names_at_their_limits(void **state DV_UNUSED)
{
	static const char *const names[] = { "a",	 "_",  "_x",
					     "a1.b-c_d", "z-", "a2345678901234567890123456789012" };

	for (size_t i = 0; i < DV_COUNT(names); i++) {
		char text[128];
		DV_AUTO_ROSTER struct roster roster = { 0 };

		(void)snprintf(text, sizeof(text),
			       "users: {%s: {authentik_user: x, k8s_user: x, tier: admin}}",
			       names[i]);
		roster = parse(text);
		assert_non_null(roster_find(&roster, names[i]));
	}
}

static void digest_is_of_the_bytes(void **state DV_UNUSED)
{
	DV_AUTO_ROSTER struct roster a = parse("users: {}\n");
	DV_AUTO_ROSTER struct roster b = parse("users: {}\n");
	DV_AUTO_ROSTER struct roster c = parse("users: {} \n");

	assert_string_equal(a.digest, b.digest);
	assert_string_not_equal(a.digest, c.digest);
	assert_int_equal(strlen(a.digest), DIGEST_HEX_BYTES - 1);
}

static void everybody_is_found(void **state DV_UNUSED)
{
	char text[16384] = "users:\n";
	size_t n = strlen(text);
	DV_AUTO_ROSTER struct roster roster = { 0 };

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "  u%d: {authentik_user: i%d, k8s_user: k, tier: admin}\n",
				      i * 37 % 100, i);
	roster = parse(text);
	for (size_t i = 1; i < roster.n_people; i++)
		assert_true(strcmp(roster.people[i - 1].name, roster.people[i].name) < 0);
	for (size_t i = 0; i < roster.n_people; i++)
		assert_ptr_equal(roster_find(&roster, roster.people[i].name), &roster.people[i]);
	assert_null(roster_find(&roster, "u100"));
	assert_null(roster_find(&roster, ""));
	assert_null(roster_find(&roster, "zz"));
}

static void assert_load_refused(const struct folder *folder, const char *name, const char *sentence)
{
	struct roster roster = { 0 };
	struct dv_error err = { 0 };

	assert_true(roster_load(&roster, folder->dirfd, name, "/etc/r.yaml", &err) < 0);
	assert_string_equal(err.text, sentence);
}

static void load_says_the_shown_name(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_FREE char *large = calloc(1, 10 * 1024 * 1024);

	assert_non_null(large);
	memset(large, '#', 10 * 1024 * 1024 - 1);
	folder_write(folder, "large", large, 0644);
	folder_write(folder, "bad", "users: []\n", 0644);
	folder_make(folder, "dir", 0755);
	assert_int_equal(symlinkat("bad", folder->dirfd, "link"), 0);
	assert_int_equal(mkfifoat(folder->dirfd, "fifo", 0644), 0);
	assert_load_refused(folder, "none", "read /etc/r.yaml: No such file or directory");
	assert_load_refused(folder, "large", "/etc/r.yaml:1: larger than 4 MiB");
	assert_load_refused(folder, "bad", "/etc/r.yaml:1: users must be a map of user names");
	assert_load_refused(folder, "dir", "/etc/r.yaml: not a regular file");
	assert_load_refused(folder, "fifo", "/etc/r.yaml: not a regular file");
	assert_load_refused(folder, "link", "/etc/r.yaml: is a link; name the file itself");
}

/* ---- roster_check_accounts() ---------------------------------------------------------- */

static struct roster_account account_of(const char *name, void *context)
{
	const struct roster_account *account = context;

	if (strcmp(name, account->name) == 0)
		return *account;
	return (struct roster_account){ .name = name, .uid = ROSTER_NO_UID };
}

static void assert_account(const char *keys, struct roster_account account, const char *sentence)
{
	char text[256];
	DV_AUTO_ROSTER struct roster roster = { 0 };
	struct dv_error err = { 0 };
	int r;

	(void)snprintf(text, sizeof(text),
		       "users:\n"
		       "  anca: {authentik_user: a, k8s_user: a, tier: admin}\n"
		       "  emo: {authentik_user: Emil.B, k8s_user: e, tier: admin%s}\n",
		       keys);
	roster = parse(text);
	account.name = "emo";
	r = roster_check_accounts(&roster, account_of, &account, &err);
	assert_string_equal(err.text, sentence);
	assert_int_equal(r, *sentence ? -EINVAL : 0);
}

static void existing_accounts_are_held_against_the_roster(void **state DV_UNUSED)
{
	assert_account("", (struct roster_account){ .uid = ROSTER_NO_UID }, "");
	assert_account("", (struct roster_account){ .uid = 1000 }, "");
	assert_account("", (struct roster_account){ .uid = 60000 }, "");
	assert_account("", (struct roster_account){ .uid = 999 },
		       "r.yaml:3: emo: the existing account has uid 999, outside 1000 to 60000");
	assert_account("", (struct roster_account){ .uid = 0 },
		       "r.yaml:3: emo: the existing account has uid 0, outside 1000 to 60000");
	assert_account("", (struct roster_account){ .uid = 65534 },
		       "r.yaml:3: emo: the existing account has uid 65534, outside 1000 to 60000");
	assert_account(", uid: 1001", (struct roster_account){ .uid = 1001 }, "");
	assert_account(", uid: 1001", (struct roster_account){ .uid = ROSTER_NO_UID }, "");
	assert_account(", uid: 1001", (struct roster_account){ .uid = 1002 },
		       "r.yaml:3: emo: the existing account has uid 1002, not 1001");
}

static void tombstoned_names_need_reuse_for_another_identity(void **state DV_UNUSED)
{
	const struct roster_account other = { .uid = ROSTER_NO_UID, .tombstone_identity = "other" };
	const struct roster_account same = { .uid = ROSTER_NO_UID, .tombstone_identity = "emil.b" };

	assert_account("", same, "");
	assert_account(", reuse: true", other, "");
	assert_account("", other,
		       "r.yaml:3: emo: the name belonged to other, who left; reuse: true gives it "
		       "to Emil.B");
	assert_account(", reuse: false", other,
		       "r.yaml:3: emo: the name belonged to other, who left; reuse: true gives it "
		       "to Emil.B");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_people_sorted_by_name),
		cmocka_unit_test(example_of_every_key_is_good),
		cmocka_unit_test(optional_keys_may_be_empty),
		cmocka_unit_test(nobody_is_a_roster_too),
		cmocka_unit_test(names_at_their_limits),
		cmocka_unit_test(digest_is_of_the_bytes),
		cmocka_unit_test(everybody_is_found),
		cmocka_unit_test_setup_teardown(load_says_the_shown_name, folder_setup,
						folder_teardown),
		cmocka_unit_test(existing_accounts_are_held_against_the_roster),
		cmocka_unit_test(tombstoned_names_need_reuse_for_another_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
