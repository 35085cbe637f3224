/* yaml_parse.c - text to tree, see yaml.h.
 *
 * Model: the text is checked byte by byte first (UTF-8, no control or invisible
 * characters), then libyaml's events are folded into the tree by one recursion that
 * is bounded by YAML_MAX_DEPTH. The event interface is used, not the document one:
 * libyaml's documents resolve aliases, and here there are none to resolve.
 *
 * Invariants: a key is a non-empty scalar and stands once in its map; no scalar holds a
 * NUL; at most MAX_NODES nodes, so memory is bounded whatever the text.
 */
#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/str.h"
#include "base/yaml_text.h"

#define MAX_NODES 500000
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct builder {
	yaml_parser_t parser;
	const char *name; /* what messages call the file */
	const char *text;
	size_t n_bytes;
	size_t n_nodes;
	struct dv_error *err;
};

static void on_event_done(yaml_event_t *event)
{
	yaml_event_delete(event); /* a zeroed one is YAML_NO_EVENT: nothing to do */
}

#define AUTO_EVENT DV_CLEANUP(on_event_done)

static void on_builder_done(struct builder *builder)
{
	yaml_parser_delete(&builder->parser);
}

static unsigned int line_of(const yaml_mark_t *mark)
{
	return (unsigned int)mark->line + 1;
}

/* libyaml's own words, except for the tab: it calls that one a "character that cannot
 * start any token", which sends people looking for something they cannot see. */
static int refuse_syntax(const struct builder *builder)
{
	const yaml_parser_t *parser = &builder->parser;
	unsigned int line = line_of(&parser->problem_mark);
	const char *problem = parser->problem ? parser->problem : "not YAML";

	if (parser->error == YAML_MEMORY_ERROR)
		return dv_fail(builder->err, -ENOMEM, "read %s", builder->name);
	if (yaml_text_is_tab_indented(builder->text, builder->n_bytes, line))
		return dv_refuse(builder->err, -EINVAL,
				 "%s:%u: a tab is used for indentation; use spaces", builder->name,
				 line);
	if (parser->context && parser->context_mark.line != parser->problem_mark.line)
		return dv_refuse(builder->err, -EINVAL, "%s:%u: %s, %s that begins on line %u",
				 builder->name, line, problem, parser->context,
				 line_of(&parser->context_mark));
	return dv_refuse(builder->err, -EINVAL, "%s:%u: %s", builder->name, line, problem);
}

static int next_event(struct builder *builder, yaml_event_t *ret_event)
{
	if (!yaml_parser_parse(&builder->parser, ret_event))
		return refuse_syntax(builder);
	return 0;
}

static int refuse_at(const struct builder *builder, unsigned int line, const char *what)
{
	return dv_refuse(builder->err, -EINVAL, "%s:%u: %s", builder->name, line, what);
}

/* What no node may carry, whatever its kind. */
static int check_plainness(const struct builder *builder, const yaml_event_t *event)
{
	unsigned int line = line_of(&event->start_mark);
	const yaml_char_t *anchor = NULL;
	const yaml_char_t *tag = NULL;

	switch ((int)event->type) {
	case YAML_ALIAS_EVENT:
		return refuse_at(builder, line, "an alias (*name) is not allowed");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	}
	if (anchor)
		return refuse_at(builder, line, "an anchor (&name) is not allowed");
	if (tag)
		return refuse_at(builder, line, "a tag (!name) is not allowed");
	return 0;
}

static bool is_null_word(const char *text)
{
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static int take_scalar(const struct builder *builder, const yaml_event_t *event,
		       struct yaml_node *node)
{
	const char *text = (const char *)event->data.scalar.value;
	char *copy;

	/* "\0" in a double-quoted scalar: C would see a shorter text than a reader does. */
	if (strlen(text) != event->data.scalar.length)
		return refuse_at(builder, line_of(&event->start_mark), "a NUL in a value");
	node->kind = YAML_SCALAR;
	node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->is_null = node->is_plain && is_null_word(text);
	copy = strdup(node->is_null ? "" : text);
	if (!copy)
		return dv_fail(builder->err, -ENOMEM, "read %s", builder->name);
	node->scalar = copy;
	return 0;
}

/* A new zeroed child at the end. The room doubles whenever the count is a power of
 * two, so it needs no field of its own. */
static int add_child(struct builder *builder, struct yaml_node *parent, unsigned int line,
		     struct yaml_node **ret_child)
{
	size_t n = parent->n_children;

	if (builder->n_nodes++ == MAX_NODES)
		return dv_refuse(builder->err, -EINVAL, "%s:%u: more than %d values", builder->name,
				 line, MAX_NODES);
	if ((n & (n - 1)) == 0) {
		struct yaml_node *grown =
			reallocarray(parent->children, n ? 2 * n : 1, sizeof(*grown));

		if (!grown)
			return dv_fail(builder->err, -ENOMEM, "read %s", builder->name);
		parent->children = grown;
	}
	parent->children[n] = (struct yaml_node){ .line = line };
	parent->n_children++;
	*ret_child = &parent->children[n];
	return 0;
}

static int build_node(struct builder *builder, const yaml_event_t *event, int depth,
		      struct yaml_node *node);

static int build_list(struct builder *builder, int depth, struct yaml_node *list)
{
	list->kind = YAML_LIST;
	for (;;) {
		AUTO_EVENT yaml_event_t event = { 0 };
		struct yaml_node *child = NULL;
		int r = next_event(builder, &event);

		if (r < 0)
			return r;
		if (event.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		r = add_child(builder, list, line_of(&event.start_mark), &child);
		if (r < 0)
			return r;
		r = build_node(builder, &event, depth, child);
		if (r < 0)
			return r;
	}
}

static int take_key(const struct builder *builder, const yaml_event_t *event,
		    struct yaml_node *child)
{
	int r = check_plainness(builder, event);
	const char *text;
	char *copy;

	if (r < 0)
		return r;
	if (event->type != YAML_SCALAR_EVENT)
		return refuse_at(builder, child->line, "a key must be a word, not a list or a map");
	text = (const char *)event->data.scalar.value;
	if (event->data.scalar.length == 0)
		return refuse_at(builder, child->line, "a key is empty");
	if (strlen(text) != event->data.scalar.length)
		return refuse_at(builder, child->line, "a NUL in a key");
	copy = strdup(text);
	if (!copy)
		return dv_fail(builder->err, -ENOMEM, "read %s", builder->name);
	child->key = copy;
	return 0;
}

/* By key, then by place in the file (they lie in one array in the file's order). */
static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *left = *(const struct yaml_node *const *)a;
	const struct yaml_node *right = *(const struct yaml_node *const *)b;
	int order = strcmp(left->key, right->key);

	if (order == 0)
		order = (left > right) - (left < right);
	return order;
}

/* Sorted, not compared pairwise: a map of 10,000 people must not take 10,000² steps. */
static int refuse_duplicates(const struct builder *builder, const struct yaml_node *map)
{
	DV_AUTO_FREE const struct yaml_node **sorted = NULL;
	const struct yaml_node *first = NULL;
	const struct yaml_node *again = NULL;
	char shown[STR_SHOW_BYTES];

	if (map->n_children < 2)
		return 0;
	sorted = reallocarray(NULL, map->n_children, sizeof(*sorted));
	if (!sorted)
		return dv_fail(builder->err, -ENOMEM, "read %s", builder->name);
	for (size_t i = 0; i < map->n_children; i++)
		sorted[i] = &map->children[i];
	qsort(sorted, map->n_children, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < map->n_children; i++) {
		if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0 &&
		    (!again || sorted[i] < again)) {
			first = sorted[i - 1];
			again = sorted[i];
		}
	}
	if (!again)
		return 0;
	return dv_refuse(builder->err, -EINVAL, "%s:%u: %s is there twice (first on line %u)",
			 builder->name, again->line, str_show(again->key, shown), first->line);
}

static int build_map(struct builder *builder, int depth, struct yaml_node *map)
{
	map->kind = YAML_MAP;
	for (;;) {
		AUTO_EVENT yaml_event_t key = { 0 };
		AUTO_EVENT yaml_event_t value = { 0 };
		struct yaml_node *child = NULL;
		int r = next_event(builder, &key);

		if (r < 0)
			return r;
		if (key.type == YAML_MAPPING_END_EVENT)
			return refuse_duplicates(builder, map);
		r = add_child(builder, map, line_of(&key.start_mark), &child);
		if (r < 0)
			return r;
		r = take_key(builder, &key, child);
		if (r < 0)
			return r;
		r = next_event(builder, &value);
		if (r < 0)
			return r;
		r = build_node(builder, &value, depth, child);
		if (r < 0)
			return r;
	}
}

/* Fill in `node` from the event that begins it. `depth` counts the lists and maps
 * around it. */
static int build_node(struct builder *builder, const yaml_event_t *event, int depth,
		      struct yaml_node *node)
{
	int r = check_plainness(builder, event);

	if (r < 0)
		return r;
	if (event->type == YAML_SCALAR_EVENT)
		return take_scalar(builder, event, node);
	if (depth == YAML_MAX_DEPTH)
		return dv_refuse(builder->err, -EINVAL, "%s:%u: nested more than %d deep",
				 builder->name, line_of(&event->start_mark), YAML_MAX_DEPTH);
	if (event->type == YAML_SEQUENCE_START_EVENT)
		return build_list(builder, depth + 1, node);
	return build_map(builder, depth + 1, node);
}

/* Stream start, at most one document, stream end. */
static int build_document(struct builder *builder, struct yaml_node *root)
{
	for (bool have_document = false;;) {
		AUTO_EVENT yaml_event_t event = { 0 };
		int r = next_event(builder, &event);

		if (r < 0)
			return r;
		switch ((int)event.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			continue;
		case YAML_STREAM_END_EVENT:
			return 0;
		case YAML_DOCUMENT_START_EVENT:
			if (have_document)
				return refuse_at(builder, line_of(&event.start_mark),
						 "a second document begins here; there may be one");
			have_document = true;
			continue;
		}
		root->line = line_of(&event.start_mark);
		r = build_node(builder, &event, 0, root);
		if (r < 0)
			return r;
	}
}

/* What an empty file and a lone `---` are alike. */
static int make_null(struct yaml_node *root)
{
	char *empty = strdup("");

	if (!empty)
		return -ENOMEM;
	*root = (struct yaml_node){
		.kind = YAML_SCALAR, .line = 1, .scalar = empty, .is_null = true, .is_plain = true
	};
	return 0;
}

int yaml_parse(const char *name, const char *text, size_t n_bytes, struct yaml_node **ret_root,
	       struct dv_error *err)
{
	DV_CLEANUP(on_builder_done) struct builder builder = { .name = name, .err = err };
	DV_AUTO_YAML struct yaml_node *root = NULL;
	int r;

	if (n_bytes > YAML_MAX_BYTES)
		return dv_refuse(err, -EFBIG, "%s:1: larger than %d MiB", name,
				 YAML_MAX_BYTES / 1024 / 1024);
	if (n_bytes >= strlen(BYTE_ORDER_MARK) && str_starts_with(text, BYTE_ORDER_MARK)) {
		text += strlen(BYTE_ORDER_MARK);
		n_bytes -= strlen(BYTE_ORDER_MARK);
	}
	r = yaml_text_check(name, text, n_bytes, err);
	if (r < 0)
		return r;
	builder.text = text;
	builder.n_bytes = n_bytes;
	root = calloc(1, sizeof(*root));
	if (!root || !yaml_parser_initialize(&builder.parser))
		return dv_fail(err, -ENOMEM, "read %s", name);
	yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, n_bytes);
	r = build_document(&builder, root);
	if (r < 0)
		return r;
	if (!root->kind && make_null(root) < 0)
		return dv_fail(err, -ENOMEM, "read %s", name);
	*ret_root = DV_TAKE_PTR(root);
	return 0;
}
