/* people.c - see people.h. */
#include "dispatch/people.h"

#include <jansson.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#define MAX_BYTES (16U << 20)
#define LOOK_MS 1000 /* how long an account is not looked up again */
#define LOOK_REST 10 /* and so many times as long as that took: everybody waits meanwhile */

static int compare(const void *a, const void *b)
{
	return strcasecmp(((const struct door_person *)a)->identity,
			  ((const struct door_person *)b)->identity);
}

static void drop_rows(struct door_people *people)
{
	for (size_t i = 0; i < people->n_rows; i++) {
		free(people->rows[i].identity);
		free(people->rows[i].user);
	}
	free(people->rows);
	people->rows = NULL;
	people->n_rows = 0;
}

static int add(struct door_people *people, const char *identity, const char *user, uint16_t port,
	       enum door_away away)
{
	struct door_person *person = &people->rows[people->n_rows];

	*person = (struct door_person){ .identity = strdup(identity),
					.user = user ? strdup(user) : NULL,
					.port = port,
					.uid = (uid_t)-1,
					.away = away };
	people->n_rows++;
	return person->identity && (person->user || !user) ? 0 : -ENOMEM;
}

static int add_people(struct door_people *people, json_t *map)
{
	const char *identity;
	json_t *row;
	int r = 0;

	json_object_foreach(map, identity, row)
	{
		const char *user = json_string_value(json_object_get(row, "os_user"));
		json_int_t port = json_integer_value(json_object_get(row, "port"));

		if (r == 0 && user && str_is_user_name(user) && port > 0 && port <= UINT16_MAX)
			r = add(people, identity, user, (uint16_t)port, DOOR_HERE);
	}
	qsort(people->rows, people->n_rows, sizeof(*people->rows), compare);
	return r;
}

/* Whoever is in the other map under this identity is not the one who left. */
static int add_away(struct door_people *people, json_t *map)
{
	size_t n_here = people->n_rows;
	const char *identity;
	json_t *why;
	int r = 0;

	json_object_foreach(map, identity, why)
	{
		const struct door_person key = { .identity = (char *)identity };
		struct door_person *person =
			bsearch(&key, people->rows, n_here, sizeof(*people->rows), compare);
		bool is_parked = str_equal(json_string_value(why), "parked");

		if (person && is_parked)
			person->away = DOOR_PARKED;
		else if (r == 0 && !person && !is_parked)
			r = add(people, identity, NULL, 0, DOOR_LEFT);
	}
	qsort(people->rows, people->n_rows, sizeof(*people->rows), compare);
	return r;
}

static void mark_admins(struct door_people *people, const json_t *list)
{
	json_t *identity;
	size_t i;

	json_array_foreach(list, i, identity)
	{
		const char *name = json_string_value(identity);
		const struct door_person key = { .identity = (char *)name };
		struct door_person *person = name ? bsearch(&key, people->rows, people->n_rows,
							    sizeof(*people->rows), compare)
						  : NULL;

		if (person)
			person->is_admin = true;
	}
}

static int load(int root_fd, const char *path, json_t **ret_map, struct stat *ret_stat,
		struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	json_error_t why;
	int r = file_read(root_fd, path, MAX_BYTES, &text, &n_bytes, ret_stat, err);

	if (r < 0)
		return r;
	*ret_map = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &why);
	return *ret_map ? 0
			: dv_refuse(err, -EBADMSG, "/%s: line %d: %s", path, why.line, why.text);
}

static const char *const PATHS[] = { DOOR_PEOPLE_PATH, DOOR_MORE_PATH };

static bool is_seen(const struct door_people *people, int root_fd)
{
	for (size_t i = 0; i < DV_COUNT(PATHS); i++) {
		const struct stat *seen = &people->seen[i];
		struct stat st = { 0 };

		if (fstatat(root_fd, PATHS[i], &st, AT_SYMLINK_NOFOLLOW) < 0 && i == 0)
			return false;
		if (st.st_ino != seen->st_ino || st.st_dev != seen->st_dev ||
		    st.st_size != seen->st_size || st.st_ctim.tv_sec != seen->st_ctim.tv_sec ||
		    st.st_ctim.tv_nsec != seen->st_ctim.tv_nsec)
			return false;
	}
	return true;
}

int door_people_refresh(struct door_people *people, int root_fd, struct dv_error *err)
{
	json_t *here = NULL, *more = NULL, *away;
	struct stat seen[DV_COUNT(PATHS)] = { 0 };
	int r;

	if (is_seen(people, root_fd))
		return 0;
	drop_rows(people);
	r = load(root_fd, DOOR_PEOPLE_PATH, &here, &seen[0], err);
	if (r == 0) {
		r = load(root_fd, DOOR_MORE_PATH, &more, &seen[1], err);
		r = r == -ENOENT ? 0 : r;
	}
	away = json_object_get(more, "away");
	if (r == 0) {
		people->rows = calloc(json_object_size(here) + json_object_size(away) + 1,
				      sizeof(*people->rows));
		r = people->rows ? add_people(people, here) : -ENOMEM;
		r = r == 0 ? add_away(people, away) : r;
		mark_admins(people, json_object_get(more, "admins"));
		r = r < 0 ? dv_fail(err, r, "keep who is who") : 0;
	}
	json_decref(here);
	json_decref(more);
	if (r < 0) {
		drop_rows(people);
		memset(people->seen, 0, sizeof(people->seen));
		return r;
	}
	memcpy(people->seen, seen, sizeof(seen));
	return 0;
}

const struct door_person *door_people_find(const struct door_people *people, const char *identity)
{
	const struct door_person key = { .identity = (char *)identity };

	return people->n_rows == 0 ? NULL
				   : bsearch(&key, people->rows, people->n_rows,
					     sizeof(*people->rows), compare);
}

uid_t door_people_uid_anew(const struct door_people *people, const struct door_person *person)
{
	struct door_person *own = &people->rows[person - people->rows];
	int64_t began_ms = clock_now_ms();
	const struct passwd *account;

	if (began_ms < own->look_again_ms)
		return own->uid;
	account = getpwnam(own->user);
	if (account)
		own->uid = account->pw_uid;
	own->look_again_ms = began_ms + LOOK_MS + (clock_now_ms() - began_ms) * LOOK_REST;
	return own->uid;
}

uid_t door_people_uid(const struct door_people *people, const struct door_person *person)
{
	return person->uid != (uid_t)-1 ? person->uid : door_people_uid_anew(people, person);
}

void door_people_done(struct door_people *people)
{
	drop_rows(people);
}
