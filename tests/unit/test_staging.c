/* test_staging.c - names of stages, and what root takes over of what a stage has made. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "steps/staging.h"
#include "store/package.h"
#include "store/tree.h"

static int teardown(void **state)
{
	struct scratch *scratch = *state;

	DV_IGNORE(tree_remove(scratch->env.root_dirfd, "opt", NULL));
	return scratch_teardown(state);
}

static void names_of_stages(void **state DV_UNUSED)
{
	static const char *const bad[] = { "",	    "t3",     "t3-",	  "t4-1.0.0", "t3-../x",
					   "t3--1", "-1.0.0", "t3-1.0+x", "t3-1 0" };
	struct stage_name name = { 0 };

	assert_int_equal(stage_parse("t3-0.0.28-nightly.1.2", &name, NULL), 0);
	assert_string_equal(name.item->name, "t3");
	assert_string_equal(name.want, "0.0.28-nightly.1.2");
	assert_false(stage_is_tag(name.want));
	assert_int_equal(stage_parse("playwright-latest", &name, NULL), 0);
	assert_string_equal(name.item->name, "playwright");
	assert_true(stage_is_tag(name.want));
	for (size_t i = 0; i < DV_COUNT(bad); i++)
		assert_int_equal(stage_parse(bad[i], &name, NULL), -EINVAL);
}

static void items_come_from_devvm_yaml(void **state)
{
	const struct scratch *scratch = *state;
	const struct stage_item *t3 = stage_find_item("t3");
	const struct stage_item *playwright = stage_find_item("playwright");

	assert_null(stage_find_item("node"));
	assert_null(stage_find_item(NULL));
	assert_string_equal(t3->package(&scratch->config), "t3");
	assert_string_equal(t3->tag(&scratch->config), "nightly");
	assert_string_equal(playwright->package(&scratch->config), "@playwright/mcp");
	assert_string_equal(playwright->tag(&scratch->config), "0.0.76");
}

#define TREE(want) "var/cache/devvm-stage/t3-" want "/tree/"

static void make_stage(struct scratch *scratch, const char *tree, const char *package,
		       const char *says, const char *is)
{
	DV_AUTO_FREE char *manifest = NULL;
	DV_AUTO_FREE char *json = NULL;
	char path[256];

	assert_true(
		asprintf(&manifest,
			 "{\"package\": \"%s\", \"version\": \"%s\", \"integrity\": \"sha512-x\"}",
			 package, says) > 0);
	assert_true(asprintf(&json, "{\"version\": \"%s\"}", is) > 0);
	(void)snprintf(path, sizeof(path), "%sdevvm.json", tree);
	scratch_write(scratch, path, manifest, 0644);
	(void)snprintf(path, sizeof(path), "%snode_modules/t3/package.json", tree);
	scratch_write(scratch, path, json, 0644);
}

static int take(struct scratch *scratch, const char *want, char version[STORE_VERSION_BYTES])
{
	version[0] = '\0';
	return staging_take(&scratch->env, &scratch->config, stage_find_item("t3"), want, version,
			    &scratch->err);
}

static void a_version_is_taken_over(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES];

	make_stage(scratch, TREE("0.0.24"), "t3", "0.0.24", "0.0.24");
	assert_ok(scratch, take(scratch, "0.0.24", version));
	assert_string_equal(version, "0.0.24");
	assert_true(store_has(&scratch->env, "t3", "0.0.24"));
}

static void a_tag_becomes_the_version_it_named(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES];

	make_stage(scratch, TREE("nightly"), "t3", "0.0.28-nightly.1.2", "0.0.28-nightly.1.2");
	assert_ok(scratch, take(scratch, "nightly", version));
	assert_string_equal(version, "0.0.28-nightly.1.2");
	assert_false(store_has(&scratch->env, "t3", "nightly"));
}

static void another_version_or_package_is_not(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES];

	make_stage(scratch, TREE("0.0.24"), "t3", "0.0.25", "0.0.25");
	assert_int_equal(take(scratch, "0.0.24", version), -EBADMSG);
	assert_string_equal(scratch->err.text, "0.0.24 was asked for and 0.0.25 was staged");
	make_stage(scratch, TREE("0.0.24"), "t3", "0.0.24", "0.0.25");
	assert_int_equal(take(scratch, "0.0.24", version), -EBADMSG);
	make_stage(scratch, TREE("0.0.24"), "evil", "0.0.24", "0.0.24");
	assert_int_equal(take(scratch, "0.0.24", version), -EBADMSG);
	assert_string_equal(scratch->err.text, "evil was staged, not t3");
	assert_string_equal(version, "");
	assert_false(scratch_has(scratch, "opt/devvm/t3/versions"));
}

static void a_stage_that_is_a_link_is_not_followed(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES];

	make_stage(scratch, "elsewhere/", "t3", "0.0.24", "0.0.24");
	scratch_make_folder(scratch, "var/cache/devvm-stage/t3-0.0.24", 0755);
	assert_int_equal(symlinkat("../../../../elsewhere", scratch->env.root_dirfd,
				   "var/cache/devvm-stage/t3-0.0.24/tree"),
			 0);
	assert_int_equal(take(scratch, "0.0.24", version), -ELOOP);
}

static void current_is_set_first_and_then_on_purpose(void **state)
{
	struct scratch *scratch = *state;
	char current[STORE_VERSION_BYTES];

	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/2.0.0", 0755);
	assert_ok(scratch,
		  staging_set_current(&scratch->env, "t3", "1.0.0", true, current, &scratch->err));
	assert_string_equal(current, "1.0.0");
	assert_ok(scratch,
		  staging_set_current(&scratch->env, "t3", "2.0.0", true, current, &scratch->err));
	assert_string_equal(current, "1.0.0");
	assert_ok(scratch,
		  staging_set_current(&scratch->env, "t3", "2.0.0", false, current, &scratch->err));
	assert_string_equal(current, "2.0.0");
}

static void what_is_there_is_not_staged_again(void **state)
{
	struct scratch *scratch = *state;
	char version[STORE_VERSION_BYTES] = "";

	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	/* No systemctl is run: there is none that could start this. */
	assert_ok(scratch, staging_run(&scratch->env, &scratch->config, stage_find_item("t3"),
				       "1.0.0", version, &scratch->err));
	assert_string_equal(version, "1.0.0");
	assert_int_equal(staging_run(&scratch->env, &scratch->config, stage_find_item("t3"), "../x",
				     version, &scratch->err),
			 -EINVAL);
}

/* The two steps that stand on it. */

static void a_person_gets_what_is_current_and_keeps_it(void **state)
{
	struct scratch *scratch = *state;
	const struct step *step = step_find("t3-pointer");
	char what[STEP_WHAT_BYTES], own[STORE_VERSION_BYTES];

	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_SKIPPED);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/1.0.0", 0755);
	scratch_make_folder(scratch, "opt/devvm/t3/versions/2.0.0", 0755);
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", NULL, "1.0.0", &scratch->err));
	scratch_make_view(scratch); /* of the next reconcile */
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_DIFFERS);
	assert_string_equal(what, "run t3 1.0.0");
	assert_ok(scratch, scratch_apply(scratch, step, "emo"));
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_FINE);
	assert_ok(scratch, store_set_pointer(&scratch->env, "t3", NULL, "2.0.0", &scratch->err));
	assert_int_equal(scratch_check(scratch, step, "emo", what), STEP_FINE);
	assert_ok(scratch, store_get_pointer(&scratch->env, "t3", "emo", own, &scratch->err));
	assert_string_equal(own, "1.0.0");
}

static void playwright_is_looked_for_in_its_version(void **state)
{
	struct scratch *scratch = *state;
	const struct step *step = step_find("playwright-server");
	struct step_context context = { .env = &scratch->env, .config = &scratch->config };
	char what[STEP_WHAT_BYTES] = "";
	enum step_verdict verdict = STEP_UNSET;

	assert_ok(scratch, step->check(&context, &verdict, what, &scratch->err));
	assert_int_equal(verdict, STEP_DIFFERS);
	assert_string_equal(what, "install @playwright/mcp 0.0.76");
	scratch_make_folder(scratch, "opt/devvm/playwright/versions/0.0.76", 0755);
	/* It is there: only the pointer is missing, and nothing is fetched. */
	assert_ok(scratch, step->apply(&context, &scratch->err));
	assert_ok(scratch, step->check(&context, &verdict, what, &scratch->err));
	assert_int_equal(verdict, STEP_FINE);
	free(scratch->config.playwright_version);
	scratch->config.playwright_version = strdup("latest");
	assert_int_equal(step->apply(&context, &scratch->err), -EINVAL);
	assert_contains(scratch->err.text, "it must be a version");
}

/* What is here already is held against what was resolved. */
static void a_version_is_exactly_what_was_resolved(void **state)
{
#define VERSION "opt/devvm/t3/versions/1.0.0/"
	struct scratch *scratch = *state;
	const struct stage_item *t3 = stage_find_item("t3");
	enum staging_fault fault = STAGING_FAULT_OURS;

	make_stage(scratch, VERSION, "t3", "1.0.0", "1.0.0");
	scratch_write(scratch, VERSION "node_modules/t3/package.json",
		      "{\"version\": \"1.0.0\", \"bin\": {\"t3\": \"t3.js\"}}", 0644);
	assert_int_equal(staging_run_exact(&scratch->env, &scratch->config, t3, "1.0.0", "sha512-x",
					   &fault, &scratch->err),
			 -ENOENT);
	assert_int_equal(fault, STAGING_FAULT_PROGRAM);
	assert_contains(scratch->err.text, "t3 1.0.0 is not a whole package");
	scratch_write(scratch, VERSION "node_modules/t3/t3.js", "", 0644);
	assert_ok(scratch, staging_run_exact(&scratch->env, &scratch->config, t3, "1.0.0",
					     "sha512-x", &fault, &scratch->err));
	assert_int_equal(fault, STAGING_FAULT_NONE);
	assert_int_equal(staging_run_exact(&scratch->env, &scratch->config, t3, "1.0.0", "sha512-y",
					   &fault, &scratch->err),
			 -EBADMSG);
	assert_int_equal(fault, STAGING_FAULT_HASH);
	assert_string_equal(scratch->err.text, "t3 1.0.0 here has the hash sha512-x, and the "
					       "registry names sha512-y");
	assert_int_equal(staging_run_exact(&scratch->env, &scratch->config, t3, "nightly",
					   "sha512-y", &fault, &scratch->err),
			 -EINVAL);
	assert_int_equal(fault, STAGING_FAULT_OURS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_stages),
#define AT(test) cmocka_unit_test_setup_teardown(test, scratch_setup, teardown)
		AT(a_version_is_exactly_what_was_resolved),
#define WITH_LEDGER(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, teardown)
		AT(items_come_from_devvm_yaml),
		AT(a_version_is_taken_over),
		AT(a_tag_becomes_the_version_it_named),
		AT(another_version_or_package_is_not),
		AT(a_stage_that_is_a_link_is_not_followed),
		AT(current_is_set_first_and_then_on_purpose),
		AT(what_is_there_is_not_staged_again),
		AT(playwright_is_looked_for_in_its_version),
		WITH_LEDGER(a_person_gets_what_is_current_and_keeps_it),
	};

	return cmocka_run_group_tests_name("staging", tests, NULL, NULL);
}
