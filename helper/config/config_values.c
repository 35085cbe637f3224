/* config_values.c - see config_values.h. */
#include "config/config_values.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "base/digest.h"
#include "base/str.h"
#include "config/config.h"

int config_refuse(const struct config_place *place, int r, const char *format, ...)
{
	char what[ERROR_MAX_BYTES];
	char shown[STR_SHOW_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args); /* a cut sentence is still a sentence */
	va_end(args);
	return dv_refuse(place->err, r, "%s:%u: %s: %s", place->file, place->node->line,
			 str_show(place->path, shown), what);
}

static int take_text(const struct config_place *place, const struct config_target *target)
{
	char **field = target->field;
	char *copy = strdup(place->node->scalar);

	if (!copy)
		return config_refuse(place, -ENOMEM, "out of memory");
	free(*field);
	*field = copy;
	return 0;
}

int config_read_path(const struct config_place *place, const struct config_target *target)
{
	const struct yaml_node *node = place->node;
	char shown[STR_SHOW_BYTES];

	if (node->kind != YAML_SCALAR || node->is_null)
		return config_refuse(place, -EINVAL, "must be an absolute path");
	if (node->scalar[0] != '/' || str_has_control(node->scalar))
		return config_refuse(place, -EINVAL, "must be an absolute path, not \"%s\"",
				     str_show(node->scalar, shown));
	return take_text(place, target);
}

static int take_nothing(const struct config_target *target)
{
	char **field = target->field;

	free(*field);
	*field = NULL;
	return 0;
}

int config_read_path_or_none(const struct config_place *place, const struct config_target *target)
{
	return place->node->is_null ? take_nothing(target) : config_read_path(place, target);
}

int config_read_package(const struct config_place *place, const struct config_target *target)
{
	static const char good[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ@/._+-";
	const struct yaml_node *node = place->node;
	char shown[STR_SHOW_BYTES];

	if (node->kind != YAML_SCALAR || node->is_null)
		return config_refuse(place, -EINVAL, "must be a word");
	if (!*node->scalar || node->scalar[0] == '-' || node->scalar[0] == '.' ||
	    strspn(node->scalar, good) != strlen(node->scalar) ||
	    strlen(node->scalar) > target->limits.max)
		return config_refuse(place, -EINVAL, "\"%s\" is not one that npm could mean",
				     str_show(node->scalar, shown));
	return take_text(place, target);
}

int config_read_package_or_none(const struct config_place *place,
				const struct config_target *target)
{
	return place->node->is_null ? take_nothing(target) : config_read_package(place, target);
}

int config_read_url(const struct config_place *place, const struct config_target *target)
{
	static const char *const beginnings[] = { "https://", "http://", "file:///" };
	const struct yaml_node *node = place->node;

	if (node->is_null)
		return take_nothing(target);
	for (size_t i = 0; node->kind == YAML_SCALAR && i < DV_COUNT(beginnings); i++) {
		if (!str_starts_with(node->scalar, beginnings[i]) ||
		    !node->scalar[strlen(beginnings[i])])
			continue;
		if (str_has_control(node->scalar) || strchr(node->scalar, ' '))
			return config_refuse(place, -EINVAL, "has a space or a control character");
		return take_text(place, target);
	}
	return config_refuse(place, -EINVAL, "must begin with https://, http:// or file:///");
}

int config_read_version(const struct config_place *place, const struct config_target *target)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
	const struct yaml_node *node = place->node;

	if (node->is_null)
		return take_nothing(target);
	/* It becomes the name of a folder. */
	if (node->kind != YAML_SCALAR || !*node->scalar || strlen(node->scalar) > 64 ||
	    node->scalar[strspn(node->scalar, letters)] || strchr("._+-", node->scalar[0]))
		return config_refuse(
			place, -EINVAL,
			"must be a version: letters, digits and . _ + -, 64 at most, a "
			"letter or digit first");
	return take_text(place, target);
}

int config_read_sha256(const struct config_place *place, const struct config_target *target)
{
	const struct yaml_node *node = place->node;

	if (node->is_null)
		return take_nothing(target);
	if (node->kind != YAML_SCALAR || !digest_is_hex(node->scalar))
		return config_refuse(place, -EINVAL,
				     "must be a sha256: 64 hexadecimal digits in lower case");
	return take_text(place, target);
}

int config_read_word(const struct config_place *place, const struct config_target *target,
		     const char *const *words)
{
	char known[128] = "";

	for (unsigned int i = 0; words[i]; i++) {
		size_t n = strlen(known);

		if (place->node->kind == YAML_SCALAR && !place->node->is_null &&
		    strcmp(place->node->scalar, words[i]) == 0) {
			*(unsigned int *)target->field = i;
			return 0;
		}
		(void)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", words[i]);
	}
	return config_refuse(place, -EINVAL, "must be one of %s", known);
}

static bool is_remote(const char *text)
{
	static const char *const beginnings[] = { "https://", "ssh://", "git@", "file:///", "/" };

	for (size_t i = 0; i < DV_COUNT(beginnings); i++) {
		if (str_starts_with(text, beginnings[i]))
			return true;
	}
	return false;
}

int config_read_remote(const struct config_place *place, const struct config_target *target)
{
	static const char placeholder[] = "{repo}";
	const struct yaml_node *node = place->node;
	const char *first;

	if (node->is_null)
		return take_nothing(target);
	if (node->kind != YAML_SCALAR || !is_remote(node->scalar))
		return config_refuse(place, -EINVAL,
				     "must begin with https://, ssh://, git@, file:/// or /");
	if (str_has_control(node->scalar) || strchr(node->scalar, ' '))
		return config_refuse(place, -EINVAL, "has a space or a control character");
	first = strstr(node->scalar, placeholder);
	if (!first || strstr(first + 1, placeholder))
		return config_refuse(place, -EINVAL, "must hold %s exactly once", placeholder);
	return take_text(place, target);
}

/* A password in it would be in everybody's sight: the file is. */
int config_read_web(const struct config_place *place, const struct config_target *target)
{
	const struct yaml_node *node = place->node;

	if (node->is_null)
		return take_nothing(target);
	if (node->kind != YAML_SCALAR || (!str_starts_with(node->scalar, "https://") &&
					  !str_starts_with(node->scalar, "http://")))
		return config_refuse(place, -EINVAL, "must begin with https:// or http://");
	if (str_has_control(node->scalar) || strpbrk(node->scalar, " @"))
		return config_refuse(place, -EINVAL, "has a space, a @ or a control character");
	return take_text(place, target);
}

int config_read_bool(const struct config_place *place, const struct config_target *target)
{
	if (yaml_to_bool(place->node, target->field) < 0)
		return config_refuse(place, -EINVAL, "must be true or false");
	return 0;
}

int config_read_start(const struct config_place *place, const struct config_target *target)
{
	static const char *const words[] = {
		[CONFIG_START_LOGIN] = "login",
		[CONFIG_START_VISIT] = "visit",
		[CONFIG_START_ALWAYS] = "always",
		NULL,
	};

	return config_read_word(place, target, words);
}

/* What systemd takes as MemoryMax= (systemd.resource-control(5)), without its fractions. */
static bool is_memory(const char *text)
{
	size_t n_digits = strspn(text, "0123456789");
	const char *unit = text + n_digits;

	if (strcmp(text, "infinity") == 0)
		return true;
	/* 0 would kill whatever is started. */
	if (n_digits == 0 || n_digits > 12 || *text == '0')
		return false;
	if (strcmp(unit, "%") == 0)
		return n_digits < 3 || strcmp(text, "100%") == 0;
	return *unit == '\0' || (strchr("KMGT", *unit) && unit[1] == '\0');
}

int config_read_memory(const struct config_place *place, const struct config_target *target)
{
	if (place->node->kind != YAML_SCALAR || place->node->is_null ||
	    !is_memory(place->node->scalar))
		return config_refuse(place, -EINVAL,
				     "must be infinity, or a whole number above 0 with K, M, G, T "
				     "or %% behind it, like 8G");
	return take_text(place, target);
}

static int read_number(const struct config_place *place, const struct yaml_node *node,
		       const struct config_limits *limits, unsigned int *ret_value)
{
	const struct config_place here = {
		.file = place->file, .path = place->path, .node = node, .err = place->err
	};
	uint64_t value = 0;

	if (yaml_to_uint(node, limits->max, &value) < 0 || value < limits->min)
		return config_refuse(&here, -EINVAL,
				     "must be a whole number from %" PRIu64 " to %" PRIu64,
				     limits->min, limits->max);
	*ret_value = (unsigned int)value;
	return 0;
}

int config_read_uint(const struct config_place *place, const struct config_target *target)
{
	return read_number(place, place->node, &target->limits, target->field);
}

int config_list_add(unsigned int **items, size_t *n_items, unsigned int value)
{
	unsigned int *grown;

	for (size_t i = 0; i < *n_items; i++) {
		if ((*items)[i] == value)
			return 0;
	}
	grown = reallocarray(*items, *n_items + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[(*n_items)++] = value;
	*items = grown;
	return 0;
}

#define LIST_MAX_ITEMS 1024 /* config_list_add() looks through all of them each time */

int config_read_list(const struct config_place *place, const struct config_target *target)
{
	unsigned int **field = target->field;
	DV_AUTO_FREE unsigned int *items = NULL;
	size_t n_items = 0;

	if (place->node->kind != YAML_LIST)
		return config_refuse(place, -EINVAL, "must be a list of whole numbers");
	if (place->node->n_children > LIST_MAX_ITEMS)
		return config_refuse(place, -EINVAL, "has more than %d items", LIST_MAX_ITEMS);
	for (size_t i = 0; i < place->node->n_children; i++) {
		unsigned int value = 0;
		int r = read_number(place, &place->node->children[i], &target->limits, &value);

		if (r < 0)
			return r;
		if (config_list_add(&items, &n_items, value) < 0)
			return config_refuse(place, -ENOMEM, "out of memory");
	}
	free(*field);
	*field = DV_TAKE_PTR(items);
	*target->n_items = n_items;
	return 0;
}

int config_read_range(const struct config_place *place, const struct config_target *target)
{
	struct config_port_range *field = target->field;
	struct config_port_range range = *field;

	if (place->node->kind != YAML_MAP)
		return config_refuse(place, -EINVAL, "must be {first: N, last: N}");
	for (size_t i = 0; i < place->node->n_children; i++) {
		const struct yaml_node *bound = &place->node->children[i];
		bool is_first = strcmp(bound->key, "first") == 0;
		char shown[STR_SHOW_BYTES];
		int r;

		if (!is_first && strcmp(bound->key, "last") != 0)
			return config_refuse(place, -EINVAL,
					     "unknown key %s; known here are first, last",
					     str_show(bound->key, shown));
		r = read_number(place, bound, &target->limits,
				is_first ? &range.first : &range.last);
		if (r < 0)
			return r;
	}
	if (range.first > range.last)
		return config_refuse(place, -EINVAL, "first (%u) is above last (%u)", range.first,
				     range.last);
	*field = range;
	return 0;
}

/* "03:00" and what comes behind it; NULL where that is no time. */
static const char *take_time(const char *text, unsigned int *ret_minutes)
{
	static const char *const shape = "00:00";
	unsigned int digits[5];

	for (size_t i = 0; i < DV_COUNT(digits); i++) {
		if (shape[i] == ':' ? text[i] != ':' : text[i] < '0' || text[i] > '9')
			return NULL;
		digits[i] = (unsigned int)(text[i] - '0');
	}
	*ret_minutes = (digits[0] * 10 + digits[1]) * 60 + digits[3] * 10 + digits[4];
	return digits[0] * 10 + digits[1] < 24 && digits[3] < 6 ? text + DV_COUNT(digits) : NULL;
}

int config_read_window(const struct config_place *place, const struct config_target *target)
{
	const char *text = place->node->kind == YAML_SCALAR ? place->node->scalar : "";
	struct config_window window = { 0 };
	const char *at = take_time(text, &window.first);

	if (!at || *at != '-' || !(at = take_time(at + 1, &window.last)) || *at ||
	    window.first == window.last)
		return config_refuse(place, -EINVAL, "must be two times of the day, like \"%s\"",
				     "03:00-04:30");
	*(struct config_window *)target->field = window;
	return 0;
}

#define MAX_WORDS 1000
#define MAX_WORD_BYTES 4096

/* A list of scalars that `is_right`, each of them; none twice where that would make no sense. */
static int read_words(const struct config_place *place, struct str_list *words,
		      bool (*is_right)(const char *text, size_t at), const char *what)
{
	const struct yaml_node *list = place->node;

	if (list->kind != YAML_LIST || list->n_children > MAX_WORDS)
		return config_refuse(place, -EINVAL, "must be a list of %s", what);
	str_list_done(words);
	*words = (struct str_list){ 0 };
	for (size_t i = 0; i < list->n_children; i++) {
		const struct yaml_node *node = &list->children[i];

		if (node->kind != YAML_SCALAR || !is_right(node->scalar, i))
			return config_refuse(place, -EINVAL, "must be a list of %s", what);
		if (str_list_add(words, node->scalar) < 0)
			return config_refuse(place, -ENOMEM, "out of memory");
	}
	return 0;
}

static bool is_user(const char *text, size_t at DV_UNUSED)
{
	return str_is_user_name(text);
}

int config_read_user(const struct config_place *place, const struct config_target *target)
{
	const struct yaml_node *node = place->node;
	char shown[STR_SHOW_BYTES];

	if (node->kind != YAML_SCALAR || node->is_null)
		return config_refuse(place, -EINVAL, "must be the name of an account");
	if (!str_is_user_name(node->scalar))
		return config_refuse(place, -EINVAL, "\"%s\" can be no account's name",
				     str_show(node->scalar, shown));
	return take_text(place, target);
}

int config_read_users(const struct config_place *place, const struct config_target *target)
{
	return read_words(place, target->field, is_user, "user names");
}

/* The program by its absolute path: no unit's PATH decides what is run. */
static bool is_argument(const char *text, size_t at)
{
	return strlen(text) <= MAX_WORD_BYTES && (at > 0 || *text == '/');
}

int config_read_argv(const struct config_place *place, const struct config_target *target)
{
	return read_words(place, target->field, is_argument,
			  "the absolute path of a program, and its arguments");
}
