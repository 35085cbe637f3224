/* ctl.c - see ctl.h. */
#include "ctl/ctl.h"

#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "wire/paths.h"

#define MAX_TIMEOUT_S 86400

void ctl_init(struct ctl *ctl)
{
	const char *no_colour = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */

	/* An unknown locale leaves "C", which is what it can show then. */
	(void)setlocale(LC_CTYPE, "");
	*ctl = (struct ctl){
		.socket_path = PATH_HELPER_SOCKET,
		.out = stdout,
		.messages = stderr,
		.bar_fd = isatty(STDERR_FILENO) ? STDERR_FILENO : -1,
		.colour = isatty(STDOUT_FILENO) && (!no_colour || !*no_colour),
		.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
	};
}

void ctl_say(const struct ctl *ctl, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fputs("devvmctl: ", ctl->messages);
	(void)vfprintf(ctl->messages, format, arguments);
	(void)fputc('\n', ctl->messages);
	va_end(arguments);
}

int ctl_option(const struct ctl *ctl, int argc, char **argv, const char *letters,
	       const struct option *table)
{
	int found;

	opterr = 0;
	found = getopt_long(argc, argv, letters, table, NULL);
	if (found == ':')
		ctl_say(ctl, "%s: %s wants a value", argv[0], argv[optind - 1]);
	else if (found == '?' && optopt > 0 && optopt < 0x80)
		ctl_say(ctl, "%s: unknown option -%c", argv[0], optopt);
	else if (found == '?')
		ctl_say(ctl, "%s: unknown option %s", argv[0], argv[optind - 1]);
	return found == ':' ? '?' : found;
}

const char *ctl_user_word(const struct ctl *ctl, int argc, char **argv, const char *fallback)
{
	const char *word = optind < argc ? argv[optind] : fallback;

	if (argc - optind > 1) {
		ctl_say(ctl, "%s: one user at a time; %s is too much", argv[0], argv[optind + 1]);
		return NULL;
	}
	if (!word) {
		ctl_say(ctl, "%s: which user?", argv[0]);
		return NULL;
	}
	/* The fallback may be "" for everybody. */
	if (optind < argc && !str_is_user_name(word)) {
		ctl_say(ctl, "%s: \"%s\" is not a user name", argv[0], word);
		return NULL;
	}
	return word;
}

const char *ctl_flag_and_user(const struct ctl *ctl, int argc, char **argv, const char *letters,
			      const struct option *table, bool *ret_flag)
{
	int option;

	while ((option = ctl_option(ctl, argc, argv, letters, table)) != -1) {
		if (option == '?')
			return NULL;
		*ret_flag = true;
	}
	return ctl_user_word(ctl, argc, argv, "");
}

int ctl_number(const struct ctl *ctl, const char *option, const char *text, uint64_t max,
	       uint64_t *ret_value)
{
	uint64_t value = 0;

	if (str_to_uint(text, max, &value) < 0 || value == 0) {
		ctl_say(ctl, "%s wants a whole number from 1 to %" PRIu64 ", not \"%s\"", option,
			max, text);
		return -EINVAL;
	}
	*ret_value = value;
	return 0;
}

int ctl_seconds(const struct ctl *ctl, const char *text, uint64_t *ret_seconds)
{
	return ctl_number(ctl, "--timeout", text, MAX_TIMEOUT_S, ret_seconds);
}
