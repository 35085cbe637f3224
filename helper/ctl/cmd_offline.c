/* cmd_offline.c - see cmd_offline.h. */
#include "ctl/cmd_offline.h"

#include <getopt.h>

#include "base/yaml.h"
#include "ctl/input.h"
#include "ctl/output.h"
#include "ctl/ports_json.h"
#include "roster/validate.h"

#define ZSH_PATH "/bin/zsh"
#define MAP_MAX_BYTES (16 * 1024 * 1024)

static enum ctl_exit refuse(const struct ctl *ctl, const struct dv_error *err)
{
	(void)fprintf(ctl->messages, "%s\n", err->text);
	return CTL_FAILED;
}

/* `*ret_path` is the file the configuration came from, NULL for the defaults. */
static int load_config(const struct offline_words *words, struct config *config,
		       const char **ret_path, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	const char *path = words->config;
	int r;

	if (!path && access(OFFLINE_CONFIG, R_OK) == 0)
		path = OFFLINE_CONFIG;
	*ret_path = path;
	if (!path)
		return config_init(config, err);
	r = input_read(path, YAML_MAX_BYTES, &text, &n_bytes, err);
	if (r < 0)
		return r;
	return config_parse(config, path, text, n_bytes, err);
}

/* `*ret_path` is borrowed from the words or the configuration, which may name it. */
static int load_roster(const struct offline_words *words, const struct config *config,
		       struct roster *roster, const char **ret_path, struct dv_error *err)
{
	const char *path = words->roster ? words->roster : config->roster_path;
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int r = input_read(path, YAML_MAX_BYTES, &text, &n_bytes, err);

	if (r < 0)
		return r;
	*ret_path = path;
	return roster_parse(roster, path, text, n_bytes, err);
}

static int load_both(const struct offline_words *words, struct config *config,
		     struct roster *roster, struct dv_error *err)
{
	const char *path = NULL;
	int r = load_config(words, config, &path, err);

	return r < 0 ? r : load_roster(words, config, roster, &path, err);
}

enum ctl_exit offline_check_config(const struct ctl *ctl, const struct offline_words *words)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_ROSTER struct roster roster = { 0 };
	const char *config_path = NULL;
	const char *roster_path = NULL;
	struct dv_error err = { 0 };

	if (load_config(words, &config, &config_path, &err) < 0)
		return refuse(ctl, &err);
	if (config_path)
		(void)fprintf(ctl->out, "%s: ok\n", config_path);
	else
		(void)fprintf(ctl->out, "%s: not there, the defaults hold\n", OFFLINE_CONFIG);
	if (load_roster(words, &config, &roster, &roster_path, &err) < 0)
		return refuse(ctl, &err);
	(void)fprintf(ctl->out, "%s: ok, %zu %s\n", roster_path, roster.n_people,
		      roster.n_people == 1 ? "person" : "people");
	return CTL_OK;
}

static void print_warnings(const struct ctl *ctl, const struct derived *derived)
{
	for (size_t i = 0; i < derived->warnings.n_items; i++)
		(void)fprintf(ctl->messages, "WARN: %s\n", derived->warnings.items[i]);
	if (derived->shell_fell_back)
		(void)fprintf(ctl->messages,
			      "WARN: %s is not installed: who has no shell in the roster gets "
			      "/bin/bash\n",
			      ZSH_PATH);
}

static int add_row(struct output_table *table, const struct derived_person *person)
{
	DV_AUTO_FREE char *groups = str_list_join(&person->groups, " ");
	char t3[16], playwright[16];

	(void)snprintf(t3, sizeof(t3), "%u", person->ports[CONFIG_T3]);
	(void)snprintf(playwright, sizeof(playwright), "%u", person->ports[CONFIG_PLAYWRIGHT]);
	return output_table_add(table, (struct output_cell[]){
					       { .text = person->person->name },
					       { .text = person->person->identity },
					       { .text = tier_name(person->person->tier) },
					       { .text = t3 },
					       { .text = playwright },
					       { .text = person->shell },
					       { .text = groups },
				       });
}

static enum ctl_exit print_table(const struct ctl *ctl, const struct derived *derived)
{
	static const char *const headings[] = { "USER",	      "IDENTITY", "TIER",   "T3",
						"PLAYWRIGHT", "SHELL",	  "GROUPS", NULL };
	DV_AUTO_OUTPUT_TABLE struct output_table table = { 0 };
	int r = output_table_init(&table, headings, ctl->utf8);

	for (size_t i = 0; r == 0 && i < derived->n_people; i++)
		r = add_row(&table, &derived->people[i]);
	if (r < 0) {
		ctl_say(ctl, "derive: out of memory");
		return CTL_FAILED;
	}
	output_table_print(&table, ctl->out, ctl->colour);
	return CTL_OK;
}

static enum ctl_exit print_json(const struct ctl *ctl, const struct derived *derived)
{
	DV_AUTO_FREE char *text = NULL;
	struct dv_error err = { 0 };

	if (derived_to_json(derived, &text, &err) < 0)
		return refuse(ctl, &err);
	(void)fputs(text, ctl->out);
	return CTL_OK;
}

enum ctl_exit offline_derive(const struct ctl *ctl, const struct offline_words *words)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_ROSTER struct roster roster = { 0 };
	DV_AUTO_PORTS_JSON struct ports_json ports = { 0 };
	DV_AUTO_DERIVED struct derived derived = { 0 };
	struct derive_input input = {
		.roster = &roster,
		.config = &config,
		.zsh_installed = access(ZSH_PATH, X_OK) == 0,
	};
	struct dv_error err = { 0 };

	if (load_both(words, &config, &roster, &err) < 0)
		return refuse(ctl, &err);
	if (words->ports && ports_json_load(&ports, words->ports, CONFIG_T3, &err) < 0)
		return refuse(ctl, &err);
	if (words->playwright_ports &&
	    ports_json_load(&ports, words->playwright_ports, CONFIG_PLAYWRIGHT, &err) < 0)
		return refuse(ctl, &err);
	input.given = ports.ports;
	input.n_given = ports.n_ports;
	if (derive(&derived, &input, &err) < 0)
		return refuse(ctl, &err);
	print_warnings(ctl, &derived);
	return words->json ? print_json(ctl, &derived) : print_table(ctl, &derived);
}

enum ctl_exit offline_validate(const struct ctl *ctl, const struct offline_words *words)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_ROSTER struct roster roster = { 0 };
	DV_AUTO_VALIDATION struct validation validation = { 0 };
	DV_AUTO_FREE char *map = NULL;
	size_t n_bytes = 0;
	struct dv_error err = { 0 };

	if (load_both(words, &config, &roster, &err) < 0)
		return refuse(ctl, &err);
	if (input_read(words->k8s_users, MAP_MAX_BYTES, &map, &n_bytes, &err) < 0 ||
	    validate_tiers(&validation, &roster, map, &err) < 0) {
		(void)fprintf(ctl->out, "WARN: the tiers were not compared: %s\n", err.text);
		return CTL_OK;
	}
	for (size_t i = 0; i < validation.errors.n_items; i++)
		(void)fprintf(ctl->out, "ERROR: %s\n", validation.errors.items[i]);
	for (size_t i = 0; i < validation.warnings.n_items; i++)
		(void)fprintf(ctl->out, "WARN: %s\n", validation.warnings.items[i]);
	return validation.errors.n_items > 0 ? CTL_FAILED : CTL_OK;
}

enum letter {
	LETTER_CONFIG = 'c',
	LETTER_ROSTER = 'r',
	LETTER_PORTS = 'p',
	LETTER_PLAYWRIGHT = 'w',
	LETTER_K8S_USERS = 'k',
	LETTER_JSON = 'j',
};

static int take_option(struct offline_words *words, int option)
{
	switch (option) {
	case LETTER_CONFIG:
		words->config = optarg;
		return 0;
	case LETTER_ROSTER:
		words->roster = optarg;
		return 0;
	case LETTER_PORTS:
		words->ports = optarg;
		return 0;
	case LETTER_PLAYWRIGHT:
		words->playwright_ports = optarg;
		return 0;
	case LETTER_K8S_USERS:
		words->k8s_users = optarg;
		return 0;
	case LETTER_JSON:
		words->json = true;
		return 0;
	default: /* ctl_option() has said what is wrong */
		return -EINVAL;
	}
}

static int take_words(const struct ctl *ctl, int argc, char **argv, const struct option *options,
		      struct offline_words *words)
{
	int option;

	optind = 0; /* start over, also after an earlier call: getopt(3), NOTES */
	while ((option = ctl_option(ctl, argc, argv, ":", options)) != -1) {
		if (take_option(words, option) < 0)
			return -EINVAL;
	}
	if (optind < argc) {
		ctl_say(ctl, "%s: %s is too much", argv[0], argv[optind]);
		return -EINVAL;
	}
	return 0;
}

int cmd_check_config(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, LETTER_CONFIG },
		{ "roster", required_argument, NULL, LETTER_ROSTER },
		{ 0 },
	};
	struct offline_words words = { 0 };
	struct ctl ctl;

	ctl_init(&ctl);
	if (take_words(&ctl, argc, argv, options, &words) < 0)
		return CTL_USAGE;
	return (int)offline_check_config(&ctl, &words);
}

int cmd_derive(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, LETTER_CONFIG },
		{ "roster", required_argument, NULL, LETTER_ROSTER },
		{ "ports-json", required_argument, NULL, LETTER_PORTS },
		{ "playwright-ports-json", required_argument, NULL, LETTER_PLAYWRIGHT },
		{ "json", no_argument, NULL, LETTER_JSON },
		{ 0 },
	};
	struct offline_words words = { 0 };
	struct ctl ctl;

	ctl_init(&ctl);
	if (take_words(&ctl, argc, argv, options, &words) < 0)
		return CTL_USAGE;
	return (int)offline_derive(&ctl, &words);
}

int cmd_validate(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, LETTER_CONFIG },
		{ "roster", required_argument, NULL, LETTER_ROSTER },
		{ "k8s-users-json", required_argument, NULL, LETTER_K8S_USERS },
		{ 0 },
	};
	struct offline_words words = { 0 };
	struct ctl ctl;

	ctl_init(&ctl);
	if (take_words(&ctl, argc, argv, options, &words) < 0)
		return CTL_USAGE;
	if (!words.k8s_users) {
		ctl_say(&ctl, "%s: --k8s-users-json FILE is missing", argv[0]);
		return CTL_USAGE;
	}
	return (int)offline_validate(&ctl, &words);
}
