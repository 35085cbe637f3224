/* test_vault.c - what is made of each answer of a Vault; nothing of a body in a sentence, and the
 * token to nobody else. */
#include "scratch.h"

#include "fake_web.h"
#include "secrets/vault.h"

#define LOOKUP "/v1/auth/token/lookup-self"
#define OK_HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
#define FRESH OK_HEAD "{\"data\":{\"ttl\":3600,\"creation_ttl\":3600,\"renewable\":true}}"
#define DATA(path) "/v1/secret/data/" path
#define STATUS(code) "HTTP/1.1 " code " X\r\nContent-Length: 13\r\n\r\n{\"errors\":[]}"

static struct fake_web web;
static struct vault vault;

static struct scratch *setup(void **state, const struct fake_web_page *pages)
{
	struct scratch *scratch = *state;

	assert_true(fake_web_start(&web, pages));
	scratch_write(scratch, "etc/token", "hvs.SENTINEL\n", 0600);
	scratch_set(&scratch->config.vault_url, web.url);
	scratch_set(&scratch->config.vault_token_file, "/etc/token");
	scratch->config.vault_attempts = 2;
	scratch->config.vault_timeout_s = 1;
	vault_init(&vault, &scratch->env, &scratch->config);
	vault.backoff_ms = 1;
	return scratch;
}

static void teardown(void)
{
	vault_done(&vault);
	fake_web_stop(&web);
}

static void assert_fails(const char *path, int expected, const char *words)
{
	DV_AUTO_SECRET struct secret value = { 0 };
	struct dv_error err = { "" };
	uint64_t version = 0;
	int r = vault_read(&vault, path, "value", &value, &version, &err);

	if (r != expected || !strstr(err.text, words) || strstr(err.text, "SENTINEL"))
		fail_msg("%s: %d \"%s\", not %d with \"%s\"", path, r, err.text, expected, words);
	assert_null(value.text);
}

static void values_have_versions(void **state)
{
	static const struct fake_web_page pages[] = {
		{ LOOKUP, FRESH },
		{ DATA("a"), OK_HEAD "{\"data\":{\"data\":{\"value\":\"v\\n\",\"map\":{\"b\":1}},"
				     "\"metadata\":{\"version\":7}}}" },
		{ 0 },
	};
	struct scratch *scratch = setup(state, pages);
	DV_AUTO_SECRET struct secret value = { 0 };
	DV_AUTO_SECRET struct secret map = { 0 };
	uint64_t version = 0;

	assert_ok(scratch, vault_read(&vault, "a", "value", &value, &version, &scratch->err));
	assert_string_equal(value.text, "v\n");
	assert_int_equal(version, 7);
	assert_ok(scratch, vault_read(&vault, "a", "map", &map, &version, &scratch->err));
	assert_string_equal(map.text, "{\"b\":1}");
	teardown();
}

static void each_failure_has_its_sentence(void **state)
{
	static const struct fake_web_page pages[] = {
		{ LOOKUP, FRESH },
		{ DATA("400"), STATUS("400") },
		{ DATA("403"), STATUS("403") },
		{ DATA("404"), STATUS("404") },
		{ DATA("deleted"), "HTTP/1.1 404 X\r\nConnection: close\r\n\r\n"
				   "{\"data\":{\"data\":null,\"metadata\":{\"version\":3}}}" },
		{ DATA("412"), STATUS("412") },
		{ DATA("429"), STATUS("429") },
		{ DATA("500"), STATUS("500") },
		{ DATA("501"), STATUS("501") },
		{ DATA("half"), OK_HEAD "{\"data\":{\"data\":{\"value\":\"SENTINEL" },
		{ DATA("none"), OK_HEAD "{\"data\":{\"data\":{},\"metadata\":{\"version\":1}}}" },
		{ DATA("away"), "HTTP/1.1 307 X\r\nLocation: http://127.0.0.2:1/v1/x\r\n"
				"Content-Length: 0\r\n\r\n" },
		{ DATA("round"), "HTTP/1.1 307 X\r\nLocation: nowhere\r\n"
				 "Content-Length: 0\r\n\r\n" },
		{ DATA("503"), STATUS("503") },
		{ 0 },
	};

	(void)setup(state, pages);
	assert_fails("400", -EINVAL, "(400)");
	assert_fails("403", -EACCES, "(403)");
	assert_fails("404", -ENOENT, "Vault has no secret/data/404 (404)");
	assert_fails("deleted", -ENOENT, "is deleted (404)");
	assert_fails("412", -EAGAIN, "answered 412");
	assert_fails("429", -EAGAIN, "answered 429");
	assert_fails("500", -EAGAIN, "answered 500");
	assert_fails("501", -EBADMSG, "answered 501");
	assert_fails("half", -EBADMSG, "no whole JSON object");
	assert_fails("none", -ENODATA, "has no field value");
	assert_fails("away", -EACCES, "gets no token: it is not in vault.redirect_hosts");
	assert_fails("round", -EBADMSG, "sends on (307) to nowhere");
	assert_fails("503", -EAGAIN, "sealed");
	/* And so for the rest of the run. */
	assert_fails("404", -EAGAIN, "sealed");
	teardown();
}

static void token_files_hold_one_word(void **state)
{
	static const struct fake_web_page pages[] = { { 0 } };
	struct scratch *scratch = setup(state, pages);

	scratch_write(scratch, "etc/token", "SENTINEL x\n", 0600);
	assert_fails("a", -EINVAL, "/etc/token: it must hold one word");
	scratch_write(scratch, "etc/token", "\n", 0600);
	assert_fails("a", -EINVAL, "/etc/token: it must hold one word");
	teardown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(values_have_versions, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(each_failure_has_its_sentence, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(token_files_hold_one_word, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
