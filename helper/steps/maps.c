/* maps.c - see maps.h. */
#include "steps/maps.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "roster/derive.h"
#include "roster/tiers.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/view.h"

enum map {
	MAP_DISPATCH,
	MAP_TTYD,
	MAP_ADMINS,
	N_MAPS,
};

static const char *const MAP_PATHS[N_MAPS] = {
	[MAP_DISPATCH] = STEPS_ENV_FOLDER "/dispatch.json",
	[MAP_TTYD] = "etc/ttyd-user-map",
	[MAP_ADMINS] = "etc/ttyd-admins",
};

/* Everything is borrowed from `people`. */
struct maps {
	struct people people;
	struct derive_mapping *mappings; /* by identity */
	size_t n_mappings;
	char *texts[N_MAPS];
};

static void maps_done(struct maps *maps)
{
	for (int i = 0; i < N_MAPS; i++)
		free(maps->texts[i]);
	free(maps->mappings);
	people_done(&maps->people);
}

static int list_mappings(struct maps *maps)
{
	maps->mappings = calloc(maps->people.n_rows + 1, sizeof(*maps->mappings));
	if (!maps->mappings)
		return -ENOMEM;
	for (size_t i = 0; i < maps->people.n_rows; i++) {
		const struct people_row *person = &maps->people.rows[i];

		if (person->state == PEOPLE_PRESENT)
			maps->mappings[maps->n_mappings++] =
				(struct derive_mapping){ .identity = person->identity,
							 .os_user = person->name,
							 .port = person->ports[PEOPLE_PORT_T3] };
	}
	derive_sort_mappings(maps->mappings, maps->n_mappings);
	return 0;
}

static void print_ttyd_map(FILE *out, const struct maps *maps)
{
	for (size_t i = 0; i < maps->n_mappings; i++)
		(void)fprintf(out, "%s=%s\n", maps->mappings[i].identity,
			      maps->mappings[i].os_user);
}

static void print_admins(FILE *out, const struct maps *maps)
{
	for (size_t i = 0; i < maps->people.n_rows; i++) {
		const struct people_row *person = &maps->people.rows[i];

		if (person->state == PEOPLE_PRESENT && tier_from_name(person->tier) == TIER_ADMIN)
			(void)fprintf(out, "%s\n", person->name);
	}
}

static int print_text(const struct maps *maps, void (*print)(FILE *out, const struct maps *maps),
		      char **ret_text)
{
	size_t n_bytes = 0;
	FILE *out = open_memstream(ret_text, &n_bytes);

	if (!out)
		return -errno;
	print(out, maps);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int compose(struct step_context *context, struct maps *maps, struct dv_error *err)
{
	int r = people_list(context->machine->ledger, &maps->people, err);

	if (r < 0)
		return r;
	r = list_mappings(maps);
	if (r == 0)
		r = print_text(maps, print_ttyd_map, &maps->texts[MAP_TTYD]);
	if (r == 0)
		r = print_text(maps, print_admins, &maps->texts[MAP_ADMINS]);
	if (r < 0)
		return dv_fail(err, r, "write the maps");
	return derive_dispatch_to_json(maps->mappings, maps->n_mappings, &maps->texts[MAP_DISPATCH],
				       err);
}

static struct file_spec describe(const char *text)
{
	return (struct file_spec){ .data = text,
				   .n_bytes = strlen(text),
				   .mode = 0644,
				   .uid = geteuid(),
				   .gid = (gid_t)-1 };
}

int maps_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	DV_CLEANUP(maps_done) struct maps maps = { 0 };
	int r = compose(context, &maps, err);

	if (r < 0)
		return r;
	item_begin(&items);
	for (int i = 0; i < N_MAPS; i++) {
		struct file_spec spec = describe(maps.texts[i]);
		bool matches = false;

		r = file_matches(context->env->root_dirfd, MAP_PATHS[i], &spec, &matches, err);
		if (r < 0)
			return r;
		if (!matches)
			item_add(&items, item_mark_of(context->env, MAP_PATHS[i]), "write /%s",
				 MAP_PATHS[i]);
	}
	return 0;
}

int maps_apply(struct step_context *context, struct dv_error *err)
{
	DV_CLEANUP(maps_done) struct maps maps = { 0 };
	int root_fd = context->env->root_dirfd;
	int r = compose(context, &maps, err);

	if (r == 0)
		r = file_make_dirs(root_fd, STEPS_ENV_FOLDER, 0755, err);
	for (int i = 0; r == 0 && i < N_MAPS; i++) {
		struct file_spec spec = describe(maps.texts[i]);
		bool matches = false;

		r = file_matches(root_fd, MAP_PATHS[i], &spec, &matches, err);
		if (r == 0 && !matches)
			r = file_replace(root_fd, MAP_PATHS[i], &spec, err);
	}
	return r;
}
