/* test_ctl_doctor.c - the checks of `devvmctl doctor` on a machine in a folder, with programs
 * that say what a test wants, and rows of status made by hand. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "ctl/doctor.h"

#define PAM_LINE "session optional pam_devvm.so\n"
#define SSHD_LINE                                                                                  \
	"session optional pam_devvm.so # devvm: after pam_env, whose PATH would win otherwise\n"

/* What each program says; an output of NULL: it is not there. */
static struct {
	const char *units, *node, *nft, *person;
	int nft_status;
} says;
static char asked_as[256]; /* the words of setpriv */

static const char ALL_UNITS_WELL[] =
	"Id=devvm-helperd.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\n"
	"Id=devvm-machine.timer\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";

static int fake_run(const struct doctor *doctor DV_UNUSED, const char *const *argv,
		    struct process_result *ret_result, struct dv_error *err DV_UNUSED)
{
	const char *output = NULL;

	*ret_result = (struct process_result){ 0 };
	if (strcmp(argv[0], "systemctl") == 0)
		output = says.units;
	else if (strcmp(argv[0], "node") == 0)
		output = says.node;
	else if (strcmp(argv[0], "nft") == 0)
		output = says.nft;
	else if (strcmp(argv[0], "setpriv") == 0)
		output = says.person;
	if (strcmp(argv[0], "nft") == 0 && output)
		ret_result->exit_status = says.nft_status;
	for (size_t i = 0, n = 0; strcmp(argv[0], "setpriv") == 0 && argv[i] && i < 8; i++)
		n += (size_t)snprintf(asked_as + n, sizeof(asked_as) - n, " %s", argv[i]);
	if (!output)
		ret_result->exit_status = 127;
	(void)snprintf(ret_result->output, sizeof(ret_result->output), "%s", output ? output : "");
	return 0;
}

static void add_row(struct doctor *doctor, const char *text)
{
	struct dv_error error = { 0 };
	struct record record;

	assert_int_equal(record_parse(&record, text, strlen(text), &error), 0);
	assert_int_equal(status_add(&doctor->status, &record, &error), 0);
}

/* A machine on which nothing is wrong, seen by root. */
static struct doctor well(struct scratch *scratch)
{
	struct doctor doctor = { .env = &scratch->env, .is_root = true, .run = fake_run };

	says.units = ALL_UNITS_WELL;
	says.node = "v22.16.0\n";
	says.nft = "table inet devvm {\n}\n";
	says.nft_status = 0;
	says.person = NULL;
	assert_int_equal(config_init(&doctor.config, NULL), 0);
	add_row(&doctor, "row\nkind=machine\nroster=ok\npeople=1\n");
	add_row(&doctor, "row\nkind=person\nuser=emo\n");
	add_row(&doctor, "row\nkind=step\nuser=emo\nstep=path\nstatus=ok\n");
	scratch_write(scratch, "etc/pam.d/common-session", PAM_LINE, 0644);
	scratch_write(scratch, "etc/pam.d/common-account", "account required pam_devvm.so\n", 0644);
	scratch_write(scratch, "etc/pam.d/sshd", SSHD_LINE, 0644);
	scratch_write(scratch, "etc/t3-serve/emo.env", "T3_PORT=1\n", 0600);
	scratch_write(scratch, "etc/t3-serve/dispatch.json", "{}\n", 0644);
	return doctor;
}

static void assert_says(struct doctor *doctor, const char *expected)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&text, &n_bytes);

	assert_int_equal(doctor_run(doctor), 0);
	doctor_print(doctor, out, true);
	(void)fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

#define NO_PERSON "(claude was not looked at; it looks at one person: devvmctl doctor USER)\n"
#define WELL NO_PERSON "nothing is wrong\n"
#define ONE(finding) finding NO_PERSON "1 problem\n"

static void a_machine_that_is_well(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	assert_says(&doctor, WELL);
}

static void what_needs_root_is_named_as_skipped(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	doctor.is_root = false;
	says.nft = NULL;
	assert_says(&doctor,
		    NO_PERSON "(nft was not looked at; it needs root: sudo devvmctl doctor)\n"
			      "(secrets was not looked at; it needs root: sudo devvmctl doctor)\n"
			      "nothing is wrong\n");
}

static void no_helper_is_a_finding(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	(void)strcpy(doctor.helper_trouble, "no answer from devvm-helperd (x; y); see systemctl");
	assert_says(&doctor,
		    "machine no answer from devvm-helperd (x; y): see systemctl\n"
		    "(roster was not looked at; it needs the helper)\n"
		    "(steps was not looked at; it needs the helper)\n" NO_PERSON "1 problem\n");
}

static void a_refused_roster_and_configuration(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	add_row(&doctor,
		"row\nkind=machine\nroster=refused\nroster-error=roster.yaml:3: emo: no\n");
	(void)strcpy(doctor.config_trouble, "/etc/devvm/devvm.yaml:2: x: unknown key");
	assert_says(&doctor,
		    "machine /etc/devvm/devvm.yaml:2: x: unknown key: correct that line; devvmctl "
		    "check-config\n"
		    "machine the roster is refused: roster.yaml:3: emo: no: correct that line; the "
		    "last good roster stays in force meanwhile\n" NO_PERSON "2 problems\n");
}

static void an_installer_over_plain_http(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	doctor.config.claude_source = CLAUDE_INSTALLER;
	scratch_set(&doctor.config.claude_installer, "http://example.org/install.sh");
	assert_says(&doctor, ONE("machine claude's installer is fetched over plain http: set "
				 "claude.installer to an https:// URL in /etc/devvm/devvm.yaml\n"));
}

static void stacks_without_the_module(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);
	DV_AUTO_DOCTOR struct doctor again = { 0 };

	scratch_write(scratch, "etc/pam.d/common-session", "# nothing\n", 0644);
	assert_says(&doctor, ONE("machine /etc/pam.d/common-session does not call pam_devvm.so: "
				 "sudo devvmctl pam enable\n"));
	again = well(scratch);
	scratch_write(scratch, "etc/pam.d/sshd", "@include common-session\n", 0644);
	assert_says(&again, ONE("machine /etc/pam.d/sshd does not end with the line of devvm: sudo "
				"devvmctl pam enable\n"));
}

static void units_that_are_not_as_they_should_be(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	says.units = "Id=a.timer\nLoadState=loaded\nActiveState=inactive\nUnitFileState=enabled\n\n"
		     "Id=b.timer\nLoadState=loaded\nActiveState=active\nUnitFileState=disabled\n\n"
		     "Id=c.service\nLoadState=loaded\nActiveState=failed\nUnitFileState=enabled\n\n"
		     "Id=d.socket\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n\n"
		     "Id=e.socket\nLoadState=masked\nActiveState=inactive\nUnitFileState=masked\n\n"
		     "Id=f.timer\nLoadState=loaded\nActiveState=active\nUnitFileState=static\n";
	assert_says(
		&doctor,
		"machine a.timer is inactive: sudo systemctl enable --now a.timer\n"
		"machine b.timer is disabled: it is gone after the next boot: sudo systemctl "
		"enable --now b.timer\n"
		"machine c.service has failed: journalctl -u c.service says why; sudo systemctl "
		"restart c.service\n"
		"machine d.socket is not there: install devvm again\n"
		"machine e.socket is masked: sudo systemctl unmask it and enable it "
		"--now\n" NO_PERSON "5 problems\n");
}

static void no_systemd_is_said(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	says.units = NULL;
	assert_says(&doctor, ONE("machine systemd does not tell about devvm's units: systemctl "
				 "is-system-running\n"));
}

static void failed_steps_with_their_next_try(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	add_row(&doctor, "row\nkind=step\nuser=\nstep=claude-cache\nstatus=failed\nerror=x: 404\n"
			 "attempts=1\nnext-retry=0\n");
	add_row(&doctor, "row\nkind=step\nuser=emo\nstep=claude\nstatus=failed\nerror=not there\n"
			 "attempts=3\nnext-retry=1760000040000000\n");
	assert_says(&doctor,
		    "machine claude-cache failed: x: 404 (tried 1 time, not tried again by "
		    "itself): sudo devvmctl reconcile\n"
		    "emo claude failed: not there (tried 3 times, next try in 40 s): devvmctl "
		    "ensure emo --wait\n" NO_PERSON "2 problems\n");
}

/* ---- one person ------------------------------------------------------------------------ */

static void make_claude(struct scratch *scratch, const char *path)
{
	scratch_write(scratch, path, "#!/bin/sh\n", 0755);
}

/* emo asks, with "~/.local/bin" and "/usr/bin" of the scratch on PATH. */
static struct doctor seen_by_emo(struct scratch *scratch, char **ret_home, char **ret_path)
{
	struct doctor doctor = well(scratch);

	assert_true(asprintf(ret_home, "%s/home/emo", scratch->folder) > 0);
	assert_true(asprintf(ret_path, "relative::%s/.local/bin:%s/usr/bin", *ret_home,
			     scratch->folder) > 0);
	doctor.user = "emo";
	doctor.home = *ret_home;
	doctor.path = *ret_path;
	return doctor;
}

static void claude_of_ones_own(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *home = NULL;
	DV_AUTO_FREE char *path = NULL;
	DV_AUTO_DOCTOR struct doctor doctor = seen_by_emo(scratch, &home, &path);

	make_claude(scratch, "home/emo/.local/bin/claude");
	make_claude(scratch, "usr/bin/claude");
	assert_says(&doctor, "nothing is wrong\n");
}

static void no_claude_at_all(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *home = NULL;
	DV_AUTO_FREE char *path = NULL;
	DV_AUTO_DOCTOR struct doctor doctor = seen_by_emo(scratch, &home, &path);

	scratch_write(scratch, "usr/bin/claude", "not to be run\n", 0644);
	assert_says(&doctor, "emo has no claude, and nobody is given one: set claude.source in "
			     "/etc/devvm/devvm.yaml\n1 problem\n");
	doctor.n_findings = 0;
	free(doctor.findings[0].who);
	free(doctor.findings[0].what);
	free(doctor.findings[0].fix);
	doctor.config.claude_source = CLAUDE_CACHE;
	assert_says(&doctor, "emo has no claude: devvmctl ensure emo --wait\n1 problem\n");
}

static void another_claude_first(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *home = NULL;
	DV_AUTO_FREE char *path = NULL;
	DV_AUTO_FREE char *expected = NULL;
	DV_AUTO_DOCTOR struct doctor doctor = seen_by_emo(scratch, &home, &path);

	make_claude(scratch, "usr/bin/claude");
	assert_true(asprintf(&expected,
			     "emo finds %s/usr/bin/claude instead of ~/.local/bin/claude: log in "
			     "again, and look for what your shell's own files do to PATH\n"
			     "1 problem\n",
			     scratch->folder) > 0);
	assert_says(&doctor, expected);
}

static void npms_claude_is_named(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *home = NULL;
	DV_AUTO_FREE char *path = NULL;
	DV_AUTO_FREE char *expected = NULL;
	DV_AUTO_DOCTOR struct doctor doctor = seen_by_emo(scratch, &home, &path);

	make_claude(scratch, "usr/lib/node_modules/@anthropic-ai/claude-code/cli.js");
	scratch_make_folder(scratch, "usr/bin", 0755);
	assert_int_equal(symlinkat("../lib/node_modules/@anthropic-ai/claude-code/cli.js",
				   scratch->env.root_dirfd, "usr/bin/claude"),
			 0);
	assert_true(asprintf(&expected,
			     "emo finds npm's claude, %s/usr/bin/claude, instead of "
			     "~/.local/bin/claude: sudo npm uninstall -g "
			     "@anthropic-ai/claude-code\n"
			     "machine /usr/bin/claude is npm's copy of claude and shadows the "
			     "native one where PATH has it first: sudo npm uninstall -g "
			     "@anthropic-ai/claude-code\n"
			     "2 problems\n",
			     scratch->folder) > 0);
	assert_says(&doctor, expected);
}

static void root_asks_as_the_person(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

	doctor.user = "emo";
	doctor.home = "/home/emo";
	doctor.uid = 1001;
	doctor.gid = 1002;
	says.person = "/home/emo/.local/bin/claude\n";
	assert_says(&doctor, "nothing is wrong\n");
	assert_string_equal(asked_as, " setpriv --reuid 1001 --regid 1002 --init-groups "
				      "--reset-env --");
}

static void others_are_for_root_to_look_at(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

	doctor.is_root = false;
	doctor.user = "anca";
	doctor.home = "/home/anca";
	assert_says(&doctor,
		    "anca is nobody of this machine's roster that you may see: add them to the "
		    "roster, or ask as root\n"
		    "(claude was not looked at; it looks at somebody else: ask as root, or let "
		    "them ask)\n"
		    "(nft was not looked at; it needs root: sudo devvmctl doctor)\n"
		    "(secrets was not looked at; it needs root: sudo devvmctl doctor)\n"
		    "1 problem\n");
}

/* ---- node, fences, secrets ------------------------------------------------------------- */

static void node_is_new_enough_or_not(void **state)
{
	static const struct {
		const char *version;
		bool is_good;
	} cases[] = {
		{ "v22.16.0\n", true },	 { "v22.20.1\n", true },  { "v23.11.0\n", true },
		{ "v24.10.0\n", true },	 { "v25.0.0\n", true },	  { "v22.15.1\n", false },
		{ "v20.19.2\n", false }, { "v23.10.0\n", false }, { "v24.9.0\n", false },
		{ "nonsense\n", false }, { "", false },		  { NULL, false },
	};

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		DV_AUTO_DOCTOR struct doctor doctor = well(*state);

		says.node = cases[i].version;
		assert_int_equal(doctor_run(&doctor), 0);
		if (doctor.n_findings != (cases[i].is_good ? 0U : 1U))
			fail_msg("node %s", cases[i].version);
		if (!cases[i].is_good)
			assert_string_equal(doctor.findings[0].check, "node");
	}
}

static void a_missing_fence(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);
	DV_AUTO_DOCTOR struct doctor again = { 0 };

	says.nft = "Error: No such file or directory\n";
	says.nft_status = 1;
	assert_says(&doctor, ONE("machine the nftables table inet devvm is missing, so anybody "
				 "here can connect to everybody's ports: sudo systemctl restart "
				 "devvm-ports.service\n"));
	again = well(*state);
	says.nft = NULL;
	assert_says(&again, ONE("machine nftables is not there, so anybody here can connect to "
				"everybody's ports: sudo apt install nftables\n"));
}

static void secrets_that_are_open(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

	scratch_write(scratch, "etc/t3-serve/claude-oauth-token", "s3cret", 0644);
	assert_says(&doctor,
		    ONE("machine /etc/t3-serve/claude-oauth-token is open to everybody (mode "
			"0644): sudo chmod o-rwx /etc/t3-serve/claude-oauth-token\n"));
}

static void json_has_it_all(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&text, &n_bytes);

	says.node = NULL;
	assert_int_equal(doctor_run(&doctor), 0);
	assert_int_equal(doctor_print_json(&doctor, out), 0);
	(void)fclose(out);
	assert_string_equal(
		text, "{\n  \"problems\": [\n    {\n      \"check\": \"node\",\n"
		      "      \"who\": \"machine\",\n      \"what\": \"there is no node, which t3 "
		      "and playwright run on\",\n      \"fix\": \"install node 22.16 or "
		      "newer, or set node.path in /etc/devvm/devvm.yaml\"\n    }\n  ],\n"
		      "  \"skipped\": [\n    {\n      \"check\": \"claude\",\n      \"why\": "
		      "\"looks at one person: devvmctl doctor USER\"\n    }\n  ]\n}\n");
}

#define DOCTOR_TEST(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOCTOR_TEST(a_machine_that_is_well),
		DOCTOR_TEST(what_needs_root_is_named_as_skipped),
		DOCTOR_TEST(no_helper_is_a_finding),
		DOCTOR_TEST(a_refused_roster_and_configuration),
		DOCTOR_TEST(an_installer_over_plain_http),
		DOCTOR_TEST(stacks_without_the_module),
		DOCTOR_TEST(units_that_are_not_as_they_should_be),
		DOCTOR_TEST(no_systemd_is_said),
		DOCTOR_TEST(failed_steps_with_their_next_try),
		DOCTOR_TEST(claude_of_ones_own),
		DOCTOR_TEST(no_claude_at_all),
		DOCTOR_TEST(another_claude_first),
		DOCTOR_TEST(npms_claude_is_named),
		DOCTOR_TEST(root_asks_as_the_person),
		DOCTOR_TEST(others_are_for_root_to_look_at),
		DOCTOR_TEST(node_is_new_enough_or_not),
		DOCTOR_TEST(a_missing_fence),
		DOCTOR_TEST(secrets_that_are_open),
		DOCTOR_TEST(json_has_it_all),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
