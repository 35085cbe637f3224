/* test_cmd_offline.c - check-config, derive and validate as their user sees them: what is
 * on stdout, what is on stderr, and the exit status. */
#include "folder.h"

#include "base/str.h"
#include "ctl/cmd_offline.h"

#define GOOD                                                                                       \
	"users:\n"                                                                                 \
	"  wizard: {authentik_user: v, k8s_user: wizard, tier: admin, shell: /bin/sh}\n"           \
	"  emo: {authentik_user: e, k8s_user: emo, tier: power-user, shell: /bin/sh}\n"

struct stage {
	struct folder *folder;
	struct ctl ctl;
	struct offline_words words;
	char config[96], roster[96], ports[96], playwright[96], k8s[96];
	char *out, *messages;
	size_t n_out, n_messages;
};

static void stage_path(const struct stage *stage, char path[static 96], const char *name)
{
	(void)snprintf(path, 96, "%s/%s", stage->folder->path, name);
}

static int setup(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	void *folder = NULL;

	assert_non_null(stage);
	assert_int_equal(folder_setup(&folder), 0);
	stage->folder = folder;
	stage->ctl = (struct ctl){
		.out = open_memstream(&stage->out, &stage->n_out),
		.messages = open_memstream(&stage->messages, &stage->n_messages),
		.bar_fd = -1,
	};
	stage_path(stage, stage->config, "devvm.yaml");
	stage_path(stage, stage->roster, "r.yaml");
	stage_path(stage, stage->ports, "ports.json");
	stage_path(stage, stage->playwright, "playwright.json");
	stage_path(stage, stage->k8s, "k8s.json");
	stage->words = (struct offline_words){ .config = stage->config, .roster = stage->roster };
	folder_write(stage->folder, "devvm.yaml", "", 0644);
	folder_write(stage->folder, "r.yaml", GOOD, 0644);
	*state = stage;
	return 0;
}

static int teardown(void **state)
{
	struct stage *stage = *state;
	void *folder = stage->folder;

	(void)fclose(stage->ctl.out);
	(void)fclose(stage->ctl.messages);
	free(stage->out);
	free(stage->messages);
	(void)folder_teardown(&folder);
	free(stage);
	return 0;
}

/* `expected` with each %s standing for the test's folder. */
static void assert_said(const struct stage *stage, const char *text, const char *expected)
{
	DV_AUTO_FREE char *filled = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&filled, &n);

	for (; *expected; expected++) {
		if (*expected == '%')
			(void)fputs(stage->folder->path, out);
		else
			(void)fputc(*expected, out);
	}
	(void)fclose(out);
	assert_string_equal(text, filled);
}

static void assert_end(const struct stage *stage, enum ctl_exit exit_status, enum ctl_exit expected,
		       const char *out, const char *messages)
{
	(void)fflush(stage->ctl.out);
	(void)fflush(stage->ctl.messages);
	assert_said(stage, stage->messages, messages);
	assert_said(stage, stage->out, out);
	assert_int_equal(exit_status, expected);
}

static void check_config_says_ok(void **state)
{
	struct stage *stage = *state;

	assert_end(stage, offline_check_config(&stage->ctl, &stage->words), CTL_OK,
		   "%/devvm.yaml: ok\n%/r.yaml: ok, 2 people\n", "");
}

static void check_config_takes_the_roster_the_config_names(void **state)
{
	struct stage *stage = *state;
	char text[128];

	(void)snprintf(text, sizeof(text), "roster: %s\n", stage->roster);
	folder_write(stage->folder, "devvm.yaml", text, 0644);
	folder_write(stage->folder, "r.yaml",
		     "users: {a: {authentik_user: a, k8s_user: a, tier: admin}}", 0644);
	stage->words.roster = NULL;
	assert_end(stage, offline_check_config(&stage->ctl, &stage->words), CTL_OK,
		   "%/devvm.yaml: ok\n%/r.yaml: ok, 1 person\n", "");
}

static void check_config_tells_a_mistake_in_one_line(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "r.yaml",
		     "users:\n  emo: {authentik_user: e, k8s_user: e, tier: boss}\n", 0644);
	assert_end(stage, offline_check_config(&stage->ctl, &stage->words), CTL_FAILED,
		   "%/devvm.yaml: ok\n",
		   "%/r.yaml:2: emo: unknown tier \"boss\"; known are admin, power-user, "
		   "namespace-owner\n");
}

static void check_config_tells_a_mistake_in_the_config(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "devvm.yaml", "code:\n  rooster: x\n", 0644);
	assert_end(stage, offline_check_config(&stage->ctl, &stage->words), CTL_FAILED, "",
		   "%/devvm.yaml:2: code.rooster: unknown key; known here are remote\n");
}

static void files_that_are_not_there_are_told(void **state)
{
	struct stage *stage = *state;

	stage_path(stage, stage->roster, "none.yaml");
	assert_end(stage, offline_check_config(&stage->ctl, &stage->words), CTL_FAILED,
		   "%/devvm.yaml: ok\n", "open %/none.yaml: No such file or directory\n");
}

static void roster_of_ten_megabytes_is_one_line(void **state)
{
	struct stage *stage = *state;
	DV_AUTO_FREE char *large = malloc(10 * 1024 * 1024 + 1);

	assert_non_null(large);
	memset(large, '#', 10 * 1024 * 1024);
	large[10 * 1024 * 1024] = '\0';
	folder_write(stage->folder, "r.yaml", large, 0644);
	assert_end(stage, offline_derive(&stage->ctl, &stage->words), CTL_FAILED, "",
		   "%/r.yaml:1: larger than 4 MiB\n");
}

static void derive_prints_a_table(void **state)
{
	struct stage *stage = *state;

	assert_end(stage, offline_derive(&stage->ctl, &stage->words), CTL_OK,
		   "USER    IDENTITY  TIER        T3    PLAYWRIGHT  SHELL    GROUPS\n"
		   "emo     e         power-user  3773  8931        /bin/sh  -\n"
		   "wizard  v         admin       3774  8932        /bin/sh  code-shared docker "
		   "sudo\n",
		   "");
}

static void derive_keeps_given_ports(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "ports.json", "{\"wizard\": 3773, \"gone\": 3774}", 0644);
	folder_write(stage->folder, "playwright.json", "{\"emo\": 3799}", 0644);
	folder_write(stage->folder, "r.yaml",
		     "users: {emo: {authentik_user: e, k8s_user: e, tier: power-user, "
		     "shell: /bin/sh}}\n",
		     0644);
	stage->words.ports = stage->ports;
	stage->words.playwright_ports = stage->playwright;
	stage->words.json = true;
	assert_end(stage, offline_derive(&stage->ctl, &stage->words), CTL_OK,
		   "{\n"
		   "  \"accounts\": [\n"
		   "    {\n"
		   "      \"code_layout\": \"single\",\n"
		   "      \"groups\": [],\n"
		   "      \"login_locked\": true,\n"
		   "      \"os_user\": \"emo\",\n"
		   "      \"repos\": [],\n"
		   "      \"shell\": \"/bin/sh\",\n"
		   "      \"tier\": \"power-user\"\n"
		   "    }\n"
		   "  ],\n"
		   "  \"dispatch\": {\n"
		   "    \"e\": {\n"
		   "      \"os_user\": \"emo\",\n"
		   "      \"port\": 3775\n"
		   "    }\n"
		   "  },\n"
		   "  \"playwright_ports\": {\n"
		   "    \"emo\": 3799\n"
		   "  },\n"
		   "  \"ports\": {\n"
		   "    \"emo\": 3775\n"
		   "  },\n"
		   "  \"ttyd_user_map\": {\n"
		   "    \"e\": \"emo\"\n"
		   "  }\n"
		   "}\n",
		   "WARN: emo keeps playwright port 3799, which is reserved\n");
}

static void bad_port_files_are_told(void **state DV_UNUSED)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "", "%/ports.json:1: not JSON: '[' or '{' expected near end of file\n" },
		{ "{\"emo\":\n}", "%/ports.json:2: not JSON: unexpected token near '}'\n" },
		{ "[3773]", "%/ports.json:1: must be a JSON object of names and ports\n" },
		{ "{\"emo\": \"3773\"}",
		  "%/ports.json: emo: a port must be a whole number from 1 to 65535\n" },
		{ "{\"emo\": 3773.0}",
		  "%/ports.json: emo: a port must be a whole number from 1 to 65535\n" },
		{ "{\"emo\": 0}",
		  "%/ports.json: emo: a port must be a whole number from 1 to 65535\n" },
		{ "{\"emo\": 65536}",
		  "%/ports.json: emo: a port must be a whole number from 1 to 65535\n" },
		{ "{\"emo\": -1}",
		  "%/ports.json: emo: a port must be a whole number from 1 to 65535\n" },
		{ "{\"e\\nmo\": null}",
		  "%/ports.json: e\\nmo: a port must be a whole number from 1 to 65535\n" },
		{ "{\"emo\": 3773, \"emo\": 3774}",
		  "%/ports.json:1: not JSON: duplicate object key near '\"emo\"'\n" },
		{ "{\"emo\": 4000, \"wizard\": 4000}",
		  "port 4000 was given twice: to emo (t3) and wizard (t3)\n" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		void *own = NULL;
		struct stage *stage;

		assert_int_equal(setup(&own), 0);
		stage = own;
		folder_write(stage->folder, "ports.json", rows[i].text, 0644);
		stage->words.ports = stage->ports;
		assert_end(stage, offline_derive(&stage->ctl, &stage->words), CTL_FAILED, "",
			   rows[i].sentence);
		assert_int_equal(teardown(&own), 0);
	}
}

static void validate_prints_errors_then_warnings(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "r.yaml",
		     "users:\n"
		     "  a: {authentik_user: a, k8s_user: a, tier: power-user}\n"
		     "  b: {authentik_user: b, k8s_user: b, tier: power-user}\n",
		     0644);
	folder_write(stage->folder, "k8s.json", "{\"b\": {\"tier\": \"admin\"}}", 0644);
	stage->words.k8s_users = stage->k8s;
	assert_end(stage, offline_validate(&stage->ctl, &stage->words), CTL_FAILED,
		   "ERROR: %/r.yaml:3: b: tier power-user in the roster, but admin in the "
		   "k8s_users map (k8s_user b)\n"
		   "WARN: %/r.yaml:2: a: k8s_user a is not in the k8s_users map: the grant of "
		   "power-user is pending\n",
		   "");
}

static void validate_of_agreement_is_silent(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "k8s.json", "{\"emo\": \"power-user\"}", 0644);
	stage->words.k8s_users = stage->k8s;
	assert_end(stage, offline_validate(&stage->ctl, &stage->words), CTL_OK, "", "");
}

static void validate_without_a_map_warns(void **state)
{
	struct stage *stage = *state;

	stage->words.k8s_users = stage->k8s;
	assert_end(stage, offline_validate(&stage->ctl, &stage->words), CTL_OK,
		   "WARN: the tiers were not compared: open %/k8s.json: No such file or "
		   "directory\n",
		   "");
}

static void validate_with_a_broken_map_warns(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "k8s.json", "[]", 0644);
	stage->words.k8s_users = stage->k8s;
	assert_end(stage, offline_validate(&stage->ctl, &stage->words), CTL_OK,
		   "WARN: the tiers were not compared: the k8s_users map is not a JSON object of "
		   "users\n",
		   "");
}

static void validate_of_a_bad_roster_fails(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "r.yaml", "users: []\n", 0644);
	stage->words.k8s_users = stage->k8s;
	assert_end(stage, offline_validate(&stage->ctl, &stage->words), CTL_FAILED, "",
		   "%/r.yaml:1: users must be a map of user names\n");
}

static void links_and_pipes_are_read(void **state)
{
	struct stage *stage = *state;
	char pipe_path[32];
	int pipe_fds[2];

	assert_int_equal(symlinkat("devvm.yaml", stage->folder->dirfd, "link.yaml"), 0);
	stage_path(stage, stage->config, "link.yaml");
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], GOOD, strlen(GOOD)), strlen(GOOD));
	assert_int_equal(close(pipe_fds[1]), 0);
	(void)snprintf(pipe_path, sizeof(pipe_path), "/dev/fd/%d", pipe_fds[0]);
	stage->words.roster = pipe_path;
	(void)offline_check_config(&stage->ctl, &stage->words);
	(void)fflush(stage->ctl.out);
	assert_non_null(strstr(stage->out, "/link.yaml: ok\n"));
	assert_non_null(strstr(stage->out, ": ok, 2 people\n"));
	assert_int_equal(close(pipe_fds[0]), 0);
}

/* ---- the command lines ---------------------------------------------------------------- */

#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })

static int run(int (*command)(int, char **), char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return command(argc, argv);
}

static void words_without_sense_are_usage(void **state)
{
	char *roster = ((struct stage *)*state)->roster;

	/* stderr of these goes to the test's; what counts is the status */
	assert_int_equal(run(cmd_check_config, WORDS("check-config", "extra")), CTL_USAGE);
	assert_int_equal(run(cmd_check_config, WORDS("check-config", "--json")), CTL_USAGE);
	assert_int_equal(run(cmd_check_config, WORDS("check-config", "--roster")), CTL_USAGE);
	assert_int_equal(run(cmd_derive, WORDS("derive", "--k8s-users-json", "x")), CTL_USAGE);
	assert_int_equal(run(cmd_validate, WORDS("validate", "--roster", roster)), CTL_USAGE);
}

static void words_reach_the_command(void **state)
{
	struct stage *stage = *state;

	folder_write(stage->folder, "k8s.json", "{\"emo\": \"admin\"}", 0644);
	assert_int_equal(run(cmd_check_config, WORDS("check-config", "--config", stage->config,
						     "--roster", stage->roster)),
			 CTL_OK);
	assert_int_equal(run(cmd_validate, WORDS("validate", "--config", stage->config, "--roster",
						 stage->roster, "--k8s-users-json", stage->k8s)),
			 CTL_FAILED);
	folder_write(stage->folder, "ports.json", "[]", 0644);
	assert_int_equal(run(cmd_derive,
			     WORDS("derive", "--json", "--config", stage->config, "--roster",
				   stage->roster, "--ports-json", stage->ports)),
			 CTL_FAILED);
	assert_int_equal(run(cmd_derive,
			     WORDS("derive", "--json", "--config", stage->config, "--roster",
				   stage->roster, "--playwright-ports-json", stage->ports)),
			 CTL_FAILED);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(check_config_says_ok),
		STAGED(check_config_takes_the_roster_the_config_names),
		STAGED(check_config_tells_a_mistake_in_one_line),
		STAGED(check_config_tells_a_mistake_in_the_config),
		STAGED(files_that_are_not_there_are_told),
		STAGED(roster_of_ten_megabytes_is_one_line),
		STAGED(derive_prints_a_table),
		STAGED(derive_keeps_given_ports),
		cmocka_unit_test(bad_port_files_are_told),
		STAGED(validate_prints_errors_then_warnings),
		STAGED(validate_of_agreement_is_silent),
		STAGED(validate_without_a_map_warns),
		STAGED(validate_with_a_broken_map_warns),
		STAGED(validate_of_a_bad_roster_fails),
		STAGED(links_and_pipes_are_read),
		STAGED(words_without_sense_are_usage),
		STAGED(words_reach_the_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
