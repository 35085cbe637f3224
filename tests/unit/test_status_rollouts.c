/* test_status_rollouts.c - the status page's part about updates says how runs went, and escapes what it was told. */
#include "scratch.h"

#include "dispatch/status_rollouts.h"

#define NOW (INT64_C(1760000000) * 1000000)

static void add(struct status *status, const char *const *rows)
{
	struct dv_error err = { "" };
	struct record record;

	for (; *rows; rows++) {
		assert_int_equal(record_parse(&record, *rows, strlen(*rows), &err), 0);
		assert_int_equal(status_add(status, &record, &err), 0);
	}
}

static char *part_of(const struct status *status)
{
	char *part = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&part, &n);

	assert_non_null(out);
	status_rollouts_print(out, status, NOW);
	assert_int_equal(fclose(out), 0);
	return part;
}

static void a_run_has_its_timeline(void **state DV_UNUSED)
{
	static const char *const rows[] = {
		"row\nkind=machine\nroster=ok\nversion=1\n",
		"row\nkind=run\nid=7\nbegan=1759999990000000\nended=1759999998000000\nfrom=0.0.28\n"
		"to=0.0.33\noutcome=staged\nreason=<fine>\n",
		"row\nkind=transition\nrun=7\nat=1759999991000000\nstate=guard\ntext=a & b\n",
		"row\nkind=transition\nrun=7\nat=1759999992000000\nstate=held\nuser=emo\ntext=\n",
		"row\nkind=transition\nrun=7\nat=1759999993000000\nstate=back\nuser=emo\ntext=<x>"
		"\n",
		"row\nkind=transition\nrun=7\nat=1759999994000000\nstate=moved\nuser=ben\ntext=\n",
		NULL
	};
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *part = NULL;

	add(&status, rows);
	part = part_of(&status);
	assert_contains(part, "<details id=\"run-7\"><summary id=\"open-run-7\"><time ");
	assert_contains(part,
			": 0.0.28 to 0.0.33, <strong>staged</strong> (&#60;fine&#62;)</summary>");
	assert_contains(part, " <strong>guard</strong>: a &#38; b</li>");
	assert_contains(part, " emo: <strong>held</strong>, <strong class=\"bad\">back</strong> "
			      "(&#60;x&#62;)</li>");
	assert_contains(part, " ben: <strong>moved</strong></li></ol>");
	assert_null(strstr(part, "No run yet"));
}

static void a_run_under_way_is_open(void **state DV_UNUSED)
{
	static const char *const rows[] = { "row\nkind=machine\nroster=ok\nversion=1\n",
					    "row\nkind=run\nid=8\nbegan=1759999990000000\nended="
					    "0\nfrom=\nto=\noutcome=\nreason=\n",
					    NULL };
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *part = NULL;

	add(&status, rows);
	part = part_of(&status);
	assert_contains(part, "<details id=\"run-8\" open><summary id=\"open-run-8\">");
	assert_contains(part, ": nothing to what the registry says, <strong>under way</strong><");
}

static void what_holds_them_up_is_said_before(void **state DV_UNUSED)
{
	static const char *const rows[] = {
		"row\nkind=person\nuser=emo\nidentity=emil\ntier=admin\nstate=present\nt3-port="
		"3773\n"
		"waiting=t3 0.0.33 waits <for> emo\n",
		"row\nkind=machine\nroster=ok\nversion=1\nfrozen=on <holiday>\n", NULL
	};
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *part = NULL;

	add(&status, rows);
	part = part_of(&status);
	assert_string_equal(part, "<h2>Updates of t3</h2><p class=\"alert\"><strong>Versions are "
				  "frozen</strong>: on &#60;holiday&#62;</p>"
				  "<p>t3 0.0.33 waits &#60;for&#62; emo</p><p>No run yet.</p>");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_run_has_its_timeline),
					    cmocka_unit_test(a_run_under_way_is_open),
					    cmocka_unit_test(what_holds_them_up_is_said_before) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
