/* ports_json.c - see ports_json.h. */
#include "ctl/ports_json.h"

#include <jansson.h>

#include "ctl/input.h"

#define FILE_MAX_BYTES (4 * 1024 * 1024)
#define PORT_MAX 65535

static void release_json(json_t **value)
{
	json_decref(*value);
}

static int add_port(struct ports_json *ports, const char *path, const char *name,
		    const json_t *value, enum config_service service, struct dv_error *err)
{
	json_int_t port = json_integer_value(value); /* 0 for what is no integer */
	char shown[STR_SHOW_BYTES];

	if (port < 1 || port > PORT_MAX)
		return dv_refuse(err, -EINVAL, "%s: %s: a port must be a whole number from 1 to %d",
				 path, str_show(name, shown), PORT_MAX);
	if (str_list_add(&ports->names, name) < 0)
		return dv_fail(err, -ENOMEM, "read %s", path);
	ports->ports[ports->n_ports++] = (struct derive_port){
		.name = ports->names.items[ports->names.n_items - 1],
		.service = service,
		.port = (unsigned int)port,
	};
	return 0;
}

static int make_room(struct ports_json *ports, size_t n_more)
{
	struct derive_port *grown =
		reallocarray(ports->ports, ports->n_ports + n_more + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	ports->ports = grown;
	return 0;
}

int ports_json_load(struct ports_json *ports, const char *path, enum config_service service,
		    struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	json_error_t at = { 0 };
	DV_CLEANUP(release_json) json_t *map = NULL;
	const char *name;
	json_t *value;
	int r = input_read(path, FILE_MAX_BYTES, &text, &n_bytes, err);

	if (r < 0)
		return r;
	map = json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, &at);
	if (!map)
		return dv_refuse(err, -EINVAL, "%s:%d: not JSON: %s", path, at.line, at.text);
	if (!json_is_object(map))
		return dv_refuse(err, -EINVAL, "%s:1: must be a JSON object of names and ports",
				 path);
	if (make_room(ports, json_object_size(map)) < 0)
		return dv_fail(err, -ENOMEM, "read %s", path);
	json_object_foreach(map, name, value)
	{
		r = add_port(ports, path, name, value, service, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void ports_json_done(struct ports_json *ports)
{
	free(ports->ports);
	str_list_done(&ports->names);
	*ports = (struct ports_json){ 0 };
}
