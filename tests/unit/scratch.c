/* scratch.c - see scratch.h. */
#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "ledger/tokens.h"

#define FILE_MAX (16 * 1024 * 1024)

/* What a test cannot go on without. */
static void insist(bool done, const char *what)
{
	if (!done)
		fail_msg("scratch: %s: %s", what, strerror(errno));
}

struct scratch *scratch_new(void)
{
	const char *above = getenv("TMPDIR");
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	insist(scratch, "calloc");
	insist(asprintf(&scratch->folder, "%s/devvm-test-XXXXXX", above ? above : "/tmp") > 0,
	       "asprintf");
	insist(mkdtemp(scratch->folder), scratch->folder);
	insist(env_init(&scratch->env, scratch->folder, &scratch->err) == 0, scratch->err.text);
	scratch->env.wall_usec = env_fixed_clock;
	scratch->env.fixed_usec = SCRATCH_NOW_USEC;
	insist(config_init(&scratch->config, &scratch->err) == 0, scratch->err.text);
	scratch->config.trusted_uids = calloc(1, sizeof(uid_t));
	insist(scratch->config.trusted_uids, "calloc");
	scratch->config.trusted_uids[0] = geteuid();
	scratch->config.n_trusted_uids = 1;
	return scratch;
}

static void remove_tree(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) < 0)
			remove_tree(fd, entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

void scratch_free(struct scratch *scratch)
{
	view_done(&scratch->view);
	ledger_close(scratch->ledger);
	config_done(&scratch->config);
	env_done(&scratch->env);
	remove_tree(AT_FDCWD, scratch->folder);
	free(scratch->folder);
	free(scratch);
}

int scratch_setup(void **state)
{
	*state = scratch_new();
	return 0;
}

int scratch_setup_ledger(void **state)
{
	struct scratch *scratch = scratch_new();

	*state = scratch;
	scratch_open_ledger(scratch);
	scratch_make_view(scratch);
	return 0;
}

int scratch_teardown(void **state)
{
	scratch_free(*state);
	return 0;
}

void scratch_make_folder(struct scratch *scratch, const char *path, mode_t mode)
{
	insist(file_make_dirs(scratch->env.root_dirfd, path, mode, &scratch->err) == 0, path);
	insist(fchmodat(scratch->env.root_dirfd, path, mode, 0) == 0, path);
}

static void make_parents(struct scratch *scratch, const char *path)
{
	const char *slash = strrchr(path, '/');
	DV_AUTO_FREE char *folder = slash ? strndup(path, (size_t)(slash - path)) : NULL;

	if (folder)
		insist(file_make_dirs(scratch->env.root_dirfd, folder, 0755, &scratch->err) == 0,
		       folder);
}

void scratch_write(struct scratch *scratch, const char *path, const char *text, mode_t mode)
{
	DV_AUTO_CLOSE int fd = -1;

	make_parents(scratch, path);
	fd = openat(scratch->env.root_dirfd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	insist(fd >= 0, path);
	insist(write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	insist(fchmod(fd, mode) == 0, path);
}

void scratch_put_program(struct scratch *scratch, const char *name, const char *script)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "bin/%s", name);
	scratch_write(scratch, path, script, 0755);
	(void)snprintf(path, sizeof(path), "%s/bin:/usr/bin:/bin", scratch->folder);
	insist(setenv("PATH", path, 1) == 0, name);
}

char *scratch_read(struct scratch *scratch, const char *path)
{
	char *text = NULL;
	size_t n_bytes = 0;

	return file_read(scratch->env.root_dirfd, path, FILE_MAX, &text, &n_bytes, NULL, NULL) == 0
		       ? text
		       : NULL;
}

bool scratch_has(struct scratch *scratch, const char *path)
{
	return faccessat(scratch->env.root_dirfd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

unsigned int scratch_mode(struct scratch *scratch, const char *path)
{
	struct stat st = { 0 };

	insist(fstatat(scratch->env.root_dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0, path);
	return st.st_mode & 07777;
}

void scratch_assert_file(struct scratch *scratch, const char *path, const char *expected,
			 const char *file, int line)
{
	DV_AUTO_FREE char *text = scratch_read(scratch, path);

	_assert_string_equal(text ? text : "(none)", expected, file, line);
}

/* ---- dumps ---------------------------------------------------------------------------- */

static bool is_dumped(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strcmp(name, "locks") != 0 &&
	       strncmp(name, "ledger.db", strlen("ledger.db")) != 0;
}

static int filter_entry(const struct dirent *entry)
{
	return is_dumped(entry->d_name);
}

/* One line, whatever is in it. */
static void print_content(const char *text, size_t n_bytes, FILE *out)
{
	(void)fprintf(out, " %zu <", n_bytes);
	for (size_t i = 0; i < n_bytes; i++) {
		if (text[i] == '\n')
			(void)fputs("\\n", out);
		else
			(void)fputc(text[i], out);
	}
	(void)fputc('>', out);
}

static void dump_folder(int dirfd, const char *path, FILE *out)
{
	struct dirent **entries = NULL;
	int n = scandirat(dirfd, path, &entries, filter_entry, alphasort);

	insist(n >= 0, path);
	for (int i = 0; i < n; i++) {
		DV_AUTO_FREE struct dirent *entry = entries[i];
		DV_AUTO_FREE char *below = NULL;
		DV_AUTO_FREE char *text = NULL;
		size_t n_bytes = 0;
		struct stat st = { 0 };

		insist(asprintf(&below, "%s/%s", path, entry->d_name) > 0, "asprintf");
		insist(fstatat(dirfd, below, &st, AT_SYMLINK_NOFOLLOW) == 0, below);
		(void)fprintf(out, "%s %06o", below, st.st_mode);
		if (S_ISREG(st.st_mode) &&
		    file_read(dirfd, below, FILE_MAX, &text, &n_bytes, NULL, NULL) == 0)
			print_content(text, n_bytes, out);
		(void)fprintf(out, "\n");
		if (S_ISDIR(st.st_mode))
			dump_folder(dirfd, below, out);
	}
	free(entries);
}

char *scratch_dump_tree(struct scratch *scratch)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&text, &n_bytes);

	insist(out, "open_memstream");
	dump_folder(scratch->env.root_dirfd, ".", out);
	insist(fclose(out) == 0, "open_memstream");
	return text;
}

static int print_row(void *out, int n, char **values, char **names)
{
	for (int i = 0; i < n; i++)
		(void)fprintf(out, " %s=%s", names[i], values[i] ? values[i] : "NULL");
	(void)fprintf(out, "\n");
	return 0;
}

static char *dump_tables(struct scratch *scratch, const char *const *queries, size_t n_queries)
{
	char *text = NULL;
	size_t n_bytes = 0;
	sqlite3 *db = scratch_open_beside(scratch);
	FILE *out = open_memstream(&text, &n_bytes);

	insist(out, "open_memstream");
	for (size_t i = 0; i < n_queries; i++) {
		(void)fprintf(out, "%s\n", queries[i]);
		insist(sqlite3_exec(db, queries[i], print_row, out, NULL) == SQLITE_OK, queries[i]);
	}
	(void)sqlite3_close(db);
	insist(fclose(out) == 0, "open_memstream");
	return text;
}

static const char *const TABLES[] = {
	"SELECT * FROM meta ORDER BY key",
	"SELECT * FROM people ORDER BY name",
	"SELECT * FROM ports ORDER BY port",
	"SELECT * FROM shared_tokens ORDER BY digest",
	"SELECT * FROM steps ORDER BY name, step",
	"SELECT priority, name, step, text FROM events ORDER BY id",
};
#define N_RESULTS 2 /* the last of them */

char *scratch_dump_ledger(struct scratch *scratch)
{
	return dump_tables(scratch, TABLES, DV_COUNT(TABLES));
}

char *scratch_dump_wanted(struct scratch *scratch)
{
	return dump_tables(scratch, TABLES, DV_COUNT(TABLES) - N_RESULTS);
}

/* ---- ledger and view ------------------------------------------------------------------ */

void scratch_open_ledger(struct scratch *scratch)
{
	insist(ledger_open(&scratch->ledger, &scratch->env, LEDGER_WRITE, 1000, &scratch->err) == 0,
	       scratch->err.text);
}

void scratch_close_ledger(struct scratch *scratch)
{
	ledger_close(scratch->ledger);
	scratch->ledger = NULL;
}

sqlite3 *scratch_open_beside(struct scratch *scratch)
{
	DV_AUTO_FREE char *path = NULL;
	sqlite3 *db = NULL;

	insist(asprintf(&path, "%s/" LEDGER_PATH, scratch->folder) > 0, "asprintf");
	insist(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK, path);
	return db;
}

int scratch_data_version(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int version;

	insist(sqlite3_prepare_v2(db, "PRAGMA data_version", -1, &statement, NULL) == SQLITE_OK &&
		       sqlite3_step(statement) == SQLITE_ROW,
	       "PRAGMA data_version");
	version = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);
	return version;
}

void scratch_make_view(struct scratch *scratch)
{
	view_done(&scratch->view);
	scratch->view = (struct reconcile_view){ .env = &scratch->env,
						 .config = &scratch->config,
						 .ledger = scratch->ledger,
						 .base_path = strdup(SCRATCH_PATH) };
	insist(scratch->view.base_path, "strdup");
}

void scratch_digest(const char *text, char ret_digest[static DIGEST_HEX_BYTES])
{
	insist(digest_sha256(text, strlen(text), ret_digest, NULL) == 0, "digest");
}

void scratch_note_old_token(struct scratch *scratch, const char *token)
{
	char digest[DIGEST_HEX_BYTES];

	scratch_digest(token, digest);
	insist(tokens_add(scratch->ledger, digest, &scratch->err) == 0, scratch->err.text);
	insist(str_list_add(&scratch->view.shared_digests, digest) == 0, "note a token");
}

void scratch_stage_token(struct scratch *scratch, const char *token)
{
	scratch_note_old_token(scratch, token);
	secret_done(&scratch->view.token);
	scratch->view.token = (struct secret){ .text = strdup(token), .n_bytes = strlen(token) };
	insist(scratch->view.token.text, "strdup");
	scratch_digest(token, scratch->view.token_digest);
}

void scratch_add_account(struct scratch *scratch, const char *name, uid_t uid)
{
	DV_AUTO_FREE char *home = NULL;

	insist(asprintf(&home, "/home/%s", name) > 0, "asprintf");
	insist(view_add_account(&scratch->view, name, uid, uid, home) == 0, "add an account");
}

void scratch_add_group(struct scratch *scratch, const char *name, gid_t gid,
		       const char *const *members)
{
	struct view_group *group = view_group(&scratch->view, name);

	insist(group, "add a group");
	group->exists = true;
	group->gid = gid;
	for (; members && *members; members++)
		insist(str_list_add(&group->members, *members) == 0, "add a member");
}

struct people_row scratch_wanted(const char *name, unsigned int n)
{
	struct people_row row = {
		.name = strdup(name),
		.identity = strdup(name),
		.k8s_user = strdup(name),
		.tier = strdup("power-user"),
		.shell = strdup("/bin/bash"),
		.groups = strdup(""),
		.layout = strdup("single"),
		.repos = strdup(""),
		.ssh_keys = strdup(""),
		.wanted_uid = PEOPLE_NO_UID,
		.ports = { [PEOPLE_PORT_T3] = 3773 + n, [PEOPLE_PORT_PLAYWRIGHT] = 8931 + n },
	};

	insist(row.name && row.identity && row.k8s_user && row.tier && row.shell && row.groups &&
		       row.layout && row.repos && row.ssh_keys,
	       "strdup");
	return row;
}

void scratch_add_person(struct scratch *scratch, const char *name, unsigned int n,
			enum people_login login)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_wanted(name, n);
	struct dv_error *err = &scratch->err;

	scratch_add_account(scratch, name, 1001 + n);
	insist(people_put_wanted(scratch->ledger, &row, err) == 0, err->text);
	insist(people_set_account(scratch->ledger, name, PEOPLE_ACCOUNT_FOUND, 1001 + n, err) == 0,
	       err->text);
	insist(people_set_login(scratch->ledger, name, login, err) == 0, err->text);
}

struct people_row scratch_person(struct scratch *scratch, const char *name)
{
	struct people_row row = { 0 };

	insist(people_get(scratch->ledger, name, &row, &scratch->err) == 0, scratch->err.text);
	return row;
}

int scratch_check(struct scratch *scratch, const struct step *step, const char *name,
		  char ret_what[static STEP_WHAT_BYTES])
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_person(scratch, name);
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view,
					.person = &row };
	enum step_verdict verdict = STEP_UNSET;
	int r;

	ret_what[0] = '\0';
	r = step->check(&context, &verdict, ret_what, &scratch->err);
	return r < 0 ? r : (int)verdict;
}

int scratch_apply(struct scratch *scratch, const struct step *step, const char *name)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = scratch_person(scratch, name);
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view,
					.person = &row };

	return step->apply(&context, &scratch->err);
}

struct home_work scratch_make_home(struct scratch *scratch)
{
	struct home_work work = {
		.user = strdup("emo"), .home_fd = -1, .generation = 1, .config = &scratch->config
	};

	scratch_make_folder(scratch, "home/emo", 0755);
	insist(asprintf(&work.home, "%s/home/emo", scratch->folder) > 0, "asprintf");
	work.home_fd = open(work.home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	insist(work.home_fd >= 0, work.home);
	return work;
}

int scratch_check_home(struct scratch *scratch, const struct step *step, struct home_work *work,
		       char ret_what[static STEP_WHAT_BYTES])
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.home = work };
	enum step_verdict verdict = STEP_UNSET;
	int r;

	ret_what[0] = '\0';
	r = step->check(&context, &verdict, ret_what, &scratch->err);
	return r < 0 ? r : (int)verdict;
}

int scratch_apply_home(struct scratch *scratch, const struct step *step, struct home_work *work)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.home = work };
	int r;

	scratch->err = (struct dv_error){ "" };
	r = step->apply(&context, &scratch->err);
	/* The guard takes a sentence for a failure. */
	if (r == 0)
		assert_string_equal(scratch->err.text, "");
	return r;
}

int scratch_check_machine(struct scratch *scratch, const struct step *step,
			  char ret_what[static STEP_WHAT_BYTES])
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view };
	enum step_verdict verdict = STEP_UNSET;
	int r;

	ret_what[0] = '\0';
	r = step->check(&context, &verdict, ret_what, &scratch->err);
	return r < 0 ? r : (int)verdict;
}

int scratch_apply_machine(struct scratch *scratch, const struct step *step)
{
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view };

	return step->apply(&context, &scratch->err);
}

void scratch_set(char **field, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	insist(copy || !text, "strdup");
	free(*field);
	*field = copy;
}

void scratch_assert_contains(const char *text, const char *part, const char *file, int line)
{
	if (text && strstr(text, part))
		return;
	print_error("\"%s\" does not hold \"%s\"\n", text ? text : "(null)", part);
	_fail(file, line);
}

void scratch_assert_restore(const struct restore_row *got, const struct restore_row *expected)
{
	assert_string_equal(got->name, expected->name);
	assert_string_equal(got->id, expected->id);
	assert_string_equal(got->version, expected->version);
	assert_int_equal(got->state, expected->state);
	assert_int_equal(got->began_usec, expected->began_usec);
	assert_int_equal(got->was_running, expected->was_running);
}
