/* tools.c - see tools.h.
 *
 * A tool is a version in the store (/opt/devvm/NAME/versions/V, `current` beside it) with links where
 * people find it. What was installed is known by the digest of its tree, in the ledger; the check
 * reads every byte again, which is a second for a gigabyte, once an hour: so a file on disk that is
 * not the pinned one is found and replaced, whoever changed it. A tool that cannot be had keeps no other
 * from being installed, and what is there of it stays.
 *
 * A link is only ever put where nothing is, or a link into /opt/devvm; one that devvm.yaml no longer
 * names is removed while it still is ours. Older versions stay: somebody may run them.
 */
#include "steps/tools.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/tools_log.h"
#include "steps/item.h"
#include "steps/tool_stage.h"
#include "steps/view.h"
#include "store/store.h"
#include "store/tree.h"

#define PIN_BYTES 384
#define LINK_BYTES 256

enum link_state {
	LINK_RIGHT,
	LINK_ABSENT,
	LINK_OURS,    /* into the store, and elsewhere than it should */
	LINK_FOREIGN, /* something of somebody else */
};

/* What the tree was made from; another URL that gives the same bytes is the same. */
static void describe_pin(const struct config_tool *tool, char ret_pin[static PIN_BYTES])
{
	(void)snprintf(ret_pin, PIN_BYTES, "%s %s%s", tool->sha256,
		       tool->is_tree ? "tree" : (tool->member ? "member " : "file"),
		       tool->member ? tool->member : "");
}

/* Of "PATH" or "PATH=INNER": below the root, and what it is to point to. */
static void describe_link(const struct config_tool *tool, const char *link,
			  char ret_path[static LINK_BYTES], char ret_target[static LINK_BYTES])
{
	const char *inner = strchr(link, '=');
	size_t n = inner ? (size_t)(inner - link) : strlen(link);
	const char *base;

	(void)snprintf(ret_path, LINK_BYTES, "%.*s", (int)n - 1, link + 1);
	base = strrchr(ret_path, '/');
	base = base ? base + 1 : ret_path;
	if (inner)
		(void)snprintf(ret_target, LINK_BYTES, "/" STORE_FOLDER "/%s/current/%s",
			       tool->head.name, inner + 1);
	else if (tool->is_tree)
		(void)snprintf(ret_target, LINK_BYTES, "/" STORE_FOLDER "/%s/current/bin/%s",
			       tool->head.name, base);
	else
		(void)snprintf(ret_target, LINK_BYTES, "/" STORE_FOLDER "/%s/current/%s",
			       tool->head.name, tool->head.name);
}

static enum link_state look_at_link(const struct env *env, const char *path, const char *target)
{
	char found[PATH_MAX];
	ssize_t n = readlinkat(env->root_dirfd, path, found, sizeof(found) - 1);

	if (n < 0)
		return errno == ENOENT ? LINK_ABSENT : LINK_FOREIGN;
	found[n] = '\0';
	if (target && strcmp(found, target) == 0)
		return LINK_RIGHT;
	return str_starts_with(found, "/" STORE_FOLDER "/") ? LINK_OURS : LINK_FOREIGN;
}

/* Whether the bytes on disk are those that were installed for this pin. */
static int is_installed(const struct step_context *context, const struct config_tool *tool,
			const struct tools_log_row *known, bool *ret_installed,
			struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = -1;
	char pin[PIN_BYTES], digest[DIGEST_HEX_BYTES], current[STORE_VERSION_BYTES];
	int r;

	*ret_installed = false;
	describe_pin(tool, pin);
	if (!known || strcmp(known->version, tool->version) != 0 || strcmp(known->pin, pin) != 0)
		return 0;
	r = store_get_pointer(context->env, tool->head.name, NULL, current, err);
	if (r < 0 || strcmp(current, tool->version) != 0)
		return r;
	fd = store_open(context->env, tool->head.name, tool->version, err);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	/* What is there beside files, folders and links is not what was installed. */
	if (tree_digest(fd, digest, NULL) == 0)
		*ret_installed = strcmp(digest, known->digest) == 0;
	return 0;
}

static int check_links(const struct step_context *context, const struct config_tool *tool,
		       const struct item_list *items, struct dv_error *err)
{
	for (size_t i = 0; i < tool->links.n_items; i++) {
		char path[LINK_BYTES], target[LINK_BYTES];

		describe_link(tool, tool->links.items[i], path, target);
		switch (look_at_link(context->env, path, target)) {
		case LINK_RIGHT:
			break;
		case LINK_ABSENT:
			item_add(items, STEP_ADD, "link /%s", path);
			break;
		case LINK_OURS:
			item_add(items, STEP_CHANGE, "link /%s", path);
			break;
		case LINK_FOREIGN:
			return dv_refuse(
				err, -EEXIST,
				"tools.%s: /%s is there and is not devvm's: move it away, or "
				"give the tool another link",
				tool->head.name, path);
		}
	}
	return 0;
}

/* A link in the ledger that devvm.yaml gives no tool any more. */
static bool is_wanted(const struct config *config, const char *path)
{
	for (size_t i = 0; i < config->n_tools; i++) {
		const struct str_list *links = &config->tools[i].links;

		for (size_t k = 0; k < links->n_items; k++) {
			size_t n = strcspn(links->items[k], "=");

			if (strlen(path) == n && memcmp(path, links->items[k], n) == 0)
				return true;
		}
	}
	return false;
}

static const struct config_tool *find_tool(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->n_tools; i++) {
		if (strcmp(config->tools[i].head.name, name) == 0)
			return &config->tools[i];
	}
	return NULL;
}

typedef int on_surplus(void *context, const char *path, struct dv_error *err);

static int each_surplus(const struct step_context *context, const struct tools_log_row *known,
			on_surplus *act, void *argument, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list links = { 0 };
	int r = str_list_add_lines(&links, known->links);

	if (r < 0)
		return dv_fail(err, r, "look at the links of %s", known->name);
	for (size_t i = 0; r == 0 && i < links.n_items; i++) {
		const char *path = links.items[i];

		if (!is_wanted(context->config, path) &&
		    look_at_link(context->env, path + 1, NULL) == LINK_OURS)
			r = act(argument, path, err);
	}
	return r;
}

static int tell_surplus(void *items, const char *path, struct dv_error *err DV_UNUSED)
{
	item_add(items, STEP_REMOVE, "remove %s", path);
	return 0;
}

static int remove_surplus(void *context, const char *path, struct dv_error *err)
{
	const struct step_context *step = context;

	return file_remove(step->env->root_dirfd, path + 1, err);
}

/* What is wrong with one of several does not hide the rest. */
static void keep_first(int r, const struct dv_error *why, int *failure, struct dv_error *first)
{
	if (r == 0)
		return;
	if (*failure < 0)
		log_warning("%s", why->text);
	if (*failure == 0) {
		*failure = r;
		*first = *why;
	}
}

int tools_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	const struct config *config = context->config;
	DV_AUTO_TOOLS_LOG struct tools_log log = { 0 };
	struct dv_error first = { "" };
	int failure = 0;
	int r = tools_log_list(context->machine->ledger, &log, err);

	if (r < 0)
		return r;
	item_begin(&items);
	for (size_t i = 0; i < config->n_tools; i++) {
		const struct config_tool *tool = &config->tools[i];
		const struct tools_log_row *known = tools_log_find(&log, tool->head.name);
		struct dv_error why = { "" };
		bool installed = false;

		r = is_installed(context, tool, known, &installed, &why);
		if (r == 0 && !installed)
			item_add(&items, known ? STEP_CHANGE : STEP_ADD, "install %s %s",
				 tool->head.name, tool->version);
		if (r == 0)
			r = check_links(context, tool, &items, &why);
		keep_first(r, &why, &failure, &first);
	}
	for (size_t i = 0; i < log.n_rows; i++) {
		DV_IGNORE(each_surplus(context, &log.rows[i], tell_surplus, (void *)&items, NULL));
		if (!find_tool(config, log.rows[i].name))
			item_add(&items, STEP_REMOVE, "let go of %s", log.rows[i].name);
	}
	/* The apply does what can be done, and says the same. */
	return failure < 0 && *ret_verdict != STEP_DIFFERS
		       ? dv_refuse(err, failure, "%s", first.text)
		       : 0;
}

/* ---- installing ----------------------------------------------------------------------- */

static int install(const struct step_context *context, const struct config_tool *tool,
		   struct dv_error *err)
{
	DV_AUTO_CLOSE int stage_fd = tool_stage(context->env, tool, err);
	DV_AUTO_CLOSE int fd = -1;
	char pin[PIN_BYTES], digest[DIGEST_HEX_BYTES];
	static char no_links[] = "";
	int r = stage_fd;

	if (r >= 0)
		r = store_replace(context->env, tool->head.name, tool->version, stage_fd, err);
	DV_IGNORE(tool_stage_remove(context->env, tool, NULL)); /* else the next run does */
	if (r < 0)
		return r;
	fd = store_open(context->env, tool->head.name, tool->version, err);
	if (fd < 0)
		return fd;
	r = tree_digest(fd, digest, err);
	if (r == 0)
		r = store_set_pointer(context->env, tool->head.name, NULL, tool->version, err);
	if (r < 0)
		return r;
	describe_pin(tool, pin);
	return tools_log_put(context->machine->ledger,
			     &(struct tools_log_row){ .name = tool->head.name,
						      .version = tool->version,
						      .pin = pin,
						      .digest = digest,
						      .links = no_links },
			     err);
}

/* Noted before they are made: whoever is killed between leaves none that nobody knows. */
static int put_links(const struct step_context *context, const struct config_tool *tool,
		     const struct tools_log_row *known, struct dv_error *err)
{
	DV_AUTO_STR_LIST struct str_list paths = { 0 };
	DV_AUTO_FREE char *lines = NULL;
	struct tools_log_row row = *known;
	int r = 0;

	for (size_t i = 0; r == 0 && i < tool->links.n_items; i++) {
		DV_AUTO_FREE char *path =
			strndup(tool->links.items[i], strcspn(tool->links.items[i], "="));

		r = path ? str_list_add(&paths, path) : -ENOMEM;
	}
	lines = r == 0 ? str_list_join(&paths, "\n") : NULL;
	if (!lines)
		return dv_fail(err, -ENOMEM, "note the links of %s", tool->head.name);
	row.links = lines;
	if (strcmp(known->links, lines) != 0)
		r = tools_log_put(context->machine->ledger, &row, err);
	for (size_t i = 0; r == 0 && i < tool->links.n_items; i++) {
		char path[LINK_BYTES], target[LINK_BYTES];
		enum link_state state;

		describe_link(tool, tool->links.items[i], path, target);
		state = look_at_link(context->env, path, target);
		if (state == LINK_RIGHT || state == LINK_FOREIGN)
			continue;
		/* Of a killed run. */
		file_sweep_beside(context->env->root_dirfd, path);
		r = file_link(context->env->root_dirfd, target, path, state == LINK_OURS, err);
	}
	return r;
}

static int keep_tool(const struct step_context *context, const struct config_tool *tool,
		     struct dv_error *err)
{
	static const struct item_list nobody = { 0 };
	DV_AUTO_TOOLS_LOG struct tools_log log = { 0 };
	enum step_verdict ignored = STEP_UNSET;
	char what[STEP_WHAT_BYTES] = "";
	struct step_context quiet = *context;
	struct item_list items = nobody;
	bool installed = false;
	int r = tools_log_list(context->machine->ledger, &log, err);

	quiet.on_item = NULL;
	items = (struct item_list){ &quiet, &ignored, what };
	/* A link that cannot be ours refuses the tool before anything is fetched. */
	if (r == 0)
		r = check_links(context, tool, &items, err);
	if (r == 0)
		r = is_installed(context, tool, tools_log_find(&log, tool->head.name), &installed,
				 err);
	if (r == 0 && !installed)
		r = install(context, tool, err);
	if (r < 0)
		return r;
	tools_log_done(&log);
	r = tools_log_list(context->machine->ledger, &log, err);
	if (r < 0)
		return r;
	return put_links(context, tool, tools_log_find(&log, tool->head.name), err);
}

int tools_apply(struct step_context *context, struct dv_error *err)
{
	const struct config *config = context->config;
	DV_AUTO_TOOLS_LOG struct tools_log log = { 0 };
	struct dv_error first = { "" };
	int failure = 0;
	int r = tools_log_list(context->machine->ledger, &log, err);

	if (r < 0)
		return r;
	/* First what goes: a link may move from one tool to another. */
	for (size_t i = 0; i < log.n_rows; i++) {
		struct dv_error why = { "" };

		r = each_surplus(context, &log.rows[i], remove_surplus, context, &why);
		if (r == 0 && !find_tool(config, log.rows[i].name))
			r = tools_log_remove(context->machine->ledger, log.rows[i].name, &why);
		keep_first(r, &why, &failure, &first);
	}
	for (size_t i = 0; i < config->n_tools; i++) {
		struct dv_error why = { "" };

		r = keep_tool(context, &config->tools[i], &why);
		if (r < 0)
			DV_IGNORE(dv_prefix(&why, r, "%s", config->tools[i].head.name));
		keep_first(r, &why, &failure, &first);
	}
	return failure < 0 ? dv_refuse(err, failure, "%s", first.text) : 0;
}
