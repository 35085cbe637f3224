/* node.c - see node.h. */
#include "store/node.h"

#include <string.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/str.h"

#define RUN_DEADLINE_MS 5000
#define MAX_NUMBER 100000

static const char *const PLACES[] = {
	"/opt/devvm/node/current/bin/node", /* a tool pinned on this machine */
	"/usr/local/bin/node",
	"/usr/bin/node",
	NULL,
};

/* What package.json of the two says under "engines". */
static const struct {
	enum node_purpose purpose;
	unsigned int major, minor; /* at least */
	bool later_majors;	   /* and every later major; else this one alone */
} NEEDS[] = {
	{ NODE_FOR_T3, 22, 16, false },
	{ NODE_FOR_T3, 23, 11, false },
	{ NODE_FOR_T3, 24, 10, true },
	{ NODE_FOR_PLAYWRIGHT, 18, 0, true },
};

static const char *const WHO[NODE_N_PURPOSES] = {
	[NODE_FOR_T3] = "t3",
	[NODE_FOR_PLAYWRIGHT] = "playwright",
};

/* "22.16": the least that a node of this major, or of the next that will do, must be. */
static void least_of(unsigned int major, enum node_purpose purpose, char ret_text[static 24])
{
	for (size_t i = 0; i < DV_COUNT(NEEDS); i++) {
		if (NEEDS[i].purpose != purpose || NEEDS[i].major < major)
			continue;
		(void)snprintf(ret_text, 24, "%u.%u", NEEDS[i].major, NEEDS[i].minor);
		return;
	}
	ret_text[0] = '\0';
}

bool node_is_enough(const struct node_version *version, enum node_purpose purpose)
{
	for (size_t i = 0; i < DV_COUNT(NEEDS); i++) {
		if (NEEDS[i].purpose != purpose)
			continue;
		if (version->major == NEEDS[i].major && version->minor >= NEEDS[i].minor)
			return true;
		if (NEEDS[i].later_majors && version->major > NEEDS[i].major)
			return true;
	}
	return false;
}

int node_version_parse(const char *text, struct node_version *ret_version)
{
	unsigned int numbers[3];
	char copy[32];
	char *rest = copy;
	size_t n = strcspn(text, "\n");

	if (text[0] != 'v' || n >= sizeof(copy) || (text[n] && text[n + 1]))
		return -EINVAL;
	memcpy(copy, text + 1, n - 1);
	copy[n - 1] = '\0';
	copy[strcspn(copy, "-+")] = '\0'; /* of a nightly build */
	for (size_t i = 0; i < DV_COUNT(numbers); i++) {
		const char *part = strsep(&rest, ".");
		uint64_t value = 0;

		if (!part || str_to_uint(part, MAX_NUMBER, &value) < 0)
			return -EINVAL;
		numbers[i] = (unsigned int)value;
	}
	if (rest)
		return -EINVAL;
	*ret_version = (struct node_version){ numbers[0], numbers[1], numbers[2] };
	return 0;
}

/* -ENOENT where there is none, -ENOEXEC where it prints no version, whatever its status. */
static int ask(const char *path, struct node_version *ret_version, struct dv_error *err)
{
	const char *const argv[] = { path, "--version", NULL };
	DV_AUTO_FREE struct process_result *result = malloc(sizeof(*result));
	int r;

	if (access(path, X_OK) < 0)
		return -ENOENT;
	if (!result)
		return dv_fail(err, -ENOMEM, "run %s", path);
	r = process_run(&(struct process_spec){ .argv = argv,
						.deadline_ms = clock_deadline_ms(RUN_DEADLINE_MS) },
			result, err);
	if (r < 0)
		return r;
	return node_version_parse(result->output, ret_version) < 0 ? -ENOEXEC : 0;
}

int store_find_node_among(const char *const *paths, enum node_purpose purpose,
			  struct node_found *ret_found, struct dv_error *err)
{
	/* The first thing that stood in the way is what a person must see. */
	struct dv_error why = { "" };
	char least[24];

	for (; *paths; paths++) {
		struct node_version version = { 0 };
		int r = ask(*paths, &version, err);

		if (r == 0 && node_is_enough(&version, purpose)) {
			char *path = strdup(*paths);

			if (!path)
				return dv_fail(err, -ENOMEM, "find node");
			*ret_found = (struct node_found){ path, version };
			return 0;
		}
		if (r < 0 && r != -ENOENT && r != -ENOEXEC)
			return r;
		least_of(version.major, purpose, least);
		if (r == 0 && !*why.text)
			DV_IGNORE(dv_refuse(&why, r,
					    "node %u.%u at %s is older than %s, which %s needs",
					    version.major, version.minor, *paths, least,
					    WHO[purpose]));
		else if (r == -ENOEXEC && !*why.text)
			DV_IGNORE(dv_refuse(&why, r, "%s prints no version of node", *paths));
	}
	least_of(0, purpose, least);
	if (!*why.text)
		DV_IGNORE(dv_refuse(&why, -ENOENT, "there is no node, and %s needs %s or newer",
				    WHO[purpose], least));
	return dv_refuse(err, -ENOENT, "%s; set node.path in /etc/devvm/devvm.yaml", why.text);
}

int store_find_node(const struct config *config, enum node_purpose purpose,
		    struct node_found *ret_found, struct dv_error *err)
{
	const char *const set[] = { config->node_path, NULL };

	return store_find_node_among(config->node_path ? set : PLACES, purpose, ret_found, err);
}

void node_found_done(struct node_found *found)
{
	free(found->path);
	*found = (struct node_found){ 0 };
}
