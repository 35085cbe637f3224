/* people.c - see people.h. */
#include "dispatch/people.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/str.h"

#define MAX_BYTES (16U << 20)

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

static int fill(struct door_people *people, json_t *map, struct dv_error *err)
{
	const char *identity;
	json_t *row;

	people->rows = calloc(json_object_size(map) + 1, sizeof(*people->rows));
	if (!people->rows)
		return dv_fail(err, -ENOMEM, "keep /" PEOPLE_PATH);
	json_object_foreach (map, identity, row) {
		const char *user = json_string_value(json_object_get(row, "os_user"));
		json_int_t port = json_integer_value(json_object_get(row, "port"));
		struct door_person *person = &people->rows[people->n_rows];

		if (!user || !str_is_user_name(user) || port < 1 || port > UINT16_MAX)
			continue;
		*person = (struct door_person){ .identity = strdup(identity),
						.user = strdup(user),
						.port = (uint16_t)port };
		people->n_rows++;
		if (!person->identity || !person->user)
			return dv_fail(err, -ENOMEM, "keep /" PEOPLE_PATH);
	}
	qsort(people->rows, people->n_rows, sizeof(*people->rows), compare);
	return 0;
}

static int load(struct door_people *people, int root_fd, struct stat *ret_stat, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	json_error_t why;
	json_t *map;
	int r = file_read(root_fd, PEOPLE_PATH, MAX_BYTES, &text, &n_bytes, ret_stat, err);

	if (r < 0)
		return r;
	map = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &why);
	if (!map)
		return dv_refuse(err, -EBADMSG, "/" PEOPLE_PATH ": line %d: %s", why.line, why.text);
	r = fill(people, map, err);
	json_decref(map);
	return r;
}

int door_people_refresh(struct door_people *people, int root_fd, struct dv_error *err)
{
	struct stat st;
	int r;

	if (fstatat(root_fd, PEOPLE_PATH, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino == people->seen.st_ino && st.st_dev == people->seen.st_dev &&
	    st.st_size == people->seen.st_size &&
	    st.st_ctim.tv_sec == people->seen.st_ctim.tv_sec &&
	    st.st_ctim.tv_nsec == people->seen.st_ctim.tv_nsec)
		return 0;
	drop_rows(people);
	people->seen = (struct stat){ 0 };
	r = load(people, root_fd, &st, err);
	if (r < 0) {
		drop_rows(people);
		return r;
	}
	people->seen = st;
	return 0;
}

const struct door_person *door_people_find(const struct door_people *people, const char *identity)
{
	const struct door_person key = { .identity = (char *)identity };

	return people->n_rows == 0 ? NULL
				   : bsearch(&key, people->rows, people->n_rows,
					     sizeof(*people->rows), compare);
}

void door_people_done(struct door_people *people)
{
	drop_rows(people);
}
