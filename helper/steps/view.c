/* view.c - see view.h. */
#include "steps/view.h"

#include <grp.h>
#include <gshadow.h>
#include <pwd.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/tokens.h"
#include "steps/secrets_step.h"

#define ENVIRONMENT_FILE "etc/environment"
#define LOGIN_DEFS "etc/login.defs"
#define SMALL_FILE_MAX 65536
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
#define TOKEN_MAX_BYTES 4096
#define ENTRY_BYTES 1024 /* of an account in the name service; doubled until it fits */
#define ENTRY_MAX_BYTES (1024 * 1024)

static int compare_accounts(const void *a, const void *b)
{
	return strcmp(((const struct view_account *)a)->name,
		      ((const struct view_account *)b)->name);
}

int view_add_account(struct reconcile_view *view, const char *name, uid_t uid, gid_t gid,
		     const char *home)
{
	struct view_account *grown = view->accounts;
	struct view_account *account;

	/* Grow at powers of two: the table's size says when. */
	if ((view->n_accounts & (view->n_accounts - 1)) == 0) {
		size_t n_room = view->n_accounts ? view->n_accounts * 2 : 1;

		grown = reallocarray(view->accounts, n_room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		view->accounts = grown;
	}
	account = &grown[view->n_accounts];
	*account = (struct view_account){
		.name = strdup(name), .uid = uid, .gid = gid, .home = strdup(home)
	};
	if (!account->name || !account->home) {
		free(account->name);
		free(account->home);
		return -ENOMEM;
	}
	view->n_accounts++;
	return 0;
}

static int enumerate_accounts(struct reconcile_view *view, struct dv_error *err)
{
	const struct passwd *entry;
	int r = 0;

	setpwent();
	while (r == 0 && (errno = 0, entry = getpwent()))
		r = view_add_account(view, entry->pw_name, entry->pw_uid, entry->pw_gid,
				     entry->pw_dir);
	endpwent();
	if (r < 0)
		return dv_fail(err, r, "read the accounts");
	qsort(view->accounts, view->n_accounts, sizeof(*view->accounts), compare_accounts);
	view->n_sorted = view->n_accounts;
	return 0;
}

#define BLANKS " \t\r"

/* What stands behind PATH= in a line of /etc/environment; NULL for another line. */
static char *path_in_environment(char *line)
{
	line += strspn(line, BLANKS);
	if (str_starts_with(line, "export "))
		line += strlen("export ");
	return str_starts_with(line, "PATH=") ? line + strlen("PATH=") : NULL;
}

/* The same of ENV_PATH, which may begin with PATH= and need not: login.defs(5). */
static char *path_in_login_defs(char *line)
{
	char *value;

	line += strspn(line, BLANKS);
	if (!str_starts_with(line, "ENV_PATH"))
		return NULL;
	line += strlen("ENV_PATH");
	value = line + strspn(line, BLANKS);
	if (value == line)
		return NULL;
	return str_starts_with(value, "PATH=") ? value + strlen("PATH=") : value;
}

/* Without quotes, or else without a comment and the blanks before it, as pam_env(8) has it. */
static char *cut_value(char *value)
{
	size_t n;

	if (*value == '"' || *value == '\'') {
		char *end = strrchr(value + 1, *value);

		if (end)
			*end = '\0';
		return value + 1;
	}
	value[strcspn(value, "#")] = '\0';
	for (n = strlen(value); n > 0 && strchr(BLANKS, value[n - 1]); n--)
		value[n - 1] = '\0';
	return value;
}

/* The value on the last line of `text` in which `find` finds one; NULL when there is none. */
static char *last_value(char *text, char *(*find)(char *line))
{
	char *found = NULL;
	char *line;

	while ((line = strsep(&text, "\n"))) {
		char *value = find(line);

		if (value)
			found = value;
	}
	return found ? cut_value(found) : NULL;
}

/* What PATH would be without us: /etc/environment, else ENV_PATH of login.defs, else the
 * distribution's. */
static int read_base_path(struct reconcile_view *view, struct dv_error *err)
{
	static const struct {
		const char *file;
		char *(*find)(char *line);
	} sources[] = { { ENVIRONMENT_FILE, path_in_environment },
			{ LOGIN_DEFS, path_in_login_defs } };
	const char *found = NULL;
	DV_AUTO_FREE char *text = NULL;

	for (size_t i = 0; i < DV_COUNT(sources) && !found; i++) {
		size_t n_bytes = 0;

		free(DV_TAKE_PTR(text));
		/* A file that is not there, or not readable, says nothing about PATH. */
		if (file_read(view->env->root_dirfd, sources[i].file, SMALL_FILE_MAX, &text,
			      &n_bytes, NULL, NULL) == 0)
			found = last_value(text, sources[i].find);
	}
	view->base_path = strdup(found && *found ? found : DEFAULT_PATH);
	return view->base_path ? 0 : dv_fail(err, -ENOMEM, "read PATH");
}

/* Line ends belong to the file, not to the token. */
static void trim_secret(struct secret *secret)
{
	while (secret->n_bytes > 0 && strchr("\r\n \t", secret->text[secret->n_bytes - 1]))
		secret->text[--secret->n_bytes] = '\0';
}

static int read_token(struct reconcile_view *view, struct dv_error *err)
{
	const char *path = view->config->token_path + 1; /* absolute, made relative */
	struct dv_error why = { "" };
	int r = secret_read(view->env->root_dirfd, path, TOKEN_MAX_BYTES, &view->token, &why);

	/* Accounts and tickets must not wait for a secret to be in order; who has a token
	 * keeps it. */
	if (r < 0 && r != -ENOENT)
		log_warning("no shared token is handed out: %s", why.text);
	if (r < 0)
		return 0;
	trim_secret(&view->token);
	if (view->token.n_bytes == 0)
		return 0;
	return digest_sha256(view->token.text, view->token.n_bytes, view->token_digest, err);
}

/* Every digest is in the ledger before the first file can have the token. */
static int note_token(struct reconcile_view *view, struct dv_error *err)
{
	int r = tokens_list(view->ledger, &view->shared_digests, err);

	if (r < 0 || !*view->token_digest ||
	    str_list_has(&view->shared_digests, view->token_digest))
		return r;
	r = tokens_add(view->ledger, view->token_digest, err);
	if (r == 0 && str_list_add(&view->shared_digests, view->token_digest) < 0)
		r = dv_fail(err, -ENOMEM, "note the shared token");
	return r;
}

int view_init(struct reconcile_view *view, const struct env *env, const struct config *config,
	      struct ledger *ledger, struct dv_error *err)
{
	int r;

	*view = (struct reconcile_view){
		.env = env, .config = config, .ledger = ledger, .ask_nss = true
	};
	r = enumerate_accounts(view, err);
	if (r == 0)
		r = read_base_path(view, err);
	if (r == 0)
		r = read_token(view, err);
	if (r == 0)
		r = note_token(view, err);
	return r;
}

void view_done(struct reconcile_view *view)
{
	secrets_step_forget(view);
	for (size_t i = 0; i < view->n_accounts; i++) {
		free(view->accounts[i].name);
		free(view->accounts[i].home);
	}
	for (size_t i = 0; i < view->n_groups; i++) {
		free(view->groups[i].name);
		str_list_done(&view->groups[i].members);
	}
	free(view->accounts);
	free(view->groups);
	free(view->base_path);
	secret_done(&view->token);
	listing_done(&view->keys);
	listing_done(&view->t3);
	listing_done(&view->t3_people);
	listing_done(&view->denied);
	for (size_t i = 0; i < DV_COUNT(view->wants); i++)
		listing_done(&view->wants[i]);
	str_list_done(&view->shared_digests);
	free(view->fence_text);
	*view = (struct reconcile_view){ 0 };
}

static const struct view_account *find_account(const struct reconcile_view *view, const char *name)
{
	const struct view_account key = { .name = (char *)name };
	const struct view_account *found = NULL;

	if (view->n_sorted > 0)
		found = bsearch(&key, view->accounts, view->n_sorted, sizeof(key),
				compare_accounts);
	for (size_t i = view->n_sorted; i < view->n_accounts && !found; i++) {
		if (strcmp(view->accounts[i].name, name) == 0)
			found = &view->accounts[i];
	}
	return found;
}

/* One try with a buffer of `n_bytes`. -ERANGE when it is too small. */
static int ask_nss_with(struct reconcile_view *view, const char *name, size_t n_bytes)
{
	DV_AUTO_FREE char *buffer = malloc(n_bytes);
	struct passwd *found = NULL;
	struct passwd entry;
	int r = buffer ? getpwnam_r(name, &entry, buffer, n_bytes, &found) : ENOMEM;

	/* Not there, by another name: getpwnam(3). A service of nsswitch.conf that is not
	 * installed is ENOENT too. */
	if (r == ENOENT || r == ESRCH)
		return 0;
	if (r != 0 || !found)
		return -r;
	return view_add_account(view, name, found->pw_uid, found->pw_gid, found->pw_dir);
}

int view_ask_account(struct reconcile_view *view, const char *name,
		     const struct view_account **ret_account, struct dv_error *err)
{
	const struct view_account *found = find_account(view, name);
	int r = -ERANGE;

	if (!found && view->ask_nss) {
		for (size_t n_bytes = ENTRY_BYTES; r == -ERANGE && n_bytes <= ENTRY_MAX_BYTES;
		     n_bytes *= 2)
			r = ask_nss_with(view, name, n_bytes);
		if (r < 0)
			return dv_fail(err, r, "the name service cannot be asked about %s", name);
		found = find_account(view, name);
	}
	*ret_account = found;
	return 0;
}

const struct view_account *view_account(struct reconcile_view *view, const char *name)
{
	const struct view_account *account = NULL;

	return view_ask_account(view, name, &account, NULL) == 0 ? account : NULL;
}

bool view_has_uid(const struct reconcile_view *view, uid_t uid)
{
	for (size_t i = 0; i < view->n_accounts; i++) {
		if (view->accounts[i].uid == uid)
			return true;
	}
	return false;
}

/* `only` NULL: all of them. */
static int read_members(char *const *names, const struct str_list *only,
			struct str_list *ret_sorted)
{
	int r = 0;

	for (char *const *name = names; *name && r == 0; name++)
		r = !only || str_list_has_sorted(only, *name) ? str_list_add(ret_sorted, *name) : 0;
	str_list_sort(ret_sorted);
	return r;
}

/* A gpasswd that was killed has written /etc/group and not /etc/gshadow: who is not in both is
 * not in it yet. A group without a shadow entry has none to disagree with. */
static int read_group(struct reconcile_view *view, struct view_group *group)
{
	DV_AUTO_STR_LIST struct str_list shadowed = { 0 };
	const struct group *entry = view->ask_nss ? getgrnam(group->name) : NULL;
	const struct sgrp *shadow = entry ? getsgnam(group->name) : NULL;
	int r;

	if (!entry)
		return 0;
	group->exists = true;
	group->gid = entry->gr_gid;
	r = shadow ? read_members(shadow->sg_mem, NULL, &shadowed) : 0;
	return r < 0 ? r : read_members(entry->gr_mem, shadow ? &shadowed : NULL, &group->members);
}

struct view_group *view_group(struct reconcile_view *view, const char *name)
{
	struct view_group *grown;

	for (size_t i = 0; i < view->n_groups; i++) {
		if (strcmp(view->groups[i].name, name) == 0)
			return &view->groups[i];
	}
	grown = reallocarray(view->groups, view->n_groups + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	view->groups = grown;
	grown[view->n_groups] = (struct view_group){ .name = strdup(name) };
	if (!grown[view->n_groups].name || read_group(view, &grown[view->n_groups]) < 0)
		return NULL;
	return &grown[view->n_groups++];
}

bool view_group_has(const struct view_group *group, const struct view_account *account)
{
	return group->gid == account->gid || str_list_has_sorted(&group->members, account->name);
}

void view_forget_group(struct reconcile_view *view, const char *name)
{
	for (size_t i = 0; i < view->n_groups; i++) {
		if (strcmp(view->groups[i].name, name) != 0)
			continue;
		free(view->groups[i].name);
		str_list_done(&view->groups[i].members);
		view->groups[i] = view->groups[--view->n_groups];
		return;
	}
}
