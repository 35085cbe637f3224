/* config.h - /etc/devvm/devvm.yaml as a struct.
 *
 * Every default stands in config.c and, commented, in conf/devvm.yaml; a test holds
 * the two together. A missing file means the defaults. An unknown key, a wrong type or
 * a number out of range refuses the whole file with "file:line: key: what".
 */
#ifndef DEVVM_CONFIG_CONFIG_H
#define DEVVM_CONFIG_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/env.h"
#include "base/str.h"
#include "config/config_rows.h"

#define CONFIG_PATH "etc/devvm/devvm.yaml" /* below the root of struct env */

/* The services that have a sticky loopback port per person. */
enum config_service {
	CONFIG_T3,
	CONFIG_PLAYWRIGHT,
	CONFIG_N_SERVICES,
};

struct config_port_range {
	unsigned int first;
	unsigned int last; /* included */
};

/* A part of each day, in minutes since midnight; one that ends before it begins goes past it. */
struct config_window {
	unsigned int first, last;
};

/* `update.jitter` that is not set: all of `update.window`. */
#define CONFIG_JITTER_WINDOW UINT_MAX

/* Where a person's claude comes from. */
enum claude_source {
	CLAUDE_NONE,	  /* nobody is given one */
	CLAUDE_CACHE,	  /* the machine's own verified copy */
	CLAUDE_INSTALLER, /* the vendor's script, run as the person */
};

/* How the machine's copy gets into a home. */
enum claude_share {
	CLAUDE_AUTO,	/* a reflink where the file system can, else a link */
	CLAUDE_REFLINK, /* or nothing */
	CLAUDE_LINK,
	CLAUDE_COPY,
};

/* `instances.start`: what starts a person's t3. */
enum config_start {
	CONFIG_START_LOGIN,  /* a login, or a visit at the front door */
	CONFIG_START_VISIT,  /* a visit alone */
	CONFIG_START_ALWAYS, /* the machine's boot; never stopped for being idle */
};

/* `update.order`: who is moved to a new version first, behind those of update.canary. */
enum config_order {
	CONFIG_ORDER_ACTIVITY, /* who has not used it for the longest time */
	CONFIG_ORDER_NAME,
};

/* `update.gate`: whose databases a new version is tried on, beside the synthetic one. */
enum config_gate {
	CONFIG_GATE_SYNTHETIC, /* nobody's */
	CONFIG_GATE_ADMINS,
	CONFIG_GATE_EVERYBODY, /* as many as the gate takes */
};

/* Where a secret comes from. */
enum config_secret_source {
	CONFIG_SECRET_FILE,	  /* `from`: an absolute path */
	CONFIG_SECRET_VAULT,	  /* `from`: a path below vault.mount */
	CONFIG_SECRET_CREDENTIAL, /* `from`: a name in $CREDENTIALS_DIRECTORY */
	CONFIG_SECRET_NONE,	  /* it is left alone */
};

/* A row of `secrets:`; all strings are owned. */
struct config_secret {
	struct config_row head;
	unsigned int source; /* enum config_secret_source */
	char *from;
	char *field; /* of vault's data */
	char *path;  /* absolute: where it is staged; NULL with source none */
	char *owner;
	char *group;
	mode_t mode;
};

struct config_secrets {
	struct config_secret *rows;
	size_t n_rows;
};

/* A row of `protect:`; all strings are owned. */
struct config_protect {
	struct config_row head;
	char *path; /* absolute */
	char *owner;
	char *group;
};

/* A row of `tools:`; all strings are owned. */
struct config_tool {
	struct config_row head;
	char *version;	       /* a file name */
	char *url;	       /* with {version} */
	char *sha256;	       /* of what the URL gives */
	char *member;	       /* a path in the archive; NULL: all of it, or it is no archive */
	bool is_tree;	       /* an archive, unpacked whole without its top folder */
	struct str_list links; /* "PATH" or "PATH=INNER" */
};

/* What kind of server a mirror's source is. */
enum config_mirror_type {
	CONFIG_MIRROR_UNSET, /* what the source looks like */
	CONFIG_MIRROR_LOCAL,
	CONFIG_MIRROR_SFTP,
	CONFIG_MIRROR_WEBDAV,
	CONFIG_MIRROR_HTTP, /* a web server's listing of a folder */
};

/* A row of `mirrors:`; all strings are owned. */
struct config_mirror {
	struct config_row head;
	char *source;	   /* an absolute path or a URL */
	unsigned int type; /* enum config_mirror_type */
	char *user;	   /* at the source; NULL for none */
	char *known_hosts; /* sftp: a file of host keys; NULL: the machine's */
	char *secret;	   /* a row of `secrets:`; NULL for none */
	char *destination; /* absolute */
	unsigned int interval_minutes;
	unsigned int max_delete; /* files in one run */
};

struct config_mirrors {
	struct config_mirror *rows;
	size_t n_rows;
};

struct config {
	char *roster_path;   /* absolute; `roster` */
	uid_t *trusted_uids; /* `trusted_uids`: may own the roster file and its folder */
	size_t n_trusted_uids;

	struct config_port_range ports[CONFIG_N_SERVICES]; /* `ports.t3`, `ports.playwright` */
	unsigned int *reserved_ports; /* `ports.reserved`, with the built-in 3780 and 3799 */
	size_t n_reserved_ports;

	char *token_path;		/* absolute; `token.path`: the staged shared claude token */
	struct config_secrets secrets;	/* `secrets` */
	struct config_protect *protect; /* `protect` */
	size_t n_protect;
	struct config_tool *tools; /* `tools` */
	size_t n_tools;
	struct str_list packages;      /* `packages`: of Debian */
	struct config_mirrors mirrors; /* `mirrors` */
	char *vault_url;	       /* `vault.url`; NULL: no Vault */
	char *vault_mount;	       /* `vault.mount`: of the KV v2 engine */
	char *vault_namespace;	       /* `vault.namespace`; or NULL */
	char *vault_ca_file;	       /* `vault.ca_file`: PEM; NULL: the machine's */
	char *vault_token_file;	       /* `vault.token_file`; or NULL */
	char *vault_role_id_file;      /* `vault.role_id_file`: AppRole; or NULL */
	char *vault_secret_id_file;    /* `vault.secret_id_file`; or NULL */
	struct str_list vault_hosts;   /* `vault.redirect_hosts`: may get the token by a 307 */
	unsigned int vault_timeout_s;  /* `vault.timeout_s`: of one request */
	unsigned int vault_attempts;   /* `vault.attempts`: at one request */
	char *code_remote;	       /* `code.remote`: git URL with {repo}; NULL when not set */
	unsigned int claude_source;    /* `claude.source`: enum claude_source */
	char *claude_version;	       /* `claude.version`: a file name; NULL when not set */
	char *claude_url;	       /* `claude.url`: of the program, with {version}; or NULL */
	char *claude_sha256;	       /* `claude.sha256`: of what the URL gives; or NULL */
	char *claude_installer;	       /* `claude.installer`: URL of install.sh; or NULL */
	unsigned int claude_share;     /* `claude.share`: enum claude_share */

	char *playwright_browser;	      /* absolute; `playwright.browser` */
	unsigned int playwright_idle_minutes; /* `playwright.idle_minutes`: then the server ends */
	char *playwright_snapshot_url;	      /* `playwright.snapshot_url`; NULL when not set */

	bool manage_sshd_keys; /* `ssh_keys.sshd`: keep the sshd drop-in */

	unsigned int home_concurrency; /* `home.concurrency`: home jobs at once on the machine */
	unsigned int home_per_hour;    /* `home.per_hour`: due people prepared without a login */
	unsigned int home_refresh_minutes;  /* `home.refresh_minutes`: an ok step is due again */
	char *t3_package;		    /* `t3.package`: of npm */
	char *t3_track;			    /* `t3.track`: the dist-tag that is followed */
	char *t3_pin;			    /* `t3.pin`: a version instead; NULL: none */
	struct config_window update_window; /* `update.window`: when the nightly run begins */
	unsigned int update_jitter;	    /* `update.jitter`: minutes, or CONFIG_JITTER_WINDOW */
	char *update_registry; /* `update.registry`: of npm; NULL: npm's own configuration */
	unsigned int update_min_free_disk_mb;	/* `update.min_free_disk_mb` */
	unsigned int update_min_free_memory_mb; /* `update.min_free_memory_mb` */
	unsigned int update_cooldown_hours;	/* `update.cooldown_hours`; 0: any age */
	struct str_list update_canary;		/* `update.canary`: who is moved first */
	unsigned int update_order;		/* `update.order`: enum config_order */
	unsigned int update_soak_s;		/* `update.soak`: each person is watched, seconds */
	unsigned int update_start_s;	    /* `update.start_timeout`: a start may take, seconds */
	unsigned int update_gate;	    /* `update.gate`: enum config_gate */
	unsigned int update_defer_max_days; /* `update.defer_max`: then they are told; 0: never */
	struct config_window update_drain_window; /* `update.drain_window` */
	struct str_list update_notify;	   /* `update.notify`: argv of a command; empty: none */
	unsigned int update_keep_versions; /* `update.keep_versions`: beside those in use */
	char *playwright_package;	   /* `playwright.package`: of npm */
	char *playwright_version;	   /* `playwright.version` */
	char *node_path;		   /* absolute; `node.path`; NULL: searched */

	enum config_start instances_start;	/* `instances.start` */
	unsigned int instances_stop_idle_after; /* `instances.stop_idle_after`, minutes; 0: never */
	char *instances_memory_max;		/* `instances.memory_max`: MemoryMax= of a unit */
	unsigned int instances_tasks_max;	/* `instances.tasks_max`: TasksMax= of a unit */
	unsigned int backup_keep;		/* `backup.keep`: checked copies of each person */
	unsigned int backup_deadline_s;	    /* `backup.deadline`: of one person's copy, seconds */
	bool watchdog_enabled;		    /* `watchdog.enabled` */
	unsigned int watchdog_fails;	    /* `watchdog.fails`: in a row, a minute apart */
	unsigned int watchdog_grace_s;	    /* `watchdog.grace`: after its start, seconds */
	unsigned int watchdog_timeout_s;    /* `watchdog.probe_timeout`, seconds */
	unsigned int watchdog_force_after;  /* `watchdog.force_after`, minutes; 0: never */
	unsigned int door_mint_concurrency; /* `door.mint_concurrency`: credentials made at once */
	char *door_nginx_user;		    /* `door.nginx_user`: the account of nginx's workers */
	unsigned int leaving_max_share;	    /* `leaving.max_share`: percent at once; 100: all */
	unsigned int connections_per_uid;   /* `daemon.connections_per_uid`, root excepted */
};

/* Fill in the defaults, whatever was there. Release with config_done(). */
DV_MUST_CHECK int config_init(struct config *config, struct dv_error *err);
/* Defaults, then CONFIG_PATH below env's root where it exists. `config` is empty (zeroed)
 * or holds an earlier one, which is released; on failure it stays as it is. See config_good.h for what goes on then. */
DV_MUST_CHECK int config_load(struct config *config, const struct env *env, struct dv_error *err);
/* The same on text that is there already; `name` is what errors call the file. */
DV_MUST_CHECK int config_parse(struct config *config, const char *name, const char *text,
			       size_t n_bytes, struct dv_error *err);
void config_done(struct config *config);

/* The name of a service in env files, derive output and the ledger: "t3", "playwright". */
const char *config_service_name(enum config_service service);

#define DV_AUTO_CONFIG DV_CLEANUP(config_done)

#endif
