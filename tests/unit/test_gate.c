/* test_gate.c - what root hands to the gate's unit, and what it believes of what comes back. systemctl is a script of
 * the test's that does what the unit would. */
#include "scratch.h"

#include <unistd.h>

#include "base/clock.h"
#include "gate/gate.h"

#define GOOD                                                                                       \
	"{\"outcome\":\"passed\",\"check\":\"none\",\"text\":\"\",\"start_ms\":1,"                 \
	"\"total_ms\":1,\"memory_kib\":1,\"from\":30,\"to\":32,\"left\":0}"

/* `script` runs in /run/devvm/gate for `systemctl start`; UNIT is what is started. */
static void set_systemctl(struct scratch *scratch, const char *script)
{
	char text[2048];

	(void)snprintf(text, sizeof(text),
		       "#!/bin/sh\ncd %s/" GATE_FOLDER "\necho \"$*\" >>../asked\n"
		       "[ \"$1\" = start ] || exit 0\nUNIT=$2\n%s\n",
		       scratch->folder, script);
	scratch_put_program(scratch, "systemctl", text);
}

static struct gate_result run(struct scratch *scratch, const char *version, const char *maker,
			      const struct gate_seed *seed)
{
	const struct gate_order order = { version, maker, 7 };
	struct gate_result result = { 0 };

	gate_run(&scratch->env, &order, seed, &result);
	return result;
}

static const struct gate_seed SYNTHETIC = { GATE_SYNTHETIC_NAME, NULL };

static void the_unit_gets_what_it_needs_and_nothing_stays(void **state)
{
	struct scratch *scratch = *state;
	const struct gate_seed anna = { "anna", "/etc/passwd" };
	DV_AUTO_FREE char *seen = NULL;
	DV_AUTO_FREE char *asked = NULL;
	struct gate_result result;

	/* Of a run that was killed. */
	scratch_make_folder(scratch, GATE_FOLDER, 0700);
	scratch_write(scratch, GATE_FOLDER "/ben.result", GOOD, 0600);
	set_systemctl(scratch, "(cat anna.env; readlink anna.seed; ls) >../seen\n"
			       "echo '" GOOD "' >anna.result");
	result = run(scratch, "0.0.26", "0.0.24", &anna);
	assert_int_equal(result.outcome, GATE_PASSED);
	assert_int_equal(result.to, 32);
	seen = scratch_read(scratch, "run/devvm/seen");
	assert_string_equal(seen, "DEVVM_GATE_VERSION=0.0.26\nDEVVM_GATE_MAKER=\n"
				  "DEVVM_GATE_START_S=7\n/etc/passwd\nanna.env\nanna.seed\n");
	asked = scratch_read(scratch, "run/devvm/asked");
	assert_string_equal(asked, "stop devvm-gate@*.service\nstart devvm-gate@anna.service\n");
	assert_false(scratch_has(scratch, GATE_FOLDER "/anna.env"));
	assert_false(scratch_has(scratch, GATE_FOLDER "/anna.result"));
	assert_int_equal(scratch_mode(scratch, GATE_FOLDER), 0700);
}

static void the_synthetic_one_is_made_by_the_maker(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *seen = NULL;

	set_systemctl(scratch, "(cat _synthetic.env; readlink _synthetic.seed) >../seen");
	DV_IGNORE(run(scratch, "0.0.26", "0.0.24", &SYNTHETIC));
	seen = scratch_read(scratch, "run/devvm/seen");
	assert_string_equal(seen, "DEVVM_GATE_VERSION=0.0.26\nDEVVM_GATE_MAKER=0.0.24\n"
				  "DEVVM_GATE_START_S=7\n/dev/null\n");
}

static void what_is_no_result_is_an_error(void **state)
{
	static const char *const scripts[] = {
		"true",
		": >_synthetic.result",
		"echo passed >_synthetic.result",
		"yes | head -c 9999 >_synthetic.result",
		"ln -s /etc/passwd _synthetic.result",
		"mkfifo _synthetic.result",
	};

	for (size_t i = 0; i < DV_COUNT(scripts); i++) {
		struct scratch *scratch = *state;
		struct gate_result result;

		set_systemctl(scratch, scripts[i]);
		result = run(scratch, "0.0.26", "0.0.24", &SYNTHETIC);
		if (result.outcome != GATE_ERROR)
			fail_msg("taken: %s", scripts[i]);
		assert_non_null(strstr(result.text, "journalctl -u devvm-gate@_synthetic"));
	}
}

/* It is the result that says, not how the unit ended. */
static void a_unit_that_failed_may_have_a_result(void **state)
{
	struct scratch *scratch = *state;

	set_systemctl(scratch, "echo '" GOOD "' >_synthetic.result; exit 1");
	assert_int_equal(run(scratch, "0.0.26", "0.0.24", &SYNTHETIC).outcome, GATE_PASSED);
}

static void what_makes_no_sense_starts_nothing(void **state)
{
	struct scratch *scratch = *state;
	const struct gate_seed none = { "anna", "/nowhere/at/all" };

	set_systemctl(scratch, "echo '" GOOD "' >_synthetic.result");
	assert_int_equal(run(scratch, "../x", "0.0.24", &SYNTHETIC).outcome, GATE_ERROR);
	assert_int_equal(run(scratch, "0.0.26\nX=1", "0.0.24", &SYNTHETIC).outcome, GATE_ERROR);
	assert_int_equal(run(scratch, "0.0.26", "", &SYNTHETIC).outcome, GATE_ERROR);
	assert_int_equal(run(scratch, "0.0.26", "", &none).outcome, GATE_ERROR);
	assert_false(scratch_has(scratch, "run/devvm/asked"));
}

static void one_at_a_time(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_CLOSE int first = gate_lock(&scratch->env, clock_deadline_ms(1000), &scratch->err);

	assert_true(first >= 0);
	assert_int_equal(gate_lock(&scratch->env, clock_deadline_ms(10), &scratch->err),
			 -ETIMEDOUT);
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		WITH(the_unit_gets_what_it_needs_and_nothing_stays),
		WITH(the_synthetic_one_is_made_by_the_maker),
		WITH(what_is_no_result_is_an_error),
		WITH(a_unit_that_failed_may_have_a_result),
		WITH(what_makes_no_sense_starts_nothing),
		WITH(one_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
