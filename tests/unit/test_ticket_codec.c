/* test_ticket_codec.c - a ticket is believed whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/ticket.h"

static void lines_are_given_as_they_are(void **state DV_UNUSED)
{
	char text[] = TICKET_HEADER "\nPATH=/a:/b\nT3_PORT=3773\n_X1=\nURL=a=b c\n";
	struct ticket ticket;

	assert_int_equal(ticket_parse(&ticket, text, NULL), 0);
	assert_int_equal(ticket.n_lines, 4);
	assert_string_equal(ticket.lines[0], "PATH=/a:/b");
	assert_string_equal(ticket.lines[2], "_X1=");
	assert_string_equal(ticket.lines[3], "URL=a=b c");
}

static void header_alone_is_an_empty_ticket(void **state DV_UNUSED)
{
	char with_newline[] = TICKET_HEADER "\n";
	char without[] = TICKET_HEADER;
	struct ticket ticket;

	assert_int_equal(ticket_parse(&ticket, with_newline, NULL), 0);
	assert_int_equal(ticket.n_lines, 0);
	assert_int_equal(ticket_parse(&ticket, without, NULL), 0);
	assert_int_equal(ticket.n_lines, 0);
}

static void one_bad_line_spoils_it(void **state DV_UNUSED)
{
	static const char header[] = "the first line is not " TICKET_HEADER;
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "", header },
		{ "\n" TICKET_HEADER "\n", header },
		{ "PATH=/a\n", header },
		{ "#devvm-ticket 2\nPATH=/a\n", header },
		{ TICKET_HEADER "\r\nPATH=/a\r\n", header },
		{ TICKET_HEADER " \n", header },
		{ TICKET_HEADER "\nPATH\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA=1\nsecret-without-key\n", "line 3 is not KEY=VALUE" },
		{ TICKET_HEADER "\n=x\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\npath=x\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\n1A=x\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA B=x\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\nexport A=x\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA=1\n\nB=2\n", "line 3 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA=1\n\n", "line 3 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA=1\r\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA=\033\n", "line 2 is not KEY=VALUE" },
		{ TICKET_HEADER "\nA=\x7f\n", "line 2 is not KEY=VALUE" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		char text[128];
		struct ticket ticket;
		struct dv_error err = { 0 };

		(void)snprintf(text, sizeof(text), "%s", rows[i].text);
		assert_int_equal(ticket_parse(&ticket, text, &err), -EBADMSG);
		assert_string_equal(err.text, rows[i].sentence);
	}
}

static void number_of_lines_is_limited(void **state DV_UNUSED)
{
	char text[1024] = TICKET_HEADER "\n";
	size_t n_header = strlen(text);
	struct ticket ticket;
	struct dv_error err = { 0 };
	size_t n = n_header;

	for (int i = 0; i < TICKET_MAX_LINES; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "K%d=v\n", i);
	{
		char copy[sizeof(text)];

		memcpy(copy, text, sizeof(text));
		assert_int_equal(ticket_parse(&ticket, copy, &err), 0);
		assert_int_equal(ticket.n_lines, TICKET_MAX_LINES);
	}
	(void)snprintf(text + n, sizeof(text) - n, "MORE=v\n");
	assert_int_equal(ticket_parse(&ticket, text, &err), -EBADMSG);
	assert_string_equal(err.text, "more than 32 lines");
}

/* What the writer accepts, the reader takes; what it refuses would have spoilt the file. */
static void writer_and_reader_agree(void **state DV_UNUSED)
{
	static const char *const names[] = {
		"PATH", "_", "A1", "", "a", "1A", "A-B", "A=B", "A\n"
	};
	static const char *const values[] = { "",	"x",  "a=b", "gr\u00fc\u00dfe",
					      "a\nB=x", "\r", "\t",  "\x7f" };

	for (size_t i = 0; i < DV_COUNT(names); i++) {
		for (size_t j = 0; j < DV_COUNT(values); j++) {
			char text[128], line[64];
			struct ticket ticket;
			bool is_read;

			(void)snprintf(line, sizeof(line), "%s=%s", names[i], values[j]);
			(void)snprintf(text, sizeof(text), TICKET_HEADER "\n%s\n", line);
			is_read = ticket_parse(&ticket, text, NULL) == 0 && ticket.n_lines == 1 &&
				  strcmp(ticket.lines[0], line) == 0;
			/* "A=B=x" is read as A: as a name it is still refused */
			if (strcmp(names[i], "A=B") == 0)
				is_read = false;
			if (ticket_accepts(names[i], values[j]) != is_read)
				fail_msg("\"%s\" \"%s\": read %d", names[i], values[j], is_read);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_given_as_they_are),
		cmocka_unit_test(header_alone_is_an_empty_ticket),
		cmocka_unit_test(one_bad_line_spoils_it),
		cmocka_unit_test(number_of_lines_is_limited),
		cmocka_unit_test(writer_and_reader_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
