/* packages.c - see packages.h. */
#include "base/packages.h"

#include <stdlib.h>
#include <string.h>

const char **packages_query(const struct str_list *wanted)
{
	static const char *const begin[] = { "dpkg-query", "--show",
					     "--showformat=${db:Status-Status} ${Package}\\n",
					     "--" };
	const char **argv = calloc(DV_COUNT(begin) + wanted->n_items + 1, sizeof(*argv));

	if (!argv)
		return NULL;
	memcpy(argv, begin, sizeof(begin));
	for (size_t i = 0; i < wanted->n_items; i++)
		argv[DV_COUNT(begin) + i] = wanted->items[i];
	return argv;
}

/* A whole line "installed NAME". */
static bool is_installed(const char *output, const char *name)
{
	static const char word[] = "installed ";
	size_t n_name = strlen(name);

	for (const char *line = output; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, word, strlen(word)) == 0 &&
		    strncmp(line + strlen(word), name, n_name) == 0 &&
		    (line[strlen(word) + n_name] == '\n' || line[strlen(word) + n_name] == '\0'))
			return true;
	}
	return false;
}

int packages_find_missing(const struct str_list *wanted, const char *output,
			  struct str_list *ret_missing)
{
	DV_AUTO_STR_LIST struct str_list missing = { 0 };

	for (size_t i = 0; i < wanted->n_items; i++) {
		if (!is_installed(output, wanted->items[i]) &&
		    str_list_add(&missing, wanted->items[i]) < 0)
			return -ENOMEM;
	}
	*ret_missing = missing;
	missing = (struct str_list){ 0 };
	return 0;
}
