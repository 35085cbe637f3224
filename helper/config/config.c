/* config.c - see config.h.
 *
 * Model: CONFIG_KEYS names every key by its path, what kind of value it takes, its
 * limits and its place in the struct; the file's tree is walked against it (config_tree.h). The
 * defaults stand in config_init(). A file is parsed into a struct of its own, so one
 * that is refused changes nothing.
 */
#include "config/config.h"

#include <stddef.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml.h"
#include "config/config_mirrors.h"
#include "config/config_protect.h"
#include "config/config_secrets.h"
#include "config/config_tools.h"
#include "config/config_tree.h"
#include "config/config_update.h"
#include "config/config_values.h"

/* The front door and the smoke test listen there whatever the list says. */
static const unsigned int ALWAYS_RESERVED[] = { 3780, 3799 };

static int read_claude_source(const struct config_place *place, const struct config_target *target)
{
	static const char *const words[] = { "none", "cache", "installer", NULL };

	return config_read_word(place, target, words);
}

static int read_claude_share(const struct config_place *place, const struct config_target *target)
{
	static const char *const words[] = { "auto", "reflink", "link", "copy", NULL };

	return config_read_word(place, target, words);
}

static int read_update_gate(const struct config_place *place, const struct config_target *target)
{
	static const char *const words[] = { "synthetic", "admins", "everybody", NULL };

	return config_read_word(place, target, words);
}

static int read_update_order(const struct config_place *place, const struct config_target *target)
{
	static const char *const words[] = { "activity", "name", NULL };

	return config_read_word(place, target, words);
}

#define AT(member) offsetof(struct config, member)

/* clang-format off */
static const struct config_key CONFIG_KEYS[] = {
	{ "roster", config_read_path, { 0 }, AT(roster_path), 0 },
	{ "trusted_uids", config_read_list, { 0, UINT32_MAX - 1 }, AT(trusted_uids), AT(n_trusted_uids) },
	{ "ports.t3", config_read_range, { 1024, 65535 }, AT(ports[CONFIG_T3]), 0 },
	{ "ports.playwright", config_read_range, { 1024, 65535 }, AT(ports[CONFIG_PLAYWRIGHT]), 0 },
	{ "ports.reserved", config_read_list, { 1, 65535 }, AT(reserved_ports), AT(n_reserved_ports) },
	{ "token.path", config_read_path, { 0 }, AT(token_path), 0 },
	{ "secrets", config_read_secrets, { 0 }, AT(secrets), 0 },
	{ "protect", config_read_protect, { 0 }, AT(protect), AT(n_protect) },
	{ "tools", config_read_tools, { 0 }, AT(tools), AT(n_tools) },
	{ "packages", config_read_packages, { 0 }, AT(packages), 0 },
	{ "mirrors", config_read_mirrors, { 0 }, AT(mirrors), 0 },
	{ "vault.url", config_read_web, { 0 }, AT(vault_url), 0 },
	{ "vault.mount", config_read_package, { 0, 100 }, AT(vault_mount), 0 },
	{ "vault.namespace", config_read_package_or_none, { 0, 100 }, AT(vault_namespace), 0 },
	{ "vault.ca_file", config_read_path_or_none, { 0 }, AT(vault_ca_file), 0 },
	{ "vault.token_file", config_read_path_or_none, { 0 }, AT(vault_token_file), 0 },
	{ "vault.role_id_file", config_read_path_or_none, { 0 }, AT(vault_role_id_file), 0 },
	{ "vault.secret_id_file", config_read_path_or_none, { 0 }, AT(vault_secret_id_file), 0 },
	{ "vault.redirect_hosts", config_read_hosts, { 0 }, AT(vault_hosts), 0 },
	{ "vault.timeout_s", config_read_uint, { 1, 300 }, AT(vault_timeout_s), 0 },
	{ "vault.attempts", config_read_uint, { 1, 10 }, AT(vault_attempts), 0 },
	{ "code.remote", config_read_remote, { 0 }, AT(code_remote), 0 },
	{ "t3.package", config_read_package, { 0, 214 }, AT(t3_package), 0 },
	{ "t3.track", config_read_package, { 0, 64 }, AT(t3_track), 0 },
	{ "t3.pin", config_read_package_or_none, { 0, 64 }, AT(t3_pin), 0 },
	{ "update.window", config_read_window, { 0 }, AT(update_window), 0 },
	{ "update.jitter", config_read_jitter, { 0 }, AT(update_jitter), 0 },
	{ "update.registry", config_read_registry, { 0 }, AT(update_registry), 0 },
	{ "update.min_free_disk_mb", config_read_uint, { 0, 1048576 }, AT(update_min_free_disk_mb), 0 },
	{ "update.min_free_memory_mb", config_read_uint, { 0, 1048576 }, AT(update_min_free_memory_mb), 0 },
	{ "update.cooldown_hours", config_read_uint, { 0, 8760 }, AT(update_cooldown_hours), 0 },
	{ "update.keep_versions", config_read_uint, { 0, 100 }, AT(update_keep_versions), 0 },
	{ "update.canary", config_read_users, { 0 }, AT(update_canary), 0 },
	{ "update.order", read_update_order, { 0 }, AT(update_order), 0 },
	{ "update.soak", config_read_uint, { 0, 86400 }, AT(update_soak_s), 0 },
	{ "update.start_timeout", config_read_uint, { 5, 3600 }, AT(update_start_s), 0 },
	{ "update.gate", read_update_gate, { 0 }, AT(update_gate), 0 },
	{ "update.defer_max", config_read_uint, { 0, 365 }, AT(update_defer_max_days), 0 },
	{ "update.drain_window", config_read_window, { 0 }, AT(update_drain_window), 0 },
	{ "update.notify", config_read_argv, { 0 }, AT(update_notify), 0 },
	{ "playwright.package", config_read_package, { 0, 214 }, AT(playwright_package), 0 },
	{ "playwright.version", config_read_package, { 0, 64 }, AT(playwright_version), 0 },
	{ "playwright.browser", config_read_path, { 0 }, AT(playwright_browser), 0 },
	{ "playwright.idle_minutes", config_read_uint, { 1, 10080 }, AT(playwright_idle_minutes), 0 },
	{ "playwright.snapshot_url", config_read_web, { 0 }, AT(playwright_snapshot_url), 0 },
	{ "node.path", config_read_path_or_none, { 0 }, AT(node_path), 0 },
	{ "claude.source", read_claude_source, { 0 }, AT(claude_source), 0 },
	{ "claude.version", config_read_version, { 0 }, AT(claude_version), 0 },
	{ "claude.url", config_read_url, { 0 }, AT(claude_url), 0 },
	{ "claude.sha256", config_read_sha256, { 0 }, AT(claude_sha256), 0 },
	{ "claude.installer", config_read_url, { 0 }, AT(claude_installer), 0 },
	{ "claude.share", read_claude_share, { 0 }, AT(claude_share), 0 },
	{ "ssh_keys.sshd", config_read_bool, { 0 }, AT(manage_sshd_keys), 0 },
	{ "home.concurrency", config_read_uint, { 1, 64 }, AT(home_concurrency), 0 },
	{ "home.per_hour", config_read_uint, { 0, 1000 }, AT(home_per_hour), 0 },
	{ "home.refresh_minutes", config_read_uint, { 5, 525600 }, AT(home_refresh_minutes), 0 },
	{ "instances.start", config_read_start, { 0 }, AT(instances_start), 0 },
	{ "instances.stop_idle_after", config_read_uint, { 0, 525600 }, AT(instances_stop_idle_after), 0 },
	{ "instances.memory_max", config_read_memory, { 0 }, AT(instances_memory_max), 0 },
	{ "instances.tasks_max", config_read_uint, { 16, 4194304 }, AT(instances_tasks_max), 0 },
	{ "backup.keep", config_read_uint, { 1, 1000 }, AT(backup_keep), 0 },
	{ "backup.deadline", config_read_uint, { 1, 86400 }, AT(backup_deadline_s), 0 },
	{ "watchdog.enabled", config_read_bool, { 0 }, AT(watchdog_enabled), 0 },
	{ "watchdog.fails", config_read_uint, { 1, 1000 }, AT(watchdog_fails), 0 },
	{ "watchdog.grace", config_read_uint, { 0, 86400 }, AT(watchdog_grace_s), 0 },
	{ "watchdog.probe_timeout", config_read_uint, { 1, 60 }, AT(watchdog_timeout_s), 0 },
	{ "watchdog.force_after", config_read_uint, { 0, 525600 }, AT(watchdog_force_after), 0 },
	{ "leaving.max_share", config_read_uint, { 0, 100 }, AT(leaving_max_share), 0 },
	{ "door.mint_concurrency", config_read_uint, { 1, 16 }, AT(door_mint_concurrency), 0 },
	{ "door.nginx_user", config_read_user, { 0 }, AT(door_nginx_user), 0 },
	{ "daemon.connections_per_uid", config_read_uint, { 4, 1024 }, AT(connections_per_uid), 0 },
};
/* clang-format on */

static const struct config_keys CONFIG_TABLE = { CONFIG_KEYS, DV_COUNT(CONFIG_KEYS) };

_Static_assert(sizeof(uid_t) == sizeof(unsigned int), "config_read_list fills both");

const char *config_service_name(enum config_service service)
{
	static const char *const names[CONFIG_N_SERVICES] = {
		[CONFIG_T3] = "t3",
		[CONFIG_PLAYWRIGHT] = "playwright",
	};

	return names[service];
}

static int reserve_always(struct config *config)
{
	for (size_t i = 0; i < DV_COUNT(ALWAYS_RESERVED); i++) {
		int r = config_list_add(&config->reserved_ports, &config->n_reserved_ports,
					ALWAYS_RESERVED[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static const struct {
	size_t offset;
	const char *text;
} DEFAULT_TEXTS[] = {
	{ AT(roster_path), "/etc/devvm/roster.yaml" },
	{ AT(token_path), "/etc/t3-serve/claude-oauth-token" },
	{ AT(vault_mount), "secret" },
	{ AT(t3_package), "t3" },
	{ AT(t3_track), "nightly" },
	{ AT(playwright_package), "@playwright/mcp" },
	{ AT(playwright_version), "0.0.76" },
	{ AT(playwright_browser), "/usr/bin/chromium" },
	{ AT(instances_memory_max), "8G" },
	{ AT(door_nginx_user), "www-data" },
};

int config_init(struct config *config, struct dv_error *err)
{
	DV_AUTO_CONFIG struct config made = {
		.ports[CONFIG_T3] = { .first = 3773, .last = 32767 },
		.ports[CONFIG_PLAYWRIGHT] = { .first = 8931, .last = 32767 },
		.manage_sshd_keys = true,
		.home_concurrency = 4,
		.home_per_hour = 20,
		.home_refresh_minutes = 1440,
		.playwright_idle_minutes = 15,
		.instances_start = CONFIG_START_LOGIN,
		.instances_stop_idle_after = 480,
		.instances_tasks_max = 4096,
		.leaving_max_share = 30,
		.door_mint_concurrency = 2,
		.backup_keep = 14,
		.backup_deadline_s = 900,
		.watchdog_enabled = true,
		.watchdog_fails = 3,
		.watchdog_grace_s = 180,
		.watchdog_timeout_s = 10,
		.watchdog_force_after = 60,
		.connections_per_uid = 32,
		.update_window = { .first = 3 * 60, .last = 4 * 60 + 30 },
		.update_jitter = CONFIG_JITTER_WINDOW,
		.update_min_free_disk_mb = 2048,
		.update_min_free_memory_mb = 512,
		.update_keep_versions = 3,
		.update_order = CONFIG_ORDER_ACTIVITY,
		.update_soak_s = 120,
		.update_start_s = 120,
		.update_gate = CONFIG_GATE_ADMINS,
		.update_defer_max_days = 7,
		.update_drain_window = { .first = 22 * 60, .last = 6 * 60 },
		.vault_timeout_s = 10,
		.vault_attempts = 4,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < DV_COUNT(DEFAULT_TEXTS); i++) {
		char **field = (char **)((char *)&made + DEFAULT_TEXTS[i].offset);

		*field = strdup(DEFAULT_TEXTS[i].text);
		r = *field ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = reserve_always(&made);
	if (r == 0)
		r = config_secrets_init(&made.secrets);
	if (r < 0)
		return dv_fail(err, -ENOMEM, "set the defaults of devvm.yaml");
	*config = made;
	made = (struct config){ 0 }; /* handed over */
	return 0;
}

void config_done(struct config *config)
{
	free(config->roster_path);
	free(config->trusted_uids);
	free(config->reserved_ports);
	free(config->token_path);
	config_secrets_done(&config->secrets);
	config_protect_done(config);
	config_tools_done(config);
	config_mirrors_done(&config->mirrors);
	free(config->vault_url);
	free(config->vault_mount);
	free(config->vault_namespace);
	free(config->vault_ca_file);
	free(config->vault_token_file);
	free(config->vault_role_id_file);
	free(config->vault_secret_id_file);
	str_list_done(&config->vault_hosts);
	str_list_done(&config->update_canary);
	str_list_done(&config->update_notify);
	free(config->code_remote);
	free(config->door_nginx_user);
	free(config->t3_package);
	free(config->t3_track);
	free(config->t3_pin);
	free(config->update_registry);
	free(config->playwright_package);
	free(config->playwright_version);
	free(config->node_path);
	free(config->claude_version);
	free(config->claude_url);
	free(config->claude_sha256);
	free(config->claude_installer);
	free(config->playwright_browser);
	free(config->playwright_snapshot_url);
	free(config->instances_memory_max);
	*config = (struct config){ 0 };
}

/* What one key says needs another. */
static int check_together(const struct config *config, const char *name, struct dv_error *err)
{
	if (config->claude_source == CLAUDE_CACHE &&
	    (!config->claude_version || !config->claude_url || !config->claude_sha256))
		return dv_refuse(err, -EINVAL,
				 "%s: claude.source is cache: set claude.version, claude.url and "
				 "claude.sha256 too",
				 name);
	if (config->claude_source == CLAUDE_INSTALLER && !config->claude_installer)
		return dv_refuse(err, -EINVAL,
				 "%s: claude.source is installer: set claude.installer too, the "
				 "URL of its script",
				 name);
	return 0;
}

int config_parse(struct config *config, const char *name, const char *text, size_t n_bytes,
		 struct dv_error *err)
{
	DV_AUTO_YAML struct yaml_node *root = NULL;
	DV_AUTO_CONFIG struct config made = { 0 };
	int r = yaml_parse(name, text, n_bytes, &root, err);

	if (r < 0)
		return r;
	r = config_init(&made, err);
	if (r < 0)
		return r;
	r = config_tree_read(&CONFIG_TABLE, &made, name, root, err);
	if (r == 0)
		r = check_together(&made, name, err);
	if (r == 0)
		r = config_secrets_check(&made, name, err);
	if (r == 0)
		r = config_protect_check(&made, name, err);
	if (r == 0)
		r = config_tools_check(&made, name, err);
	if (r == 0)
		r = config_mirrors_check(&made, name, err);
	if (r == 0)
		r = config_update_check(&made, name, err);
	if (r < 0)
		return r;
	if (reserve_always(&made) < 0)
		return dv_fail(err, -ENOMEM, "read %s", name);
	config_done(config);
	*config = made;
	made = (struct config){ 0 }; /* handed over */
	return 0;
}

int config_load(struct config *config, const struct env *env, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int r = file_read(env->root_dirfd, CONFIG_PATH, YAML_MAX_BYTES, &text, &n_bytes, NULL, err);

	if (r == -ENOENT)
		return config_parse(config, "/" CONFIG_PATH, "", 0, err);
	if (r < 0)
		return r;
	return config_parse(config, "/" CONFIG_PATH, text, n_bytes, err);
}
