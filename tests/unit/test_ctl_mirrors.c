/* test_ctl_mirrors.c - `devvmctl mirrors`: the newest run of each, all of them, and as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "ctl/cmd_mirrors.h"
#include "fake_helper.h"

#define DOCS "row\nkind=mirror\nname=docs\nroute=/a -> /b\n"
#define NEW                                                                                        \
	DOCS "state=refused\nstarted=1760000100000000\nended=1760000101000000\nchecked=0\n"        \
	     "copied=0\ndeleted=0\nerrors=0\nbytes=0\nerror=the source has no files\n"
#define OLD                                                                                        \
	DOCS "state=ok\nstarted=1760000000000000\nended=1760000002500000\nchecked=7\ncopied=12\n"  \
	     "deleted=3\nerrors=0\nbytes=4096\nerror=\n"
#define OTHER                                                                                      \
	"row\nkind=mirror\nname=wiki\nroute=/c -> /d\nstate=ok\nstarted=1760000000000000\n"        \
	"ended=1760000000000000\nchecked=1\ncopied=0\ndeleted=0\nerrors=0\nbytes=0\nerror=\n"

/* What it printed; owned by the caller. */
static char *run(const char *const *script, bool as_json, bool all)
{
	struct fake_helper fake;
	char *out = NULL;
	size_t n_out = 0;
	struct ctl ctl = {
		.out = open_memstream(&out, &n_out), .messages = stderr, .bar_fd = -1, .utf8 = true
	};

	fake_start(&fake, "mirrors\nv=1\n", script);
	ctl.socket_path = fake.path;
	assert_int_equal(mirrors_run(&ctl, as_json, all), CTL_OK);
	(void)fclose(ctl.out);
	assert_true(fake_stop(&fake));
	return out;
}

static const char *const SCRIPT[] = { NEW, OLD, OTHER, "row\nkind=new\nname=x\n", "done\n", NULL };

static unsigned int lines_of(const char *text)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void the_newest_of_each_is_shown(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *out = run(SCRIPT, false, false);

	assert_int_equal(lines_of(out), 3);
	assert_non_null(strstr(out, "refused"));
	assert_non_null(strstr(out, "the source has no files\n"));
	assert_non_null(strstr(out, "wiki"));
	assert_null(strstr(out, "4096"));
}

static void all_are_shown_when_asked_for(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *out = run(SCRIPT, false, true);

	assert_int_equal(lines_of(out), 4);
	assert_non_null(
		strstr(out, "  3 s   ok       7        12      3        0       4096   -\n"));
}

static void json_has_every_count(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *out = run(SCRIPT, true, true);

	assert_string_equal(
		out, "{\"name\":\"docs\",\"route\":\"/a -> /b\",\"state\":\"refused\",\"started\":"
		     "\"2025-10-09T08:55:00Z\",\"ended\":\"2025-10-09T08:55:01Z\",\"took_ms\":1000,"
		     "\"checked\":0,\"copied\":0,\"deleted\":0,\"errors\":0,\"bytes\":0,\"error\":"
		     "\"the source has no files\"}\n"
		     "{\"name\":\"docs\",\"route\":\"/a -> /b\",\"state\":\"ok\",\"started\":"
		     "\"2025-10-09T08:53:20Z\",\"ended\":\"2025-10-09T08:53:22Z\",\"took_ms\":2500,"
		     "\"checked\":7,\"copied\":12,\"deleted\":3,\"errors\":0,\"bytes\":4096,"
		     "\"error\":null}\n"
		     "{\"name\":\"wiki\",\"route\":\"/c -> /d\",\"state\":\"ok\",\"started\":"
		     "\"2025-10-09T08:53:20Z\",\"ended\":\"2025-10-09T08:53:20Z\",\"took_ms\":0,"
		     "\"checked\":1,\"copied\":0,\"deleted\":0,\"errors\":0,\"bytes\":0,\"error\":"
		     "null}\n");
}

static void without_one_it_says_where_to_look(void **state DV_UNUSED)
{
	static const char *const none[] = { "done\n", NULL };
	DV_AUTO_FREE char *out = run(none, false, false);

	assert_string_equal(out, "No mirror has run yet; see mirrors in devvm.yaml(5).\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_of_each_is_shown),
		cmocka_unit_test(all_are_shown_when_asked_for),
		cmocka_unit_test(json_has_every_count),
		cmocka_unit_test(without_one_it_says_where_to_look),
	};

	return cmocka_run_group_tests_name("ctl_mirrors", tests, NULL, NULL);
}
