/* test_page.c - what a page has from outside stands in it escaped, under strict headers. */
#include "scratch.h"

#include "dispatch/page.h"

static void has(const char *page, const char *what)
{
	if (!page || !strstr(page, what))
		fail_msg("expected %s in %s", what, page ? page : "nothing");
}

static void pages_are_strict_and_escaped(void **state DV_UNUSED)
{
	size_t n = 0;
	DV_AUTO_FREE char *page = page_message(403, "No <b>", "a & \"b\"", "/x?a=\"><script>", &n);
	DV_AUTO_FREE char *waiting = page_waiting("emo", "Title", "/x'<", &n);

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
	has(waiting, "<title>Title</title>");
	has(waiting, "<noscript><meta http-equiv=\"refresh\"");
	has(waiting, "prefers-color-scheme:dark");
	has(waiting, "role=\"status\"");
	has(waiting, "href=\"/x&#39;&#60;\"");
	assert_null(strstr(waiting, "://")); /* nothing from elsewhere */
}

static void each_page_has_a_nonce_of_its_own(void **state DV_UNUSED)
{
	size_t n = 0;
	DV_AUTO_FREE char *a = page_waiting("emo", "Title", "/", &n);
	DV_AUTO_FREE char *b = page_waiting("emo", "Title", "/", &n);

	has(a, "script-src 'nonce-");
	assert_string_not_equal(a, b);
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
		cmocka_unit_test(a_redirect_relays_every_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
