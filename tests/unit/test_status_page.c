/* test_status_page.c - the status page says what is, escapes what it was told, and is a whole page. */
#include "scratch.h"

#include "dispatch/status_page.h"

#define NOW (INT64_C(1760000000) * 1000000)

static void add(struct status *status, const char *text)
{
	struct dv_error err = { "" };
	struct record record;

	assert_int_equal(record_parse(&record, text, strlen(text), &err), 0);
	assert_int_equal(status_add(status, &record, &err), 0);
}

static char *page_of(const struct status *status)
{
	size_t n = 0;
	char *page = status_page(status, NOW, &n);

	assert_non_null(page);
	assert_int_equal(strlen(page), n);
	return page;
}

static void a_machine_where_all_is_well(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *page = NULL;

	add(&status,
	    "row\nkind=person\nuser=emo\nidentity=emil\ntier=admin\nstate=present\nt3-port=3773\n"
	    "t3=running\nterminal=running\nt3-version=0.0.28\nparked=no\nheld=no\n");
	add(&status, "row\nkind=step\nuser=emo\nstep=code\nstatus=ok\nattempts=0\nnext-retry=0\n"
		     "updated=1759999995000000\n");
	add(&status, "row\nkind=machine\nroster=ok\npeople=1\nrunning=0\nqueued=0\nreconcile=idle\n"
		     "version=1.2.3\n");
	page = page_of(&status);
	assert_contains(page, "Status: 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n");
	assert_contains(page, "Content-Security-Policy: default-src 'none'");
	assert_contains(page, "<h1>Status of this machine</h1><p>devvm 1.2.3, 1 people;");
	assert_contains(page, "<p>Nothing. Every step is done.</p>");
	assert_contains(page,
			"<th scope=\"row\">emo</th><td>emil</td><td>admin</td><td>present</td>"
			"<td class=\"now\">t3, terminal</td><td>port 3773</td><td>0.0.28</td>");
	assert_contains(page,
			"<summary id=\"open-emo\">1 done</summary><ul><li>code done, <time "
			"datetime=\"2025-10-09T08:53:15Z\" title=\"2025-10-09T08:53:15Z\">5 s "
			"ago</time></li></ul>");
	assert_null(strstr(page, "role=\"alert\""));
}

static void what_failed_is_said_with_its_next_try(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *page = NULL;

	add(&status, "row\nkind=person\nuser=emo\nidentity=\ntier=admin\nstate=present\nt3-port=0\n"
		     "parked=yes\n");
	add(&status,
	    "row\nkind=step\nuser=emo\nstep=code\nstatus=failed\nerror=<script>alert(1)</script>\n"
	    "attempts=3\nnext-retry=1760000040000000\nupdated=1\n");
	add(&status, "row\nkind=person\nuser=zoe\nidentity=zoe\nstate=present\nheld=yes\n");
	add(&status,
	    "row\nkind=machine\nroster=refused\nconfig-error=line 1: <i>\nroster-error=line 3: "
	    "<b>\nversion=1\n");
	add(&status, "row\nkind=step\nuser=\nstep=sshd\nstatus=failed\nerror=\nattempts=1\n"
		     "next-retry=0\nupdated=1\n");
	page = page_of(&status);
	assert_contains(page, "<p>No run yet.</p>");
	assert_contains(page, "<li><strong>emo: code failed</strong>: "
			      "&#60;script&#62;alert(1)&#60;/script&#62; (tried 3 times, next try "
			      "<time datetime=\"2025-10-09T08:54:00Z\"");
	assert_contains(page,
			"<li><strong>machine: sshd failed</strong> (not tried again by itself)");
	assert_contains(page, "The roster is refused</strong>: line 3: &#60;b&#62;. The last good");
	assert_contains(page, "devvm.yaml is refused</strong>: line 1: &#60;i&#62;.</p>");
	assert_contains(page, "<td>parked</td><td class=\"now\">\u2013</td><td>\u2013</td>");
	assert_contains(page, "<td>held</td>");
	assert_contains(page, "<span class=\"bad\">1 of 1 failed</span>");
	assert_contains(page, "<td class=\"off\">none yet</td>");
	assert_null(strstr(page, "<script>alert"));
}

static void the_same_as_json(void **state DV_UNUSED)
{
	DV_AUTO_STATUS struct status status = { 0 };
	DV_AUTO_FREE char *answer = NULL;
	size_t n = 0;

	add(&status, "row\nkind=person\nuser=emo\nstate=present\nt3=running\n");
	answer = status_page_json(&status, &n);
	assert_non_null(answer);
	assert_contains(answer, "Content-Type: application/json; charset=utf-8\r\n");
	assert_contains(answer, "\r\n\r\n{\n  \"machine\": null,");
	assert_contains(answer, "\"t3\": \"running\"");
	assert_contains(answer, "\"runs\": []");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_machine_where_all_is_well),
					    cmocka_unit_test(what_failed_is_said_with_its_next_try),
					    cmocka_unit_test(the_same_as_json) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
