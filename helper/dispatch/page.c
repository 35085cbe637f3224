/* page.c - see page.h. */
#include "dispatch/page.h"

#include <string.h>

#include "dispatch/html.h"

/* Done and failed differ by their mark and by a word, not by their colour alone. */
static const char STYLE[] =
	"main{border:1px solid var(--line);border-radius:.75rem;padding:1.75rem 2rem}"
	"p{margin:.5rem 0}.soft{color:var(--soft)}"
	"#state{font-weight:600;margin-top:1.25rem}"
	"#state::before{content:'';display:inline-block;width:.8em;height:.8em;margin-right:.6em;"
	"vertical-align:-.14em;border:.15em solid var(--line);border-top-color:var(--link);"
	"border-radius:50%;animation:turn 1s linear infinite}"
	"@keyframes turn{to{transform:rotate(1turn)}}"
	"@media (prefers-reduced-motion:reduce){#state::before{animation:none}}"
	"#steps{list-style:none;margin:1rem 0;padding:0}#steps:empty{display:none}"
	"#steps li{position:relative;display:flex;gap:1rem;padding:.3rem 0 .3rem 1.75rem;"
	"border-top:1px solid var(--line)}"
	"#steps span{flex:1;min-width:0}#steps span::first-letter{text-transform:uppercase}#steps "
	"b{font-weight:400;color:var(--soft)}"
	"#steps li::before{content:'';position:absolute;left:.45rem;top:.6rem;box-sizing:"
	"border-box;width:.6rem;height:.6rem;border:.15rem solid var(--soft);border-radius:50%}"
	"#steps .ok::before{top:.5rem;width:.45rem;height:.85rem;border-radius:0;border-width:0 "
	".15rem .15rem 0;border-color:var(--good);transform:rotate(40deg)}"
	"#steps .failed::before{content:'!';left:.1rem;top:.4rem;width:1.2rem;height:1.2rem;"
	"border-color:var(--bad);color:var(--bad);font:700 .8rem/.9rem system-ui,sans-serif;"
	"text-align:center}"
	"#steps .failed,#steps .failed b{color:var(--bad)}#steps .running{font-weight:600}"
	".retry a{display:inline-block;margin-top:.75rem;padding:.5rem 1.1rem;border-radius:.5rem;"
	"background:var(--link);color:var(--back);font-weight:600;text-decoration:none}"
	"@media (max-width:30rem){body{margin:1.25rem auto;padding:0 "
	".75rem}main{padding:1.25rem}}";

/* The same list as print_steps() makes, and the same sentence as print_state(). */
static const char SCRIPT[] =
	"const list=document.getElementById('steps'),state=document.getElementById('state'),"
	"where=location.pathname.startsWith('/terminal/')?'/devvm/progress?terminal':'/devvm/"
	"progress',words={ok:'done'};let shown='';"
	"function say(text){if(state.textContent!==text)state.textContent=text}"
	"function draw(steps){const text=JSON.stringify(steps);if(text===shown)return;shown=text;"
	"const told=steps.filter(s=>s.text||s.status!=='ok'),idle=steps.length-told.length;"
	"if(idle)told.push({status:'ok',text:idle+(idle===1?' step':' steps')+' had nothing to "
	"do'});"
	"list.replaceChildren(...told.map(s=>{const li=document.createElement('li'),"
	"what=document.createElement('span'),how=document.createElement('b');"
	"li.className=s.status;what.textContent=s.text||s.step;"
	"how.textContent=words[s.status]||s.status;li.append(what,' ',how);return li}));"
	"const now=steps.findLast(s=>s.status==='running');"
	"say(now?'Now: '+(now.text||now.step):steps.length?'Starting it':'Preparing')}"
	"async function look(){try{"
	"const answer=await fetch(where,{cache:'no-store',credentials:'same-origin'});"
	"if(answer.ok){const now=await answer.json();"
	"if(now.state!=='running'){location.reload();return}draw(now.steps)}"
	"}catch(e){shown='';say('Waiting for the machine to answer')}"
	"setTimeout(look,1000)}look();";

static FILE *begin(char **page, size_t *n_bytes, unsigned int status, const char *title,
		   char ret_nonce[static HTML_NONCE_BYTES], const char *head)
{
	FILE *out = html_begin(page, n_bytes, status, title, STYLE, ret_nonce);

	if (!out)
		return NULL;
	(void)fprintf(out, "%s</head><body><main><h1>", head);
	html_text(out, title);
	(void)fputs("</h1>", out);
	return out;
}

static void print_paragraph(FILE *out, const char *text)
{
	(void)fputs("<p>", out);
	html_text(out, text);
	(void)fputs("</p>", out);
}

static void print_retry(FILE *out, const char *target)
{
	(void)fputs("<p class=\"retry\"><a href=\"", out);
	html_text(out, target);
	(void)fputs("\">Try again</a></p>", out);
}

static void print_step(FILE *out, const char *status, const char *text)
{
	(void)fputs("<li class=\"", out);
	html_text(out, status);
	(void)fputs("\"><span>", out);
	html_text(out, text);
	(void)fputs("</span> <b>", out);
	html_text(out, strcmp(status, "ok") == 0 ? "done" : status);
	(void)fputs("</b></li>", out);
}

/* What had nothing to do says no more than its name, and is counted only. */
static void print_steps(FILE *out, const struct page_visit *visit)
{
	size_t n_idle = 0;

	(void)fputs("<ol id=\"steps\">", out);
	for (size_t i = 0; i < visit->n_steps; i++) {
		const struct page_step *step = &visit->steps[i];

		if (!*step->text && strcmp(step->status, "ok") == 0)
			n_idle++;
		else
			print_step(out, step->status, *step->text ? step->text : step->name);
	}
	if (n_idle > 0) {
		char text[64];

		(void)snprintf(text, sizeof(text), "%zu %s nothing to do", n_idle,
			       n_idle == 1 ? "step had" : "steps had");
		print_step(out, "ok", text);
	}
	(void)fputs("</ol>", out);
}

static void print_state(FILE *out, const struct page_visit *visit)
{
	const struct page_step *now = NULL;

	for (size_t i = 0; i < visit->n_steps; i++) {
		if (strcmp(visit->steps[i].status, "running") == 0)
			now = &visit->steps[i];
	}
	(void)fputs("<p id=\"state\" role=\"status\">", out);
	if (now) {
		(void)fputs("Now: ", out);
		html_text(out, *now->text ? now->text : now->name);
	} else {
		(void)fputs(visit->n_steps > 0 ? "Starting it" : "Preparing", out);
	}
	(void)fputs("</p>", out);
}

char *page_message(unsigned int status, const char *title, const char *text, const char *retry,
		   size_t *ret_n_bytes)
{
	char nonce[HTML_NONCE_BYTES];
	char *page = NULL;
	FILE *out = begin(&page, ret_n_bytes, status, title, nonce, "");

	if (!out)
		return NULL;
	print_paragraph(out, text);
	if (retry)
		print_retry(out, retry);
	(void)fputs("</main></body></html>\n", out);
	return html_end(out, &page);
}

char *page_waiting(const struct page_visit *visit, size_t *ret_n_bytes)
{
	char nonce[HTML_NONCE_BYTES];
	char *page = NULL;
	FILE *out = begin(&page, ret_n_bytes, 503, visit->title, nonce,
			  "<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>");

	if (!out)
		return NULL;
	(void)fputs("<p class=\"soft\">Signed in as <strong>", out);
	html_text(out, visit->user);
	(void)fputs("</strong>. This page moves on by itself.</p>", out);
	print_state(out, visit);
	print_steps(out, visit);
	(void)fputs("<p><a href=\"", out);
	html_text(out, visit->target);
	(void)fprintf(out,
		      "\">Look now</a></p></main><script nonce=\"%s\">%s</script></body></html>\n",
		      nonce, SCRIPT);
	return html_end(out, &page);
}

char *page_failed(const struct page_visit *visit, size_t *ret_n_bytes)
{
	char nonce[HTML_NONCE_BYTES];
	char *page = NULL;
	FILE *out = begin(&page, ret_n_bytes, 503, visit->title, nonce, "");

	if (!out)
		return NULL;
	print_paragraph(out, visit->text);
	print_steps(out, visit);
	print_retry(out, visit->target);
	(void)fputs("</main></body></html>\n", out);
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
