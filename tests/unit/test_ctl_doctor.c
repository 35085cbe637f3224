/* test_ctl_doctor.c - the checks of `devvmctl doctor` on a machine in a folder, with programs
 * that say what a test wants, and rows of status made by hand. */
#include "scratch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "config/config_good.h"
#include "ctl/doctor.h"
#include "fake_web.h"
#include "steps/steps.h"

#define PAM_LINE "session optional pam_devvm.so\n"
#define SSHD_LINE                                                                                  \
	"session optional pam_devvm.so # devvm: after pam_env, whose PATH would win otherwise\n"

/* What each program says; an output of NULL: it is not there. */
static struct {
	const char *units, *socket, *nft, *person;
	int nft_status;
} says;
static char asked_as[256]; /* the words of setpriv */

static const char ALL_UNITS_WELL[] =
	"Id=devvm-helperd.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n\n"
	"Id=devvm-machine.timer\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";

#define SOCKET(load, active)                                                                       \
	"Id=playwright-mcp@emo.socket\nLoadState=" load "\nActiveState=" active                    \
	"\nUnitFileState=enabled\n"

/* 127.0.0.1 and ::1 in /proc/net of a machine with its lowest byte first, as ours are. */
#define LOOPBACK4 "0100007F"
#define LOOPBACK6 "00000000000000000000000001000000"

static int fake_run(const struct doctor *doctor DV_UNUSED, const char *const *argv,
		    struct process_result *ret_result, struct dv_error *err DV_UNUSED)
{
	const char *output = NULL;

	*ret_result = (struct process_result){ 0 };
	if (strcmp(argv[0], "systemctl") == 0)
		output = str_starts_with(argv[3], "playwright-mcp@") ? says.socket : says.units;
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

static void set_node(struct doctor *doctor, struct scratch *scratch, const char *version)
{
	DV_AUTO_FREE char *script = NULL;
	DV_AUTO_FREE char *path = NULL;

	assert_true(asprintf(&script, "#!/bin/sh\nprintf '%s'\n", version) > 0);
	assert_true(asprintf(&path, "%s/node", scratch->folder) > 0);
	scratch_write(scratch, "node", script, 0755);
	scratch_set(&doctor->config.node_path, path);
}

#define TCP_HEAD                                                                                   \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode\n"

/* As the kernel has it: `uid` listens on `digits`. */
static void listen_on(struct scratch *scratch, const char *digits, unsigned int port,
		      unsigned int uid)
{
	const char *file = strlen(digits) == 8 ? "proc/net/tcp" : "proc/net/tcp6";
	DV_AUTO_FREE char *text = NULL;

	assert_true(asprintf(&text,
			     TCP_HEAD "   0: %s:%04X %.*s:0000 0A 00000000:00000000 00:00000000 "
				      "00000000  %4u        0 12345 1 0000000000000000 100 0\n",
			     digits, port, (int)strlen(digits), "00000000000000000000000000000000",
			     uid) > 0);
	scratch_write(scratch, file, text, 0444);
}

/* A machine on which nothing is wrong, seen by root. */
static struct doctor well(struct scratch *scratch)
{
	struct doctor doctor = { .env = &scratch->env, .is_root = true, .run = fake_run };

	says.units = ALL_UNITS_WELL;
	says.socket = SOCKET("loaded", "active");
	says.nft = "table inet devvm {\n}\n";
	says.nft_status = 0;
	says.person = NULL;
	assert_int_equal(config_init(&doctor.config, NULL), 0);
	add_row(&doctor, "row\nkind=machine\nroster=ok\npeople=1\n");
	set_node(&doctor, scratch, "v22.16.0");
	add_row(&doctor, "row\nkind=person\nuser=emo\nstate=present\nuid=1001\nt3-port=3774\n"
			 "playwright-port=8932\n");
	listen_on(scratch, LOOPBACK4, 8932, 0);
	listen_on(scratch, LOOPBACK6, 8932, 0);
	add_row(&doctor, "row\nkind=step\nuser=emo\nstep=path\nstatus=ok\n");
	scratch_write(scratch, "etc/pam.d/common-session", PAM_LINE, 0644);
	scratch_write(scratch, "etc/pam.d/common-account", "account required pam_devvm.so\n", 0644);
	scratch_write(scratch, "etc/pam.d/sshd", SSHD_LINE, 0644);
	scratch_write(scratch, "etc/t3-serve/emo.env", "T3_PORT=1\n", 0600);
	scratch_write(scratch, "etc/t3-serve/dispatch.json", "{}\n", 0644);
	return doctor;
}

static char *said(struct doctor *doctor)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&text, &n_bytes);

	assert_int_equal(doctor_run(doctor), 0);
	doctor_print(doctor, out, true);
	(void)fclose(out);
	return text;
}

static void assert_says(struct doctor *doctor, const char *expected)
{
	DV_AUTO_FREE char *text = said(doctor);

	assert_string_equal(text, expected);
}

#define NO_PERSON                                                                                  \
	"(claude was not looked at; it looks at one person: devvmctl doctor USER)\n"               \
	"(browser was not looked at; it looks at one person: devvmctl doctor USER)\n"
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
	assert_says(&doctor, "machine no answer from devvm-helperd (x; y): see systemctl\n"
			     "(roster was not looked at; it needs the helper)\n"
			     "(steps was not looked at; it needs the helper)\n" NO_PERSON
			     "(ports was not looked at; it needs the helper)\n1 problem\n");
}

static void a_refused_roster_and_configuration(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	add_row(&doctor,
		"row\nkind=machine\nroster=refused\nroster-error=roster.yaml:3: emo: no\n");
	(void)strcpy(doctor.config_trouble, "/etc/devvm/devvm.yaml:2: x: unknown key");
	assert_says(&doctor,
		    "machine /etc/devvm/devvm.yaml:2: x: unknown key: correct that line (devvmctl "
		    "check-config); the last good one stays in force for logins meanwhile, nothing "
		    "is updated\n"
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

static void a_login_prompt_for_everybody(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	says.units =
		"Id=ttyd.service\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n";
	assert_says(&doctor, ONE("machine ttyd.service offers a login on a port of 127.0.0.1 to "
				 "every local user, "
				 "beside the web terminals of devvm: sudo systemctl disable --now "
				 "ttyd.service\n"));
}

static void no_such_prompt(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	says.units = "Id=ttyd.service\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n";
	assert_says(&doctor, WELL);
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
		    "itself): sudo devvmctl machine\n"
		    "emo claude failed: not there (tried 3 times, next try in 40 s): devvmctl "
		    "ensure emo --wait\n" NO_PERSON "2 problems\n");
}

/* Which job runs it again: the names in doctor_machine.c are those of the table. */
static void each_failed_step_has_its_own_word(void **state)
{
	for (const struct step *step = STEPS; step->name; step++) {
		DV_AUTO_DOCTOR struct doctor doctor = well(*state);
		DV_AUTO_FREE char *row = NULL;

		if (step->place == STEP_HOME || step->place == STEP_RECONCILE)
			continue;
		assert_true(asprintf(&row, "row\nkind=step\nuser=\nstep=%s\nstatus=failed\n",
				     step->name) > 0);
		add_row(&doctor, row);
		assert_int_equal(doctor_run(&doctor), 0);
		assert_int_equal(doctor.n_findings, 1);
		assert_string_equal(doctor.findings[0].fix, step->place == STEP_MACHINE
								    ? "sudo devvmctl machine"
								    : "sudo devvmctl reconcile");
	}
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
	assert_says(&doctor,
		    "emo has no claude, and nobody is given one: claude.source is none: set "
		    "claude.source in /etc/devvm/devvm.yaml (examples: man devvm.yaml), then sudo "
		    "devvmctl machine, then devvmctl ensure emo --wait\n1 problem\n");
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

#define OK_PAGE "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
#define REFUSAL "HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

/* A machine whose door answers with these pages, or, without pages, does not: at a port, or at a socket. */
static char *said_of(struct scratch *scratch, bool at_socket, const struct fake_web_page *pages)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);
	char conf[256], path[100];
	struct fake_web web;
	char *text;

	add_row(&doctor, "row\nkind=person\nuser=zoe\nidentity=zoe.id\nstate=present\n");
	(void)snprintf(path, sizeof(path), "%s/door.sock", scratch->folder);
	if (!at_socket)
		scratch_write(scratch, "etc/devvm/door-secret", "s3cret\n", 0600);
	assert_true(at_socket ? fake_web_start_at(&web, path, pages) : fake_web_start(&web, pages));
	if (at_socket)
		(void)snprintf(conf, sizeof(conf), "server { listen unix:%s; }\n", path);
	else
		(void)snprintf(conf, sizeof(conf),
			       "# listen 1.2.3.4:5;\nserver {\n\tlisten 127.0.0.1:%u;\n}\n",
			       web.port);
	scratch_write(scratch, "etc/nginx/conf.d/devvm.conf", conf, 0644);
	if (!pages->path)
		fake_web_stop(&web);
	text = said(&doctor);
	if (pages->path)
		fake_web_stop(&web);
	return text;
}

static char *said_of_door(struct scratch *scratch, const struct fake_web_page *pages)
{
	return said_of(scratch, false, pages);
}

static void a_door_that_believes_everybody(void **state)
{
	static const struct fake_web_page open[] = { { "/healthz", OK_PAGE },
						     { "/devvm-doctor", OK_PAGE },
						     { NULL, NULL } };
	DV_AUTO_FREE char *text = said_of_door(*state, open);

	assert_contains(text, "answered 200 to a request that has no secret: sudo rm "
			      "/etc/nginx/conf.d/devvm.conf");
	assert_contains(text, "answered 200 to a request that says twice who it is");
	assert_contains(text, "answered 200 to a request for a WebSocket of another site");
	assert_contains(text, "15 problems");
}

static void a_door_that_refuses(void **state)
{
	static const struct fake_web_page closed[] = { { "/healthz", OK_PAGE },
						       { "/devvm-doctor", REFUSAL },
						       { NULL, NULL } };
	DV_AUTO_FREE char *text = said_of_door(*state, closed);

	assert_string_equal(text, WELL);
}

static void a_door_that_does_not_answer(void **state)
{
	static const struct fake_web_page none[] = { { NULL, NULL } };
	DV_AUTO_FREE char *text = said_of_door(*state, none);

	assert_contains(
		text,
		"machine the front door is enabled and does not answer at address 127.0.0.1:");
	assert_contains(text, "systemctl status nginx devvm-dispatch.socket");
}

/* Who comes there is believed without a secret: to bring none is no forgery. */
static void a_door_behind_a_socket(void **state)
{
	static const struct fake_web_page open[] = { { "/healthz", OK_PAGE },
						     { "/devvm-doctor", OK_PAGE },
						     { NULL, NULL } };
	static const struct fake_web_page closed[] = { { "/healthz", OK_PAGE },
						       { "/devvm-doctor", REFUSAL },
						       { NULL, NULL } };
	struct scratch *scratch = *state;
	DV_AUTO_FREE char *text = said_of(scratch, true, open);
	DV_AUTO_FREE char *well_text = NULL;

	assert_contains(text, "the front door at socket /");
	assert_contains(text, "answered 200 to a request that says twice who it is");
	assert_null(strstr(text, "to a request that has no secret"));
	assert_contains(text, "7 problems");
	assert_ok(scratch, file_remove(scratch->env.root_dirfd, "door.sock", &scratch->err));
	well_text = said_of(scratch, true, closed);
	assert_string_equal(well_text, WELL);
}

static void a_door_that_updates_cannot_ask(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);

	scratch_write(*state, "etc/nginx/conf.d/devvm.conf", "listen 192.0.2.1:3780;", 0644);
	assert_says(
		&doctor,
		ONE("machine updates cannot ask the front door whether it lets somebody in: "
		    "/etc/nginx/conf.d/devvm.conf has neither a loopback address to which the "
		    "secret of /etc/devvm/door-secret could go, nor a unix: listener: keep its "
		    "listen 127.0.0.1:3780; and write /etc/devvm/door-secret, or add its listen "
		    "unix:; see /usr/share/doc/devvm/FRONT-DOOR.md\n"));
}

static void the_browser_waits_on_its_socket(void **state)
{
	static const struct {
		const char *socket, *expected;
	} cases[] = {
		{ SOCKET("loaded", "active"), "nothing is wrong\n" },
		{ SOCKET("loaded", "failed"),
		  "emo has no browser: playwright-mcp@emo.socket is failed: journalctl -u "
		  "playwright-mcp@emo.socket says why; sudo systemctl restart "
		  "playwright-mcp@emo.socket\n1 problem\n" },
		{ SOCKET("loaded", "inactive"),
		  "emo has no browser: playwright-mcp@emo.socket is inactive: journalctl -u "
		  "playwright-mcp@emo.socket says why; sudo systemctl restart "
		  "playwright-mcp@emo.socket\n1 problem\n" },
		{ SOCKET("not-found", "inactive"),
		  "emo has no browser: playwright-mcp@emo.socket is not there: install devvm "
		  "again\n1 problem\n" },
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

		doctor.user = "emo";
		doctor.home = "/home/emo";
		says.person = "/home/emo/.local/bin/claude\n";
		says.socket = cases[i].socket;
		assert_says(&doctor, cases[i].expected);
	}
}

static void no_socket_is_expected_of_who_is_kept_from_it(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor held = well(scratch);
	DV_AUTO_DOCTOR struct doctor parked = { 0 };

	held.user = "emo";
	held.home = "/home/emo";
	says.person = "/home/emo/.local/bin/claude\n";
	says.socket = SOCKET("loaded", "inactive");
	scratch_write(scratch, "var/lib/devvm/hold/emo", "", 0644);
	assert_says(&held, "(browser was not looked at; it is kept from starting: somebody works "
			   "on their data (/var/lib/devvm/hold))\nnothing is wrong\n");
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "var/lib/devvm/hold/emo", 0), 0);

	parked = well(scratch);
	parked.user = "emo";
	parked.home = "/home/emo";
	says.person = "/home/emo/.local/bin/claude\n";
	says.socket = SOCKET("loaded", "inactive");
	parked.status.people[0].is_parked = true;
	assert_says(&parked, "nothing is wrong\n");
}

/* ---- ports ----------------------------------------------------------------------------- */

#define HELD_BROWSER(address)                                                                      \
	ONE("machine port 8932 of emo is held by uid 1005, on " address                            \
	    ": sudo ss -ltnp 'sport = :8932' shows the process; once it is gone, sudo systemctl "  \
	    "restart playwright-mcp@emo.socket\n")
#define HELD_T3(address)                                                                           \
	ONE("machine port 3774 of emo is held by uid 1005, on " address                            \
	    ": sudo ss -ltnp 'sport = :3774' shows the process; once it is gone, sudo systemctl "  \
	    "start t3-serve@emo.service\n")

static void who_sits_on_somebodys_port_is_named(void **state)
{
	static const struct {
		const char *digits;
		unsigned int port, uid;
		const char *expected;
	} cases[] = {
		{ LOOPBACK4, 8932, 1005, HELD_BROWSER("127.0.0.1") },
		{ LOOPBACK6, 8932, 1005, HELD_BROWSER("[::1]") },
		{ "00000000", 8932, 1005, HELD_BROWSER("0.0.0.0") },
		{ "00000000000000000000000000000000", 8932, 1005, HELD_BROWSER("[::]") },
		{ "0000000000000000FFFF00000100007F", 8932, 1005, HELD_BROWSER("127.0.0.1") },
		{ LOOPBACK4, 3774, 1005, HELD_T3("127.0.0.1") },
		{ LOOPBACK4, 3774, 1001, WELL },  /* the owner */
		{ LOOPBACK4, 8933, 1005, WELL },  /* nobody's port */
		{ "0200007F", 8932, 1005, WELL }, /* 127.0.0.2: nobody asks there */
		{ "000000000000000000000000020000FE", 8932, 1005, WELL },
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

		listen_on(scratch, cases[i].digits, cases[i].port, cases[i].uid);
		assert_says(&doctor, cases[i].expected);
	}
}

static void connections_and_nonsense_hold_no_port(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

	scratch_write(scratch, "proc/net/tcp",
		      TCP_HEAD "   0: 0100007F:22E4 0100007F:D431 01 00000000:00000000 "
			       "00:00000000 00000000  1005        0 1 1\n"
			       "   1: nonsense\n\n   2: 0100007F:22E4",
		      0444);
	assert_int_equal(unlinkat(scratch->env.root_dirfd, "proc/net/tcp6", 0), 0);
	assert_says(&doctor, WELL);
}

/* Who left has the port no more than anybody else. */
static void ports_of_who_left_are_nobodys(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);

	add_row(&doctor, "row\nkind=person\nuser=mia\nstate=left\nuid=1002\nt3-port=3775\n");
	listen_on(scratch, LOOPBACK4, 3775, 1005);
	assert_says(&doctor, WELL);
}

/* ---- node, fences, secrets ------------------------------------------------------------- */

#define NODE_FIX ": install node 22.16 or newer, or set node.path in /etc/devvm/devvm.yaml\n"

static void node_is_new_enough_or_not(void **state)
{
	static const struct {
		const char *version, *expected;
	} cases[] = {
		{ "v22.16.0\\n", WELL },
		{ "v25.0.0\\n", WELL },
		{ "v20.19.2\\n",
		  ONE("machine node 20.19 at NODE is older than 22.16, which t3 needs" NODE_FIX) },
		{ "v16.20.2\\n",
		  "machine node 16.20 at NODE is older than 22.16, which t3 needs" NODE_FIX
		  "machine node 16.20 at NODE is older than 18.0, which playwright needs" NODE_FIX
			  NO_PERSON "2 problems\n" },
		{ "", "machine NODE prints no version of node" NODE_FIX
		      "machine NODE prints no version of node" NODE_FIX NO_PERSON "2 problems\n" },
	};
	struct scratch *scratch = *state;

	for (size_t i = 0; i < DV_COUNT(cases); i++) {
		DV_AUTO_DOCTOR struct doctor doctor = well(scratch);
		DV_AUTO_STR_LIST struct str_list parts = { 0 };
		DV_AUTO_FREE char *expected = NULL;
		DV_AUTO_FREE char *copy = strdup(cases[i].expected);
		char *rest = copy;
		char *at;

		set_node(&doctor, scratch, cases[i].version);
		while ((at = strstr(rest, "NODE"))) {
			*at = '\0';
			assert_int_equal(str_list_add(&parts, rest), 0);
			rest = at + 4;
		}
		assert_int_equal(str_list_add(&parts, rest), 0);
		expected = str_list_join(&parts, doctor.config.node_path);
		assert_says(&doctor, expected);
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

static void secrets_are_found_wherever_devvm_keeps_them(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_DOCTOR struct doctor doctor = well(scratch);
	DV_AUTO_FREE char *all = NULL;

	/* For everybody, closed by its folder, or closed itself. */
	scratch_write(scratch, "etc/t3-serve/dispatch.json", "{}", 0644);
	scratch_make_folder(scratch, "var/lib/devvm", 0711);
	scratch_write(scratch, "var/lib/devvm/denied/emo", "no", 0644);
	scratch_write(scratch, CONFIG_GOOD_PATH, "", 0644);
	scratch_make_folder(scratch, "var/lib/devvm/archives", 0700);
	scratch_write(scratch, "var/lib/devvm/archives/a", "x", 0644);
	scratch_write(scratch, "var/lib/devvm/ledger.db", "x", 0600);
	/* Open, in a folder of ours and where devvm.yaml says. */
	scratch_make_folder(scratch, "var/lib/devvm/kept", 0755);
	scratch_write(scratch, "var/lib/devvm/kept/list", "x", 0604);
	scratch_write(scratch, "srv/vault-token", "x", 0644);
	doctor.config.vault_token_file = strdup("/srv/vault-token");
	all = said(&doctor);
	assert_contains(all,
			"machine /var/lib/devvm/kept/list is open to everybody (mode 0604): sudo "
			"chmod o-rwx /var/lib/devvm/kept/list\n");
	assert_contains(all, "machine /srv/vault-token is open to everybody (mode 0644)");
	assert_null(strstr(all, "dispatch.json"));
	assert_null(strstr(all, "denied"));
	assert_null(strstr(all, CONFIG_GOOD_PATH));
	assert_null(strstr(all, "archives"));
	assert_null(strstr(all, "ledger.db"));
}

static void json_has_it_all(void **state)
{
	DV_AUTO_DOCTOR struct doctor doctor = well(*state);
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	FILE *out = open_memstream(&text, &n_bytes);

	says.nft = NULL;
	assert_int_equal(doctor_run(&doctor), 0);
	assert_int_equal(doctor_print_json(&doctor, out), 0);
	(void)fclose(out);
	assert_string_equal(
		text, "{\n  \"problems\": [\n    {\n      \"check\": \"nft\",\n"
		      "      \"who\": \"machine\",\n      \"what\": \"nftables is not there, so "
		      "anybody here can connect to everybody's ports\",\n      \"fix\": \"sudo "
		      "apt install nftables\"\n    }\n  ],\n"
		      "  \"skipped\": [\n    {\n      \"check\": \"claude\",\n      \"why\": "
		      "\"looks at one person: devvmctl doctor USER\"\n    },\n    {\n      "
		      "\"check\": \"browser\",\n      \"why\": \"looks at one person: devvmctl "
		      "doctor USER\"\n    }\n  ]\n}\n");
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
		DOCTOR_TEST(a_login_prompt_for_everybody),
		DOCTOR_TEST(no_such_prompt),
		DOCTOR_TEST(no_systemd_is_said),
		DOCTOR_TEST(failed_steps_with_their_next_try),
		DOCTOR_TEST(each_failed_step_has_its_own_word),
		DOCTOR_TEST(claude_of_ones_own),
		DOCTOR_TEST(no_claude_at_all),
		DOCTOR_TEST(another_claude_first),
		DOCTOR_TEST(npms_claude_is_named),
		DOCTOR_TEST(root_asks_as_the_person),
		DOCTOR_TEST(others_are_for_root_to_look_at),
		DOCTOR_TEST(a_door_that_believes_everybody),
		DOCTOR_TEST(a_door_that_refuses),
		DOCTOR_TEST(a_door_that_does_not_answer),
		DOCTOR_TEST(a_door_behind_a_socket),
		DOCTOR_TEST(a_door_that_updates_cannot_ask),
		DOCTOR_TEST(the_browser_waits_on_its_socket),
		DOCTOR_TEST(no_socket_is_expected_of_who_is_kept_from_it),
		DOCTOR_TEST(who_sits_on_somebodys_port_is_named),
		DOCTOR_TEST(connections_and_nonsense_hold_no_port),
		DOCTOR_TEST(ports_of_who_left_are_nobodys),
		DOCTOR_TEST(node_is_new_enough_or_not),
		DOCTOR_TEST(a_missing_fence),
		DOCTOR_TEST(secrets_that_are_open),
		DOCTOR_TEST(secrets_are_found_wherever_devvm_keeps_them),
		DOCTOR_TEST(json_has_it_all),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
