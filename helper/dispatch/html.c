/* html.c - see html.h. */
#include "dispatch/html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Each colour on --back has a contrast of 4.5 and more, in both schemes. */
static const char STYLE[] =
	":root{color-scheme:light dark;--back:#fff;--ink:#1b1b1f;--soft:#5a5a66;--line:#dcdce3;"
	"--link:#0b57d0;--good:#146c2e;--bad:#b3261e}"
	"@media (prefers-color-scheme:dark){:root{--back:#16161a;--ink:#e6e6ea;--soft:#a9a9b4;"
	"--line:#3a3a44;--link:#9ecaff;--good:#7ddc93;--bad:#ffb4ab}}"
	"body{font:1rem/1.55 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 "
	"1.25rem;background:var(--back);color:var(--ink);overflow-wrap:break-word}"
	"h1{font-size:1.5rem;line-height:1.25;font-weight:650;margin:0 0 .75rem}"
	"a{color:var(--link)}"
	":focus-visible{outline:.2rem solid var(--link);outline-offset:.2rem;border-radius:.2rem}";

static const char *reason(unsigned int status)
{
	static const struct {
		unsigned int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },		{ 302, "Found" },
		{ 400, "Bad Request" }, { 403, "Forbidden" },
		{ 404, "Not Found" },	{ 429, "Too Many Requests" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < DV_COUNT(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Status";
}

void html_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			(void)fprintf(out, "&#%d;", *text);
		else
			(void)fputc(*text, out);
	}
}

void html_time(FILE *out, int64_t at_usec, int64_t now_usec)
{
	char exact[32], relative[CLOCK_RELATIVE_BYTES];

	clock_relative(at_usec, now_usec, relative);
	if (at_usec <= 0) {
		(void)fputs(relative, out);
		return;
	}
	clock_format(at_usec, exact);
	(void)fprintf(out, "<time datetime=\"%s\" title=\"%s\">%s</time>", exact, exact, relative);
}

void html_headers(FILE *out, unsigned int status, const char *type, const char *nonce)
{
	(void)fprintf(out,
		      "Status: %u %s\r\nContent-Type: %s; charset=utf-8\r\n"
		      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		      "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer\r\n"
		      "Cross-Origin-Opener-Policy: same-origin\r\n"
		      "Cross-Origin-Resource-Policy: same-origin\r\n"
		      "Content-Security-Policy: default-src 'none'; base-uri 'none'; form-action "
		      "'none'; frame-ancestors 'none'",
		      status, reason(status), type);
	if (nonce)
		(void)fprintf(out,
			      "; style-src 'nonce-%s'; script-src 'nonce-%s'; connect-src 'self'",
			      nonce, nonce);
	(void)fprintf(out, "\r\n");
	if (status == 503)
		(void)fprintf(out, "Retry-After: 3\r\n");
	(void)fprintf(out, "\r\n");
}

static int make_nonce(char ret_nonce[static HTML_NONCE_BYTES])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret_nonce + i * 2, 3, "%02x", bytes[i]);
	return 0;
}

FILE *html_begin(char **text, size_t *n_bytes, unsigned int status, const char *title,
		 const char *style, char ret_nonce[static HTML_NONCE_BYTES])
{
	FILE *out = make_nonce(ret_nonce) < 0 ? NULL : open_memstream(text, n_bytes);

	if (!out)
		return NULL;
	html_headers(out, status, "text/html", ret_nonce);
	(void)fprintf(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
			   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
			   "<meta name=\"color-scheme\" content=\"light dark\"><title>");
	html_text(out, title);
	(void)fprintf(out, "</title><style nonce=\"%s\">%s%s</style>", ret_nonce, STYLE,
		      style ? style : "");
	return out;
}

char *html_end(FILE *out, char **text)
{
	if (fclose(out) == 0)
		return *text;
	free(*text);
	return NULL;
}
