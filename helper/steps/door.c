/* door.c - see door.h. */
#include "steps/door.h"

#include <inttypes.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/secret.h"
#include "roster/roster_words.h"
#include "roster/tiers.h"
#include "steps/item.h"
#include "steps/paths.h"
#include "steps/settle_note.h"
#include "steps/view.h"
#include "units/manager.h"

#define PEOPLE_FILE STEPS_ENV_FOLDER "/nginx-people.conf"
#define DOOR_FILE STEPS_ENV_FOLDER "/door.json"
#define SECRET_FILE STEPS_ENV_FOLDER "/nginx-secret.conf"
#define SECRET_SOURCE "etc/devvm/door-secret"
#define MAX_SECRET_BYTES 4096
#define SECRET_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.-"
#define TOLD_FILE "run/devvm/nginx-told"
#define TOLD_BYTES 256
#define UPSTREAM_PREFIX "devvm_person_"
#define NGINX_UNIT "nginx.service"

static bool is_behind(const struct people_row *person)
{
	return person->state == PEOPLE_PRESENT && !person->parked &&
	       person->ports[PEOPLE_PORT_T3] > 0 && !roster_identity_fault(person->identity);
}

/* A backslash ahead makes a plain word of what nginx would read as a keyword of its map ("default", "include") or an
 * expression ("~"); ngx_http_map_module. In quotes it takes two. */
static void print_key(FILE *out, const struct people_row *person)
{
	(void)fprintf(out, "\t\"\\\\%s\"", person->identity);
}

/* The prefix keeps people's upstreams apart from devvm_dispatch. */
static void print_people(FILE *out, const struct people *people)
{
	(void)fprintf(out, "# Written by devvm from its roster; changes are lost.\n"
			   "map $devvm_identity $devvm_upstream {\n\tdefault \"\";\n");
	for (size_t i = 0; i < people->n_rows; i++) {
		if (!is_behind(&people->rows[i]))
			continue;
		print_key(out, &people->rows[i]);
		(void)fprintf(out, " " UPSTREAM_PREFIX "%s;\n", people->rows[i].name);
	}
	(void)fprintf(out, "}\nmap $devvm_identity $devvm_terminal {\n\tdefault \"\";\n");
	for (size_t i = 0; i < people->n_rows; i++) {
		if (!is_behind(&people->rows[i]))
			continue;
		print_key(out, &people->rows[i]);
		(void)fprintf(out, " %s;\n", people->rows[i].name);
	}
	(void)fprintf(out, "}\n");
	for (size_t i = 0; i < people->n_rows; i++) {
		if (is_behind(&people->rows[i]))
			(void)fprintf(out,
				      "upstream " UPSTREAM_PREFIX
				      "%s { server 127.0.0.1:%u max_fails=0; "
				      "keepalive 64; }\n",
				      people->rows[i].name, people->rows[i].ports[PEOPLE_PORT_T3]);
	}
}

static int compose_people(struct step_context *context, struct secret *ret_text,
			  struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	int r = people_list(context->machine->ledger, &people, err);
	FILE *out;

	if (r < 0)
		return r;
	out = open_memstream(&ret_text->text, &ret_text->n_bytes);
	if (!out)
		return dv_fail(err, -errno, "write /" PEOPLE_FILE);
	print_people(out, &people);
	return fclose(out) == 0 ? 0 : dv_fail(err, -ENOMEM, "write /" PEOPLE_FILE);
}

static int compose_door(struct step_context *context, struct secret *ret_text, struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	json_t *away = json_object(), *admins = json_array(), *door;
	int r = people_list(context->machine->ledger, &people, err);

	for (size_t i = 0; r == 0 && i < people.n_rows; i++) {
		const struct people_row *person = &people.rows[i];
		const char *why = person->state != PEOPLE_PRESENT ? "left"
				  : person->parked		  ? "parked"
								  : NULL;

		if (why)
			(void)json_object_set_new(away, person->identity, json_string(why));
		else if (str_equal(person->tier, tier_name(TIER_ADMIN)))
			(void)json_array_append_new(admins, json_string(person->identity));
	}
	door = json_pack("{s:o, s:o}", "admins", admins, "away", away);
	ret_text->text = r == 0 && door ? json_dumps(door, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
	json_decref(door);
	if (r < 0)
		return r;
	if (!ret_text->text)
		return dv_fail(err, -ENOMEM, "write /" DOOR_FILE);
	ret_text->n_bytes = strlen(ret_text->text);
	return 0;
}

/* What nginx's secure_link compares with: base64url of an MD5. It is there for the comparison to tell
 * nothing by its time; that a secret cannot be found from its MD5 still holds. */
static int print_digest(const char *secret, size_t n_bytes, struct secret *ret_text,
			struct dv_error *err)
{
	unsigned char md5[EVP_MAX_MD_SIZE];
	char base64[EVP_MAX_MD_SIZE * 2];
	unsigned int n_md5 = 0;
	int n;

	if (EVP_Digest(secret, n_bytes, md5, &n_md5, EVP_md5(), NULL) != 1)
		return dv_refuse(err, -EIO,
				 "this machine's OpenSSL makes no MD5, which nginx "
				 "compares the secret of the door by");
	(void)EVP_EncodeBlock((unsigned char *)base64, md5, (int)n_md5);
	base64[strcspn(base64, "=")] = '\0';
	for (char *c = base64; *c; c++) {
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
	}
	n = asprintf(&ret_text->text, "secure_link \"%s\";\n", base64);
	if (n < 0) {
		ret_text->text = NULL;
		return dv_fail(err, -ENOMEM, "write /" SECRET_FILE);
	}
	ret_text->n_bytes = (size_t)n;
	return 0;
}

/* Without a text: there is to be no file. */
static int compose_secret(struct step_context *context, struct secret *ret_text,
			  struct dv_error *err)
{
	DV_AUTO_SECRET struct secret secret = { 0 };
	size_t n;
	int r = secret_read(context->env->root_dirfd, SECRET_SOURCE, MAX_SECRET_BYTES, &secret,
			    err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	n = strcspn(secret.text, "\n");
	if (n == 0 || strspn(secret.text, SECRET_CHARACTERS) != n)
		return dv_refuse(err, -EINVAL,
				 "/" SECRET_SOURCE
				 " must be one line of letters, digits and +/=_.-");
	return print_digest(secret.text, n, ret_text, err);
}

static struct file_spec describe(const struct secret *text, mode_t mode)
{
	return (struct file_spec){ .data = text->text,
				   .n_bytes = text->n_bytes,
				   .mode = mode,
				   .uid = geteuid(),
				   .gid = (gid_t)-1 };
}

static const struct {
	const char *path;
	mode_t mode;
	int (*compose)(struct step_context *context, struct secret *ret_text, struct dv_error *err);
} FILES[] = {
	{ PEOPLE_FILE, 0644, compose_people },
	{ DOOR_FILE, 0644, compose_door },
	{ SECRET_FILE, 0600, compose_secret },
};

static int look(struct step_context *context, size_t i, struct secret *ret_text, bool *ret_matches,
		struct dv_error *err)
{
	int root_fd = context->env->root_dirfd;
	struct file_spec spec;
	int r = FILES[i].compose(context, ret_text, err);

	if (r < 0)
		return r;
	if (!ret_text->text) {
		*ret_matches = faccessat(root_fd, FILES[i].path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
		return 0;
	}
	spec = describe(ret_text, FILES[i].mode);
	return file_matches(root_fd, FILES[i].path, &spec, ret_matches, err);
}

int door_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };

	item_begin(&items);
	for (size_t i = 0; i < DV_COUNT(FILES); i++) {
		DV_AUTO_SECRET struct secret text = { 0 };
		bool matches = false;
		int r = look(context, i, &text, &matches, err);

		if (r < 0)
			return r;
		if (!matches && text.text)
			item_add(&items, item_mark_of(context->env, FILES[i].path), "write /%s",
				 FILES[i].path);
		else if (!matches)
			item_add(&items, STEP_REMOVE, "remove /%s", FILES[i].path);
	}
	return 0;
}

static int apply_file(struct step_context *context, size_t i, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret text = { 0 };
	int root_fd = context->env->root_dirfd;
	struct file_spec spec;
	bool matches = false;
	int r = look(context, i, &text, &matches, err);

	if (r < 0 || matches)
		return r;
	r = settle_note(context->machine, SETTLE_PEOPLE, err);
	if (r < 0)
		return r;
	if (!text.text)
		return file_remove(root_fd, FILES[i].path, err);
	spec = describe(&text, FILES[i].mode);
	return file_replace(root_fd, FILES[i].path, &spec, err);
}

int door_apply(struct step_context *context, struct dv_error *err)
{
	int r = file_make_dirs(context->env->root_dirfd, STEPS_ENV_FOLDER, 0755, err);

	for (size_t i = 0; r == 0 && i < DV_COUNT(FILES); i++)
		r = apply_file(context, i, err);
	return r;
}

/* ---- nginx ---------------------------------------------------------------------------- */

/* Which files are there: each is replaced whole, so another one has another time or number. */
static void describe_files(const struct env *env, char ret_text[static TOLD_BYTES])
{
	size_t n = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < DV_COUNT(FILES); i++) {
		struct stat st = { 0 };

		(void)fstatat(env->root_dirfd, FILES[i].path, &st, AT_SYMLINK_NOFOLLOW);
		n += (size_t)snprintf(ret_text + n, TOLD_BYTES - n,
				      "%" PRIu64 " %" PRId64 ".%09ld\n", (uint64_t)st.st_ino,
				      (int64_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	}
}

static struct file_spec told(const char *text)
{
	return (struct file_spec){ .data = text,
				   .n_bytes = strlen(text),
				   .mode = 0644,
				   .uid = geteuid(),
				   .gid = (gid_t)-1 };
}

int nginx_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	char text[TOLD_BYTES];
	struct file_spec spec;
	bool matches = false;
	int r;

	*ret_verdict = STEP_SKIPPED;
	if (faccessat(context->env->root_dirfd, "usr/sbin/nginx", X_OK, 0) < 0 ||
	    faccessat(context->env->root_dirfd, PEOPLE_FILE, F_OK, 0) < 0)
		return 0;
	describe_files(context->env, text);
	spec = told(text);
	r = file_matches(context->env->root_dirfd, TOLD_FILE, &spec, &matches, err);
	if (r < 0)
		return r;
	*ret_verdict = matches ? STEP_FINE : STEP_DIFFERS;
	if (!matches)
		(void)snprintf(ret_what, STEP_WHAT_BYTES, "reload nginx");
	return 0;
}

static int on_nginx(void *context, const char *name DV_UNUSED, const char *active_state)
{
	*(bool *)context = strcmp(active_state, "active") == 0;
	return 0;
}

int nginx_apply(struct step_context *context, struct dv_error *err)
{
	static const char *const units[] = { NGINX_UNIT, NULL };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	char text[TOLD_BYTES];
	struct file_spec spec;
	bool is_active = false;
	int r = manager_open(&manager, err);

	/* Before the reload: what is written after this is told next time. */
	describe_files(context->env, text);
	spec = told(text);
	if (r == 0)
		r = manager_list(manager, units, on_nginx, &is_active, err);
	if (r == 0 && is_active)
		r = manager_act(manager, MANAGER_RELOAD_OR_RESTART, units, 1, err);
	return r < 0 ? r : file_replace(context->env->root_dirfd, TOLD_FILE, &spec, err);
}
