/* item.c - see item.h. */
#include "steps/item.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

void item_begin(const struct item_list *list)
{
	*list->ret_verdict = STEP_FINE;
	list->ret_what[0] = '\0';
}

void item_add(const struct item_list *list, enum step_mark mark, const char *format, ...)
{
	const struct step_context *context = list->context;
	char text[STEP_WHAT_BYTES];
	size_t n = strlen(list->ret_what);
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)snprintf(list->ret_what + n, STEP_WHAT_BYTES - n, "%s%s", n ? ", " : "", text);
	*list->ret_verdict = STEP_DIFFERS;
	if (context->on_item)
		context->on_item(context->item_context, mark, text);
}

enum step_mark item_mark_of(const struct env *env, const char *path)
{
	bool is_there = faccessat(env->root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	return is_there ? STEP_CHANGE : STEP_ADD;
}
