/* test_proc.c - lines of /proc taken apart, and nonsense that is not. */
#include "scratch.h"

#include "base/proc.h"

static void numbers_are_whole_columns(void **state DV_UNUSED)
{
	static const struct {
		const char *line;
		size_t column;
		bool is_number;
		uint64_t value;
	} cases[] = {
		{ "1 22 333", 0, true, 1 },
		{ "  1\t22  333\n", 2, true, 333 },
		{ "18446744073709551615", 0, true, UINT64_MAX },
		{ "18446744073709551616", 0, false, 0 },
		{ "1 22 333", 3, false, 0 },
		{ "1 22 333 ", 3, false, 0 },
		{ "1 22x", 1, false, 0 },
		{ "-1", 0, false, 0 },
		{ "ff", 0, false, 0 },
		{ "", 0, false, 0 },
		{ " ", 0, false, 0 },
	};

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		uint64_t value = 0;

		assert_int_equal(proc_get_number(cases[i].line, cases[i].column, &value),
				 cases[i].is_number);
		assert_int_equal(value, cases[i].value);
	}
}

static void rows_of_both_tables_are_read(void **state DV_UNUSED)
{
	static const struct {
		const char *line;
		struct proc_tcp row;
	} cases[] = {
		{ "   0: 0100007F:22E3 00000000:0000 0A 00000000:00000000 00:00000000 00000000  "
		  "1001        0 4711 1 0000000000000000 100 0 0 10 0",
		  { .port = 8931, .inode = 4711 } },
		{ "  12: 00000000000000000000000001000000:0EBD "
		  "00000000000000000000000001000000:A1B2 01 00000000:00000000 00:00000000 "
		  "00000000     0        0 4712\n",
		  { .port = 3773, .is_established = true, .inode = 4712 } },
		{ "1: 0100007F:0EBD 0100007F:A1B2 01", { .port = 3773, .is_established = true } },
	};

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		struct proc_tcp row = { 0 };

		assert_true(proc_parse_tcp(cases[i].line, &row));
		assert_int_equal(row.port, cases[i].row.port);
		assert_int_equal(row.is_established, cases[i].row.is_established);
		assert_int_equal(row.inode, cases[i].row.inode);
	}
}

static void what_is_no_row_is_refused(void **state DV_UNUSED)
{
	static const char *const lines[] = {
		"",
		"  sl  local_address rem_address   st tx_queue rx_queue",
		"0: 0100007F:22E3",
		"0: 0100007F 00000000:0000 01",
		"0: 0100007F: 00000000:0000 01",
		"0: 0100007F:22E3 00000000:0000 0x",
	};

	for (size_t i = 0; i < DV_COUNT(lines); i++) {
		struct proc_tcp row;

		assert_false(proc_parse_tcp(lines[i], &row));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_whole_columns),
		cmocka_unit_test(rows_of_both_tables_are_read),
		cmocka_unit_test(what_is_no_row_is_refused),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
