/* page.h - what the door says itself: CGI answers with their headers, newly allocated.
 *
 * Small pages without anything from elsewhere, light and dark, with a strict policy; whatever a request
 * or a step brought stands in them escaped. NULL: memory is short.
 */
#ifndef DEVVM_DISPATCH_PAGE_H
#define DEVVM_DISPATCH_PAGE_H

#include <stddef.h>

#include "base/str.h"

/* A step of a visit as the helper told it; `text` may be empty. */
struct page_step {
	char name[64], status[16], text[256];
};

/* All of it borrowed. */
struct page_visit {
	const char *user, *title;
	const char *text; /* why it failed; else NULL */
	const char *target;
	const struct page_step *steps;
	size_t n_steps;
};

/* A page: `title` and `text` are plain text; `retry` is a path, or NULL. */
char *page_message(unsigned int status, const char *title, const char *text, const char *retry,
		   size_t *ret_n_bytes);
/* The page that waits for a visit to end, and then goes to its target. It shows the steps by itself as they
 * happen; with scripts off those of now, and it is loaded again. */
char *page_waiting(const struct page_visit *visit, size_t *ret_n_bytes);
/* The visit is over and failed: why, the steps, and a way to try again. */
char *page_failed(const struct page_visit *visit, size_t *ret_n_bytes);
/* Plain text, for what is no navigation. */
char *page_plain(unsigned int status, const char *text, size_t *ret_n_bytes);
char *page_json(const char *json, size_t *ret_n_bytes);
/* 302 to `target` with these Set-Cookie values. */
char *page_redirect(const char *target, const struct str_list *cookies, size_t *ret_n_bytes);
/* nginx hands the request to a location of its own: `place` is "@NAME". */
char *page_pass(const char *place, size_t *ret_n_bytes);

#endif
