/* fault.c - each operation with each call failing in turn.
 *
 * An operation brings a scratch machine from an old state to a new one. For every n its n-th
 * call fails, with each error a disk can give and for want of memory. Then: whoever called was told in
 * words; each file is whole, the old or the new one, and none is there that belongs to
 * neither; so is what the ledger wants; and the operation once more, without a fault, gives the new state.
 */
#include "scratch.h"

#include <fcntl.h>

#include "job/sync.h"
#include "ledger/tokens.h"
#include "steps/envfile.h"
#include "wrap.h"

#define MAX_CALLS 2000 /* an operation that never gets through is a bug of its own */

struct operation {
	void (*prepare)(struct scratch *scratch);
	int (*run)(struct scratch *scratch);
	const char *step; /* whose apply() for emo it is instead */
	bool has_ledger;
};

/* ---- old or new ----------------------------------------------------------------------- */

static size_t line_length(const char *line)
{
	return strcspn(line, "\n");
}

static bool has_line(const char *text, const char *line)
{
	size_t n = line_length(line);

	for (; *text; text += line_length(text) + 1) {
		if (line_length(text) == n && memcmp(text, line, n) == 0)
			return true;
	}
	return false;
}

/* Whether some line of `text` is about the same path (up to the first space) as `line`. */
static bool has_path(const char *text, const char *line)
{
	size_t n = strcspn(line, " ") + 1;

	for (; *text; text += line_length(text) + 1) {
		if (strncmp(text, line, n) == 0)
			return true;
	}
	return false;
}

static void fail_with(const char *what, const char *line, const char *old, const char *new)
{
	fail_msg("%s: %.*s\n--- old\n%s--- new\n%s", what, (int)line_length(line), line, old, new);
}

static void assert_old_or_new(const char *now, const char *old, const char *new)
{
	for (const char *line = now; *line; line += line_length(line) + 1) {
		if (!has_line(old, line) && !has_line(new, line))
			fail_with("neither old nor new", line, old, new);
	}
	for (const char *line = old; *line; line += line_length(line) + 1) {
		if (has_path(new, line) && !has_path(now, line))
			fail_with("lost", line, old, new);
	}
}

/* ---- the runner ----------------------------------------------------------------------- */

struct fault {
	enum wrap_kind kind;
	unsigned int n;
	int error;
};

struct states {
	char *old_tree, *new_tree, *old_ledger, *new_ledger;
};

static void states_done(struct states *states)
{
	free(states->old_tree);
	free(states->new_tree);
	free(states->old_ledger);
	free(states->new_ledger);
}

static void scratch_freep(struct scratch **scratch)
{
	if (*scratch)
		scratch_free(*scratch);
}

#define AUTO_SCRATCH DV_CLEANUP(scratch_freep)

static struct scratch *prepare(const struct operation *operation)
{
	struct scratch *scratch = scratch_new();

	if (operation->has_ledger)
		scratch_open_ledger(scratch);
	scratch_make_view(scratch);
	operation->prepare(scratch);
	return scratch;
}

static char *dump_ledger(const struct operation *operation, struct scratch *scratch)
{
	return operation->has_ledger ? scratch_dump_wanted(scratch) : strdup("");
}

static struct people_row wanted_emo(void)
{
	struct people_row row = scratch_wanted("emo", 0);

	free(row.ssh_keys);
	row.ssh_keys = strdup("ssh-ed25519 A\nssh-ed25519 B");
	row.login = PEOPLE_LOGIN_NONE;
	return row;
}

/* Run it, with a fault where `error` is not 0. */
static int perform(const struct operation *operation, struct scratch *scratch,
		   const struct fault *fault, bool *ret_fired)
{
	DV_AUTO_PEOPLE_ROW struct people_row row = { 0 };
	struct step_context context = { .env = &scratch->env,
					.config = &scratch->config,
					.machine = &scratch->view,
					.person = &row };
	int r;

	if (operation->step)
		row = operation->has_ledger ? scratch_person(scratch, "emo") : wanted_emo();
	scratch->err.text[0] = '\0';
	if (fault->error)
		wrap_arm(fault->kind, fault->n, fault->error);
	r = operation->step ? step_find(operation->step)->apply(&context, &scratch->err)
			    : operation->run(scratch);
	*ret_fired = wrap_disarm();
	return r;
}

static void perform_well(const struct operation *operation, struct scratch *scratch)
{
	const struct fault none = { .error = 0 };
	bool fired = false;

	assert_ok(scratch, perform(operation, scratch, &none, &fired));
}

static void learn(const struct operation *operation, struct states *states)
{
	AUTO_SCRATCH struct scratch *scratch = prepare(operation);

	states->old_tree = scratch_dump_tree(scratch);
	states->old_ledger = dump_ledger(operation, scratch);
	perform_well(operation, scratch);
	states->new_tree = scratch_dump_tree(scratch);
	states->new_ledger = dump_ledger(operation, scratch);
}

static void assert_new(const struct operation *operation, struct scratch *scratch,
		       const struct states *states)
{
	DV_AUTO_FREE char *tree = scratch_dump_tree(scratch);
	DV_AUTO_FREE char *ledger = dump_ledger(operation, scratch);

	assert_string_equal(tree, states->new_tree);
	assert_string_equal(ledger, states->new_ledger);
}

static void assert_whole(const struct operation *operation, struct scratch *scratch,
			 const struct states *states)
{
	DV_AUTO_FREE char *tree = scratch_dump_tree(scratch);
	DV_AUTO_FREE char *ledger = dump_ledger(operation, scratch);

	assert_old_or_new(tree, states->old_tree, states->new_tree);
	if (strcmp(ledger, states->old_ledger) != 0)
		assert_string_equal(ledger, states->new_ledger);
}

/* False: it came through without meeting its n-th call. */
static bool survives(const struct operation *operation, const struct states *states,
		     const struct fault *fault)
{
	AUTO_SCRATCH struct scratch *scratch = prepare(operation);
	bool fired = false;
	int r = perform(operation, scratch, fault, &fired);

	if (r == 0) {
		assert_new(operation, scratch, states);
		return fired;
	}
	if (!fired || !*scratch->err.text)
		fail_msg("call %u, error %d: r %d, \"%s\"", fault->n, fault->error, r,
			 scratch->err.text);
	assert_whole(operation, scratch, states);
	perform_well(operation, scratch);
	assert_new(operation, scratch, states);
	return true;
}

static void fail_each_call(const struct operation *operation)
{
	static const struct fault faults[] = {
		{ WRAP_FILES, 0, ENOSPC }, { WRAP_FILES, 0, EROFS },   { WRAP_FILES, 0, EDQUOT },
		{ WRAP_FILES, 0, EIO },	   { WRAP_MEMORY, 0, ENOMEM },
	};
	DV_CLEANUP(states_done) struct states states = { 0 };

	learn(operation, &states);
	for (size_t i = 0; i < DV_COUNT(faults); i++) {
		struct fault fault = faults[i];

		for (fault.n = 1; survives(operation, &states, &fault); fault.n++)
			assert_in_range(fault.n, 1, MAX_CALLS);
		assert_in_range(fault.n, 2, MAX_CALLS); /* or nothing was caught */
	}
}

/* ---- operations ----------------------------------------------------------------------- */

static int replace_it(struct scratch *scratch)
{
	return file_replace(scratch->env.root_dirfd, "etc/file",
			    &(struct file_spec){ .data = "new\n",
						 .n_bytes = 4,
						 .mode = 0640,
						 .uid = getuid(),
						 .gid = getgid(),
						 .untouched = true },
			    &scratch->err);
}

static void prepare_folder(struct scratch *scratch)
{
	scratch_make_folder(scratch, "etc", 0755);
}

static void a_new_file_is_whole_or_not_there(void **state DV_UNUSED)
{
	fail_each_call(&(struct operation){ .prepare = prepare_folder, .run = replace_it });
}

static void prepare_file(struct scratch *scratch)
{
	scratch_write(scratch, "etc/file", "the old one, longer\n", 0600);
}

static void a_replaced_file_is_the_old_or_the_new_one(void **state DV_UNUSED)
{
	fail_each_call(&(struct operation){ .prepare = prepare_file, .run = replace_it });
}

static void prepare_envfile(struct scratch *scratch)
{
	scratch_write(scratch, "etc/t3-serve/emo.env", "# mine\nT3_PORT=1\nA=2", 0644);
}

static int set_port(struct scratch *scratch)
{
	return envfile_set(&scratch->env, "etc/t3-serve/emo.env", "T3_PORT", "3773", &scratch->err);
}

static void an_administrators_lines_are_never_lost(void **state DV_UNUSED)
{
	fail_each_call(&(struct operation){ .prepare = prepare_envfile, .run = set_port });
}

/* emo with old keys, an old port and an old ticket. */
static void prepare_emo(struct scratch *scratch)
{
	scratch_add_account(scratch, "emo", 1001);
	scratch_write(scratch, "etc/devvm/keys/emo", "ssh-ed25519 OLD\n", 0644);
	scratch_write(scratch, "etc/t3-serve/emo.env", "A=1\nT3_PORT=1\n", 0600);
	scratch_write(scratch, "run/devvm/tickets/emo", "#devvm-ticket 1\nT3_PORT=1\n", 0600);
}

/* A machine on which the step makes its folders itself. */
static void prepare_fresh_emo(struct scratch *scratch)
{
	scratch_add_account(scratch, "emo", 1001);
}

/* Somebody who has no token and is to have one. */
static void prepare_token(struct scratch *scratch)
{
	scratch_stage_token(scratch, SCRATCH_TOKEN);
	scratch_add_person(scratch, "emo", 0, PEOPLE_LOGIN_NONE);
	scratch_write(scratch, "etc/t3-serve/emo.env", "A=1\nT3_PORT=1\n", 0600);
}

static void fail_each_call_of_step(const char *step)
{
	fail_each_call(&(struct operation){ .prepare = prepare_emo, .step = step });
	fail_each_call(&(struct operation){ .prepare = prepare_fresh_emo, .step = step });
}

static void keys_are_whole(void **state DV_UNUSED)
{
	fail_each_call_of_step("keys");
}

static void port_files_are_whole(void **state DV_UNUSED)
{
	fail_each_call_of_step("ports");
}

static void a_ticket_is_whole(void **state DV_UNUSED)
{
	fail_each_call_of_step("ticket");
}

static void a_token_is_given_whole(void **state DV_UNUSED)
{
	fail_each_call(&(struct operation){
		.prepare = prepare_token, .step = "token", .has_ledger = true });
}

#define LINE(name, more)                                                                           \
	"  " name ": {authentik_user: " name ", k8s_user: " name ", tier: power-user" more "}\n"

static int take_roster(struct scratch *scratch)
{
	const struct sync_options options = { .dry_run = false };
	enum sync_outcome outcome = SYNC_UNSET;
	char digest[DIGEST_HEX_BYTES];
	int r = sync_roster(&scratch->view, &options, &outcome, digest, &scratch->err);

	/* A disk that fails is not a roster that is wrong. */
	return r == 0 && outcome == SYNC_REFUSED ? -EINVAL : r;
}

static void prepare_roster(struct scratch *scratch)
{
	static const char *const tickets[] = { "anca", "emo", "wizard", "zoe" };

	scratch_write(scratch, "etc/devvm/roster.yaml",
		      "users:\n" LINE("anca", "") LINE("emo", "") LINE("wizard", "")
			      LINE("zoe", ""),
		      0644);
	assert_ok(scratch, take_roster(scratch));
	for (size_t i = 0; i < DV_COUNT(tickets); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "run/devvm/tickets/%s", tickets[i]);
		scratch_write(scratch, path, "#devvm-ticket 1\n", 0600);
	}
	scratch_write(scratch, "etc/devvm/keys/wizard", "ssh-ed25519 A\n", 0644);
	/* bob is new, emo changed, wizard gone; anca and zoe are not touched. */
	scratch_write(scratch, "etc/devvm/roster.yaml",
		      "users:\n" LINE("anca", "") LINE("bob", "") LINE("emo", ", eager: true")
			      LINE("zoe", ""),
		      0644);
}

static void a_roster_is_taken_whole(void **state DV_UNUSED)
{
	fail_each_call(&(struct operation){
		.prepare = prepare_roster, .run = take_roster, .has_ledger = true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_file_is_whole_or_not_there),
		cmocka_unit_test(a_replaced_file_is_the_old_or_the_new_one),
		cmocka_unit_test(an_administrators_lines_are_never_lost),
		cmocka_unit_test(keys_are_whole),
		cmocka_unit_test(port_files_are_whole),
		cmocka_unit_test(a_ticket_is_whole),
		cmocka_unit_test(a_token_is_given_whole),
		cmocka_unit_test(a_roster_is_taken_whole),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
