/* roster_words.c - see roster_words.h.
 *
 * All of these words end up somewhere that has a syntax of its own: passwd and group
 * lines, file and unit names, JSON, nginx and ttyd maps, command lines. So each is held
 * to a small alphabet here, once.
 */
#include "roster/roster_words.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

#define IDENTITY_MAX_BYTES 150 /* authentik's own limit for a user name */
#define LABEL_MAX_BYTES 63     /* RFC 1123 */
#define REPO_MAX_BYTES 100     /* GitHub's limit for a repository name */
#define SHELL_MAX_BYTES 255

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool is_any_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/* What is wrong with the first character outside `allowed`; NULL when there is none. */
static const char *character_fault(const char *word, const char *allowed)
{
	const unsigned char c = (unsigned char)word[strspn(word, allowed)];

	if (!c)
		return NULL;
	if (c == '\n')
		return "holds a newline";
	if (c < ' ' || c == 0x7f)
		return "holds a control character";
	if (c >= 0x80)
		return "holds a character outside ASCII";
	if (c == ' ')
		return "holds a space";
	if (c == '/')
		return "holds a '/'";
	if (c == '@')
		return "holds an '@'";
	if (c == '=')
		return "holds a '='";
	if (c == ':')
		return "holds a ':'";
	if (is_any_of((char)c, UPPER))
		return "holds a capital letter";
	return "holds a character that is not allowed";
}

/* useradd(8) and systemd.io/USER_NAMES, at their strictest. */
static const char *account_fault(const char *word)
{
	const char *fault = character_fault(word, LOWER DIGITS "_.-");

	if (!*word)
		return "is empty";
	if (*word == '-')
		return "begins with '-'";
	if (fault)
		return fault;
	if (*word == '.')
		return "begins with '.'";
	if (!word[strspn(word, DIGITS)])
		return "is made of digits alone";
	if (is_any_of(*word, DIGITS))
		return "begins with a digit";
	if (strlen(word) > STR_USER_NAME_MAX)
		return "is longer than 32 characters";
	return str_is_user_name(word) ? NULL : "is not a valid name";
}

const char *roster_user_fault(const char *word)
{
	if (strcmp(word, "root") == 0 || strcmp(word, "nobody") == 0)
		return "is a system account";
	/* /etc/t3-serve/playwright-NAME.env is the other file of NAME. */
	if (str_starts_with(word, "playwright-"))
		return "begins with playwright-, which names files of others";
	return account_fault(word);
}

const char *roster_group_fault(const char *word)
{
	return account_fault(word);
}

/* Quotes, '$', ';' and the like could be kept apart by every writer of a map; no
 * identity has them, so they end here. */
static const char *identity_fault(const char *word, const char *allowed)
{
	const char *fault = character_fault(word, allowed);

	if (!*word)
		return "is empty";
	if (fault)
		return fault;
	return strlen(word) > IDENTITY_MAX_BYTES ? "is longer than 150 characters" : NULL;
}

/* By a comma nginx tells of two headers, and dispatch takes nothing into a page that could be markup: whoever was
 * called so would have no door. */
const char *roster_identity_fault(const char *word)
{
	if (strpbrk(word, ",&<>"))
		return "holds a ',', '&', '<' or '>', which the front door lets nobody in by";
	return identity_fault(word, LOWER UPPER DIGITS "._+-:!%()*?[]^|~");
}

const char *roster_k8s_user_fault(const char *word)
{
	return identity_fault(word, LOWER UPPER DIGITS "._+-:,!%&()*<>?[]^|~@");
}

const char *roster_namespace_fault(const char *word)
{
	const char *fault = character_fault(word, LOWER DIGITS "-");
	size_t n = strlen(word);

	if (n == 0)
		return "is empty";
	if (fault)
		return fault;
	if (word[0] == '-' || word[n - 1] == '-')
		return "begins or ends with '-'";
	return n > LABEL_MAX_BYTES ? "is longer than 63 characters" : NULL;
}

const char *roster_repo_fault(const char *word)
{
	const char *fault = character_fault(word, LOWER UPPER DIGITS "._-");

	if (!*word)
		return "is empty";
	if (fault)
		return fault;
	if (!is_any_of(*word, LOWER UPPER DIGITS))
		return "does not begin with a letter or a digit";
	if (strcmp(word, "infra") == 0)
		return "is not for people's workspaces";
	return strlen(word) > REPO_MAX_BYTES ? "is longer than 100 characters" : NULL;
}

const char *roster_shell_fault(const char *word)
{
	if (*word != '/')
		return "is not an absolute path";
	if (str_has_control(word))
		return "holds a control character";
	if (strchr(word, ':'))
		return "holds a ':'";
	return strlen(word) > SHELL_MAX_BYTES ? "is longer than 255 characters" : NULL;
}
