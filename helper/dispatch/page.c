/* page.c - see page.h. */
#include "dispatch/page.h"

#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#define NONCE_BYTES 33

static const char STYLE[] =
	":root{color-scheme:light dark}"
	"body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:12vh auto;padding:0 "
	"1.25rem;"
	"background:#fff;color:#1b1b1f}"
	"h1{font-size:1.4rem}a{color:#0b57d0}li.failed{color:#b3261e}li.running{font-weight:600}"
	"@media (prefers-color-scheme:dark){body{background:#16161a;color:#e6e6ea}a{color:#9ecaff}"
	"li.failed{color:#ffb4ab}}";

static const char SCRIPT[] =
	"const list=document.getElementById('steps'),state=document.getElementById('state');"
	"async function look(){try{"
	"const answer=await fetch('/devvm/progress',{cache:'no-store',credentials:'same-origin'});"
	"if(answer.ok){const now=await answer.json();"
	"list.replaceChildren(...now.steps.map(s=>{const li=document.createElement('li');"
	"li.className=s.status;li.textContent=(s.text||s.step)+(s.status==='failed'?' (failed)':"
	"s.status==='ok'?' (done)':'');return li}));"
	"if(now.state!=='running'){location.reload();return}}"
	"state.textContent='Preparing.'}catch(e){state.textContent='Waiting for the machine to "
	"answer.'}"
	"setTimeout(look,1000)}look();";

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

static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			(void)fprintf(out, "&#%d;", *text);
		else
			(void)fputc(*text, out);
	}
}

static void print_headers(FILE *out, unsigned int status, const char *type, const char *nonce)
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

static int make_nonce(char ret_nonce[static NONCE_BYTES])
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(ret_nonce + i * 2, 3, "%02x", bytes[i]);
	return 0;
}

static FILE *begin_page(char **text, size_t *n_bytes, unsigned int status, const char *title,
			char ret_nonce[static NONCE_BYTES])
{
	FILE *out = make_nonce(ret_nonce) < 0 ? NULL : open_memstream(text, n_bytes);

	if (!out)
		return NULL;
	print_headers(out, status, "text/html", ret_nonce);
	(void)fprintf(out, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
			   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
			   "<meta name=\"color-scheme\" content=\"light dark\"><title>");
	print_escaped(out, title);
	(void)fprintf(out, "</title><style nonce=\"%s\">%s</style>", ret_nonce, STYLE);
	return out;
}

static char *end_page(FILE *out, char **text)
{
	if (fclose(out) == 0)
		return *text;
	free(*text);
	return NULL;
}

char *page_message(unsigned int status, const char *title, const char *text, const char *retry,
		   size_t *ret_n_bytes)
{
	char nonce[NONCE_BYTES];
	char *page = NULL;
	FILE *out = begin_page(&page, ret_n_bytes, status, title, nonce);

	if (!out)
		return NULL;
	(void)fprintf(out, "</head><body><main><h1>");
	print_escaped(out, title);
	(void)fprintf(out, "</h1><p>");
	print_escaped(out, text);
	(void)fprintf(out, "</p>");
	if (retry) {
		(void)fprintf(out, "<p><a href=\"");
		print_escaped(out, retry);
		(void)fprintf(out, "\">Try again</a></p>");
	}
	(void)fprintf(out, "</main></body></html>\n");
	return end_page(out, &page);
}

char *page_waiting(const char *user, const char *target, size_t *ret_n_bytes)
{
	char nonce[NONCE_BYTES];
	char *page = NULL;
	FILE *out = begin_page(&page, ret_n_bytes, 503, "Your workspace is starting", nonce);

	if (!out)
		return NULL;
	(void)fprintf(out,
		      "<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript></head>"
		      "<body><main><h1>Your workspace is starting</h1><p>This is the workspace "
		      "of ");
	print_escaped(out, user);
	(void)fprintf(out,
		      ". The page moves on by itself.</p><p id=\"state\" role=\"status\" "
		      "aria-live=\"polite\">Preparing.</p><ol id=\"steps\"></ol><p><a href=\"");
	print_escaped(out, target);
	(void)fprintf(out,
		      "\">Look now</a></p></main><script nonce=\"%s\">%s</script></body></html>\n",
		      nonce, SCRIPT);
	return end_page(out, &page);
}

static char *print_body(unsigned int status, const char *type, const char *body,
			size_t *ret_n_bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_n_bytes);

	if (!out)
		return NULL;
	print_headers(out, status, type, NULL);
	(void)fprintf(out, "%s\n", body);
	return end_page(out, &text);
}

char *page_plain(unsigned int status, const char *text, size_t *ret_n_bytes)
{
	return print_body(status, "text/plain", text, ret_n_bytes);
}

char *page_json(const char *json, size_t *ret_n_bytes)
{
	return print_body(200, "application/json", json, ret_n_bytes);
}

char *page_redirect(const char *target, const struct str_list *cookies, size_t *ret_n_bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_n_bytes);

	if (!out)
		return NULL;
	(void)fprintf(out, "Status: 302 Found\r\nLocation: %s\r\n", target);
	for (size_t i = 0; i < cookies->n_items; i++)
		(void)fprintf(out, "Set-Cookie: %s\r\n", cookies->items[i]);
	(void)fprintf(out, "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
			   "Content-Type: text/plain\r\n\r\n");
	return end_page(out, &text);
}

char *page_pass(size_t *ret_n_bytes)
{
	static const char text[] = "X-Accel-Redirect: @devvm_person\r\n\r\n";

	*ret_n_bytes = strlen(text);
	return strdup(text);
}
