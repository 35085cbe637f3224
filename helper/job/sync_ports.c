/* sync_ports.c - see sync_ports.h. */
#include "job/sync_ports.h"

#include "base/log.h"
#include "base/secret.h"
#include "base/str.h"
#include "steps/envfile.h"
#include "steps/paths.h"

/* The files in which a port may stand that somebody had before devvm. */
static const struct {
	const char *prefix;
	const char *key;
} IMPORTS[CONFIG_N_SERVICES] = {
	[CONFIG_T3] = { STEPS_T3_ENV_PREFIX, "T3_PORT" },
	[CONFIG_PLAYWRIGHT] = { STEPS_PLAYWRIGHT_ENV_PREFIX, "PLAYWRIGHT_PORT" },
};

struct holdings {
	const struct sync_ports_input *input;
	struct derive_port *given; /* with room for all */
	size_t n_given;
};

static void add_port(struct holdings *holdings, const char *name, int service, unsigned int port)
{
	if (port == 0)
		return;
	holdings->given[holdings->n_given++] = (struct derive_port){
		.name = name, .service = (enum config_service)service, .port = port
	};
}

static bool is_reserved(const struct config *config, unsigned int port)
{
	for (size_t i = 0; i < config->n_reserved_ports; i++) {
		if (config->reserved_ports[i] == port)
			return true;
	}
	return false;
}

static const char *holder_of(const struct holdings *holdings, unsigned int port)
{
	for (size_t i = 0; i < holdings->n_given; i++) {
		if (holdings->given[i].port == port)
			return holdings->given[i].name;
	}
	return NULL;
}

/* The port that a file of the scripts before devvm gives a person; 0 where there is none, and
 * where it cannot be theirs, which is told. */
static unsigned int read_import(const struct holdings *holdings, const char *name, int service)
{
	const struct sync_ports_input *input = holdings->input;
	DV_AUTO_SECRET struct secret value = { 0 };
	struct dv_error err = { "" };
	char path[STEPS_PATH_BYTES], shown[STR_SHOW_BYTES];
	const char *holder;
	uint64_t port = 0;

	steps_env_path(path, IMPORTS[service].prefix, name);
	if (envfile_get(input->env, NULL, path, IMPORTS[service].key, &value, &err) < 0) {
		log_warning("%s: its port is not taken over: %s", name, err.text);
		return 0;
	}
	if (!value.text)
		return 0;
	if (str_to_uint(value.text, 65535, &port) < 0 || port < 1024 ||
	    is_reserved(input->config, (unsigned int)port)) {
		log_warning("%s: /%s gives the port %s, which nobody can have; a new one is given",
			    name, path, str_show(value.text, shown));
		return 0;
	}
	holder = holder_of(holdings, (unsigned int)port);
	if (holder)
		log_warning("%s: /%s gives the port %u, which is %s's; a new one is given", name,
			    path, (unsigned int)port, holder);
	return holder ? 0 : (unsigned int)port;
}

/* Who was here before devvm keeps their ports: those of people whom the ledger has never
 * seen, in their files. A name that is somebody else's now is not who the files are about. */
static void import_ports(struct holdings *holdings)
{
	const struct sync_ports_input *input = holdings->input;

	for (size_t i = 0; i < input->roster->n_people; i++) {
		const char *name = input->roster->people[i].name;

		if (people_find(input->before, name) || str_list_has(input->reused, name))
			continue;
		for (int s = 0; s < CONFIG_N_SERVICES; s++)
			add_port(holdings, name, s, read_import(holdings, name, s));
	}
}

int sync_ports_list(const struct sync_ports_input *input, struct derive_port **ret_given,
		    size_t *ret_n_given, struct dv_error *err)
{
	size_t n_most = (input->before->n_rows + input->roster->n_people) * CONFIG_N_SERVICES;
	struct holdings holdings = { .input = input,
				     .given = calloc(n_most + 1, sizeof(*holdings.given)) };

	if (!holdings.given)
		return dv_fail(err, -ENOMEM, "derive");
	for (size_t i = 0; i < input->before->n_rows; i++) {
		const struct people_row *row = &input->before->rows[i];

		for (int s = 0; s < CONFIG_N_SERVICES; s++)
			add_port(&holdings, row->name, s, row->ports[s]);
	}
	import_ports(&holdings);
	*ret_given = holdings.given;
	*ret_n_given = holdings.n_given;
	return 0;
}
