/* vault.c - see vault.h. */
#include "secrets/vault.h"

#include <jansson.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "fetch/fetch.h"

#define BACKOFF_MS 500
#define MAX_HOPS 3
#define ANSWER_MAX_BYTES (1024 * 1024)
#define CREDENTIAL_MAX_BYTES 4096
#define URL_BYTES 1024

static void release_json(json_t **value)
{
	json_decref(*value);
}

#define AUTO_JSON DV_CLEANUP(release_json)

static void free_wiped(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void vault_init(struct vault *vault, const struct env *env, const struct config *config)
{
	/* For the whole process: what is parsed here holds secrets. */
	json_set_alloc_funcs(malloc, free_wiped);
	*vault = (struct vault){ .env = env, .config = config, .backoff_ms = BACKOFF_MS };
}

void vault_done(struct vault *vault)
{
	secret_done(&vault->token);
}

/* ---- one request ---------------------------------------------------------------------- */

static bool may_retry(unsigned int status)
{
	return status == 412 || status == 429 || (status >= 500 && status != 501);
}

/* `line` is "NAME: value"; the secret is the caller's. */
static int make_header(const char *name, const char *value, struct secret *ret_line)
{
	int n = asprintf(&ret_line->text, "%s: %s", name, value);

	if (n < 0) {
		ret_line->text = NULL; /* asprintf(3): undefined then */
		return -ENOMEM;
	}
	ret_line->n_bytes = (size_t)n;
	return 0;
}

struct question {
	const char *path; /* below /v1/ */
	const struct secret *post;
	bool with_token;
};

static int ask_url(const struct vault *vault, const struct question *question, const char *url,
		   struct fetch_answer *ret_answer, struct dv_error *err)
{
	const struct config *config = vault->config;
	DV_AUTO_SECRET struct secret token = { 0 };
	DV_AUTO_SECRET struct secret name = { 0 };
	struct secret headers[2] = { { 0 } }; /* borrow from the two above */
	size_t n_headers = 0;
	int r = 0;

	if (question->with_token) {
		r = make_header("X-Vault-Token", vault->token.text, &token);
		headers[n_headers++] = token;
	}
	if (r == 0 && config->vault_namespace) {
		r = make_header("X-Vault-Namespace", config->vault_namespace, &name);
		headers[n_headers++] = name;
	}
	if (r < 0)
		return dv_fail(err, r, "ask Vault");
	return fetch_memory(
		&(struct fetch_request){
			.url = url,
			.protocols = FETCH_HTTP | FETCH_HTTPS,
			.max_bytes = ANSWER_MAX_BYTES,
			.deadline_ms = clock_deadline_ms((int64_t)config->vault_timeout_s * 1000),
			.ca_file = config->vault_ca_file,
			.headers = headers,
			.n_headers = n_headers,
			.post = question->post,
		},
		ret_answer, err);
}

/* The host[:port] of a URL; NULL where it has a user in it, or is too long. */
static const char *host_of(const char *url, char ret_host[static 256])
{
	const char *begin = strstr(url, "://");
	size_t n;

	if (!begin)
		return NULL;
	begin += 3;
	n = strcspn(begin, "/?#");
	if (n == 0 || n >= 256 || memchr(begin, '@', n) || memchr(begin, '\\', n))
		return NULL;
	memcpy(ret_host, begin, n);
	ret_host[n] = '\0';
	for (char *c = ret_host; *c; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	return ret_host;
}

static bool is_allowed_host(const struct config *config, const char *host)
{
	char own[256];

	return str_equal(host_of(config->vault_url, own), host) ||
	       str_list_has(&config->vault_hosts, host);
}

/* Where a standby sends on to; `url` is replaced. */
static int follow(const struct vault *vault, const struct fetch_answer *answer,
		  char url[static URL_BYTES], struct dv_error *err)
{
	const char *location = fetch_header(answer, "Location");
	char host[256], shown[FETCH_SHOWN_BYTES];

	if (!location ||
	    (!str_starts_with(location, "https://") && !str_starts_with(location, "http://")))
		return dv_refuse(err, -EBADMSG, "Vault sends on (307) to nowhere");
	(void)fetch_show_url(location, shown);
	if (str_starts_with(url, "https://") && !str_starts_with(location, "https://"))
		return dv_refuse(err, -EACCES, "Vault sends on to %s, which is not https", shown);
	if (!host_of(location, host) || !is_allowed_host(vault->config, host))
		return dv_refuse(err, -EACCES,
				 "Vault sends on to %s, which gets no token: it is not in "
				 "vault.redirect_hosts",
				 shown);
	if (strlen(location) >= URL_BYTES)
		return dv_refuse(err, -EBADMSG, "Vault sends on to a URL that is too long");
	(void)snprintf(url, URL_BYTES, "%s", location);
	return 0;
}

static int ask_once(const struct vault *vault, const struct question *question,
		    struct fetch_answer *ret_answer, struct dv_error *err)
{
	const char *base = vault->config->vault_url;
	size_t n_base = strlen(base);
	char url[URL_BYTES];

	while (n_base > 0 && base[n_base - 1] == '/')
		n_base--;
	if (snprintf(url, sizeof(url), "%.*s/v1/%s", (int)n_base, base, question->path) >=
	    (int)sizeof(url))
		return dv_refuse(err, -EINVAL, "the URL of %s is too long", question->path);
	for (int hop = 0; hop <= MAX_HOPS; hop++) {
		DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
		int r = ask_url(vault, question, url, &answer, err);

		if (r < 0)
			return r;
		if (answer.status != 307) {
			*ret_answer = answer;
			answer = (struct fetch_answer){ 0 }; /* handed over */
			return 0;
		}
		r = follow(vault, &answer, url, err);
		if (r < 0)
			return r;
	}
	return dv_refuse(err, -ELOOP, "Vault sends on more than %d times", MAX_HOPS);
}

/* From half of `ms` to all of it. */
static void wait_with_jitter(int64_t ms)
{
	unsigned int random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0; /* no jitter then */
	(void)poll(NULL, 0, (int)(ms / 2 + (int64_t)(random % (unsigned int)(ms / 2 + 1))));
}

static int explain_status(unsigned int status, const char *path, struct dv_error *err)
{
	switch (status) {
	case 400:
		return dv_refuse(err, -EINVAL, "Vault calls the question about %s bad (400)", path);
	case 403:
		return dv_refuse(err, -EACCES,
				 "Vault refuses %s (403): the token is bad, over, or may not",
				 path);
	case 404:
		return dv_refuse(err, -ENOENT, "Vault has no %s (404)", path);
	case 503:
		return dv_refuse(err, -EAGAIN, "Vault is sealed or in maintenance (503)");
	default:
		return dv_refuse(err, may_retry(status) ? -EAGAIN : -EBADMSG,
				 "Vault answered %u about %s", status, path);
	}
}

/* What breaks on the way: tried again. What we refuse ourselves is not. */
static bool is_transient(int r)
{
	return r == -EIO || r == -ETIMEDOUT;
}

static int ask(struct vault *vault, const struct question *question,
	       struct fetch_answer *ret_answer, struct dv_error *err)
{
	int64_t wait_ms = vault->backoff_ms;

	if (vault->down < 0)
		return dv_refuse(err, vault->down, "%s", vault->down_err.text);
	for (unsigned int try = 1;; try++) {
		DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
		int r = ask_once(vault, question, &answer, err);
		bool again = r < 0 ? is_transient(r) : may_retry(answer.status);

		if (!again && r == 0) {
			*ret_answer = answer;
			answer = (struct fetch_answer){ 0 }; /* handed over */
		}
		if (!again)
			return r;
		if (try < vault->config->vault_attempts) {
			wait_with_jitter(wait_ms);
			wait_ms *= 2;
			continue;
		}
		if (r == 0)
			r = explain_status(answer.status, question->path, err);
		else
			r = dv_prefix(err, -EAGAIN, "Vault cannot be reached");
		/* A server that is sealed or silent is that for all. */
		if (answer.status == 503 || answer.status == 0) {
			vault->down = r;
			if (err)
				vault->down_err = *err;
		}
		return r;
	}
}

/* A whole JSON object of a 200, else the sentence. jansson's own would quote the text. */
static int ask_json(struct vault *vault, const struct question *question, json_t **ret_json,
		    struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	int r = ask(vault, question, &answer, err);
	json_t *json;

	if (r < 0)
		return r;
	json = json_loadb(answer.body.text, answer.body.n_bytes, JSON_REJECT_DUPLICATES, NULL);
	if (answer.status == 404 &&
	    json_is_integer(
		    json_object_get(json_object_get(json_object_get(json, "data"), "metadata"),
				    "version")))
		r = dv_refuse(err, -ENOENT, "the newest version of %s is deleted (404)",
			      question->path);
	else if (answer.status != 200)
		r = explain_status(answer.status, question->path, err);
	else if (!json_is_object(json))
		r = dv_refuse(err, -EBADMSG, "Vault's answer about %s is no whole JSON object",
			      question->path);
	if (r < 0) {
		json_decref(json);
		return r;
	}
	*ret_json = json;
	return 0;
}

/* ---- the token ------------------------------------------------------------------------ */

static int read_word_file(const struct vault *vault, const char *path, struct secret *ret_word,
			  struct dv_error *err)
{
	DV_AUTO_SECRET struct secret word = { 0 };
	int r = secret_read(vault->env->root_dirfd, path + 1, CREDENTIAL_MAX_BYTES, &word, err);

	if (r < 0)
		return r;
	while (word.n_bytes > 0 && strchr(" \t\r\n", word.text[word.n_bytes - 1]))
		word.text[--word.n_bytes] = '\0';
	if (word.n_bytes == 0 || strlen(word.text) != word.n_bytes ||
	    strpbrk(word.text, " \t\r\n\"\\"))
		return dv_refuse(err, -EINVAL, "%s: it must hold one word", path);
	*ret_word = word;
	word = (struct secret){ 0 }; /* handed over */
	return 0;
}

static int log_in(struct vault *vault, struct dv_error *err)
{
	DV_AUTO_SECRET struct secret role = { 0 };
	DV_AUTO_SECRET struct secret id = { 0 };
	DV_AUTO_SECRET struct secret post = { 0 };
	AUTO_JSON json_t *json = NULL;
	const char *token;
	int r = read_word_file(vault, vault->config->vault_role_id_file, &role, err);

	if (r == 0)
		r = read_word_file(vault, vault->config->vault_secret_id_file, &id, err);
	if (r < 0)
		return r;
	/* Neither has a quote or a backslash in it. */
	r = asprintf(&post.text, "{\"role_id\":\"%s\",\"secret_id\":\"%s\"}", role.text, id.text);
	if (r < 0) {
		post.text = NULL; /* asprintf(3): undefined then */
		return dv_fail(err, -ENOMEM, "log in to Vault");
	}
	post.n_bytes = (size_t)r;
	r = ask_json(vault, &(struct question){ .path = "auth/approle/login", .post = &post },
		     &json, err);
	if (r < 0)
		return dv_prefix(err, r, "log in");
	token = json_string_value(json_object_get(json_object_get(json, "auth"), "client_token"));
	if (!token || !*token || strpbrk(token, "\r\n"))
		return dv_refuse(err, -EBADMSG, "Vault's answer to the login has no token");
	vault->token.text = strdup(token);
	if (!vault->token.text)
		return dv_fail(err, -ENOMEM, "log in to Vault");
	vault->token.n_bytes = strlen(token);
	return 0;
}

static int64_t integer_of(const json_t *object, const char *key)
{
	return (int64_t)json_integer_value(json_object_get(object, key));
}

/* When two thirds of the lease are over. */
static void plan_renewal(struct vault *vault, int64_t whole_s, int64_t left_s, bool is_renewable)
{
	int64_t until_s = left_s - whole_s / 3;

	vault->renew_at_ms = 0;
	if (is_renewable && whole_s > 0 && left_s > 0)
		vault->renew_at_ms = clock_deadline_ms(until_s > 0 ? until_s * 1000 : 0);
}

static int look_up(struct vault *vault, struct dv_error *err)
{
	AUTO_JSON json_t *json = NULL;
	const json_t *data;
	int64_t left_s, whole_s;
	int r = ask_json(vault,
			 &(struct question){ .path = "auth/token/lookup-self", .with_token = true },
			 &json, err);

	if (r < 0)
		return r;
	data = json_object_get(json, "data");
	left_s = integer_of(data, "ttl");
	whole_s = integer_of(data, "creation_ttl");
	plan_renewal(vault, whole_s > left_s ? whole_s : left_s, left_s,
		     json_is_true(json_object_get(data, "renewable")));
	vault->is_looked_up = true;
	return 0;
}

static int renew(struct vault *vault, struct dv_error *err)
{
	char nothing[] = "{}";
	const struct secret empty = { .text = nothing, .n_bytes = 2 };
	AUTO_JSON json_t *json = NULL;
	const json_t *auth;
	int64_t lease_s;
	int r = ask_json(vault,
			 &(struct question){ .path = "auth/token/renew-self",
					     .post = &empty,
					     .with_token = true },
			 &json, err);

	if (r < 0)
		return dv_prefix(err, r, "renew the token");
	auth = json_object_get(json, "auth");
	lease_s = integer_of(auth, "lease_duration");
	plan_renewal(vault, lease_s, lease_s, json_is_true(json_object_get(auth, "renewable")));
	return 0;
}

static int have_token(struct vault *vault, struct dv_error *err)
{
	int r = 0;

	if (!vault->token.text) {
		r = vault->config->vault_token_file
			    ? read_word_file(vault, vault->config->vault_token_file, &vault->token,
					     err)
			    : log_in(vault, err);
	}
	if (r == 0 && !vault->is_looked_up)
		r = look_up(vault, err);
	if (r == 0 && vault->renew_at_ms && clock_left_ms(vault->renew_at_ms) == 0)
		r = renew(vault, err);
	return r;
}

/* ---- a value -------------------------------------------------------------------------- */

static int take_value(const json_t *value, struct secret *ret_value)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value))
					   : json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	if (!text)
		return -ENOMEM;
	*ret_value = (struct secret){ .text = text, .n_bytes = strlen(text) };
	return 0;
}

int vault_read(struct vault *vault, const char *path, const char *field, struct secret *ret_value,
	       uint64_t *ret_version, struct dv_error *err)
{
	AUTO_JSON json_t *json = NULL;
	const json_t *data, *value;
	char where[512];
	int64_t version;
	int r = have_token(vault, err);

	if (r < 0)
		return r;
	(void)snprintf(where, sizeof(where), "%s/data/%s", vault->config->vault_mount,
		       path); /* fits: 100 and 200 at most */
	r = ask_json(vault, &(struct question){ .path = where, .with_token = true }, &json, err);
	if (r < 0)
		return r;
	data = json_object_get(json, "data");
	version = integer_of(json_object_get(data, "metadata"), "version");
	value = json_object_get(json_object_get(data, "data"), field);
	if (version <= 0)
		return dv_refuse(err, -EBADMSG, "Vault's answer about %s has no version", where);
	if (!json_is_string(value) && !json_is_object(value) && !json_is_array(value))
		return dv_refuse(err, -ENODATA,
				 "%s has no field %s that is a text, an object or "
				 "a list",
				 where, field);
	if (take_value(value, ret_value) < 0)
		return dv_fail(err, -ENOMEM, "read %s", where);
	*ret_version = (uint64_t)version;
	return 0;
}
