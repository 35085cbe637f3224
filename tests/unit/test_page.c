/* test_page.c - what a page has from outside stands in it escaped, under strict headers. */
#include "scratch.h"

#include "dispatch/page.h"

static void has(const char *page, const char *what)
{
	if (!page || !strstr(page, what))
		fail_msg("expected %s in %s", what, page ? page : "nothing");
}

static const struct page_step VISIT_STEPS[] = {
	{ "path", "ok", "made ~/.local/bin" },
	{ "code", "failed", "~/code is a <file>" },
	{ "claude", "running", "" },
	{ "facts", "ok", "" },
};

static char *waiting_page(const char *target, size_t n_steps, size_t *ret_n)
{
	return page_waiting(&(struct page_visit){ .user = "emo",
						  .title = "It <starts>",
						  .target = target,
						  .steps = VISIT_STEPS,
						  .n_steps = n_steps },
			    ret_n);
}

static void pages_are_strict_and_escaped(void **state DV_UNUSED)
{
	size_t n = 0;
	DV_AUTO_FREE char *page = page_message(403, "No <b>", "a & \"b\"", "/x?a=\"><script>", &n);
	DV_AUTO_FREE char *waiting = waiting_page("/x'<", 0, &n);

	assert_int_equal(n, strlen(waiting));
	has(page, "Status: 403 Forbidden\r\n");
	has(page, "Content-Security-Policy: default-src 'none'");
	has(page, "X-Frame-Options: DENY\r\n");
	has(page, "Cache-Control: no-store\r\n");
	has(page, "<title>No &#60;b&#62;</title>");
	has(page, "a &#38; &#34;b&#34;");
	has(page, "href=\"/x?a=&#34;&#62;&#60;script&#62;\"");
	assert_null(strstr(page, "<script>"));
	has(waiting, "Status: 503 ");
	has(waiting, "<title>It &#60;starts&#62;</title>");
	has(waiting, "<noscript><meta http-equiv=\"refresh\"");
	has(waiting, "prefers-color-scheme:dark");
	has(waiting, "<h1>It &#60;starts&#62;</h1>");
	has(waiting, "role=\"status\"");
	has(waiting, "href=\"/x&#39;&#60;\"");
	assert_null(strstr(waiting, "://")); /* nothing from elsewhere */
}

static void each_page_has_a_nonce_of_its_own(void **state DV_UNUSED)
{
	size_t n = 0;
	DV_AUTO_FREE char *a = waiting_page("/", 0, &n);
	DV_AUTO_FREE char *b = waiting_page("/", 0, &n);

	has(a, "script-src 'nonce-");
	assert_string_not_equal(a, b);
}

static void steps_are_told_by_word_and_in_order(void **state DV_UNUSED)
{
	size_t n = 0;
	DV_AUTO_FREE char *waiting = waiting_page("/", DV_COUNT(VISIT_STEPS), &n);
	DV_AUTO_FREE char *before = waiting_page("/", 0, &n);
	DV_AUTO_FREE char *between = waiting_page("/", 1, &n);

	has(waiting,
	    "<ol id=\"steps\"><li class=\"ok\"><span>made ~/.local/bin</span> <b>done</b></li>"
	    "<li class=\"failed\"><span>~/code is a &#60;file&#62;</span> <b>failed</b></li>"
	    "<li class=\"running\"><span>claude</span> <b>running</b></li>"
	    "<li class=\"ok\"><span>1 step had nothing to do</span> <b>done</b></li></ol>");
	has(waiting, "role=\"status\">Now: claude</p>");
	has(before, "role=\"status\">Preparing</p><ol id=\"steps\"></ol>");
	has(between, "role=\"status\">Starting it</p>");
}

static void a_failed_visit_has_its_sentence_its_steps_and_a_retry(void **state DV_UNUSED)
{
	size_t n = 0;
	DV_AUTO_FREE char *page =
		page_failed(&(struct page_visit){ .title = "It could not be started",
						  .text = "1 step failed: <code>",
						  .target = "/deep?a=1&b=\"",
						  .steps = VISIT_STEPS,
						  .n_steps = 2 },
			    &n);

	assert_int_equal(n, strlen(page));
	has(page, "Status: 503 ");
	has(page, "<h1>It could not be started</h1><p>1 step failed: &#60;code&#62;</p>");
	has(page, "<b>done</b></li><li class=\"failed\">");
	has(page, "<a href=\"/deep?a=1&#38;b=&#34;\">Try again</a>");
	/* It stays until somebody has read it. */
	assert_null(strstr(page, "http-equiv"));
	assert_null(strstr(page, "<script"));
}

static void a_redirect_relays_every_cookie(void **state DV_UNUSED)
{
	char *items[] = { (char *)"t3_session=a; Path=/; HttpOnly", (char *)"other=b" };
	const struct str_list cookies = { .items = items, .n_items = 2 };
	size_t n = 0;
	DV_AUTO_FREE char *text = page_redirect("/deep", &cookies, &n);
	DV_AUTO_FREE char *pass = page_pass("@devvm_person", &n);

	has(text, "Status: 302 Found\r\nLocation: /deep\r\n");
	has(text, "\r\nSet-Cookie: t3_session=a; Path=/; HttpOnly\r\nSet-Cookie: other=b\r\n");
	assert_string_equal(pass, "X-Accel-Redirect: @devvm_person\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_strict_and_escaped),
		cmocka_unit_test(each_page_has_a_nonce_of_its_own),
		cmocka_unit_test(steps_are_told_by_word_and_in_order),
		cmocka_unit_test(a_failed_visit_has_its_sentence_its_steps_and_a_retry),
		cmocka_unit_test(a_redirect_relays_every_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
