/* test_ctl_status.c - rows of `status` to table, page and JSON, whose keys devvmctl(8) has.
 * Runs in the folder of the sources. */
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "ctl/status_text.h"

#define MANUAL "docs/man/devvmctl.8"
#define SECOND INT64_C(1000000)
#define NOW (INT64_C(1760000000) * SECOND)

static void add(struct status *status, const char *text)
{
	struct dv_error error = { 0 };
	struct record record;

	assert_int_equal(record_parse(&record, text, strlen(text), &error), 0);
	assert_int_equal(status_add(status, &record, &error), 0);
}

/* Two people and a machine that is not quite well. */
static void fill(struct status *status)
{
	add(status, "row\nkind=machine\nroster=refused\nroster-error=roster.yaml:3: emo: unknown "
		    "tier\npeople=2\nrunning=1\nqueued=4\nreconcile=running\nversion=0.1.0\n");
	add(status, "row\nkind=step\nuser=\nstep=sshd\nstatus=failed\nerror=sshd -t: no\n"
		    "attempts=1\nnext-retry=0\nupdated=1759999990000000\n");
	add(status, "row\nkind=person\nuser=anca\nidentity=ancaelena98\ntier=namespace-owner\n"
		    "state=present\nuid=1002\nt3-port=3774\nplaywright-port=8932\n"
		    "t3=running\nbrowser=stopped\nterminal=running\nt3-version=0.0.28\nheld=no\n"
		    "generation=1\nlogin=own\nticket=yes\nhome=running\nparked=no\n");
	add(status, "row\nkind=step\nuser=anca\nstep=code\nstatus=failed\nerror=no route to host\n"
		    "attempts=3\nnext-retry=1760000040000000\nupdated=1759999880000000\n");
	add(status, "row\nkind=step\nuser=anca\nstep=path\nstatus=ok\nattempts=0\nnext-retry=0\n"
		    "updated=1759999999000000\n");
	add(status, "row\nkind=person\nuser=emo\nidentity=emil\ntier=admin\nstate=present\n"
		    "t3-port=0\nplaywright-port=0\ngeneration=2\nlogin=unknown\nticket=no\n"
		    "home=idle\nparked=yes\n");
	add(status, "row\nkind=step\nuser=nobody-here\nstep=x\nstatus=ok\n");
}

/* What `print` writes; owned by the caller. */
static char *printed(const struct status *status, size_t person, bool colour)
{
	char *text = NULL;
	size_t n_bytes = 0;
	struct ctl ctl = { .out = open_memstream(&text, &n_bytes), .colour = colour, .utf8 = true };

	if (person < status->n_people)
		assert_int_equal(status_print_person(&status->people[person], &ctl, NOW), 0);
	else
		assert_int_equal(status_print_table(status, &ctl, NOW), 0);
	(void)fclose(ctl.out);
	return text;
}

#define EVERYBODY SIZE_MAX

static void table_and_its_sentences(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	fill(&status);
	text = printed(&status, EVERYBODY, false);
	assert_string_equal(
		text,
		"USER  TIER             STATE    UID   T3    PLAYWRIGHT  RUNS          HOME     "
		"PROBLEM\n"
		"anca  namespace-owner  present  1002  3774  8932        t3, terminal  running  "
		"code\n"
		"emo   admin            parked   -     -     -           -             idle     -\n"
		"anca: code failed: no route to host (tried 3 times, next try in 40 s)\n"
		"machine: sshd failed: sshd -t: no (not tried again by itself)\n"
		"Homes being prepared: 1, waiting: 4.\n"
		"A reconcile is running.\n"
		"The roster is refused: roster.yaml:3: emo: unknown tier\n"
		"The last good one stays in force; correct that line and it is read again by "
		"itself.\n");
}

static void a_refused_devvm_yaml_is_told(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	add(&status, "row\nkind=machine\nroster=ok\nconfig-error=devvm.yaml:2: no: unknown key; "
		     "the last good settings stay in force\n"
		     "people=0\nrunning=0\nqueued=0\nreconcile=idle\nversion=0.1.0\n");
	text = printed(&status, EVERYBODY, false);
	assert_string_equal(text, "There is nobody to show.\n"
				  "devvm.yaml is refused: devvm.yaml:2: no: unknown key; the last "
				  "good settings stay in force\n"
				  "Correct that line and it is read again by itself.\n");
}

static void colours_mark_what_is_wrong(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	fill(&status);
	text = printed(&status, EVERYBODY, true);
	assert_non_null(strstr(text, "\033[33mrunning\033[0m  \033[31mcode\033[0m\n"));
	assert_non_null(strstr(text, "\033[31mThe roster is refused\033[0m: "));
}

static void healthy_machine_is_a_table_alone(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	add(&status, "row\nkind=machine\nroster=ok\npeople=0\nrunning=0\nqueued=0\n"
		     "reconcile=idle\nversion=0.1.0\n");
	text = printed(&status, EVERYBODY, false);
	assert_string_equal(text, "There is nobody to show.\n");
}

static void a_freeze_and_the_last_update_are_told(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	add(&status, "row\nkind=machine\nroster=ok\npeople=0\nrunning=0\nqueued=0\n"
		     "reconcile=idle\nversion=0.1.0\nfrozen=on holiday\nupdate=backward\n"
		     "update-at=1759999700000000\nupdate-text=it is older\n");
	text = printed(&status, EVERYBODY, false);
	assert_string_equal(text, "There is nobody to show.\n"
				  "Versions are frozen: on holiday\n"
				  "Last update, 5 min ago: backward: it is older\n");
}

static void what_waits_for_somebody_is_told(void **state DV_UNUSED)
{
	static const size_t pages[] = { 0, EVERYBODY };

	for (size_t i = 0; i < DV_COUNT(pages); i++) {
		DV_AUTO_STATUS struct status status = { 0 };
		DV_AUTO_FREE char *text = NULL;

		add(&status, "row\nkind=person\nuser=emo\nstate=present\nhome=idle\n"
			     "waiting=t3 0.0.28 waits for emo since 2026-01-31: a turn\n");
		text = printed(&status, pages[i], false);
		assert_non_null(strstr(text, "\nt3 0.0.28 waits for emo since 2026-01-31: a turn; "
					     "devvmctl update --now emo moves them when they are "
					     "idle\n"));
	}
}

static void page_of_one_person(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	fill(&status);
	text = printed(&status, 0, false);
	assert_string_equal(text, "anca\n"
				  "  identity    ancaelena98\n"
				  "  tier        namespace-owner\n"
				  "  state       present\n"
				  "  uid         1002\n"
				  "  t3          3774\n"
				  "  playwright  8932\n"
				  "  version     0.0.28\n"
				  "  runs        t3, terminal\n"
				  "  login       a claude login of their own\n"
				  "  ticket      yes\n"
				  "  home        running\n"
				  "\n"
				  "STEP  STATUS  SINCE\n"
				  "code  failed  2 min ago\n"
				  "path  ok      1 s ago\n"
				  "anca: code failed: no route to host (tried 3 times, next try in "
				  "40 s)\n");
}

static void page_of_a_person_nothing_was_done_for(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;

	fill(&status);
	text = printed(&status, 1, false);
	assert_non_null(strstr(text, "  uid         -\n"));
	assert_non_null(strstr(text, "  login       nobody has looked yet\n"));
	assert_non_null(strstr(text, "No step has run yet.\n"));
}

static void json_has_it_all(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	FILE *stream = open_memstream(&text, &n_bytes);

	fill(&status);
	assert_int_equal(status_print_json(&status, stream), 0);
	(void)fclose(stream);
	assert_non_null(strstr(text, "{\n  \"machine\": {\n    \"roster\": \"refused\",\n"));
	assert_non_null(strstr(text, "\"queued\": 4,\n    \"reconcile\": \"running\",\n"));
	assert_non_null(strstr(text, "\"step\": \"sshd\""));
	assert_non_null(strstr(text, "\"user\": \"anca\",\n      \"identity\": \"ancaelena98\","));
	assert_non_null(
		strstr(text,
		       "\"uid\": 1002,\n      \"t3_port\": 3774,\n"
		       "      \"playwright_port\": 8932,\n"
		       "      \"generation\": 1,\n      \"login\": \"own\",\n"
		       "      \"ticket\": true,\n      \"home\": \"running\",\n"
		       "      \"parked\": false,\n      \"held\": false,\n"
		       "      \"t3_version\": \"0.0.28\",\n      \"waiting\": null,\n      \"t3\": "
		       "\"running\",\n"
		       "      \"browser\": \"stopped\",\n      \"terminal\": \"running\",\n"));
	assert_non_null(strstr(text, "\"next_retry\": \"2025-10-09T08:54:00Z\",\n"
				     "          \"updated\": \"2025-10-09T08:51:20Z\"\n"));
	assert_non_null(strstr(text, "\"error\": null,\n          \"attempts\": 0,\n"
				     "          \"next_retry\": null,"));
	assert_non_null(strstr(text, "\"uid\": null,\n      \"t3_port\": null,"));
	assert_non_null(strstr(text, "\"steps\": []"));
}

/* The literal words of devvmctl(8) on `status`. */
static char *read_literals(void)
{
	static const char *const macros[] = { ".Li ", ".It Li ", ".Dl " };
	DV_AUTO_FREE char *page = NULL;
	size_t n_page = 0, n_words = 0;
	char *words = NULL, *rest;
	const char *line;
	FILE *stream = open_memstream(&words, &n_words);

	assert_int_equal(file_read(AT_FDCWD, MANUAL, 1 << 20, &page, &n_page, NULL, NULL), 0);
	rest = strstr(page, "\n.It Cm status ");
	assert_non_null(rest);
	rest += strlen("\n.It Cm status ");
	while ((line = strsep(&rest, "\n")) && !str_starts_with(line, ".It Cm ")) {
		for (size_t i = 0; i < DV_COUNT(macros); i++) {
			if (str_starts_with(line, macros[i]))
				(void)fprintf(stream, "%s\n", line);
		}
	}
	(void)fclose(stream);
	return words;
}

/* Each key of `value`, and of what is in it, is a word of `literals`. */
static void assert_told(const char *literals, const json_t *value)
{
	const char *key;
	const json_t *inner;
	size_t i;

	json_array_foreach(value, i, inner)
	{
		assert_told(literals, inner);
	}
	/* jansson's loop wants one that it may change. */
	json_object_foreach((json_t *)value, key, inner)
	{
		bool is_told = false;
		size_t n = strlen(key);

		for (const char *at = literals; (at = strstr(at, key)) && !is_told; at += n)
			is_told = strchr(" q", at[-1]) && strchr(" \n\\", at[n]);
		if (!is_told)
			fail_msg("%s has no word of %s, which status --json prints", MANUAL, key);
		assert_told(literals, inner);
	}
}

static void the_manual_has_each_key(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *literals = read_literals();
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	FILE *stream = open_memstream(&text, &n_bytes);
	json_t *json;

	fill(&status);
	add(&status, "row\nkind=run\nid=1\nbegan=1\nended=2\nfrom=a\nto=b\noutcome=done\n");
	add(&status, "row\nkind=transition\nrun=1\nat=1\nstate=gate\nuser=\ntext=x\n");
	assert_int_equal(status_print_json(&status, stream), 0);
	(void)fclose(stream);
	json = json_loads(text, 0, NULL);
	assert_non_null(json);
	assert_told(literals, json);
	json_decref(json);
}

static void asker_without_the_machine(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	FILE *stream = open_memstream(&text, &n_bytes);

	assert_int_equal(status_print_json(&status, stream), 0);
	(void)fclose(stream);
	assert_string_equal(text,
			    "{\n  \"machine\": null,\n  \"people\": [],\n  \"runs\": []\n}\n");
}

static void rows_of_a_newer_helper(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };

	add(&status, "row\nkind=instance\nuser=emo\n");
	add(&status, "row\n");
	add(&status, "row\nkind=person\nuser=emo\nuid=-1\nt3-port=many\nmood=good\n");
	assert_int_equal(status.n_people, 1);
	assert_int_equal(status.people[0].uid, STATUS_NO_NUMBER);
	assert_int_equal(status.people[0].t3_port, STATUS_NO_NUMBER);
	assert_string_equal(status.people[0].tier, "");
}

static void steps_find_their_person_in_any_order(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	char row[80];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(row, sizeof(row), "row\nkind=person\nuser=u%d\n", i);
		add(&status, row);
	}
	for (int i = 99; i >= 0; i--) {
		(void)snprintf(row, sizeof(row), "row\nkind=step\nuser=u%d\nstep=s%d\n", i, i);
		add(&status, row);
	}
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(status.people[i].steps.n_items, 1);
		assert_string_equal(status.people[i].steps.items[0].name + 1,
				    status.people[i].user + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_and_its_sentences),
		cmocka_unit_test(a_refused_devvm_yaml_is_told),
		cmocka_unit_test(colours_mark_what_is_wrong),
		cmocka_unit_test(healthy_machine_is_a_table_alone),
		cmocka_unit_test(a_freeze_and_the_last_update_are_told),
		cmocka_unit_test(page_of_one_person),
		cmocka_unit_test(what_waits_for_somebody_is_told),
		cmocka_unit_test(page_of_a_person_nothing_was_done_for),
		cmocka_unit_test(json_has_it_all),
		cmocka_unit_test(the_manual_has_each_key),
		cmocka_unit_test(asker_without_the_machine),
		cmocka_unit_test(rows_of_a_newer_helper),
		cmocka_unit_test(steps_find_their_person_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
