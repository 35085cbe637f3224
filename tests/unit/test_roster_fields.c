/* test_roster_fields.c - bad rosters: each gives exactly one line, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "roster/roster.h"

/* A person without fault, but for what is added. */
#define EMO "emo: {authentik_user: emil.b, k8s_user: emo, tier: power-user"
#define KNOWN                                                                                      \
	"known are authentik_user, k8s_user, tier, namespaces, code_layout, repos, shell, uid, "   \
	"groups, ssh_keys, parked, eager, reuse"
#define USER_OF(name) "users:\n  " name ": {authentik_user: x, k8s_user: x, tier: admin}\n"

struct bad_roster {
	const char *text;
	const char *line;
};

static void assert_each_refused(const struct bad_roster *rows, size_t n_rows)
{
	for (size_t i = 0; i < n_rows; i++) {
		struct roster roster = { .n_people = 77 }; /* to be left as it is */
		struct dv_error err = { 0 };
		int r = roster_parse(&roster, "r.yaml", rows[i].text, strlen(rows[i].text), &err);

		if (r == 0 || strcmp(err.text, rows[i].line) != 0)
			print_error("%s\n", rows[i].text);
		assert_int_equal(r, -EINVAL);
		assert_string_equal(err.text, rows[i].line);
		assert_int_equal(roster.n_people, 77);
	}
}

static void bad_files(void **state DV_UNUSED)
{
	static const struct bad_roster rows[] = {
		{ "", "r.yaml:1: the key users is missing" },
		{ "# nobody\n", "r.yaml:1: the key users is missing" },
		{ "{}\n", "r.yaml:1: the key users is missing" },
		{ "- emo\n", "r.yaml:1: the file must be a map with the key users" },
		{ "users\n", "r.yaml:1: the file must be a map with the key users" },
		{ "users: [emo]\n", "r.yaml:1: users must be a map of user names" },
		{ "users: emo\n", "r.yaml:1: users must be a map of user names" },
		{ "\nuser: {}\n", "r.yaml:2: unknown key \"user\"; known is users" },
		{ "users: {}\nversion: 1\n", "r.yaml:2: unknown key \"version\"; known is users" },
		{ "users: {}\nusers: {}\n", "r.yaml:2: users is there twice (first on line 1)" },
		{ "users:\n  " EMO "}\n\n  " EMO "}\n",
		  "r.yaml:4: emo is there twice (first on line 2)" },
		{ "users:\n\t" EMO "}\n", "r.yaml:2: a tab is used for indentation; use spaces" },
		{ "users:\n  " EMO "}\n  x: {authentik_user: \xff}\n", "r.yaml:3: not UTF-8" },
		{ "users: &all\n  " EMO "}\n", "r.yaml:1: an anchor (&name) is not allowed" },
		{ "users:\n  " EMO "}\n  x: *emo\n", "r.yaml:3: an alias (*name) is not allowed" },
		{ "users:\n  x: !!map {}\n", "r.yaml:2: a tag (!name) is not allowed" },
		{ "users: {}\n---\nusers: {}\n",
		  "r.yaml:2: a second document begins here; there may be one" },
		{ "users: {a: {b: {c: {d: {e: {f: {g: {h: 1}}}}}}}}\n",
		  "r.yaml:1: nested more than 8 deep" },
		{ "users:\n  <<: {}\n", "r.yaml:2: <<: the user name holds a character that is not "
					"allowed" },
	};

	assert_each_refused(rows, DV_COUNT(rows));
}

static void bad_names(void **state DV_UNUSED)
{
	static const struct bad_roster rows[] = {
		{ USER_OF("-emo"), "r.yaml:2: -emo: the user name begins with '-'" },
		{ USER_OF(".emo"), "r.yaml:2: .emo: the user name begins with '.'" },
		{ USER_OF("1000"), "r.yaml:2: 1000: the user name is made of digits alone" },
		{ USER_OF("'0'"), "r.yaml:2: 0: the user name is made of digits alone" },
		{ USER_OF("1emo"), "r.yaml:2: 1emo: the user name begins with a digit" },
		{ USER_OF("Emo"), "r.yaml:2: Emo: the user name holds a capital letter" },
		{ USER_OF("a/b"), "r.yaml:2: a/b: the user name holds a '/'" },
		{ USER_OF("../etc"), "r.yaml:2: ../etc: the user name holds a '/'" },
		{ USER_OF("\"emo\\nroot\""),
		  "r.yaml:2: emo\\nroot: the user name holds a newline" },
		{ USER_OF("\"emo\\n\""), "r.yaml:2: emo\\n: the user name holds a newline" },
		{ USER_OF("\"e\\emo\""),
		  "r.yaml:2: e\\x1bmo: the user name holds a control character" },
		{ USER_OF("emo barzin"), "r.yaml:2: emo barzin: the user name holds a space" },
		{ USER_OF("emo@x"), "r.yaml:2: emo@x: the user name holds an '@'" },
		{ USER_OF("\"emo:x\""), "r.yaml:2: emo:x: the user name holds a ':'" },
		{ USER_OF("'a=b'"), "r.yaml:2: a=b: the user name holds a '='" },
		{ USER_OF("gr\u00fc"),
		  "r.yaml:2: gr\\xc3\\xbc: the user name holds a character outside ASCII" },
		{ USER_OF("$(id)"), "r.yaml:2: $(id): the user name holds a character that is not "
				    "allowed" },
		{ USER_OF("emo%"), "r.yaml:2: emo%: the user name holds a character that is not "
				   "allowed" },
		{ USER_OF("a23456789012345678901234567890123"),
		  "r.yaml:2: a23456789012345678901234567890123: the user name is longer than 32 "
		  "characters" },
		{ USER_OF("root"), "r.yaml:2: root: the user name is a system account" },
		{ USER_OF("nobody"), "r.yaml:2: nobody: the user name is a system account" },
		{ USER_OF("playwright-emo"), "r.yaml:2: playwright-emo: the user name begins with "
					     "playwright-, which names files of others" },
		{ USER_OF("~"),
		  "r.yaml:2: ~: the user name holds a character that is not allowed" },
	};

	assert_each_refused(rows, DV_COUNT(rows));
}

static void bad_required_keys(void **state DV_UNUSED)
{
	static const struct bad_roster rows[] = {
		{ "users:\n  emo:\n",
		  "r.yaml:2: emo: must be a map with authentik_user, k8s_user and tier" },
		{ "users:\n  emo: admin\n",
		  "r.yaml:2: emo: must be a map with authentik_user, k8s_user and tier" },
		{ "users:\n  emo: [admin]\n",
		  "r.yaml:2: emo: must be a map with authentik_user, k8s_user and tier" },
		{ "users:\n  emo: {k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user is missing" },
		{ "users:\n  emo:\n    authentik_user: e\n    tier: admin\n",
		  "r.yaml:2: emo: k8s_user is missing" },
		{ "users:\n  emo: {authentik_user: e, k8s_user: e}\n",
		  "r.yaml:2: emo: tier is missing" },
		{ "users:\n  emo:\n    authentik_user: ~\n    k8s_user: e\n    tier: admin\n",
		  "r.yaml:3: emo: authentik_user has no value" },
		{ "users:\n  emo:\n    authentik_user: e\n    k8s_user:\n    tier: admin\n",
		  "r.yaml:4: emo: k8s_user has no value" },
		{ "users:\n  emo: {authentik_user: e, k8s_user: e, tier: null}\n",
		  "r.yaml:2: emo: tier has no value" },
		{ "users:\n  emo:\n    authentik_user: e\n    k8s_user: e\n    tier: boss\n",
		  "r.yaml:5: emo: unknown tier \"boss\"; known are admin, power-user, "
		  "namespace-owner" },
		{ "users:\n  emo: {authentik_user: e, k8s_user: e, tier: Admin}\n",
		  "r.yaml:2: emo: unknown tier \"Admin\"; known are admin, power-user, "
		  "namespace-owner" },
		{ "users:\n  emo: {authentik_user: e, k8s_user: e, tier: [admin]}\n",
		  "r.yaml:2: emo: tier must be a word, not a list or a map" },
		{ "users:\n  emo: {authentik_user: [e], k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user must be a word, not a list or a map" },
		{ "users:\n  emo: {authentik_user: '', k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"\" is empty" },
		{ "users:\n  emo: {authentik_user: emil barzin, k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"emil barzin\" holds a space" },
		{ "users:\n  emo: {authentik_user: e@x.org, k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"e@x.org\" holds an '@'" },
		{ "users:\n  emo: {authentik_user: a=b, k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"a=b\" holds a '='" },
		{ "users:\n  emo: {authentik_user: a/b, k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"a/b\" holds a '/'" },
		{ "users:\n  emo: {authentik_user: \"a\\nroot=b\", k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"a\\nroot=b\" holds a newline" },
		{ "users:\n  emo: {authentik_user: 'a;b', k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"a;b\" holds a character that is not allowed" },
		{ "users:\n  emo: {authentik_user: 'a&b', k8s_user: e, tier: admin}\n",
		  "r.yaml:2: emo: authentik_user \"a&b\" holds a ',', '&', '<' or '>', which the "
		  "front "
		  "door lets nobody in by" },
		{ "users:\n  emo: {authentik_user: e, k8s_user: \u00e9, tier: admin}\n",
		  "r.yaml:2: emo: k8s_user \"\\xc3\\xa9\" holds a character outside ASCII" },
		{ "users:\n  " EMO ", teir: admin}\n",
		  "r.yaml:2: emo: unknown key \"teir\"; " KNOWN },
		{ "users:\n  " EMO ", \"a\\nb\": admin}\n",
		  "r.yaml:2: emo: unknown key \"a\\nb\"; " KNOWN },
		{ "users:\n  emo:\n    tier: admin\n    tier: admin\n",
		  "r.yaml:4: tier is there twice (first on line 3)" },
	};

	assert_each_refused(rows, DV_COUNT(rows));
}

static void bad_lists(void **state DV_UNUSED)
{
	static const struct bad_roster rows[] = {
		{ "users:\n  emo: {authentik_user: e, k8s_user: e, tier: namespace-owner}\n",
		  "r.yaml:2: emo: tier namespace-owner needs namespaces" },
		{ "users:\n  emo:\n    authentik_user: e\n    k8s_user: e\n    tier: "
		  "namespace-owner\n    namespaces: []\n",
		  "r.yaml:6: emo: tier namespace-owner needs namespaces" },
		{ "users:\n  " EMO ",\n    namespaces: [books]}\n",
		  "r.yaml:3: emo: namespaces are only for tier namespace-owner, not for "
		  "power-user" },
		{ "users:\n  " EMO ", namespaces: books}\n",
		  "r.yaml:2: emo: namespaces must be a list, like [one, two]" },
		{ "users:\n  " EMO ", namespaces: [Books]}\n",
		  "r.yaml:2: emo: namespaces \"Books\" holds a capital letter" },
		{ "users:\n  " EMO ", namespaces: [-a]}\n",
		  "r.yaml:2: emo: namespaces \"-a\" begins or ends with '-'" },
		{ "users:\n  " EMO ", namespaces: [a-]}\n",
		  "r.yaml:2: emo: namespaces \"a-\" begins or ends with '-'" },
		{ "users:\n  " EMO ", namespaces: [a.b]}\n",
		  "r.yaml:2: emo: namespaces \"a.b\" holds a character that is not allowed" },
		{ "users:\n  " EMO ", namespaces: [a, a]}\n",
		  "r.yaml:2: emo: namespaces \"a\" is there twice" },
		{ "users:\n  " EMO ", namespaces: [a, ]}\n",
		  "r.yaml:2: emo: namespaces are only for tier namespace-owner, not for "
		  "power-user" },
		{ "users:\n  " EMO ", namespaces: [~]}\n",
		  "r.yaml:2: emo: namespaces has an item without a value" },
		{ "users:\n  " EMO ", namespaces: [[a]]}\n",
		  "r.yaml:2: emo: namespaces must be a word, not a list or a map" },
		{ "users:\n  " EMO ", namespaces: "
		  "[a234567890123456789012345678901234567890123456789012345678901234]}\n",
		  "r.yaml:2: emo: namespaces "
		  "\"a234567890123456789012345678901234567890123456789012345...\" "
		  "is longer than 63 characters" },
		{ "users:\n  " EMO ",\n    repos: [site]}\n",
		  "r.yaml:3: emo: repos are only for code_layout: workspace" },
		{ "users:\n  " EMO ", code_layout: single, repos: [site]}\n",
		  "r.yaml:2: emo: repos are only for code_layout: workspace" },
		{ "users:\n  " EMO ", code_layout: both}\n",
		  "r.yaml:2: emo: code_layout must be single or workspace" },
		{ "users:\n  " EMO ", code_layout: workspace, repos: [infra]}\n",
		  "r.yaml:2: emo: repos \"infra\" is not for people's workspaces" },
		{ "users:\n  " EMO ", code_layout: workspace, repos: [..]}\n",
		  "r.yaml:2: emo: repos \"..\" does not begin with a letter or a digit" },
		{ "users:\n  " EMO ", code_layout: workspace, repos: [--upload-pack=x]}\n",
		  "r.yaml:2: emo: repos \"--upload-pack=x\" holds a '='" },
		{ "users:\n  " EMO ", code_layout: workspace, repos: [a/b]}\n",
		  "r.yaml:2: emo: repos \"a/b\" holds a '/'" },
		{ "users:\n  " EMO ", code_layout: workspace, repos:\n      [site,\n      site]}\n",
		  "r.yaml:4: emo: repos \"site\" is there twice" },
		{ "users:\n  " EMO ", groups: [Docker]}\n",
		  "r.yaml:2: emo: groups \"Docker\" holds a capital letter" },
		{ "users:\n  " EMO ", groups: ['4']}\n",
		  "r.yaml:2: emo: groups \"4\" is made of digits alone" },
		{ "users:\n  " EMO ", groups: ['a,b']}\n",
		  "r.yaml:2: emo: groups \"a,b\" holds a character that is not allowed" },
		{ "users:\n  " EMO ",\n    ssh_keys: [\n      ssh-dss AAAA]}\n",
		  "r.yaml:4: emo: ssh_keys \"ssh-dss AAAA\" does not begin with a known key type "
		  "(options are not allowed)" },
		{ "users:\n  " EMO ", ssh_keys: \"ssh-ed25519 A\"}\n",
		  "r.yaml:2: emo: ssh_keys must be a list, like [one, two]" },
	};

	assert_each_refused(rows, DV_COUNT(rows));
}

static void bad_words(void **state DV_UNUSED)
{
	static const struct bad_roster rows[] = {
		{ "users:\n  " EMO ", shell: zsh}\n",
		  "r.yaml:2: emo: shell \"zsh\" is not an absolute path" },
		{ "users:\n  " EMO ", shell: '/bin/zsh:x'}\n",
		  "r.yaml:2: emo: shell \"/bin/zsh:x\" holds a ':'" },
		{ "users:\n  " EMO ", shell: \"/bin/zsh\\nroot::0:0\"}\n",
		  "r.yaml:2: emo: shell \"/bin/zsh\\nroot::0:0\" holds a control character" },
		{ "users:\n  " EMO ", uid: 999}\n",
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", uid: 60001}\n",
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", uid: 0}\n",
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", uid: -1}\n",
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", uid: '1000'}\n",
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", uid: 1e4}\n",
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", uid: 18446744073709552616}\n", /* 2^64 + 1000 */
		  "r.yaml:2: emo: uid must be a whole number from 1000 to 60000" },
		{ "users:\n  " EMO ", parked: yes}\n",
		  "r.yaml:2: emo: parked must be true or false" },
		{ "users:\n  " EMO ", eager: 'true'}\n",
		  "r.yaml:2: emo: eager must be true or false" },
		{ "users:\n  " EMO ",\n    reuse: 1}\n",
		  "r.yaml:3: emo: reuse must be true or false" },
	};

	assert_each_refused(rows, DV_COUNT(rows));
}

static void people_who_share(void **state DV_UNUSED)
{
	static const struct bad_roster rows[] = {
		{ "users:\n"
		  "  zoe: {authentik_user: same, k8s_user: z, tier: admin}\n"
		  "  emo: {authentik_user: same, k8s_user: e, tier: admin}\n",
		  "r.yaml:3: emo: authentik_user same is also that of zoe on line 2" },
		{ "users:\n"
		  "  zoe: {authentik_user: Same, k8s_user: z, tier: admin}\n"
		  "  emo: {authentik_user: same, k8s_user: e, tier: admin}\n",
		  "r.yaml:3: emo: authentik_user same is also that of zoe on line 2" },
		{ "users:\n"
		  "  a: {authentik_user: a, k8s_user: a, tier: admin, uid: 2000}\n"
		  "  b: {authentik_user: b, k8s_user: b, tier: admin, uid: 2001}\n"
		  "  c: {authentik_user: c, k8s_user: c, tier: admin, uid: 2000}\n",
		  "r.yaml:4: c: uid 2000 is also that of a on line 2" },
		/* of two collisions the first in the file is told */
		{ "users:\n"
		  "  a: {authentik_user: z, k8s_user: a, tier: admin}\n"
		  "  b: {authentik_user: z, k8s_user: b, tier: admin}\n"
		  "  c: {authentik_user: y, k8s_user: c, tier: admin}\n"
		  "  d: {authentik_user: y, k8s_user: d, tier: admin}\n",
		  "r.yaml:3: b: authentik_user z is also that of a on line 2" },
	};

	assert_each_refused(rows, DV_COUNT(rows));
}

/* Reading a list adds to a C array that is looked through: it has an end. */
static void list_of_too_many(void **state DV_UNUSED)
{
	char text[8192] = "users:\n  " EMO ", groups: [g0";
	size_t n = strlen(text);
	struct roster roster = { 0 };
	struct dv_error err = { 0 };

	for (int i = 1; i <= 256; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ", g%d", i);
	n += (size_t)snprintf(text + n, sizeof(text) - n, "]}\n");
	assert_int_equal(roster_parse(&roster, "r.yaml", text, n, &err), -EINVAL);
	assert_string_equal(err.text, "r.yaml:2: emo: groups has more than 256 items");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_files),	     cmocka_unit_test(bad_names),
		cmocka_unit_test(bad_required_keys), cmocka_unit_test(bad_lists),
		cmocka_unit_test(bad_words),	     cmocka_unit_test(people_who_share),
		cmocka_unit_test(list_of_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
