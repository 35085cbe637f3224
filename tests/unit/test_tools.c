/* test_tools.c - pinned tools: a file, a member of an archive and a whole tree, from real archives made
 * by tar; what is not the pinned one on disk is put right; what does not match installs nothing; links
 * are made, moved and removed, and never over something that is not devvm's. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "ledger/tools_log.h"
#include "steps/tool_stage.h"
#include "store/store.h"
#include "store/tree.h"

#define TEXT "#!/bin/sh\necho tool\n"
#define TOOL "opt/devvm/jq/versions/1.7/jq"
#define LINK "usr/local/bin/jq"

static const struct step *step;
static char what[STEP_WHAT_BYTES];

static void digest_of(struct scratch *scratch, const char *path, char ret_hex[DIGEST_HEX_BYTES])
{
	DV_AUTO_CLOSE int fd = openat(scratch->env.root_dirfd, path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(digest_sha256_fd(fd, ret_hex, NULL), 0);
}

/* devvm.yaml as it would be read: `fields` of one tool whose URL is srv/PATH. */
static void configure(struct scratch *scratch, const char *path, const char *fields)
{
	DV_AUTO_FREE char *text = NULL;
	char hex[DIGEST_HEX_BYTES];

	digest_of(scratch, path, hex);
	assert_true(asprintf(&text,
			     "tools: {jq: {version: '1.7', url: 'file://%s/%s', sha256: %s%s}}\n",
			     scratch->folder, path, hex, fields) > 0);
	assert_ok(scratch, config_parse(&scratch->config, "f", text, strlen(text), &scratch->err));
}

static struct scratch *setup(void **state)
{
	struct scratch *scratch = *state;

	step = step_find("tools");
	scratch_write(scratch, "srv/jq", TEXT, 0644);
	scratch_make_folder(scratch, "usr/local/bin", 0755);
	return scratch;
}

/* An archive of srv/pack: pack/bin/jq, pack/bin/other and a link pack/lib/link to one of them. */
static void pack(struct scratch *scratch, const char *more)
{
	DV_AUTO_FREE char *command = NULL;

	scratch_write(scratch, "srv/pack/bin/jq", TEXT, 0755);
	scratch_write(scratch, "srv/pack/bin/other", "#!/bin/sh\n", 0775);
	scratch_write(scratch, "srv/pack/readme", "words", 0600);
	scratch_make_folder(scratch, "srv/pack/lib", 0755);
	DV_IGNORE(symlinkat("../bin/jq", scratch->env.root_dirfd, "srv/pack/lib/link"));
	assert_true(asprintf(&command, "cd %s/srv && %s tar -czf pack.tar.gz pack", scratch->folder,
			     more) > 0);
	assert_int_equal(system(command), 0);
}

static int check(struct scratch *scratch)
{
	return scratch_check_machine(scratch, step, what);
}

static void make(struct scratch *scratch)
{
	assert_ok(scratch, scratch_apply_machine(scratch, step));
	assert_int_equal(check(scratch), STEP_FINE);
	assert_false(scratch_has(scratch, "opt/devvm/jq/.stage"));
}

static void assert_link(struct scratch *scratch, const char *path, const char *expected)
{
	char target[256] = "";

	assert_true(readlinkat(scratch->env.root_dirfd, path, target, sizeof(target) - 1) > 0);
	assert_string_equal(target, expected);
}

static void a_file_is_installed_and_linked_once(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *before = NULL;
	DV_AUTO_FREE char *after = NULL;

	configure(scratch, "srv/jq", "");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "install jq 1.7, link /usr/local/bin/jq");
	make(scratch);
	assert_file(scratch, TOOL, TEXT);
	assert_int_equal(scratch_mode(scratch, TOOL), 0555);
	assert_link(scratch, LINK, "/opt/devvm/jq/current/jq");
	assert_link(scratch, "opt/devvm/jq/current", "versions/1.7");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "srv/jq", 0), 0);
	before = scratch_dump_tree(scratch);
	make(scratch);
	after = scratch_dump_tree(scratch);
	assert_string_equal(after, before);
}

static void a_member_is_the_tool(void **state)
{
	struct scratch *scratch = setup(state);

	pack(scratch, "");
	configure(scratch, "srv/pack.tar.gz", ", member: pack/bin/jq");
	make(scratch);
	assert_file(scratch, TOOL, TEXT);
	assert_false(scratch_has(scratch, "opt/devvm/jq/versions/1.7/other"));
	assert_link(scratch, LINK, "/opt/devvm/jq/current/jq");
}

static void a_tree_is_taken_without_its_top_and_with_plain_modes(void **state)
{
	struct scratch *scratch = setup(state);

	pack(scratch, "");
	configure(scratch, "srv/pack.tar.gz",
		  ", tree: true, links: [/usr/local/bin/jq, /usr/local/bin/o=bin/other]");
	make(scratch);
	assert_file(scratch, "opt/devvm/jq/versions/1.7/bin/jq", TEXT);
	assert_int_equal(scratch_mode(scratch, "opt/devvm/jq/versions/1.7/bin/other"), 0555);
	assert_int_equal(scratch_mode(scratch, "opt/devvm/jq/versions/1.7/readme"), 0444);
	assert_link(scratch, "opt/devvm/jq/versions/1.7/lib/link", "../bin/jq");
	assert_link(scratch, LINK, "/opt/devvm/jq/current/bin/jq");
	assert_link(scratch, "usr/local/bin/o", "/opt/devvm/jq/current/bin/other");
}

static void what_is_not_the_pinned_one_is_put_right(void **state)
{
	struct scratch *scratch = setup(state);

	configure(scratch, "srv/jq", "");
	make(scratch);
	assert_int_equal(fchmodat(scratch->env.root_dirfd, TOOL, 0755, 0), 0);
	scratch_write(scratch, TOOL, "#!/bin/sh\necho other\n", 0755);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "install jq 1.7");
	make(scratch);
	assert_file(scratch, TOOL, TEXT);
	/* A mode and one file too many count too. */
	assert_int_equal(fchmodat(scratch->env.root_dirfd, TOOL, 0777, 0), 0);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);
	scratch_write(scratch, "opt/devvm/jq/versions/1.7/more", "x", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	make(scratch);
	assert_false(scratch_has(scratch, "opt/devvm/jq/versions/1.7/more"));
}

static void another_digest_installs_nothing_and_keeps_what_is_there(void **state)
{
	struct scratch *scratch = setup(state);

	configure(scratch, "srv/jq", "");
	make(scratch);
	scratch_write(scratch, "srv/new", TEXT "# newer\n", 0644);
	configure(scratch, "srv/new", "");
	scratch_set(&scratch->config.tools[0].version, "1.8");
	scratch_write(scratch, "srv/new", "something else", 0644);
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_contains(scratch->err.text, "jq: ");
	assert_contains(scratch->err.text, "sha256");
	assert_link(scratch, "opt/devvm/jq/current", "versions/1.7");
	assert_file(scratch, TOOL, TEXT);
	assert_false(scratch_has(scratch, "opt/devvm/jq/versions/1.8"));
	assert_false(scratch_has(scratch, "opt/devvm/jq/.stage"));
}

static void a_new_version_takes_the_place_and_the_old_one_stays(void **state)
{
	struct scratch *scratch = setup(state);

	configure(scratch, "srv/jq", "");
	make(scratch);
	scratch_write(scratch, "srv/new", TEXT "# newer\n", 0644);
	configure(scratch, "srv/new", "");
	scratch_set(&scratch->config.tools[0].version, "1.8");
	make(scratch);
	assert_link(scratch, "opt/devvm/jq/current", "versions/1.8");
	assert_link(scratch, LINK, "/opt/devvm/jq/current/jq");
	assert_file(scratch, TOOL, TEXT);
}

static void bad_archives_are_told_in_a_sentence(void **state)
{
	struct scratch *scratch = setup(state);

	pack(scratch, "");
	configure(scratch, "srv/pack.tar.gz", ", member: pack/bin/none");
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_contains(scratch->err.text, "jq: ");
	assert_contains(scratch->err.text, "pack/bin/none: Not found in archive");
	configure(scratch, "srv/pack.tar.gz", ", member: pack/bin");
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_string_equal(scratch->err.text, "jq: the member pack/bin is no file");
	configure(scratch, "srv/jq", ", tree: true");
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_contains(scratch->err.text, "tar: ");
	pack(scratch, "ln -s /etc/passwd pack/out;");
	configure(scratch, "srv/pack.tar.gz", ", tree: true");
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_contains(scratch->err.text, "out is a link that leads out");
	assert_false(scratch_has(scratch, "opt/devvm/jq/versions/1.7"));
	assert_false(scratch_has(scratch, LINK));
}

static void a_file_of_somebody_else_is_never_replaced(void **state)
{
	struct scratch *scratch = setup(state);

	configure(scratch, "srv/jq", "");
	scratch_write(scratch, LINK, "mine", 0755);
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_string_equal(scratch->err.text,
			    "jq: tools.jq: /usr/local/bin/jq is there and is not devvm's: move it "
			    "away, or give the tool another link");
	assert_file(scratch, LINK, "mine");
	assert_false(scratch_has(scratch, "opt/devvm/jq/versions"));
}

static void links_follow_the_configuration(void **state)
{
	struct scratch *scratch = setup(state);

	configure(scratch, "srv/jq", ", links: [/usr/local/bin/jq, /usr/local/bin/jay]");
	make(scratch);
	configure(scratch, "srv/jq", ", links: [/usr/local/bin/jq]");
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "remove /usr/local/bin/jay");
	make(scratch);
	assert_false(scratch_has(scratch, "usr/local/bin/jay"));
	assert_true(scratch_has(scratch, LINK));
	/* Dropped whole: the links go, the versions stay for whoever runs them. */
	assert_ok(scratch, config_parse(&scratch->config, "f", "", 0, &scratch->err));
	assert_int_equal(check(scratch), STEP_DIFFERS);
	assert_string_equal(what, "remove /usr/local/bin/jq, let go of jq");
	make(scratch);
	assert_false(scratch_has(scratch, LINK));
	assert_file(scratch, TOOL, TEXT);
}

static void one_that_cannot_be_had_keeps_no_other_out(void **state)
{
	struct scratch *scratch = setup(state);
	DV_AUTO_FREE char *text = NULL;
	char hex[DIGEST_HEX_BYTES];

	digest_of(scratch, "srv/jq", hex);
	assert_true(asprintf(&text,
			     "tools:\n  aa: {version: '1', url: 'file://%s/srv/none', sha256: %s}\n"
			     "  jq: {version: '1.7', url: 'file://%s/srv/jq', sha256: %s}\n",
			     scratch->folder, hex, scratch->folder, hex) > 0);
	assert_ok(scratch, config_parse(&scratch->config, "f", text, strlen(text), &scratch->err));
	assert_true(scratch_apply_machine(scratch, step) < 0);
	assert_contains(scratch->err.text, "aa: ");
	assert_file(scratch, TOOL, TEXT);
	assert_link(scratch, LINK, "/opt/devvm/jq/current/jq");
}

/* The same tree made at another time by another umask and order has the same digest. */
static void the_digest_is_of_bytes_modes_and_names_alone(void **state)
{
	struct scratch *scratch = *state;
	char digests[2][DIGEST_HEX_BYTES];
	static const char *const names[2][3] = { { "a", "b", "c" }, { "c", "a", "b" } };

	for (int i = 0; i < 2; i++) {
		DV_AUTO_CLOSE int fd = -1;
		const struct timespec times[2] = { { .tv_sec = 1000 * (i + 1) },
						   { .tv_sec = 1000 * (i + 1) } };
		char path[32];

		for (int k = 0; k < 3; k++) {
			(void)snprintf(path, sizeof(path), "t%d/%s", i, names[i][k]);
			scratch_write(scratch, path, names[i][k], 0644);
			assert_int_equal(utimensat(scratch->env.root_dirfd, path, times, 0), 0);
		}
		(void)snprintf(path, sizeof(path), "t%d", i);
		fd = openat(scratch->env.root_dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_ok(scratch, tree_digest(fd, digests[i], &scratch->err));
	}
	assert_string_equal(digests[0], digests[1]);
}

static void every_difference_is_another_digest(void **state)
{
	static const char *const changes[] = {
		"echo x >>t/a", "chmod 755 t/a", "mv t/a t/z",	    "ln -sf b t/link",
		"mkdir t/new",	"touch t/new/f", "chmod 700 t/new", "rm t/b",
	};
	struct scratch *scratch = *state;
	char before[DIGEST_HEX_BYTES], after[DIGEST_HEX_BYTES];
	DV_AUTO_CLOSE int fd = -1;

	scratch_write(scratch, "t/a", "a", 0644);
	scratch_write(scratch, "t/b", "b", 0644);
	DV_IGNORE(symlinkat("a", scratch->env.root_dirfd, "t/link"));
	fd = openat(scratch->env.root_dirfd, "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_ok(scratch, tree_digest(fd, before, &scratch->err));
	for (size_t i = 0; i < DV_COUNT(changes); i++) {
		DV_AUTO_FREE char *command = NULL;

		assert_true(asprintf(&command, "cd %s && %s", scratch->folder, changes[i]) > 0);
		assert_int_equal(system(command), 0);
		assert_ok(scratch, tree_digest(fd, after, &scratch->err));
		if (strcmp(before, after) == 0)
			fail_msg("%s: the same digest", changes[i]);
		memcpy(before, after, sizeof(before));
	}
	assert_int_equal(mkfifoat(fd, "pipe", 0600), 0);
	assert_int_equal(tree_digest(fd, after, &scratch->err), -EINVAL);
	assert_string_equal(scratch->err.text, "pipe is neither file, folder nor link");
}

static void rows_are_kept_and_forgotten(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_TOOLS_LOG struct tools_log log = { 0 };
	char name[] = "node", version[] = "22.1", pin[] = "abc tree", digest[] = "d",
	     links[] = "/a\n/b";
	const struct tools_log_row row = { name, version, pin, digest, links };

	assert_ok(scratch, tools_log_put(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, tools_log_put(scratch->ledger, &row, &scratch->err));
	assert_ok(scratch, tools_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, 1);
	assert_string_equal(tools_log_find(&log, "node")->links, "/a\n/b");
	assert_null(tools_log_find(&log, "jq"));
	tools_log_done(&log);
	assert_ok(scratch, tools_log_remove(scratch->ledger, "node", &scratch->err));
	assert_ok(scratch, tools_log_list(scratch->ledger, &log, &scratch->err));
	assert_int_equal(log.n_rows, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup_ledger, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_installed_and_linked_once),
		TEST(a_member_is_the_tool),
		TEST(a_tree_is_taken_without_its_top_and_with_plain_modes),
		TEST(what_is_not_the_pinned_one_is_put_right),
		TEST(another_digest_installs_nothing_and_keeps_what_is_there),
		TEST(a_new_version_takes_the_place_and_the_old_one_stays),
		TEST(bad_archives_are_told_in_a_sentence),
		TEST(a_file_of_somebody_else_is_never_replaced),
		TEST(links_follow_the_configuration),
		TEST(one_that_cannot_be_had_keeps_no_other_out),
		TEST(the_digest_is_of_bytes_modes_and_names_alone),
		TEST(every_difference_is_another_digest),
		TEST(rows_are_kept_and_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
