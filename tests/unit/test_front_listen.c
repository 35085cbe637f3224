/* test_front_listen.c - where an nginx can be asked, from what its configuration says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "t3/front_listen.h"

#define LONG "/run/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
#define DOOR "/run/devvm/door/door.sock"

static const struct {
	const char *conf, *address, *socket;
} ROWS[] = {
	{ "", "", "" },
	/* What is no address of loopback's is none from here. */
	{ "listen 127.0.0.1:3780;", "127.0.0.1:3780", "" },
	{ "listen 3780;", "127.0.0.1:3780", "" },
	{ "listen *:3780;", "127.0.0.1:3780", "" },
	{ "listen 0.0.0.0:3780;", "127.0.0.1:3780", "" },
	{ "listen localhost:3780;", "127.0.0.1:3780", "" },
	{ "listen 127.0.0.1;", "127.0.0.1:80", "" },
	{ "listen *;", "127.0.0.1:80", "" },
	{ "listen [::]:3780;", "[::1]:3780", "" },
	{ "listen [::1]:3780;", "[::1]:3780", "" },
	{ "listen [::1];", "[::1]:80", "" },
	{ "listen [::]:3780 ipv6only=off;", "[::1]:3780", "" },
	{ "listen 192.0.2.1:3780;", "", "" },
	{ "listen 127.0.0.2:3780;", "", "" },
	{ "listen [2001:db8::1]:3780;", "", "" },
	{ "listen dev.example.org:3780;", "", "" },
	{ "listen 127.0.0.1:70000;", "", "" },
	{ "listen 127.0.0.1:;", "", "" },
	{ "listen 70000;", "", "" },
	{ "listen [::1;", "", "" },
	{ "listen;", "", "" },
	{ "listen", "", "" },
	{ "listen 127.0.0.1:3780", "127.0.0.1:3780", "" },
	/* The best of several, in whatever order. */
	{ "listen 192.0.2.1:3780; listen 127.0.0.1:1;", "127.0.0.1:1", "" },
	{ "listen 127.0.0.1:1; listen 127.0.0.1:2;", "127.0.0.1:1", "" },
	{ "listen [::]:1; listen 2;", "127.0.0.1:2", "" },
	{ "listen 2; listen [::]:1;", "127.0.0.1:2", "" },
	/* Sockets. */
	{ "listen unix:" DOOR ";", "", DOOR },
	{ "listen unix:" DOOR " default_server;", "", DOOR },
	{ "listen \"unix:" DOOR "\";", "", DOOR },
	{ "listen 'unix:/run/a b';", "", "/run/a b" },
	{ "listen 127.0.0.1:3780; listen unix:" DOOR ";", "127.0.0.1:3780", DOOR },
	{ "listen unix:" DOOR "; listen unix:/run/other;", "", DOOR },
	{ "listen unix:door.sock;", "", "" },
	{ "listen unix:" LONG "0123456789/01234567890123;", "", LONG "0123456789/01234567890123" },
	{ "listen unix:" LONG "0123456789/012345678901234;", "", "" },
	{ "listen unix:" LONG LONG LONG LONG "x;", "", "" },
	/* What is not spoken plain. */
	{ "listen 127.0.0.1:1 ssl; listen 127.0.0.1:2;", "127.0.0.1:2", "" },
	{ "listen 127.0.0.1:1 default_server ssl http2;", "", "" },
	{ "listen 127.0.0.1:1 proxy_protocol;", "", "" },
	{ "listen unix:" DOOR " proxy_protocol;", "", "" },
	{ "listen 127.0.0.1:1 backlog=8 reuseport;", "127.0.0.1:1", "" },
	/* What nginx does not read as this directive, and how else it may be written. */
	{ "# listen 127.0.0.1:1;\nlisten 127.0.0.1:2;", "127.0.0.1:2", "" },
	{ "server { # listen 127.0.0.1:1; {\n\tlisten unix:" DOOR "; }", "", DOOR },
	{ "listening 127.0.0.1:1; add_header listen 127.0.0.1:1;", "", "" },
	{ "server{listen 3780;server_name _;}", "127.0.0.1:3780", "" },
	{ "server {\r\n\tlisten\r\n\t\t3780 # the door\r\n\t;\r\n}", "127.0.0.1:3780", "" },
	{ "map $x $y { \"~a{2};\\\";listen 1;\" 1; '; listen 2;' 2; } listen 3;", "127.0.0.1:3",
	  "" },
	{ "log_format a '\n; listen 1; '\n\t'$x'; listen 2;", "127.0.0.1:2", "" },
	{ "log_format a 'never ends; listen 1;", "", "" },
	{ "a \"\\", "", "" },
};

static void where_it_can_be_asked(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(ROWS); i++) {
		struct front_listen listen;

		memset(&listen, 'x', sizeof(listen));
		front_listen_read(ROWS[i].conf, &listen);
		if (strcmp(listen.address, ROWS[i].address) != 0 ||
		    strcmp(listen.socket, ROWS[i].socket) != 0)
			fail_msg("%s: \"%s\" and \"%s\", not \"%s\" and \"%s\"", ROWS[i].conf,
				 listen.address, listen.socket, ROWS[i].address, ROWS[i].socket);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_it_can_be_asked),
	};

	return cmocka_run_group_tests_name("front_listen", tests, NULL, NULL);
}
