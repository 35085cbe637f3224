/* test_look.c - what root asks a person's own process, and what it believes of the answer. systemctl is a script of
 * the test's that does what the unit would. */
#include "scratch.h"

#include <sys/stat.h>

#include "move/look.h"

#define OK "{\"state\":\"ok\",\"level\":40,\"turns\":2,\"worked_usec\":1769860800000000}"

static int parse(const char *text, struct look *look, struct dv_error *err)
{
	return look_parse(text, strlen(text), look, err);
}

static void an_answer_is_read(void **state DV_UNUSED)
{
	struct look look = { 0 };
	struct dv_error err = { "" };

	assert_int_equal(parse(OK "\n", &look, &err), 0);
	assert_true(look.has_database);
	assert_int_equal(look.level, 40);
	assert_int_equal(look.n_turns, 2);
	assert_int_equal(look.worked_usec, INT64_C(1769860800000000));
	assert_int_equal(parse("{\"state\":\"none\"}", &look, &err), 0);
	assert_false(look.has_database);
	assert_int_equal(look.level, -1);
	assert_int_equal(look.n_turns, 0);
	assert_int_equal(look.worked_usec, 0);
	assert_int_equal(parse("{\"level\":-1,\"turns\":0,\"worked_usec\":0,\"state\":\"ok\"}",
			       &look, &err),
			 0);
	assert_true(look.has_database);
	assert_int_equal(look.level, -1);
}

static void a_sentence_is_passed_on(void **state DV_UNUSED)
{
	struct look look = { .level = 77 };
	struct dv_error err = { "" };

	assert_int_equal(parse("{\"state\":\"failed\",\"error\":\"it is damaged (100%)\"}", &look,
			       &err),
			 -EMEDIUMTYPE);
	assert_string_equal(err.text, "it is damaged (100%)");
	assert_int_equal(look.level, 77);
}

static void nothing_else_is_believed(void **state DV_UNUSED)
{
	static const char *const texts[] = {
		"",
		"\n",
		"ok",
		"[]",
		"null",
		"\"ok\"",
		"{}",
		OK OK,
		OK " x",
		"{\"state\":\"ok\"}",
		"{\"state\":\"\"}",
		"{\"state\":\"none\",\"level\":1}",
		"{\"state\":1}",
		"{\"state\":[\"ok\"]}",
		"{\"state\":\"fine\",\"level\":40,\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"none\",\"state\":\"none\"}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2,\"worked_usec\":1,\"more\":1}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2,\"worked_usec\":1,\"turns\":0}",
		"{\"state\":\"ok\",\"level\":\"40\",\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":40.0,\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":null,\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":-2,\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":2147483648,\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":99999999999999999999,\"turns\":2,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":-1,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2147483648,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":true,\"worked_usec\":1}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2,\"worked_usec\":-1}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2,\"worked_usec\":253402300800000001}",
		"{\"state\":\"failed\"}",
		"{\"state\":\"failed\",\"error\":\"\"}",
		"{\"state\":\"failed\",\"error\":7}",
		"{\"state\":\"failed\",\"error\":\"x\",\"level\":1}",
		"{\"state\":\"failed\",\"error\":\"\\u001b[31m\"}",
		"{\"state\":\"failed\",\"error\":\"two\\nlines\"}",
		"{\"state\":\"failed\",\"error\":\"\\u0000\"}",
		"{\"state\":\"failed\",\"error\":\"caf\u00e9\"}",
		"{\"state\":\"failed\",\"error\":\"\x7f\"}",
		"{\"state\":\"ok\",\"level\":40,\"turns\":2,\"worked_usec\":1",
	};

	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		struct look look = { .level = 77 };
		struct dv_error err = { "" };
		int r = parse(texts[i], &look, &err);

		if (r != -EBADMSG)
			fail_msg("%d for %s", r, texts[i]);
		assert_string_equal(err.text, "what their process said is not what it should be");
		assert_int_equal(look.level, 77);
	}
}

static void a_zero_byte_is_no_end(void **state DV_UNUSED)
{
	static const char text[] = OK "\0x";
	struct look look = { 0 };
	struct dv_error err = { "" };

	assert_int_equal(look_parse(text, sizeof(text) - 1, &look, &err), -EBADMSG);
}

/* ---- the unit ----------------------------------------------------------------------------- */

/* `script` runs in /run/devvm/look for each call of systemctl. */
static void set_systemctl(struct scratch *scratch, const char *script)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncd %s/" LOOK_FOLDER "\necho \"$*\" >>../asked\n%s\n",
		       scratch->folder, script);
	scratch_put_program(scratch, "systemctl", text);
}

static int run(struct scratch *scratch, const char *user, struct look *look)
{
	return look_run(&scratch->env, user, INT64_C(1769860800000001), look, &scratch->err);
}

static void the_unit_gets_what_it_needs_and_nothing_stays(void **state)
{
	struct scratch *scratch = *state;
	struct look look = { 0 };

	scratch_make_folder(scratch, LOOK_FOLDER, 0700);
	scratch_write(scratch, LOOK_FOLDER "/anna.result", OK, 0644); /* of one who was killed */
	set_systemctl(scratch, "(cat anna.env; stat -c '%a %s' anna.env anna.result; ls) >../seen\n"
			       "echo '" OK "' >anna.result");
	assert_ok(scratch, run(scratch, "anna", &look));
	assert_true(look.has_database);
	assert_int_equal(look.level, 40);
	assert_file(scratch, "run/devvm/seen",
		    "DEVVM_SINCE_USEC=1769860800000001\n600 34\n600 0\nanna.env\nanna.result\n");
	assert_file(scratch, "run/devvm/asked", "restart devvm-look@anna.service\n");
	assert_false(scratch_has(scratch, LOOK_FOLDER "/anna.env"));
	assert_false(scratch_has(scratch, LOOK_FOLDER "/anna.result"));
	assert_int_equal(scratch_mode(scratch, LOOK_FOLDER), 0700);
}

static void assert_fails(struct scratch *scratch, const char *script, int expected, const char *why)
{
	struct look look = { .level = 77 };
	int r;

	set_systemctl(scratch, script);
	r = run(scratch, "anna", &look);
	if (r != expected)
		fail_msg("%d (%s) for %s", r, scratch->err.text, script);
	assert_contains(scratch->err.text, why);
	assert_int_equal(look.level, 77);
	assert_false(scratch_has(scratch, LOOK_FOLDER "/anna.result"));
}

static void one_that_failed_may_have_said_why(void **state)
{
	static const char journal[] = "journalctl -u devvm-look@anna.service says why";
	static const char form[] = "what their process said is not what it should be";
	struct scratch *scratch = *state;

	assert_fails(scratch,
		     "echo '{\"state\":\"failed\",\"error\":\"damaged\"}' >anna.result; exit 1",
		     -EMEDIUMTYPE, "damaged");
	assert_fails(scratch, "exit 1", -EIO, journal);
	assert_fails(scratch, "echo '" OK "' >anna.result; exit 1", -EIO, journal);
	assert_fails(scratch, "rm anna.result; exit 1", -EIO, journal);
	assert_fails(scratch, "true", -EBADMSG, form);
	assert_fails(scratch, "yes | head -c 2049 >anna.result", -EBADMSG, form);
}

static void whose_must_be_a_name(void **state)
{
	struct scratch *scratch = *state;
	struct look look = { 0 };

	set_systemctl(scratch, "true");
	assert_int_equal(run(scratch, "../anna", &look), -EINVAL);
	assert_int_equal(run(scratch, "", &look), -EINVAL);
	assert_int_equal(look_run(&scratch->env, "anna", -1, &look, &scratch->err), -EINVAL);
	assert_false(scratch_has(scratch, "run/devvm/asked"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_read),
		cmocka_unit_test(a_sentence_is_passed_on),
		cmocka_unit_test(nothing_else_is_believed),
		cmocka_unit_test(a_zero_byte_is_no_end),
		TEST(the_unit_gets_what_it_needs_and_nothing_stays),
		TEST(one_that_failed_may_have_said_why),
		TEST(whose_must_be_a_name),
	};

	return cmocka_run_group_tests_name("look", tests, NULL, NULL);
}
