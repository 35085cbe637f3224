/* test_outcome.c - each outcome has a name, an exit status and a message id of its own, and stands so in
 * docs/UPDATES.md and devvm-job(8). Runs in the folder of the sources. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "update/outcome.h"

#define GUIDE "docs/UPDATES.md"
#define MANUAL "docs/man/devvm-job.8"
#define OWN_STATUS 10 /* below it they mean what they mean for every command */

static void every_row_is_whole_and_alone(void **state DV_UNUSED)
{
	for (int i = UPDATE_UNSET; i < UPDATE_N_OUTCOMES; i++) {
		const struct update_outcome_row *row = update_outcome_row((enum update_outcome)i);

		assert_non_null(row->name);
		assert_non_null(row->meaning);
		assert_int_equal(strlen(row->message_id), 32);
		assert_int_equal(strspn(row->message_id, "0123456789abcdef"), 32);
		for (int k = UPDATE_UNSET; k < i; k++) {
			const struct update_outcome_row *other =
				update_outcome_row((enum update_outcome)k);

			assert_string_not_equal(row->name, other->name);
			assert_string_not_equal(row->message_id, other->message_id);
			/* Below ten they mean what they mean for every command. */
			assert_true(row->exit_status < 10 ||
				    row->exit_status != other->exit_status);
		}
		assert_true(row->exit_status == 0 || row->exit_status == 1 ||
			    (row->exit_status >= 10 && row->exit_status < 64));
		if (i != UPDATE_UNSET)
			assert_int_equal(update_outcome_of(row->name), i);
	}
	assert_int_equal(update_outcome_of("unset"), UPDATE_UNSET);
	assert_int_equal(update_outcome_of("nonsense"), UPDATE_UNSET);
	assert_int_equal(update_outcome_of(NULL), UPDATE_UNSET);
	assert_string_equal(update_outcome_row(UPDATE_N_OUTCOMES)->name, "unset");
}

static void npm_says_what_it_is(void **state DV_UNUSED)
{
	static const struct {
		const char *sentence;
		enum update_outcome outcome;
	} rows[] = {
		{ "stage t3 1.0.0: npm: EINTEGRITY: sha512-x integrity checksum failed",
		  UPDATE_INTEGRITY },
		{ "stage t3 1.0.0: t3 1.0.0 has the hash sha512-a, and the registry says sha512-b",
		  UPDATE_INTEGRITY },
		{ "ask for t3 9.9.9: npm: E404: No match found for version 9.9.9",
		  UPDATE_NO_VERSION },
		{ "ask for t3 beta: there is no tag beta; there are latest", UPDATE_NO_VERSION },
		{ "ask for t3 nightly: npm: ECONNREFUSED: request to x failed",
		  UPDATE_NO_REGISTRY },
		{ "npm view did not end within 120 seconds", UPDATE_NO_REGISTRY },
		{ "npm: ENOSPC: no space left on device, write", UPDATE_NO_DISK },
		{ "ask for t3 nightly: there is no node, and t3 needs 22.16", UPDATE_FAILED },
		{ "npm: 3", UPDATE_SCRIPT },
		{ "npm: 127: sh: 1: cc: not found", UPDATE_SCRIPT },
		/* What a shell tells of a child that was killed: of 9 where memory is short. */
		{ "npm: 137: command failed", UPDATE_NOT_STAGED },
		{ "npm: 143", UPDATE_NOT_STAGED },
		{ "npm: 128: no signal", UPDATE_SCRIPT },
		{ "npm: 255: of process.exit(-1)", UPDATE_SCRIPT },
		{ "npm: ELIFECYCLE", UPDATE_NOT_STAGED },
		{ "", UPDATE_NOT_STAGED },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++)
		assert_int_equal(update_outcome_of_npm(rows[i].sentence), rows[i].outcome);
}

static char *read_page(const char *path)
{
	char *page = NULL;
	size_t n_bytes = 0;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &page, &n_bytes, NULL, NULL), 0);
	return page;
}

static unsigned int count(const char *page, const char *what)
{
	unsigned int n = 0;

	for (const char *at = page; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void each_stands_in_the_guide_and_the_manual(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *guide = read_page(GUIDE);
	DV_AUTO_FREE char *manual = read_page(MANUAL);
	unsigned int n_of_manual = 0;

	for (int i = UPDATE_UNSET + 1; i < UPDATE_N_OUTCOMES; i++) {
		const struct update_outcome_row *row = update_outcome_row((enum update_outcome)i);
		char text[512];

		(void)snprintf(text, sizeof(text), "\n| %d | `%s` | %s | `%s` |\n",
			       row->exit_status, row->name, row->meaning, row->message_id);
		if (count(guide, text) != 1)
			fail_msg("%s does not have this row once:%s", GUIDE, text);
		if (row->exit_status < OWN_STATUS)
			continue;
		n_of_manual++;
		(void)snprintf(text, sizeof(text), "\n.It %d\n.Li %s :\n%s.\n", row->exit_status,
			       row->name, row->meaning);
		if (count(manual, text) != 1)
			fail_msg("%s does not have this item once:%s", MANUAL, text);
	}
	/* And none that there is no more. */
	for (int status = OWN_STATUS; status < 256; status++) {
		char item[32];

		(void)snprintf(item, sizeof(item), "\n.It %d\n", status);
		n_of_manual -= count(manual, item);
	}
	assert_int_equal(n_of_manual, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_whole_and_alone),
		cmocka_unit_test(npm_says_what_it_is),
		cmocka_unit_test(each_stands_in_the_guide_and_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
