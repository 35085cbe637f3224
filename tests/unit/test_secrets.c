/* test_secrets.c - the step that stages secrets: by version, never by content, and what is
 * staged stays when the source gives nothing. */
#include "scratch.h"

#include <sys/stat.h>

#include "ledger/secrets_log.h"
#include "config/config_secrets.h"
#include "secrets/secrets.h"
#include "steps/secrets_step.h"

#define SOURCE "etc/devvm/secrets/x"
#define STAGED "etc/deep/er/x"

static const struct step *step;
static struct config_secret row;
static char what[STEP_WHAT_BYTES];

static struct scratch *setup(void **state)
{
	struct scratch *scratch = *state;
	static char name[] = "x", from[] = "/" SOURCE, field[] = "value", path[] = "/" STAGED,
		    root[] = "root";

	step = step_find("secrets");
	config_secrets_done(&scratch->config.secrets);
	row = (struct config_secret){ .head = { .name = name, .line = 1 },
				      .source = CONFIG_SECRET_FILE,
				      .from = from,
				      .field = field,
				      .path = path,
				      .owner = root,
				      .group = root,
				      .mode = 0640 };
	scratch->config.secrets = (struct config_secrets){ .rows = &row, .n_rows = 1 };
	scratch_write(scratch, SOURCE, "one", 0600);
	return scratch;
}

static void end(struct scratch *scratch)
{
	scratch->config.secrets = (struct config_secrets){ 0 }; /* its parts are static */
}

/* As a run of the job does it: 0, or what the apply said. */
static int run(struct scratch *scratch)
{
	int verdict;
	int r = 0;

	secrets_step_forget(&scratch->view);
	verdict = scratch_check_machine(scratch, step, what);
	if (verdict == STEP_DIFFERS)
		r = scratch_apply_machine(scratch, step);
	return r;
}

static void assert_kept(struct scratch *scratch, const char *words)
{
	DV_AUTO_SECRETS_LOG struct secrets_log log = { 0 };

	assert_true(run(scratch) < 0);
	assert_file(scratch, STAGED, "one");
	assert_ok(scratch, secrets_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, 1);
	if (!log.rows[0].error || !strstr(log.rows[0].error, words))
		fail_msg("\"%s\", not \"%s\"", log.rows[0].error, words);
	assert_non_null(log.rows[0].version);
}

static void they_are_staged_by_version(void **state)
{
	struct scratch *scratch = setup(state);

	assert_ok(scratch, run(scratch));
	assert_string_equal(what, "stage x");
	assert_file(scratch, STAGED, "one");
	assert_int_equal(scratch_mode(scratch, STAGED), 0640);
	assert_true(scratch->view.secrets_changed);
	scratch_write(scratch, STAGED, "refreshed", 0640);
	assert_ok(scratch, run(scratch));
	assert_string_equal(what, "");
	assert_file(scratch, STAGED, "refreshed");
	scratch_write(scratch, SOURCE, "two", 0600);
	assert_ok(scratch, run(scratch));
	assert_file(scratch, STAGED, "two");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, STAGED, 0), 0);
	assert_ok(scratch, run(scratch));
	assert_file(scratch, STAGED, "two");
	end(scratch);
}

static void what_is_staged_stays(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *large = calloc(1, SECRETS_MAX_BYTES + 2);

	assert_non_null(large);
	memset(large, 'x', SECRETS_MAX_BYTES + 1);
	assert_ok(scratch, run(scratch));
	scratch_write(scratch, SOURCE, " \n", 0600);
	assert_kept(scratch, "the value is empty");
	scratch_write(scratch, SOURCE, large, 0600);
	assert_kept(scratch, SOURCE);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, SOURCE, 0), 0);
	assert_kept(scratch, "No such file");
	row.source = CONFIG_SECRET_CREDENTIAL;
	assert_kept(scratch, "systemd gives no credentials");
	row.source = CONFIG_SECRET_FILE;
	scratch_write(scratch, SOURCE, "one", 0600);
	assert_ok(scratch, run(scratch));
	assert_string_equal(what, "note x");
	end(scratch);
}

/* The scripts before devvm staged it, or the ledger was lost; clients have refreshed it since. */
static void what_was_staged_before_is_adopted(void **state)
{
	struct scratch *scratch = setup(state);

	scratch_write(scratch, STAGED, "refreshed", 0640);
	assert_ok(scratch, run(scratch));
	assert_string_equal(what, "adopt x");
	assert_file(scratch, STAGED, "refreshed");
	assert_false(scratch->view.secrets_changed);
	assert_ok(scratch, run(scratch));
	assert_string_equal(what, "");
	scratch_write(scratch, SOURCE, "two", 0600);
	assert_ok(scratch, run(scratch));
	assert_file(scratch, STAGED, "two");
	end(scratch);
}

static void versions_of_vault_only_rise(void **state)
{
	struct scratch *scratch = setup(state);

	row.source = CONFIG_SECRET_VAULT;
	assert_true(secrets_has_risen(&row, NULL, "1"));
	assert_true(secrets_has_risen(&row, "9", "10"));
	assert_false(secrets_has_risen(&row, "10", "10"));
	assert_false(secrets_has_risen(&row, "10", "9"));
	end(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(they_are_staged_by_version, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_is_staged_stays, scratch_setup_ledger,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(what_was_staged_before_is_adopted,
						scratch_setup_ledger, scratch_teardown),
		cmocka_unit_test_setup_teardown(versions_of_vault_only_rise, scratch_setup_ledger,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
