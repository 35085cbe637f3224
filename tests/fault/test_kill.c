/* test_kill.c - a reconcile killed at each call, and run again.
 *
 * A child takes a roster that changed and brings a scratch machine in line with it; for every
 * n it is killed with the n-th change to a file just made, sqlite's among them. What it leaves
 * must be fit to log in on: no ticket that says what is no longer so, no port that two people
 * have. The next run, undisturbed, must end where a run that was never killed ends.
 */
#include "scratch.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "job/pass.h"
#include "job/sync.h"
#include "wrap.h"

#define MAX_CALLS 3000
#define ROSTER "etc/devvm/roster.yaml"
#define TOKEN_FILE "etc/t3-serve/claude-oauth-token"
#define LINE(name, more)                                                                           \
	"  " name ": {authentik_user: " name ", k8s_user: " name ", tier: power-user" more "}\n"
#define KEY(letters)                                                                               \
	", ssh_keys: [\"ssh-ed25519 "                                                              \
	"AAAAC3NzaC1lZDI1NTE5AAAAI" letters "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]"

/* anca stays as she is, emo gets another key, wizard leaves, zoe comes back. */
#define ROSTER_BEFORE "users:\n" LINE("anca", "") LINE("emo", KEY("A")) LINE("wizard", KEY("A"))
#define ROSTER_AFTER                                                                               \
	"users:\n" LINE("anca", "") LINE("bob", "") LINE("emo", KEY("B")) LINE("zoe", "")

static const char *const NAMES[] = { "anca", "bob", "emo", "wizard", "zoe" };

/* Each fork copies what the sanitizer keeps of freed memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=1";
}

/* ---- the reconcile, without the accounts of the machine that runs the tests ------------- */

/* What view_init() does, but that it knows the accounts from here. */
static int make_view(struct scratch *scratch)
{
	DV_AUTO_FREE char *token = scratch_read(scratch, TOKEN_FILE);

	scratch_make_view(scratch);
	for (size_t i = 0; i < DV_COUNT(NAMES); i++)
		scratch_add_account(scratch, NAMES[i], (uid_t)(1001 + i));
	scratch_stage_token(scratch, token);
	return 0;
}

static int pass_over_everybody(struct scratch *scratch)
{
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };
	DV_AUTO_PEOPLE struct people people = { 0 };
	struct pass_options options = { .view = &scratch->view, .failed = &failed };
	int r = steps_log_list_failed(scratch->ledger, &failed, &scratch->err);

	if (r == 0)
		r = people_list(scratch->ledger, &people, &scratch->err);
	for (size_t i = 0; r == 0 && i < people.n_rows; i++) {
		/* The home job has looked: nobody has a login of their own. */
		if (people.rows[i].login == PEOPLE_LOGIN_UNKNOWN)
			r = people_set_login(scratch->ledger, people.rows[i].name,
					     PEOPLE_LOGIN_NONE, &scratch->err);
		if (r == 0)
			r = pass_run(&options,
				     people.rows[i].state == PEOPLE_PRESENT ? STEP_RECONCILE
									    : STEP_LEAVE,
				     &people.rows[i], &scratch->err);
	}
	return r < 0 ? r : pass_run(&options, STEP_MAPS, NULL, &scratch->err);
}

static int reconcile(struct scratch *scratch)
{
	const struct sync_options options = { .dry_run = false };
	enum sync_outcome outcome = SYNC_UNSET;
	char digest[DIGEST_HEX_BYTES];
	int r;

	pass_sweep(&scratch->env);
	r = ledger_open(&scratch->ledger, &scratch->env, LEDGER_WRITE, 1000, &scratch->err);
	if (r == 0)
		r = make_view(scratch);
	if (r == 0)
		r = sync_roster(&scratch->view, &options, &outcome, digest, &scratch->err);
	if (r == 0 && outcome == SYNC_REFUSED)
		r = -EINVAL;
	if (r == 0)
		r = pass_over_everybody(scratch);
	scratch_close_ledger(scratch);
	return r;
}

/* What devvm-machine does without a network: secrets of files, and a tool that is one. */
static int keep_machine(struct scratch *scratch)
{
	static const char *const steps[] = { "secrets", "tools" };
	char what[STEP_WHAT_BYTES];
	int r = ledger_open(&scratch->ledger, &scratch->env, LEDGER_WRITE, 1000, &scratch->err);

	if (r == 0)
		scratch_make_view(scratch);
	for (size_t i = 0; r >= 0 && i < DV_COUNT(steps); i++) {
		r = scratch_check_machine(scratch, step_find(steps[i]), what);
		if (r == STEP_DIFFERS)
			r = scratch_apply_machine(scratch, step_find(steps[i]));
	}
	scratch_close_ledger(scratch);
	return r < 0 ? r : 0;
}

/* ---- the machine before and after ------------------------------------------------------ */

static void freep_scratch(struct scratch **scratch)
{
	if (*scratch)
		scratch_free(*scratch);
}

#define AUTO_SCRATCH DV_CLEANUP(freep_scratch)

/* Brought in line with the old roster, and then the new one is there. */
static struct scratch *make_template(void)
{
	struct scratch *scratch = scratch_new();

	scratch->config.leaving_max_share = 100; /* zoe is everybody */
	scratch_write(scratch, TOKEN_FILE, "sk-ant-oat01-first", 0600);
	scratch_write(scratch, ROSTER, "users:\n" LINE("zoe", ""), 0644);
	assert_ok(scratch, reconcile(scratch));
	scratch_write(scratch, ROSTER, ROSTER_BEFORE, 0644);
	scratch_write(scratch, "etc/t3-serve/emo.env", "# mine\nA=1\n", 0600);
	assert_ok(scratch, reconcile(scratch));
	scratch_write(scratch, ROSTER, ROSTER_AFTER, 0644);
	scratch_write(scratch, TOKEN_FILE, "sk-ant-oat01-second", 0600);
	return scratch;
}

static void copy_file(int from_fd, int to_fd, const char *name, const struct stat *st)
{
	DV_AUTO_FREE char *data = NULL;
	DV_AUTO_CLOSE int fd = openat(to_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	size_t n_bytes = 0;

	assert_int_equal(file_read(from_fd, name, (size_t)st->st_size, &data, &n_bytes, NULL, NULL),
			 0);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n_bytes), n_bytes);
	assert_int_equal(fchmod(fd, st->st_mode & 07777), 0);
}

static void copy_link(int from_fd, int to_fd, const char *name)
{
	char target[256] = "";

	assert_in_range(readlinkat(from_fd, name, target, sizeof(target) - 1), 1,
			sizeof(target) - 2);
	assert_int_equal(symlinkat(target, to_fd, name), 0);
}

static void copy_folder(int from_fd, int to_fd)
{
	DIR *dir = fdopendir(from_fd);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		struct stat st;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		assert_int_equal(fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW), 0);
		if (S_ISDIR(st.st_mode)) {
			DV_AUTO_CLOSE int below_fd = -1;

			assert_int_equal(mkdirat(to_fd, name, 0700), 0);
			below_fd = openat(to_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			copy_folder(openat(from_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				    below_fd);
			/* Last: one that is read-only takes nothing in. */
			assert_int_equal(fchmod(below_fd, st.st_mode & 07777), 0);
		} else if (S_ISLNK(st.st_mode)) {
			copy_link(from_fd, to_fd, name);
		} else {
			copy_file(from_fd, to_fd, name, &st);
		}
	}
	(void)closedir(dir);
}

static struct scratch *copy_of(struct scratch *template)
{
	struct scratch *scratch = scratch_new();

	copy_folder(openat(template->env.root_dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		    scratch->env.root_dirfd);
	return scratch;
}

/* What a run that is not disturbed makes of the template. */
struct result {
	char *tree, *ledger;
	char *tickets[DV_COUNT(NAMES)]; /* NULL: none */
};

static void result_done(struct result *result)
{
	free(result->tree);
	free(result->ledger);
	for (size_t i = 0; i < DV_COUNT(NAMES); i++)
		free(result->tickets[i]);
}

static char *read_ticket(struct scratch *scratch, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "run/devvm/tickets/%s", name);
	return scratch_read(scratch, path);
}

static void read_result(struct scratch *scratch, struct result *ret_result)
{
	ret_result->tree = scratch_dump_tree(scratch);
	ret_result->ledger = scratch_dump_wanted(scratch);
	for (size_t i = 0; i < DV_COUNT(NAMES); i++)
		ret_result->tickets[i] = read_ticket(scratch, NAMES[i]);
}

/* ---- what may be found ----------------------------------------------------------------- */

static bool is_whole(const char *ticket, const char *expected)
{
	return !ticket || (expected && strcmp(ticket, expected) == 0);
}

/* Of a ticket that is there: it is the new one, or still the old one of somebody whom the
 * ledger does not yet have anything new about. */
static void assert_no_stale_ticket(struct scratch *scratch, const struct result *before,
				   const struct result *after)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	DV_AUTO_FREE char *ledger = scratch_dump_wanted(scratch);
	bool roster_taken = strstr(ledger, "name=bob") != NULL;

	scratch_open_ledger(scratch);
	assert_ok(scratch, people_list(scratch->ledger, &people, &scratch->err));
	scratch_close_ledger(scratch);
	for (size_t i = 0; i < DV_COUNT(NAMES); i++) {
		DV_AUTO_FREE char *ticket = read_ticket(scratch, NAMES[i]);
		const struct people_row *row = people_find(&people, NAMES[i]);
		bool touched = strcmp(NAMES[i], "anca") != 0;
		bool may_be_old = !roster_taken || !touched;

		if (is_whole(ticket, after->tickets[i]) && (!ticket || !row || roster_taken))
			continue;
		if (may_be_old && is_whole(ticket, before->tickets[i]))
			continue;
		fail_msg("%s, %s the roster was taken, has the ticket\n%s", NAMES[i],
			 roster_taken ? "after" : "before", ticket);
	}
}

/* What the env files say, for units read those: two people with one port would be two
 * servers on it. */
static void assert_no_port_twice(struct scratch *scratch)
{
	char seen[512] = " ";

	for (size_t i = 0; i < DV_COUNT(NAMES); i++) {
		static const char *const prefixes[] = { "", "playwright-" };

		for (size_t f = 0; f < DV_COUNT(prefixes); f++) {
			DV_AUTO_FREE char *path = NULL;
			DV_AUTO_FREE char *text = NULL;
			char word[16];
			const char *port;

			assert_true(asprintf(&path, "etc/t3-serve/%s%s.env", prefixes[f],
					     NAMES[i]) > 0);
			text = scratch_read(scratch, path);
			port = text ? strstr(text, "_PORT=") : NULL;
			if (!port)
				continue;
			(void)snprintf(word, sizeof(word), " %.*s ",
				       (int)strspn(port + 6, "0123456789"), port + 6);
			if (strstr(seen, word))
				fail_msg("%s is there twice; seen before it:%s", word, seen);
			(void)strcat(seen, word + 1);
		}
	}
}

static void assert_result(struct scratch *scratch, const struct result *expected)
{
	DV_AUTO_FREE char *tree = scratch_dump_tree(scratch);
	DV_AUTO_FREE char *ledger = scratch_dump_wanted(scratch);

	assert_string_equal(tree, expected->tree);
	assert_string_equal(ledger, expected->ledger);
}

static void assert_nothing_failed(struct scratch *scratch)
{
	DV_AUTO_STEPS_LOG struct steps_log failed = { 0 };

	scratch_open_ledger(scratch);
	assert_ok(scratch, steps_log_list_failed(scratch->ledger, &failed, &scratch->err));
	scratch_close_ledger(scratch);
	for (size_t i = 0; i < failed.n_rows; i++)
		fail_msg("%s %s: %s", failed.rows[i].name, failed.rows[i].step,
			 failed.rows[i].error);
}

/* ---- the tests ------------------------------------------------------------------------- */

typedef int job(struct scratch *scratch);

/* In a child, killed at call `n`. False: it came to its end. */
static bool run_and_kill(struct scratch *scratch, job *run, unsigned int n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		wrap_arm(WRAP_FILES, n, WRAP_KILL);
		_exit(run(scratch) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(status, 0);
	return WIFSIGNALED(status);
}

static void a_reconcile_killed_anywhere_is_finished_by_the_next(void **state DV_UNUSED)
{
	AUTO_SCRATCH struct scratch *template = make_template();
	AUTO_SCRATCH struct scratch *undisturbed = copy_of(template);
	DV_CLEANUP(result_done) struct result before = { 0 };
	DV_CLEANUP(result_done) struct result after = { 0 };
	bool killed = true;
	unsigned int n;

	read_result(template, &before);
	assert_ok(undisturbed, reconcile(undisturbed));
	read_result(undisturbed, &after);
	for (n = 1; killed && n < MAX_CALLS; n++) {
		AUTO_SCRATCH struct scratch *scratch = copy_of(template);

		killed = run_and_kill(scratch, reconcile, n);
		assert_no_stale_ticket(scratch, &before, &after);
		assert_no_port_twice(scratch);
		assert_ok(scratch, reconcile(scratch));
		assert_result(scratch, &after);
		assert_nothing_failed(scratch);
	}
	assert_in_range(n, 100, MAX_CALLS - 1); /* or nothing was caught */
}

/* The first run on a machine makes folders, database and schema too. */
static void a_first_reconcile_killed_anywhere_is_finished_by_the_next(void **state DV_UNUSED)
{
	AUTO_SCRATCH struct scratch *template = scratch_new();
	AUTO_SCRATCH struct scratch *undisturbed = NULL;
	DV_CLEANUP(result_done) struct result after = { 0 };
	bool killed = true;
	unsigned int n;

	scratch_write(template, TOKEN_FILE, "sk-ant-oat01-first", 0600);
	scratch_write(template, ROSTER, "users:\n" LINE("emo", KEY("A")), 0644);
	undisturbed = copy_of(template);
	assert_ok(undisturbed, reconcile(undisturbed));
	read_result(undisturbed, &after);
	for (n = 1; killed && n < MAX_CALLS; n++) {
		AUTO_SCRATCH struct scratch *scratch = copy_of(template);

		killed = run_and_kill(scratch, reconcile, n);
		assert_ok(scratch, reconcile(scratch));
		assert_result(scratch, &after);
		assert_nothing_failed(scratch);
	}
	assert_in_range(n, 50, MAX_CALLS - 1);
}

/* devvm.yaml of a copy: the same, but that the URL is of a file in that copy. */
static void configure(struct scratch *scratch, const char *version)
{
	DV_AUTO_FREE char *text = NULL;
	DV_AUTO_FREE char *tool = scratch_read(scratch, "srv/tool");
	char hex[DIGEST_HEX_BYTES];

	assert_int_equal(digest_sha256(tool, strlen(tool), hex, NULL), 0);
	assert_true(
		asprintf(&text,
			 "secrets: {more: {source: file, path: /srv/kept/more, owner: %s, group: "
			 "%s}}\n"
			 "tools: {tool: {version: '%s', url: 'file://%s/srv/tool', sha256: %s}}\n",
			 getpwuid(geteuid())->pw_name, getgrgid(getegid())->gr_name, version,
			 scratch->folder, hex) > 0);
	assert_ok(scratch, config_parse(&scratch->config, "f", text, strlen(text), &scratch->err));
}

static void a_machine_job_killed_anywhere_is_finished_by_the_next(void **state DV_UNUSED)
{
	AUTO_SCRATCH struct scratch *template = scratch_new();
	AUTO_SCRATCH struct scratch *undisturbed = NULL;
	DV_AUTO_FREE char *after = NULL;
	bool killed = true;
	unsigned int n;

	scratch_make_folder(template, "usr/local/bin", 0755);
	scratch_write(template, "etc/devvm/secrets/more", "first", 0600);
	scratch_write(template, "srv/tool", "one", 0644);
	configure(template, "1");
	assert_ok(template, keep_machine(template));
	scratch_write(template, "etc/devvm/secrets/more", "second", 0600);
	scratch_write(template, "srv/tool", "two", 0644);
	undisturbed = copy_of(template);
	configure(undisturbed, "2");
	assert_ok(undisturbed, keep_machine(undisturbed));
	after = scratch_dump_tree(undisturbed);
	assert_file(undisturbed, "srv/kept/more", "second");
	assert_file(undisturbed, "opt/devvm/tool/versions/2/tool", "two");
	for (n = 1; killed && n < MAX_CALLS; n++) {
		AUTO_SCRATCH struct scratch *scratch = copy_of(template);
		DV_AUTO_FREE char *secret = NULL;
		DV_AUTO_FREE char *tree = NULL;

		configure(scratch, "2");
		killed = run_and_kill(scratch, keep_machine, n);
		secret = scratch_read(scratch, "srv/kept/more");
		if (strcmp(secret, "first") != 0 && strcmp(secret, "second") != 0)
			fail_msg("the secret is a mix: %s", secret);
		assert_ok(scratch, keep_machine(scratch));
		tree = scratch_dump_tree(scratch);
		assert_string_equal(tree, after);
	}
	assert_in_range(n, 30, MAX_CALLS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reconcile_killed_anywhere_is_finished_by_the_next),
		cmocka_unit_test(a_first_reconcile_killed_anywhere_is_finished_by_the_next),
		cmocka_unit_test(a_machine_job_killed_anywhere_is_finished_by_the_next),
	};

	log_init("test_kill", LOG_CRIT);
	return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
