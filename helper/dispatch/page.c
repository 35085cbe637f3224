/* page.c - see page.h. */
#include "dispatch/page.h"

#include <string.h>

#include "dispatch/html.h"

static const char SCRIPT[] =
	"const list=document.getElementById('steps'),state=document.getElementById('state'),"
	"where=location.pathname.startsWith('/terminal/')?'/devvm/progress?terminal':'/devvm/"
	"progress';"
	"async function look(){try{"
	"const answer=await fetch(where,{cache:'no-store',credentials:'same-origin'});"
	"if(answer.ok){const now=await answer.json();"
	"list.replaceChildren(...now.steps.map(s=>{const li=document.createElement('li');"
	"li.className=s.status;li.textContent=(s.text||s.step)+(s.status==='failed'?' (failed)':"
	"s.status==='ok'?' (done)':'');return li}));"
	"if(now.state!=='running'){location.reload();return}}"
	"state.textContent='Preparing.'}catch(e){state.textContent='Waiting for the machine to "
	"answer.'}"
	"setTimeout(look,1000)}look();";

char *page_message(unsigned int status, const char *title, const char *text, const char *retry,
		   size_t *ret_n_bytes)
{
	char nonce[HTML_NONCE_BYTES];
	char *page = NULL;
	FILE *out = html_begin(&page, ret_n_bytes, status, title, NULL, nonce);

	if (!out)
		return NULL;
	(void)fprintf(out, "</head><body><main><h1>");
	html_text(out, title);
	(void)fprintf(out, "</h1><p>");
	html_text(out, text);
	(void)fprintf(out, "</p>");
	if (retry) {
		(void)fprintf(out, "<p><a href=\"");
		html_text(out, retry);
		(void)fprintf(out, "\">Try again</a></p>");
	}
	(void)fprintf(out, "</main></body></html>\n");
	return html_end(out, &page);
}

char *page_waiting(const char *user, const char *title, const char *target, size_t *ret_n_bytes)
{
	char nonce[HTML_NONCE_BYTES];
	char *page = NULL;
	FILE *out = html_begin(&page, ret_n_bytes, 503, title, NULL, nonce);

	if (!out)
		return NULL;
	(void)fprintf(out, "<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript></head>"
			   "<body><main><h1>");
	html_text(out, title);
	(void)fprintf(out, "</h1><p>This is the place of ");
	html_text(out, user);
	(void)fprintf(out,
		      ". The page moves on by itself.</p><p id=\"state\" role=\"status\" "
		      "aria-live=\"polite\">Preparing.</p><ol id=\"steps\"></ol><p><a href=\"");
	html_text(out, target);
	(void)fprintf(out,
		      "\">Look now</a></p></main><script nonce=\"%s\">%s</script></body></html>\n",
		      nonce, SCRIPT);
	return html_end(out, &page);
}

static char *print_body(unsigned int status, const char *type, const char *body,
			size_t *ret_n_bytes)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_n_bytes);

	if (!out)
		return NULL;
	html_headers(out, status, type, NULL);
	(void)fprintf(out, "%s\n", body);
	return html_end(out, &text);
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
	return html_end(out, &text);
}

char *page_pass(const char *place, size_t *ret_n_bytes)
{
	char *text = NULL;
	int n = asprintf(&text, "X-Accel-Redirect: %s\r\n\r\n", place);

	*ret_n_bytes = n < 0 ? 0 : (size_t)n;
	return n < 0 ? NULL : text;
}
