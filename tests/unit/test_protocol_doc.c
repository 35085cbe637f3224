/* test_protocol_doc.c - the table of verbs in docs/PROTOCOL.md is that of wire/proto.c. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "wire/proto.h"

#define PAGE "docs/PROTOCOL.md"
#define HEADING "| verb | direction | socket | roles | keys |\n|---|---|---|---|---|\n"

static const struct {
	unsigned int bit;
	const char *name;
} ROLES[] = {
	{ PROTO_ROLE_ROOT, "root" },	     { PROTO_ROLE_ADMIN, "admin" },
	{ PROTO_ROLE_DISPATCH, "dispatch" }, { PROTO_ROLE_SELF, "self" },
	{ PROTO_ROLE_OTHER, "other" },
};

static const struct {
	unsigned int bit;
	const char *name;
} SOCKETS[] = {
	{ PROTO_SOCKET_PAM, "pam" },
	{ PROTO_SOCKET_HELPER, "helper" },
};

/* " pam helper": as it stands between two bars. */
static void print_sockets(FILE *stream, const struct proto_row *row)
{
	for (size_t i = 0; i < DV_COUNT(SOCKETS); i++) {
		if (row->sockets & SOCKETS[i].bit)
			(void)fprintf(stream, " %s", SOCKETS[i].name);
	}
}

static void print_roles(FILE *stream, const struct proto_row *row)
{
	for (size_t i = 0; i < DV_COUNT(ROLES); i++) {
		if (row->roles & ROLES[i].bit)
			(void)fprintf(stream, " %s", ROLES[i].name);
	}
}

static void print_keys(FILE *stream, const struct proto_row *row)
{
	if (row->verb == PROTO_ROW)
		(void)fputs(" any; `kind` says which", stream);
	for (size_t i = 0; i < PROTO_MAX_KEYS && row->keys[i].name; i++)
		(void)fprintf(stream, row->keys[i].required ? " `%s`" : " [`%s`]",
			      row->keys[i].name);
}

/* The whole table as the page should have it; owned by the caller. */
static char *expected_table(void)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *stream = open_memstream(&text, &n_bytes);

	(void)fputs(HEADING, stream);
	for (unsigned int verb = 0; verb < PROTO_N_VERBS; verb++) {
		const struct proto_row *row = proto_row_of((enum proto_verb)verb);

		(void)fprintf(stream, "| `%s` | %s |", row->name,
			      row->direction == PROTO_REQUEST ? "request" : "answer");
		print_sockets(stream, row);
		(void)fputs(" |", stream);
		print_roles(stream, row);
		(void)fputs(" |", stream);
		print_keys(stream, row);
		(void)fputs(" |\n", stream);
	}
	(void)fputs("\n", stream); /* and no row more */
	(void)fclose(stream);
	return text;
}

static char *read_page(void)
{
	char *page = NULL;
	size_t n_bytes = 0;

	assert_int_equal(file_read(AT_FDCWD, PAGE, 1 << 20, &page, &n_bytes, NULL, NULL), 0);
	return page;
}

static void page_has_the_table(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *page = read_page();
	DV_AUTO_FREE char *expected = expected_table();

	if (!strstr(page, expected))
		fail_msg("%s does not have this table:\n%s", PAGE, expected);
}

static void page_has_every_code(void **state DV_UNUSED)
{
	static const char *const codes[] = {
		PROTO_CODE_BAD_REQUEST, PROTO_CODE_VERSION, PROTO_CODE_DENIED,	PROTO_CODE_BUSY,
		PROTO_CODE_NOT_FOUND,	PROTO_CODE_FAILED,  PROTO_CODE_TIMEOUT,
	};
	DV_AUTO_FREE char *page = read_page();
	char row[64];

	for (size_t i = 0; i < DV_COUNT(codes); i++) {
		(void)snprintf(row, sizeof(row), "\n| `%s` | ", codes[i]);
		if (!strstr(page, row))
			fail_msg("%s does not explain the code %s", PAGE, codes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_has_the_table),
		cmocka_unit_test(page_has_every_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
