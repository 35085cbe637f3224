/* test_sync_row.c - what the roster wants of a person, as a row, and that every field of it counts. */
#include "scratch.h"

#include "job/sync_row.h"

#define EMO "{authentik_user: emil, k8s_user: emo, tier: admin"

/* The row of one whose roster line is `line`; `port` of t3. */
static void make(struct people_row *ret_row, const char *line, unsigned int port)
{
	DV_AUTO_ROSTER struct roster roster = { 0 };
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { "" };
	struct derived_person derived = { .shell = "/bin/bash", .ports = { [CONFIG_T3] = port } };
	int n = asprintf(&text, "users:\n  emo: %s\n", line);

	assert_true(n > 0);
	if (roster_parse(&roster, "test", text, (size_t)n, &err) < 0)
		fail_msg("%s", err.text);
	derived.person = &roster.people[0];
	assert_int_equal(sync_row_make(&derived, ret_row), 0);
}

static void all_that_is_wanted_is_in_it(void **state DV_UNUSED)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };

	make(&row, EMO ", uid: 4000, eager: true}", 3773);
	assert_string_equal(row.name, "emo");
	assert_string_equal(row.identity, "emil");
	assert_string_equal(row.k8s_user, "emo");
	assert_string_equal(row.tier, "admin");
	assert_string_equal(row.shell, "/bin/bash");
	assert_string_equal(row.groups, "");
	assert_int_equal(row.wanted_uid, 4000);
	assert_true(row.eager);
	assert_false(row.parked);
	assert_int_equal(row.ports[CONFIG_T3], 3773);
	assert_int_equal(row.ports[CONFIG_PLAYWRIGHT], 0);
}

static void every_text_makes_a_difference(void **state DV_UNUSED)
{
	DV_AUTO_PEOPLE_ROW struct people_row before = { 0 };
	DV_AUTO_PEOPLE_ROW struct people_row wanted = { 0 };
	char **const texts[] = {
		&wanted.identity, &wanted.k8s_user, &wanted.tier,  &wanted.shell,
		&wanted.groups,	  &wanted.layout,   &wanted.repos, &wanted.ssh_keys
	};

	make(&before, EMO "}", 3773);
	before.state = PEOPLE_PRESENT;
	make(&wanted, EMO "}", 3773);
	assert_true(sync_row_wants_the_same(&before, &wanted));
	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		char *text = *texts[i];

		*texts[i] = (char[]){ "another" };
		if (sync_row_wants_the_same(&before, &wanted))
			fail_msg("text %zu, '%s': the same as 'another'", i, text);
		*texts[i] = text;
	}
	assert_true(sync_row_wants_the_same(&before, &wanted));
}

static void so_does_every_number(void **state DV_UNUSED)
{
	static const struct {
		const char *line;
		unsigned int port;
	} rows[] = {
		{ EMO ", uid: 4000}", 3773 },
		{ EMO ", eager: true}", 3773 },
		{ EMO ", parked: true}", 3773 },
		{ EMO "}", 3774 },
	};
	DV_AUTO_PEOPLE_ROW struct people_row before = { 0 };

	make(&before, EMO "}", 3773);
	before.state = PEOPLE_PRESENT;
	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		DV_AUTO_PEOPLE_ROW struct people_row wanted = { 0 };

		make(&wanted, rows[i].line, rows[i].port);
		if (sync_row_wants_the_same(&before, &wanted))
			fail_msg("%s, port %u: the same", rows[i].line, rows[i].port);
	}
}

static void who_left_is_never_as_wanted(void **state DV_UNUSED)
{
	DV_AUTO_PEOPLE_ROW struct people_row before = { 0 };
	DV_AUTO_PEOPLE_ROW struct people_row again = { 0 };

	make(&before, EMO "}", 3773);
	make(&again, EMO "}", 3773);
	before.state = PEOPLE_LEFT;
	assert_false(sync_row_wants_the_same(&before, &again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_wanted_is_in_it),
		cmocka_unit_test(every_text_makes_a_difference),
		cmocka_unit_test(so_does_every_number),
		cmocka_unit_test(who_left_is_never_as_wanted),
	};

	return cmocka_run_group_tests_name("sync_row", tests, NULL, NULL);
}
