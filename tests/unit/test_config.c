/* test_config.c - defaults, what a file may say, and that conf/devvm.yaml tells the truth.
 * Runs in the folder of the sources. */
#include "folder.h"

#include "base/file.h"
#include "base/yaml.h"
#include "config/config.h"

#define DOCUMENTED "conf/devvm.yaml"
#define SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct config parse(const char *text)
{
	struct config config = { 0 };
	struct dv_error err = { 0 };
	int r = config_parse(&config, "f", text, strlen(text), &err);

	if (r != 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	return config;
}

static void assert_refused(const char *text, const char *sentence)
{
	struct config config = { 0 };
	struct dv_error err = { 0 };

	assert_int_equal(config_parse(&config, "f", text, strlen(text), &err), -EINVAL);
	assert_string_equal(err.text, sentence);
	assert_null(config.roster_path);
}

static void assert_same_list(const unsigned int *a, size_t n_a, const unsigned int *b, size_t n_b)
{
	assert_int_equal(n_a, n_b);
	for (size_t i = 0; i < n_a; i++)
		assert_int_equal(a[i], b[i]);
}

static void assert_same(const struct config *a, const struct config *b)
{
	assert_string_equal(a->roster_path, b->roster_path);
	assert_same_list(a->trusted_uids, a->n_trusted_uids, b->trusted_uids, b->n_trusted_uids);
	for (enum config_service service = 0; service < CONFIG_N_SERVICES; service++) {
		assert_int_equal(a->ports[service].first, b->ports[service].first);
		assert_int_equal(a->ports[service].last, b->ports[service].last);
	}
	assert_same_list(a->reserved_ports, a->n_reserved_ports, b->reserved_ports,
			 b->n_reserved_ports);
	assert_string_equal(a->token_path, b->token_path);
	assert_true(str_equal(a->code_remote, b->code_remote));
	assert_string_equal(a->t3_package, b->t3_package);
	assert_string_equal(a->t3_track, b->t3_track);
	assert_true(str_equal(a->t3_pin, b->t3_pin));
	assert_int_equal(a->update_window.first, b->update_window.first);
	assert_int_equal(a->update_window.last, b->update_window.last);
	assert_int_equal(a->update_jitter, b->update_jitter);
	assert_true(str_equal(a->update_registry, b->update_registry));
	assert_int_equal(a->update_min_free_disk_mb, b->update_min_free_disk_mb);
	assert_int_equal(a->update_min_free_memory_mb, b->update_min_free_memory_mb);
	assert_int_equal(a->update_cooldown_hours, b->update_cooldown_hours);
	assert_int_equal(a->update_canary.n_items, b->update_canary.n_items);
	assert_int_equal(a->update_order, b->update_order);
	assert_int_equal(a->update_soak_s, b->update_soak_s);
	assert_int_equal(a->update_start_s, b->update_start_s);
	assert_int_equal(a->update_gate, b->update_gate);
	assert_int_equal(a->update_defer_max_days, b->update_defer_max_days);
	assert_int_equal(a->update_drain_window.first, b->update_drain_window.first);
	assert_int_equal(a->update_drain_window.last, b->update_drain_window.last);
	assert_int_equal(a->update_notify.n_items, b->update_notify.n_items);
	assert_int_equal(a->update_keep_versions, b->update_keep_versions);
	assert_string_equal(a->playwright_package, b->playwright_package);
	assert_string_equal(a->playwright_version, b->playwright_version);
	assert_true(str_equal(a->node_path, b->node_path));
	assert_int_equal(a->claude_source, b->claude_source);
	assert_true(str_equal(a->claude_version, b->claude_version));
	assert_true(str_equal(a->claude_url, b->claude_url));
	assert_true(str_equal(a->claude_sha256, b->claude_sha256));
	assert_true(str_equal(a->claude_installer, b->claude_installer));
	assert_int_equal(a->claude_share, b->claude_share);
	assert_string_equal(a->playwright_browser, b->playwright_browser);
	assert_int_equal(a->playwright_idle_minutes, b->playwright_idle_minutes);
	assert_true(str_equal(a->playwright_snapshot_url, b->playwright_snapshot_url));
	assert_int_equal(a->manage_sshd_keys, b->manage_sshd_keys);
	assert_int_equal(a->home_concurrency, b->home_concurrency);
	assert_int_equal(a->home_per_hour, b->home_per_hour);
	assert_int_equal(a->home_refresh_minutes, b->home_refresh_minutes);
	assert_int_equal(a->instances_start, b->instances_start);
	assert_int_equal(a->instances_stop_idle_after, b->instances_stop_idle_after);
	assert_int_equal(a->leaving_max_share, b->leaving_max_share);
	assert_int_equal(a->backup_keep, b->backup_keep);
	assert_int_equal(a->backup_deadline_s, b->backup_deadline_s);
	assert_int_equal(a->watchdog_enabled, b->watchdog_enabled);
	assert_int_equal(a->watchdog_fails, b->watchdog_fails);
	assert_int_equal(a->watchdog_grace_s, b->watchdog_grace_s);
	assert_int_equal(a->watchdog_timeout_s, b->watchdog_timeout_s);
	assert_int_equal(a->watchdog_force_after, b->watchdog_force_after);
	assert_string_equal(a->instances_memory_max, b->instances_memory_max);
	assert_string_equal(a->door_nginx_user, b->door_nginx_user);
	assert_int_equal(a->instances_tasks_max, b->instances_tasks_max);
	assert_int_equal(a->connections_per_uid, b->connections_per_uid);
	assert_int_equal(a->door_mint_concurrency, b->door_mint_concurrency);
	assert_int_equal(a->packages.n_items, b->packages.n_items);
	assert_true(str_equal(a->vault_ca_file, b->vault_ca_file));
	assert_true(str_equal(a->vault_token_file, b->vault_token_file));
	assert_true(str_equal(a->vault_role_id_file, b->vault_role_id_file));
	assert_true(str_equal(a->vault_secret_id_file, b->vault_secret_id_file));
	assert_true(str_equal(a->vault_url, b->vault_url));
	assert_string_equal(a->vault_mount, b->vault_mount);
	assert_true(str_equal(a->vault_namespace, b->vault_namespace));
	assert_int_equal(a->vault_hosts.n_items, b->vault_hosts.n_items);
	assert_int_equal(a->vault_timeout_s, b->vault_timeout_s);
	assert_int_equal(a->vault_attempts, b->vault_attempts);
	assert_int_equal(a->mirrors.n_rows, b->mirrors.n_rows);
	assert_int_equal(a->secrets.n_rows, b->secrets.n_rows);
	for (size_t i = 0; i < a->secrets.n_rows; i++) {
		assert_string_equal(a->secrets.rows[i].head.name, b->secrets.rows[i].head.name);
		assert_int_equal(a->secrets.rows[i].source, b->secrets.rows[i].source);
		assert_int_equal(a->secrets.rows[i].mode, b->secrets.rows[i].mode);
	}
}

static void secrets_are_told_what_they_need(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config =
		parse("vault: {url: https://v:8200, token_file: /t, redirect_hosts: [\"w:1\"]}\n"
		      "secrets: {a: {source: vault, from: p/q, path: /etc/a, mode: \"0640\"}}\n");

	assert_int_equal(config.secrets.n_rows, 5);
	assert_string_equal(config.secrets.rows[0].path, "/etc/t3-serve/claude-oauth-token");
	assert_string_equal(config.secrets.rows[0].from, "/etc/devvm/secrets/claude-token");
	assert_int_equal(config.secrets.rows[4].mode, 0640);
	assert_string_equal(config.secrets.rows[4].field, "value");
	assert_refused("secrets:\n  a: {source: file}\n",
		       "f:2: secrets.a: set path, where it is staged");
	assert_refused(
		"secrets:\n  a: {path: /home/b/c}\n",
		"f:2: secrets.a.path: must be a plain path, and not inside homes, /proc, /sys or "
		"/dev");
	assert_refused(
		"secrets:\n  a: {path: /etc/../home/c}\n",
		"f:2: secrets.a.path: must be a plain path, and not inside homes, /proc, /sys or "
		"/dev");
	assert_refused("secrets:\n  a: {mode: \"0644\"}\n",
		       "f:2: secrets.a.mode: must be a mode like 0600 or 0640: nothing for others, "
		       "nothing to execute");
	assert_refused("secrets:\n  a: {source: vault, from: x, path: /a}\n",
		       "f:2: secrets.a: its source is vault: set vault.url too");
	assert_refused("secrets:\n  a: {path: /a}\n  b: {path: /a}\n",
		       "f: secrets.a and secrets.b have one path, /a");
	assert_refused("vault: {url: http://v, token_file: /t}\n",
		       "f: vault.url: http:// is for this machine alone; use https://");
	assert_refused("vault: {url: https://v}\n",
		       "f: vault.url is set: set vault.token_file, or vault.role_id_file and "
		       "vault.secret_id_file, too");
}

static void trees_have_a_path_each(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = parse(
		"protect: {a: {path: /srv/a, group: wheel}, b: {path: /home/emo/b, owner: emo}}\n");

	assert_int_equal(config.n_protect, 2);
	assert_string_equal(config.protect[0].head.name, "a");
	assert_string_equal(config.protect[0].path, "/srv/a");
	assert_string_equal(config.protect[0].owner, "root");
	assert_string_equal(config.protect[0].group, "wheel");
	assert_string_equal(config.protect[1].owner, "emo");
	assert_refused("protect:\n  a: {owner: root}\n",
		       "f:2: protect.a: set path, the tree to keep closed");
	assert_refused("protect:\n  a: {path: /srv/a}\n  b: {path: /srv/a}\n",
		       "f: protect.a and protect.b have one path, /srv/a");
	assert_refused("protect:\n  a: {path: /etc}\n",
		       "f:2: protect.a.path: must be a plain path below a folder of /, and not in "
		       "/proc, /sys, /dev or /run");
	assert_refused("protect:\n  a: {path: /srv/../etc/x}\n",
		       "f:2: protect.a.path: must be a plain path below a folder of /, and not in "
		       "/proc, /sys, /dev or /run");
	assert_refused("protect:\n  a: {path: /proc/1}\n",
		       "f:2: protect.a.path: must be a plain path below a folder of /, and not in "
		       "/proc, /sys, /dev or /run");
	assert_refused("protect:\n  a: {mode: 1}\n",
		       "f:2: protect.a: unknown key mode; known here are path, owner, group");
	assert_refused("protect:\n  A: {path: /srv/a}\n",
		       "f:2: protect: a name has a-z, 0-9 and -, a letter first, 40 at most");
	assert_refused("protect: [a]\n", "f:1: protect: must be a map of names");
	assert_refused("protect: {a: 1}\n", "f:1: protect.a: must be a map of keys");
}

#define PIN "version: '1', url: 'https://x/{version}', sha256: " SHA256

static void nginx_has_an_account(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = parse("door: {nginx_user: webfront}\n");

	assert_string_equal(config.door_nginx_user, "webfront");
	assert_refused("door: {nginx_user: web front}\n",
		       "f:1: door.nginx_user: \"web front\" can be no account's name");
	assert_refused("door: {nginx_user: ~}\n",
		       "f:1: door.nginx_user: must be the name of an account");
	assert_refused("door: {nginx_user: [www-data]}\n",
		       "f:1: door.nginx_user: must be the name of an account");
}

static void an_update_goes_as_is_said(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config =
		parse("update: {canary: [anna, ben], order: name, soak: 0, start_timeout: 300,\n"
		      "  gate: everybody, defer_max: 0, drain_window: '20:00-04:00',\n"
		      "  notify: [/usr/bin/mail, -s, devvm]}\n");

	assert_int_equal(config.update_canary.n_items, 2);
	assert_string_equal(config.update_canary.items[1], "ben");
	assert_int_equal(config.update_order, CONFIG_ORDER_NAME);
	assert_int_equal(config.update_soak_s, 0);
	assert_int_equal(config.update_start_s, 300);
	assert_int_equal(config.update_gate, CONFIG_GATE_EVERYBODY);
	assert_int_equal(config.update_drain_window.first, 20 * 60);
	assert_string_equal(config.update_notify.items[2], "devvm");
	assert_refused("update: {canary: anna}\n",
		       "f:1: update.canary: must be a list of user names");
	assert_refused("update: {canary: [../x]}\n",
		       "f:1: update.canary: must be a list of user names");
	assert_refused("update: {notify: [mail]}\n",
		       "f:1: update.notify: must be a list of the absolute path of a program, and "
		       "its arguments");
	assert_refused("update: {gate: nobody}\n",
		       "f:1: update.gate: must be one of synthetic, admins, everybody");
}

static void tools_are_whole_and_links_are_theirs_alone(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = parse(
		"tools:\n"
		"  jq: {" PIN "}\n"
		"  gh: {" PIN ", member: gh/bin/gh, links: [/usr/local/bin/gh, /opt/bin/hub]}\n"
		"  node: {" PIN ", tree: true, links: [/usr/local/bin/npx=bin/npx]}\n"
		"packages: [zsh, libc++1, zsh]\n");

	assert_int_equal(config.n_tools, 3);
	assert_string_equal(config.tools[0].links.items[0], "/usr/local/bin/jq");
	assert_string_equal(config.tools[1].member, "gh/bin/gh");
	assert_int_equal(config.tools[1].links.n_items, 2);
	assert_true(config.tools[2].is_tree);
	assert_int_equal(config.packages.n_items, 2);
	assert_refused("tools:\n  jq: {version: '1'}\n",
		       "f:2: tools.jq: set version, url and sha256");
	assert_refused("tools:\n  t3: {" PIN "}\n", "f:2: tools.t3: devvm keeps that one itself");
	assert_refused(
		"tools:\n  a: {" PIN ", member: b, tree: true}\n",
		"f:2: tools.a: it is one member or the whole tree: set either member or tree");
	assert_refused("tools:\n  a: {" PIN "}\n  b: {" PIN ", links: [/usr/local/bin/a]}\n",
		       "f: tools.b: /usr/local/bin/a is a link of another tool");
	assert_refused(
		"tools:\n  a: {" PIN ", links: [/usr/bin/a]}\n",
		"f:2: tools.a.links: must hold paths below /usr/local or /opt, each with =PATH "
		"behind it where it is not the usual program");
	assert_refused(
		"tools:\n  a: {" PIN ", member: ../a}\n",
		"f:2: tools.a.member: must be a word of letters, digits and / . _ @ + -, without "
		"..");
	assert_refused("tools:\n  a: {" PIN ", member: --x}\n",
		       "f:2: tools.a.member: must be a path inside the archive, like bin/tool");
	assert_refused("packages: [Zsh]\n",
		       "f:1: packages: must hold names of Debian packages: a-z, 0-9, + - .");
	assert_refused("packages: [--force]\n",
		       "f:1: packages: must hold names of Debian packages: a-z, 0-9, + - .");
}

static void defaults_are_those_of_the_design(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = { 0 };

	assert_int_equal(config_init(&config, NULL), 0);
	assert_string_equal(config.roster_path, "/etc/devvm/roster.yaml");
	assert_int_equal(config.n_trusted_uids, 0);
	assert_int_equal(config.ports[CONFIG_T3].first, 3773);
	assert_int_equal(config.ports[CONFIG_PLAYWRIGHT].first, 8931);
	assert_int_equal(config.ports[CONFIG_T3].last, 32767);
	assert_int_equal(config.n_reserved_ports, 2);
	assert_int_equal(config.reserved_ports[0], 3780);
	assert_int_equal(config.reserved_ports[1], 3799);
	assert_string_equal(config.token_path, "/etc/t3-serve/claude-oauth-token");
	assert_null(config.code_remote);
	assert_string_equal(config.t3_package, "t3");
	assert_string_equal(config.t3_track, "nightly");
	assert_null(config.t3_pin);
	assert_int_equal(config.update_window.first, 180);
	assert_int_equal(config.update_window.last, 270);
	assert_int_equal(config.update_jitter, CONFIG_JITTER_WINDOW);
	assert_null(config.update_registry);
	assert_int_equal(config.update_min_free_disk_mb, 2048);
	assert_int_equal(config.update_min_free_memory_mb, 512);
	assert_int_equal(config.update_cooldown_hours, 0);
	assert_int_equal(config.update_keep_versions, 3);
	assert_string_equal(config.playwright_package, "@playwright/mcp");
	assert_string_equal(config.playwright_version, "0.0.76");
	assert_null(config.node_path);
	assert_int_equal(config.claude_source, CLAUDE_NONE);
	assert_null(config.claude_version);
	assert_null(config.claude_url);
	assert_null(config.claude_sha256);
	assert_null(config.claude_installer);
	assert_int_equal(config.claude_share, CLAUDE_AUTO);
	assert_string_equal(config.playwright_browser, "/usr/bin/chromium");
	assert_int_equal(config.playwright_idle_minutes, 15);
	assert_null(config.playwright_snapshot_url);
	assert_true(config.manage_sshd_keys);
	assert_int_equal(config.home_concurrency, 4);
	assert_int_equal(config.home_per_hour, 20);
	assert_int_equal(config.home_refresh_minutes, 1440);
	assert_int_equal(config.instances_start, CONFIG_START_LOGIN);
	assert_int_equal(config.instances_stop_idle_after, 480);
	assert_int_equal(config.leaving_max_share, 30);
	assert_string_equal(config.instances_memory_max, "8G");
	assert_int_equal(config.instances_tasks_max, 4096);
	assert_int_equal(config.connections_per_uid, 32);
}

static void every_key_is_taken(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config =
		parse("roster: /srv/git/roster.yaml\n"
		      "trusted_uids: [1000, 0, 1000]\n"
		      "ports:\n"
		      "  t3: {first: 4000, last: 4999}\n"
		      "  playwright: {last: 65535}\n"
		      "  reserved: [4001, 3780]\n"
		      "token: {path: /run/token}\n"
		      "code: {remote: 'git@example.org:t/{repo}.git'}\n"
		      "t3: {package: '@acme/t3', track: latest, pin: 0.0.28}\n"
		      "update: {window: '23:05-01:00', min_free_disk_mb: 1, min_free_memory_mb: 2, "
		      "cooldown_hours: 3, keep_versions: 4,\n"
		      "         jitter: 115, registry: 'http://npm.example.org:4873/all/'}\n"
		      "playwright:\n"
		      "  package: mcp\n"
		      "  version: 0.0.77\n"
		      "  browser: /opt/google/chrome/chrome\n"
		      "  idle_minutes: 1\n"
		      "  snapshot_url: https://chrome.example.org/state\n"
		      "node: {path: /srv/node}\n"
		      "claude:\n"
		      "  source: cache\n"
		      "  version: 2.1.330\n"
		      "  url: 'https://example.org/{version}/claude'\n"
		      "  sha256: " SHA256 "\n"
		      "  share: copy\n"
		      "  installer: file:///srv/install.sh\n"
		      "ssh_keys: {sshd: false}\n"
		      "home:\n"
		      "  concurrency: 64\n"
		      "  per_hour: 0\n"
		      "  refresh_minutes: 5\n"
		      "instances: {start: always, stop_idle_after: 0, memory_max: 50%,\n"
		      "            tasks_max: 16}\n"
		      "daemon: {connections_per_uid: 4}\n");

	assert_string_equal(config.roster_path, "/srv/git/roster.yaml");
	assert_int_equal(config.n_trusted_uids, 2);
	assert_int_equal(config.trusted_uids[0], 1000);
	assert_int_equal(config.trusted_uids[1], 0);
	assert_int_equal(config.ports[CONFIG_T3].first, 4000);
	assert_int_equal(config.ports[CONFIG_T3].last, 4999);
	assert_int_equal(config.ports[CONFIG_PLAYWRIGHT].first, 8931);
	assert_int_equal(config.ports[CONFIG_PLAYWRIGHT].last, 65535);
	assert_int_equal(config.n_reserved_ports, 3); /* the list, and 3799 all the same */
	assert_string_equal(config.token_path, "/run/token");
	assert_string_equal(config.code_remote, "git@example.org:t/{repo}.git");
	assert_string_equal(config.t3_package, "@acme/t3");
	assert_string_equal(config.t3_track, "latest");
	assert_string_equal(config.t3_pin, "0.0.28");
	assert_int_equal(config.update_window.first, 23 * 60 + 5);
	assert_int_equal(config.update_window.last, 60);
	assert_int_equal(config.update_jitter, 115);
	assert_string_equal(config.update_registry, "http://npm.example.org:4873/all/");
	assert_int_equal(config.update_min_free_disk_mb, 1);
	assert_int_equal(config.update_min_free_memory_mb, 2);
	assert_int_equal(config.update_cooldown_hours, 3);
	assert_int_equal(config.update_keep_versions, 4);
	assert_string_equal(config.playwright_package, "mcp");
	assert_string_equal(config.playwright_version, "0.0.77");
	assert_string_equal(config.node_path, "/srv/node");
	assert_int_equal(config.claude_source, CLAUDE_CACHE);
	assert_string_equal(config.claude_version, "2.1.330");
	assert_string_equal(config.claude_url, "https://example.org/{version}/claude");
	assert_string_equal(config.claude_sha256, SHA256);
	assert_int_equal(config.claude_share, CLAUDE_COPY);
	assert_string_equal(config.claude_installer, "file:///srv/install.sh");
	assert_string_equal(config.playwright_browser, "/opt/google/chrome/chrome");
	assert_int_equal(config.playwright_idle_minutes, 1);
	assert_string_equal(config.playwright_snapshot_url, "https://chrome.example.org/state");
	assert_false(config.manage_sshd_keys);
	assert_int_equal(config.home_concurrency, 64);
	assert_int_equal(config.home_per_hour, 0);
	assert_int_equal(config.home_refresh_minutes, 5);
	assert_int_equal(config.instances_start, CONFIG_START_ALWAYS);
	assert_int_equal(config.instances_stop_idle_after, 0);
	assert_string_equal(config.instances_memory_max, "50%");
	assert_int_equal(config.instances_tasks_max, 16);
	assert_int_equal(config.connections_per_uid, 4);
}

static void empty_files_and_sections_mean_the_defaults(void **state DV_UNUSED)
{
	static const char *const texts[] = { "",   "# only comments\n", "ports:\nhome:\n",
					     "{}", "code: {remote: ~}", "ports: {reserved: []}" };
	DV_AUTO_CONFIG struct config defaults = { 0 };

	assert_int_equal(config_init(&defaults, NULL), 0);
	for (size_t i = 0; i < DV_COUNT(texts); i++) {
		DV_AUTO_CONFIG struct config config = parse(texts[i]);

		assert_same(&config, &defaults);
	}
}

static void remotes_of_each_kind_are_taken(void **state DV_UNUSED)
{
	static const char *const remotes[] = {
		"https://git.example.org/t/{repo}.git",
		"ssh://git@example.org/{repo}",
		"git@example.org:{repo}",
		"file:///srv/git/{repo}.git",
		"/srv/git/{repo}",
	};

	for (size_t i = 0; i < DV_COUNT(remotes); i++) {
		char text[128];
		DV_AUTO_CONFIG struct config config = { 0 };

		(void)snprintf(text, sizeof(text), "code: {remote: '%s'}", remotes[i]);
		config = parse(text);
		assert_string_equal(config.code_remote, remotes[i]);
	}
}

#define KNOWN                                                                                      \
	"roster, trusted_uids, ports, token, secrets, protect, tools, packages, mirrors, vault, "  \
	"code, t3, update, "                                                                       \
	"playwright, node, claude, ssh_keys, home, instances, backup, watchdog, leaving, door, "   \
	"daemon"

static void mistakes_are_told_with_line_and_key(void **state DV_UNUSED)
{
	static const char *const bad_windows[] = {
		"'03:00'",	  "'03:00-'",	   "'3:00-4:00'",
		"'03:00-24:00'",  "'03:60-04:00'", "'03:00-03:00'",
		"'03:00-04:00x'", "[1, 2]",	   "''",
		"'03-00-04:00'",
	};

	assert_refused("- a\n", "f:1: the file must be a map of keys");
	assert_refused("\nrooster: /x\n", "f:2: rooster: unknown key; known here are " KNOWN);
	assert_refused("ports:\n  ttyd: 1\n", "f:2: ports.ttyd: unknown key; known "
					      "here are t3, playwright, reserved");
	assert_refused("ports: 3773\n", "f:1: ports: must be a map of keys");
	assert_refused("roster: ~\n", "f:1: roster: must be an absolute path");
	assert_refused("roster: [/a]\n", "f:1: roster: must be an absolute path");
	assert_refused("roster: roster.yaml\n",
		       "f:1: roster: must be an absolute path, not \"roster.yaml\"");
	assert_refused("roster: \"/a\\nb\"\n",
		       "f:1: roster: must be an absolute path, not \"/a\\nb\"");
	assert_refused("trusted_uids: 1000\n",
		       "f:1: trusted_uids: must be a list of whole numbers");
	assert_refused("trusted_uids:\n  - 1000\n  - wizard\n",
		       "f:3: trusted_uids: must be a whole number from 0 to 4294967294");
	assert_refused("ports:\n  t3: 3773\n", "f:2: ports.t3: must be {first: N, last: N}");
	assert_refused("ports:\n  t3: {first: 80, last: 90}\n",
		       "f:2: ports.t3: must be a whole number from 1024 to 65535");
	assert_refused("ports:\n  t3:\n    first: 5000\n    last: 4000\n",
		       "f:2: ports.t3: first (5000) is above last (4000)");
	assert_refused("ports:\n  t3: {from: 5000}\n",
		       "f:2: ports.t3: unknown key from; known here are first, last");
	assert_refused("ports: {reserved: [0]}\n",
		       "f:1: ports.reserved: must be a whole number from 1 to 65535");
	for (size_t i = 0; i < DV_COUNT(bad_windows); i++) {
		char text[80];

		(void)snprintf(text, sizeof(text), "update: {window: %s}\n", bad_windows[i]);
		assert_refused(text, "f:1: update.window: must be two times of the day, like "
				     "\"03:00-04:30\"");
	}
	assert_refused("playwright: {browser: chromium}\n",
		       "f:1: playwright.browser: must be an absolute path, not "
		       "\"chromium\"");
	assert_refused("playwright: {idle_minutes: 0}\n",
		       "f:1: playwright.idle_minutes: must be a whole number from 1 "
		       "to 10080");
	assert_refused("playwright: {snapshot_url: 'file:///etc/shadow'}\n",
		       "f:1: playwright.snapshot_url: must begin with https:// or http://");
	assert_refused("playwright: {snapshot_url: 'https://me:secret@x/'}\n",
		       "f:1: playwright.snapshot_url: has a space, a @ or a control "
		       "character");
	assert_refused("ssh_keys: {sshd: yes}\n", "f:1: ssh_keys.sshd: must be true or false");
	assert_refused("home: {concurrency: 0}\n",
		       "f:1: home.concurrency: must be a whole number from 1 to 64");
	assert_refused("home: {concurrency: '4'}\n",
		       "f:1: home.concurrency: must be a whole number from 1 to 64");
	assert_refused("home: {per_hour: 1001}\n",
		       "f:1: home.per_hour: must be a whole number from 0 to 1000");
	assert_refused("home: {refresh_minutes: ~}\n",
		       "f:1: home.refresh_minutes: must be a whole number from 5 to "
		       "525600");
	assert_refused("daemon: {connections_per_uid: 3}\n",
		       "f:1: daemon.connections_per_uid: must be a whole number "
		       "from 4 to 1024");
	assert_refused("home.concurrency: 3\nhome: {concurrency: 3}\nhome: 1",
		       "f:3: home is there twice (first on line 2)");
	assert_refused("\"a\\nb\": 1\n", "f:1: a\\nb: unknown key; known here are " KNOWN);
}

static void bad_remotes_are_refused(void **state DV_UNUSED)
{
	static const char kinds[] =
		"f:1: code.remote: must begin with https://, ssh://, git@, file:/// or /";
	static const char once[] = "f:1: code.remote: must hold {repo} exactly once";

	assert_refused("code: {remote: 'http://x/{repo}'}", kinds);
	assert_refused("code: {remote: '--upload-pack=x/{repo}'}", kinds);
	assert_refused("code: {remote: 'ext::sh -c {repo}'}", kinds);
	assert_refused("code: {remote: ''}", kinds);
	assert_refused("code: {remote: [a]}", kinds);
	assert_refused("code: {remote: 'https://x/y'}", once);
	assert_refused("code: {remote: 'https://x/{repo}/{repo}'}", once);
	assert_refused("code: {remote: 'https://x/ {repo}'}",
		       "f:1: code.remote: has a space or a control character");
}

static void a_registry_has_a_host_and_no_credentials(void **state DV_UNUSED)
{
	static const char *const with_credentials[] = { "https://me:secret@npm.example.org/",
							"https://token@npm.example.org",
							"https://npm.example.org/?token=secret",
							"https://npm.example.org/#secret" };
	static const char *const no_url[] = { "npm.example.org", "file:///srv/npm", "https://",
					      "https:///npm",	 "http://:4873/",   "" };
	DV_AUTO_CONFIG struct config none = parse("update: {registry: ~, jitter: ~}\n");
	char text[128];

	assert_null(none.update_registry);
	assert_int_equal(none.update_jitter, CONFIG_JITTER_WINDOW);
	for (size_t i = 0; i < DV_COUNT(with_credentials); i++) {
		(void)snprintf(text, sizeof(text), "update: {registry: '%s'}\n",
			       with_credentials[i]);
		assert_refused(text,
			       "f:1: update.registry: must hold no user, password or token, "
			       "for everybody may read this file: give npm the credentials in "
			       "its own npmrc");
	}
	for (size_t i = 0; i < DV_COUNT(no_url); i++) {
		(void)snprintf(text, sizeof(text), "update: {registry: '%s'}\n", no_url[i]);
		assert_refused(text,
			       "f:1: update.registry: must begin with https:// or http:// and "
			       "a host");
	}
	assert_refused("update: {registry: [a]}\n",
		       "f:1: update.registry: must begin with https:// or http:// and a host");
	assert_refused("update: {registry: 'https://x/a b'}\n",
		       "f:1: update.registry: has a space, a @ or a control character");
}

static void a_jitter_ends_within_the_window(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config all = parse("update: {jitter: 90}\n");
	DV_AUTO_CONFIG struct config past_midnight =
		parse("update: {jitter: 20, window: '23:50-00:10'}\n");

	assert_int_equal(all.update_jitter, 90);
	assert_int_equal(past_midnight.update_jitter, 20);
	assert_refused(
		"update: {jitter: 91}\n",
		"f: update.jitter is 91 minutes, and update.window has 90: a run could begin "
		"outside it; make one longer or the other shorter");
	assert_refused(
		"update: {jitter: 21, window: '23:50-00:10'}\n",
		"f: update.jitter is 21 minutes, and update.window has 20: a run could begin "
		"outside it; make one longer or the other shorter");
	assert_refused("update: {jitter: 1440}\n",
		       "f:1: update.jitter: must be a whole number from 0 to 1439");
	assert_refused("update: {jitter: -1}\n",
		       "f:1: update.jitter: must be a whole number from 0 to 1439");
}

static void claude_is_told_what_it_needs(void **state DV_UNUSED)
{
	assert_refused("claude: {source: npm}\n",
		       "f:1: claude.source: must be one of none, cache, installer");
	assert_refused("claude: {share: ~}\n",
		       "f:1: claude.share: must be one of auto, reflink, link, copy");
	assert_refused("claude: {version: ../x}\n",
		       "f:1: claude.version: must be a version: letters, digits and . _ + -, 64 at "
		       "most, a letter or digit first");
	assert_refused("claude: {version: .x}\n",
		       "f:1: claude.version: must be a version: letters, digits and . _ + -, 64 at "
		       "most, a letter or digit first");
	assert_refused("claude: {url: 'ftp://x/y'}\n",
		       "f:1: claude.url: must begin with https://, http:// or file:///");
	assert_refused("claude: {installer: 'file://'}\n",
		       "f:1: claude.installer: must begin with https://, http:// or file:///");
	assert_refused("claude: {url: 'https://x/y z'}\n",
		       "f:1: claude.url: has a space or a control character");
	assert_refused("claude: {sha256: abc}\n",
		       "f:1: claude.sha256: must be a sha256: 64 hexadecimal digits in lower case");
	assert_refused("claude: {source: cache, version: 1, url: 'https://x/y'}\n",
		       "f: claude.source is cache: set claude.version, claude.url and "
		       "claude.sha256 too");
	assert_refused("claude: {source: installer}\n",
		       "f: claude.source is installer: set claude.installer too, the URL of its "
		       "script");
}

static void each_word_for_the_start_is_taken(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config login = parse("instances: {start: login}");
	DV_AUTO_CONFIG struct config visit = parse("instances: {start: visit}");

	assert_int_equal(login.instances_start, CONFIG_START_LOGIN);
	assert_int_equal(visit.instances_start, CONFIG_START_VISIT);
	assert_refused("instances: {start: boot}",
		       "f:1: instances.start: must be one of login, visit, always");
	assert_refused("instances: {start: [login]}",
		       "f:1: instances.start: must be one of login, visit, always");
}

static void what_systemd_takes_as_memory_is_taken(void **state DV_UNUSED)
{
	static const char *const good[] = {
		"infinity", "8G", "512M", "1000000", "1T", "7%", "100%"
	};
	static const char *const bad[] = { "0",	   "0G",   "8 G", "-1G", "8g",	      "G", "''",
					   "1.5G", "101%", "'%'", "8GB", "\"8G\\n\"", "~" };
	char text[64];

	for (size_t i = 0; i < DV_COUNT(good); i++) {
		DV_AUTO_CONFIG struct config config = { 0 };

		(void)snprintf(text, sizeof(text), "instances: {memory_max: %s}", good[i]);
		config = parse(text);
		assert_string_equal(config.instances_memory_max, good[i]);
	}
	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		(void)snprintf(text, sizeof(text), "instances: {memory_max: %s}", bad[i]);
		assert_refused(text, "f:1: instances.memory_max: must be infinity, or a whole "
				     "number above 0 with K, M, G, T or % behind it, like 8G");
	}
}

static void refused_file_leaves_what_was_there(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = parse("home: {per_hour: 7}");

	assert_int_equal(config_parse(&config, "f", "home: {per_hour: x}", 19, NULL), -EINVAL);
	assert_int_equal(config.home_per_hour, 7);
	assert_int_equal(config_parse(&config, "f", "", 0, NULL), 0);
	assert_int_equal(config.home_per_hour, 20);
}

static void load_takes_the_file_below_the_root(void **state)
{
	const struct folder *folder = *state;
	DV_AUTO_ENV struct env env = ENV_EMPTY;
	DV_AUTO_CONFIG struct config config = { 0 };
	struct dv_error err = { 0 };

	assert_int_equal(env_init(&env, folder->path, &err), 0);
	assert_int_equal(config_load(&config, &env, &err), 0); /* no file */
	assert_int_equal(config.home_concurrency, 4);
	folder_make(folder, "etc", 0755);
	folder_make(folder, "etc/devvm", 0755);
	folder_write(folder, CONFIG_PATH, "home: {concurrency: 9}\n", 0644);
	assert_int_equal(config_load(&config, &env, &err), 0);
	assert_int_equal(config.home_concurrency, 9);
	folder_write(folder, CONFIG_PATH, "\nhome: {concurrency: 0}\n", 0644);
	assert_int_equal(config_load(&config, &env, &err), -EINVAL);
	assert_string_equal(err.text,
			    "/etc/devvm/devvm.yaml:2: home.concurrency: must be a whole number "
			    "from 1 to 64");
	assert_int_equal(config.home_concurrency, 9);
}

/* ---- conf/devvm.yaml ------------------------------------------------------------------ */

/* "# word" is prose; every other line that begins with '#' is a setting. */
static char *read_uncommented(size_t *ret_n_bytes)
{
	char *text = NULL;
	struct dv_error err = { 0 };
	int r = file_read(AT_FDCWD, DOCUMENTED, YAML_MAX_BYTES, &text, ret_n_bytes, NULL, &err);
	bool at_line_start = true;

	if (r != 0)
		print_error("%s\n", err.text);
	assert_int_equal(r, 0);
	for (char *c = text; *c; c++) {
		bool is_prose = c[0] == '#' && (c[1] == '\n' || (c[1] == ' ' && c[2] != ' '));

		if (at_line_start && *c == '#' && !is_prose)
			memmove(c, c + 1, strlen(c));
		at_line_start = *c == '\n';
	}
	*ret_n_bytes = strlen(text);
	return text;
}

static void documented_defaults_are_the_defaults(void **state DV_UNUSED)
{
	size_t n_bytes = 0;
	DV_AUTO_FREE char *text = read_uncommented(&n_bytes);
	DV_AUTO_CONFIG struct config defaults = { 0 };
	DV_AUTO_CONFIG struct config documented = parse(text);

	assert_int_equal(config_init(&defaults, NULL), 0);
	assert_same(&documented, &defaults);
}

static void file_as_shipped_means_the_defaults(void **state DV_UNUSED)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	DV_AUTO_CONFIG struct config defaults = { 0 };
	DV_AUTO_CONFIG struct config shipped = { 0 };

	assert_int_equal(file_read(AT_FDCWD, DOCUMENTED, YAML_MAX_BYTES, &text, &n_bytes, NULL,
				   NULL),
			 0);
	shipped = parse(text);
	assert_int_equal(config_init(&defaults, NULL), 0);
	assert_same(&shipped, &defaults);
}

/* The keys that the refusal of an unknown one names, held against a section of the file. */
static void assert_documents_known_keys(const struct yaml_node *section, const char *probe)
{
	struct config config = { 0 };
	struct dv_error err = { 0 };
	char *known, *key;

	assert_int_equal(config_parse(&config, "f", probe, strlen(probe), &err), -EINVAL);
	known = strstr(err.text, "known here are ");
	assert_non_null(known);
	known += strlen("known here are ");
	for (size_t n = 0; (key = strsep(&known, ", "));) {
		if (!*key)
			continue;
		if (!yaml_get(section, key))
			fail_msg("%s does not document %s", DOCUMENTED, key);
		assert_true(++n <= section->n_children);
	}
}

/* A map of names, each with keys of its own, which the comments tell in words. */
static bool has_names(const char *section)
{
	static const char *const sections[] = { "secrets", "protect", "tools", "mirrors" };

	for (size_t i = 0; i < DV_COUNT(sections); i++) {
		if (strcmp(sections[i], section) == 0)
			return true;
	}
	return false;
}

static void every_key_is_documented(void **state DV_UNUSED)
{
	size_t n_bytes = 0;
	DV_AUTO_FREE char *text = read_uncommented(&n_bytes);
	DV_AUTO_YAML struct yaml_node *root = NULL;

	assert_int_equal(yaml_parse(DOCUMENTED, text, n_bytes, &root, NULL), 0);
	assert_documents_known_keys(root, "x: 1");
	for (size_t i = 0; i < root->n_children; i++) {
		char probe[64];

		if (root->children[i].kind != YAML_MAP || has_names(root->children[i].key))
			continue;
		(void)snprintf(probe, sizeof(probe), "%s: {x: 1}", root->children[i].key);
		assert_documents_known_keys(&root->children[i], probe);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_design),
		cmocka_unit_test(every_key_is_taken),
		cmocka_unit_test(empty_files_and_sections_mean_the_defaults),
		cmocka_unit_test(remotes_of_each_kind_are_taken),
		cmocka_unit_test(mistakes_are_told_with_line_and_key),
		cmocka_unit_test(bad_remotes_are_refused),
		cmocka_unit_test(a_registry_has_a_host_and_no_credentials),
		cmocka_unit_test(a_jitter_ends_within_the_window),
		cmocka_unit_test(claude_is_told_what_it_needs),
		cmocka_unit_test(secrets_are_told_what_they_need),
		cmocka_unit_test(trees_have_a_path_each),
		cmocka_unit_test(nginx_has_an_account),
		cmocka_unit_test(an_update_goes_as_is_said),
		cmocka_unit_test(tools_are_whole_and_links_are_theirs_alone),
		cmocka_unit_test(refused_file_leaves_what_was_there),
		cmocka_unit_test_setup_teardown(load_takes_the_file_below_the_root, folder_setup,
						folder_teardown),
		cmocka_unit_test(each_word_for_the_start_is_taken),
		cmocka_unit_test(what_systemd_takes_as_memory_is_taken),
		cmocka_unit_test(documented_defaults_are_the_defaults),
		cmocka_unit_test(file_as_shipped_means_the_defaults),
		cmocka_unit_test(every_key_is_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
