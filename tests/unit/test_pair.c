/* test_pair.c - what is asked of the helper and of a person's server, in each way it may be answered. */
#include "scratch.h"

#include "dispatch/pair.h"
#include "fake_helper.h"
#include "fake_web.h"

#define OK(headers, body) "HTTP/1.1 200 OK\r\n" headers "Connection: close\r\n\r\n" body
#define COOKIES "Set-Cookie: t3_session_1_ab=x; Path=/\r\nset-cookie: other=y\r\n"
#define MINT "mint\nv=1\nuser=emo\n"

static const char *const MINTED[] = {
	"progress\nuser=emo\nstep=mint\nstatus=running\n",
	"row\nkind=credential\ncredential=CRED\nexpires=1\nversion=V\n", "done\n", NULL
};

struct stage {
	struct fake_helper helper;
	struct fake_web web;
	struct pair_target target;
	struct dv_error err;
};

static void set(struct stage *stage, const char *request, const char *const *script,
		const struct fake_web_page *pages)
{
	*stage = (struct stage){ 0 };
	if (!fake_become_root())
		skip();
	if (script)
		fake_start(&stage->helper, request, script);
	assert_true(fake_web_start(&stage->web, pages));
	stage->target = (struct pair_target){ .helper_path = stage->helper.path,
					      .root_fd = open("/", O_PATH | O_CLOEXEC),
					      .user = "emo",
					      .uid = geteuid(),
					      .port = (uint16_t)stage->web.port };
}

static void end(struct stage *stage)
{
	(void)close(stage->target.root_fd);
	fake_web_stop(&stage->web);
	if (stage->helper.pid > 0)
		assert_true(fake_stop(&stage->helper));
}

static void each_exchange(void **state DV_UNUSED)
{
	static const struct {
		const struct fake_web_page pages[3];
		int r;
		const char *why;
	} rows[] = {
		{ { { "/api/auth/browser-session", OK(COOKIES, "{}") } }, 0, "" },
		{ { { "/api/auth/bootstrap", OK(COOKIES, "{}") } }, 0, "" },
		{ { { "/api/auth/browser-session", "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n" },
		    { "/api/auth/bootstrap", OK(COOKIES, "{}") } },
		  -EACCES,
		  "answered 401" },
		{ { { "/api/auth/browser-session", OK("", "{}") } }, -EBADMSG, "gave no cookie" },
		{ { { NULL, NULL } }, -EACCES, "answered 404" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		DV_AUTO_STR_LIST struct str_list cookies = { 0 };
		struct stage stage;
		int r;

		set(&stage, MINT, MINTED, rows[i].pages);
		r = pair_make(&stage.target, &cookies, &stage.err);
		if (r != rows[i].r || !strstr(stage.err.text, rows[i].why))
			fail_msg("row %zu: expected %d, %s; got %d, %s", i, rows[i].r, rows[i].why,
				 r, stage.err.text);
		if (r == 0) {
			assert_int_equal(cookies.n_items, 2);
			assert_string_equal(cookies.items[0], "t3_session_1_ab=x; Path=/");
			assert_string_equal(cookies.items[1], "other=y");
		}
		assert_null(strstr(stage.err.text, "CRED"));
		end(&stage);
	}
}

static void the_helper_says_why_not(void **state DV_UNUSED)
{
	static const char *const refused[] = { "error\ncode=failed\ntext=emo is on hold\n", NULL };
	static const char *const nothing[] = { "done\n", NULL };
	static const struct fake_web_page pages[] = { { NULL, NULL } };
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	struct stage stage;

	set(&stage, MINT, refused, pages);
	assert_int_equal(pair_make(&stage.target, &cookies, &stage.err), -EREMOTEIO);
	assert_string_equal(stage.err.text, "pair emo: emo is on hold");
	end(&stage);
	set(&stage, MINT, nothing, pages);
	assert_int_equal(pair_make(&stage.target, &cookies, &stage.err), -EBADMSG);
	end(&stage);
}

static void nothing_goes_to_a_port_of_another(void **state DV_UNUSED)
{
	static const struct fake_web_page pages[] = {
		{ "/api/auth/browser-session", OK(COOKIES, "{}") }, { NULL, NULL }
	};
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	struct stage stage;

	set(&stage, MINT, MINTED, pages);
	stage.target.uid++;
	assert_int_equal(pair_make(&stage.target, &cookies, &stage.err), -ECONNREFUSED);
	assert_non_null(strstr(stage.err.text, "is not emo's now"));
	assert_int_equal(pair_require(&stage.target, &stage.err), -ECONNREFUSED);
	end(&stage);
}

static int on_progress(void *context, const struct record *record, struct dv_error *err DV_UNUSED)
{
	*(size_t *)context += strcmp(record->verb, "progress") == 0;
	return 0;
}

static void a_visit_ends_when_it_listens(void **state DV_UNUSED)
{
	static const char *const script[] = { "progress\nuser=emo\nstep=path\nstatus=ok\n",
					      "done\n", NULL };
	static const struct fake_web_page pages[] = { { NULL, NULL } };
	struct stage stage;
	size_t n = 0;

	set(&stage, "ensure\nv=1\nuser=emo\nwait=1\n", script, pages);
	assert_int_equal(pair_ensure(&stage.target, on_progress, &n, &stage.err), 0);
	assert_int_equal(n, 1);
	end(&stage);
}

/* Who has none gets one in the course of their visit, and is served then. */
static void a_visit_ends_when_an_account_that_is_new_listens(void **state DV_UNUSED)
{
	static const char *const script[] = { "done\n", NULL };
	static const struct fake_web_page pages[] = { { NULL, NULL } };
	struct stage stage;
	size_t n = 0;
	int r;

	set(&stage, "ensure\nv=1\nuser=root\nwait=1\n", script, pages);
	(void)snprintf(stage.target.user, sizeof(stage.target.user), "root");
	stage.target.uid = (uid_t)-1;
	r = pair_ensure(&stage.target, on_progress, &n, &stage.err);
	if (r < 0)
		fail_msg("%d: %s", r, stage.err.text);
	end(&stage);
}

/* systemd listens on the socket whatever is behind it. */
static void on_hold_the_terminal_is_not_there(void **state)
{
	static const char *const sockets[] = { "run/devvm/ttyd/emo.sock",
					       "run/devvm/ttyd/ben.sock" };
	struct scratch *scratch = *state;
	struct pair_target target = { .what = PAIR_TERMINAL,
				      .root_fd = scratch->env.root_dirfd,
				      .user = "emo" };
	enum listener listener = LISTENER_UNSET;
	struct stat st;

	scratch_make_folder(scratch, "run/devvm/ttyd", 0755);
	for (size_t i = 0; i < DV_COUNT(sockets); i++)
		assert_int_equal(mknodat(target.root_fd, sockets[i], S_IFSOCK | 0600, 0), 0);
	assert_int_equal(fstatat(target.root_fd, sockets[0], &st, 0), 0);
	if (st.st_uid != 0)
		skip();
	assert_ok(scratch, pair_look(&target, &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_OWN);
	scratch_write(scratch, "var/lib/devvm/hold/emo", "", 0644);
	assert_ok(scratch, pair_look(&target, &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_NONE);
	(void)snprintf(target.user, sizeof(target.user), "ben");
	assert_ok(scratch, pair_look(&target, &listener, &scratch->err));
	assert_int_equal(listener, LISTENER_OWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_exchange),
		cmocka_unit_test(the_helper_says_why_not),
		cmocka_unit_test(nothing_goes_to_a_port_of_another),
		cmocka_unit_test(a_visit_ends_when_it_listens),
		cmocka_unit_test(a_visit_ends_when_an_account_that_is_new_listens),
		cmocka_unit_test_setup_teardown(on_hold_the_terminal_is_not_there, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
