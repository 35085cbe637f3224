/* html.h - what all pages of the door have in common: headers, policy, style.
 *
 * A CGI answer grows in a stream: html_begin() writes its headers and the page up to the end of the
 * style, the caller what is left of <head> and the <body>, and html_end() returns the whole. Nothing comes
 * from elsewhere, and only scripts and styles with the nonce count. Whatever a request or a step brought
 * goes through html_text().
 */
#ifndef DEVVM_DISPATCH_HTML_H
#define DEVVM_DISPATCH_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define HTML_NONCE_BYTES 33

/* The headers of any answer; `nonce` only of a page, else NULL. */
void html_headers(FILE *out, unsigned int status, const char *type, const char *nonce);
/* `style` comes behind that of all pages; NULL: none. `*text` and `*n_bytes` stay where they are until
 * html_end(). NULL: memory is short. */
FILE *html_begin(char **text, size_t *n_bytes, unsigned int status, const char *title,
		 const char *style, char ret_nonce[static HTML_NONCE_BYTES]);
/* Closes; returns `*text`, the caller's, or NULL. */
char *html_end(FILE *out, char **text);
/* Plain text, escaped for a body or for the value of an attribute. */
void html_text(FILE *out, const char *text);
/* How long ago or ahead, or that it never was (0); the exact time for programs and on hovering. */
void html_time(FILE *out, int64_t at_usec, int64_t now_usec);

#endif
