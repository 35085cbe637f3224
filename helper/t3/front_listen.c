/* front_listen.c - see front_listen.h. */
#include "t3/front_listen.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define WORD_BYTES 256
#define TOO_LONG " " /* in place of a word that none of ours is */
#define SPACE " \t\r\n"
#define UNIX_WORD "unix:"

/* What a port without a host, or a host, means here; nginx takes `[::]` for IPv6 alone. */
static const struct {
	const char *host, *asked_at;
} HOSTS[] = {
	{ "*", "127.0.0.1" },	      { "0.0.0.0", "127.0.0.1" }, { "127.0.0.1", "127.0.0.1" },
	{ "localhost", "127.0.0.1" }, { "[::]", "[::1]" },	  { "[::1]", "[::1]" },
};
static const char *const NOT_PLAIN[] = { "ssl", "http2", "quic", "proxy_protocol" };

/* The next word, without its quotes; "" for what ends a directive. false at the end of the text. */
static bool next_word(const char **at, char ret_word[static WORD_BYTES])
{
	const char *c = *at + strspn(*at, SPACE);
	size_t n = 0;

	for (; *c == '#'; c += strspn(c, SPACE))
		c += strcspn(c, "\n");
	*at = c;
	if (!*c)
		return false;
	if (strchr("\"'", *c)) {
		for (n = 1; c[n] && c[n] != *c; n++)
			n += c[n] == '\\' && c[n + 1];
		*at += n + (c[n] ? 1 : 0);
		c++;
		n--;
	} else if (!strchr(";{}", *c)) {
		n = strcspn(c, SPACE ";{}");
		*at += n;
	} else {
		*at += 1;
	}
	(void)snprintf(ret_word, WORD_BYTES, "%.*s", n < WORD_BYTES ? (int)n : 1,
		       n < WORD_BYTES ? c : TOO_LONG);
	return true;
}

/* "HOST:PORT", "HOST" (of port 80) or "PORT". */
static void add_address(const char *where, struct front_listen *listen)
{
	const char *bracket = strchr(where, ']');
	const char *colon = strchr(bracket ? bracket : where, ':');
	size_t n_host = colon ? (size_t)(colon - where) : strlen(where);
	uint64_t port = 80;

	if (!colon && str_to_uint(where, UINT16_MAX, &port) == 0) {
		where = "*";
		n_host = 1;
	} else if (colon && str_to_uint(colon + 1, UINT16_MAX, &port) < 0) {
		return;
	}
	for (size_t i = 0; i < DV_COUNT(HOSTS); i++) {
		if (strlen(HOSTS[i].host) != n_host || strncmp(where, HOSTS[i].host, n_host) != 0)
			continue;
		if (!*listen->address || (*listen->address == '[' && *HOSTS[i].asked_at != '['))
			(void)snprintf(listen->address, sizeof(listen->address), "%s:%u",
				       HOSTS[i].asked_at, (unsigned int)port);
	}
}

/* Behind the word `listen`, up to the end of the directive. */
static void read_listen(const char **at, struct front_listen *listen)
{
	char where[WORD_BYTES] = "", word[WORD_BYTES];
	const char *path = where + strlen(UNIX_WORD);
	bool is_plain = next_word(at, where) && *where;

	while (*where && next_word(at, word) && *word) {
		for (size_t i = 0; i < DV_COUNT(NOT_PLAIN); i++)
			is_plain = is_plain && strcmp(word, NOT_PLAIN[i]) != 0;
	}
	if (!is_plain)
		return;
	if (!str_starts_with(where, UNIX_WORD))
		add_address(where, listen);
	else if (!*listen->socket && *path == '/' && strlen(path) < sizeof(listen->socket))
		memcpy(listen->socket, path, strlen(path) + 1);
}

void front_listen_read(const char *conf, struct front_listen *ret_listen)
{
	struct front_listen listen = { 0 };
	char word[WORD_BYTES];
	bool begins = true;

	while (next_word(&conf, word)) {
		bool is_listen = begins && strcmp(word, "listen") == 0;

		if (is_listen)
			read_listen(&conf, &listen);
		begins = is_listen || !*word;
	}
	*ret_listen = listen;
}
