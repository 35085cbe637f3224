/* call.c - see call.h. */
#include "dispatch/call.h"

#include <stdlib.h>
#include <string.h>

#include "dispatch/page.h"

void call_reply(struct door_call *call, char *text, size_t n_bytes)
{
	free(call->identity);
	free(call->target);
	if (call->cookies)
		explicit_bzero(call->cookies, strlen(call->cookies));
	free(call->cookies);
	call->identity = call->target = call->cookies = NULL;
	call->reply(call, text, n_bytes);
}

static void pass_to(struct door_call *call, const char *place)
{
	size_t n = 0;
	char *text = page_pass(place, &n);

	call_reply(call, text, n);
}

void call_pass(struct door_call *call)
{
	pass_to(call, "@devvm_person");
}

void call_pass_to_terminal(struct door_call *call)
{
	pass_to(call, "@devvm_terminal");
}

void call_message(struct door_call *call, unsigned int status, const char *title, const char *text,
		  const char *retry)
{
	size_t n = 0;
	char *page = page_message(status, title, text, retry, &n);

	call_reply(call, page, n);
}

void call_plain(struct door_call *call, unsigned int status, const char *text)
{
	size_t n = 0;
	char *answer = page_plain(status, text, &n);

	call_reply(call, answer, n);
}
