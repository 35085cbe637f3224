/* rclone.c - see rclone.h. */
#include "job/rclone.h"

#include <jansson.h>
#include <string.h>

#define MACHINE_KNOWN_HOSTS "/etc/ssh/ssh_known_hosts"

/* ---- what it says --------------------------------------------------------------------- */

static void json_release(json_t **json)
{
	json_decref(*json);
}

/* Printable ASCII on one line: it goes into the ledger and to terminals. Blanks around it, and
 * more than one within it, go away. */
static void take_words(char ret_words[static RCLONE_WORDS_BYTES], const char *text)
{
	size_t n = 0;

	for (; *text && n < RCLONE_WORDS_BYTES - 1; text++) {
		bool is_blank = (unsigned char)*text <= ' ';

		if (is_blank && (n == 0 || ret_words[n - 1] == ' '))
			continue;
		ret_words[n] = *text;
		if (is_blank)
			ret_words[n] = ' ';
		else if ((unsigned char)*text >= 0x7f)
			ret_words[n] = '?';
		n++;
	}
	while (n > 0 && ret_words[n - 1] == ' ')
		n--;
	ret_words[n] = '\0';
}

static int64_t count_of(const json_t *stats, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(stats, key));

	return value > 0 ? value : 0;
}

static void take_object(struct rclone_log *log, const json_t *json)
{
	const json_t *stats = json_object_get(json, "stats");
	const char *message = json_string_value(json_object_get(json, "msg"));
	const json_t *count = json_object_get(json, "count");

	if (stats) {
		log->has_stats = true;
		log->checked = count_of(stats, "checks");
		log->copied = count_of(stats, "transfers");
		log->deleted = count_of(stats, "deletes");
		log->errors = count_of(stats, "errors");
		log->bytes = count_of(stats, "bytes");
	} else if (message && !*log->error) {
		const char *object = json_string_value(json_object_get(json, "object"));
		char text[RCLONE_LINE_BYTES];

		(void)snprintf(text, sizeof(text), "%s%s%s", object && *object ? object : "",
			       object && *object ? ": " : "", message);
		take_words(log->error, text);
	} else if (!message && json_is_integer(count)) {
		log->has_size = true;
		log->n_files = count_of(json, "count");
	}
}

/* "2026/01/31 12:00:00 Failed to …": the time is the journal's. */
static const char *behind_time(const char *line)
{
	static const char form[] = "0000/00/00 00:00:00 ";

	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '0' ? line[i] < '0' || line[i] > '9' : line[i] != form[i])
			return line;
	}
	return line + strlen(form);
}

static void take_line(struct rclone_log *log)
{
	DV_CLEANUP(json_release) json_t *json = NULL;

	log->line[log->n_line] = '\0';
	if (!log->is_too_long && log->n_line > 0) {
		json = json_loadb(log->line, log->n_line, 0, NULL);
		if (json_is_object(json))
			take_object(log, json);
		else
			take_words(log->plain, behind_time(log->line));
	}
	log->n_line = 0;
	log->is_too_long = false;
}

void rclone_log_feed(void *context, const char *bytes, size_t n_bytes)
{
	struct rclone_log *log = context;

	for (size_t i = 0; i < n_bytes; i++) {
		if (bytes[i] == '\n')
			take_line(log);
		else if (log->n_line < sizeof(log->line) - 1)
			log->line[log->n_line++] = bytes[i];
		else
			log->is_too_long = true;
	}
}

void rclone_log_end(struct rclone_log *log)
{
	take_line(log);
}

const char *rclone_log_why(const struct rclone_log *log)
{
	return *log->error ? log->error : *log->plain ? log->plain : "rclone does not say why";
}

/* ---- what it is told ------------------------------------------------------------------ */

void rclone_source(const struct config_mirror *mirror, char ret_source[static RCLONE_SOURCE_BYTES])
{
	struct config_sftp sftp = { .path = "" };

	switch ((enum config_mirror_type)mirror->type) {
	case CONFIG_MIRROR_UNSET: /* a checked row has a type */
	case CONFIG_MIRROR_LOCAL:
		(void)snprintf(ret_source, RCLONE_SOURCE_BYTES, "%s", mirror->source);
		return;
	case CONFIG_MIRROR_SFTP:
		DV_IGNORE(config_mirror_parse_sftp(mirror->source, &sftp)); /* it was checked */
		(void)snprintf(ret_source, RCLONE_SOURCE_BYTES, "source:%s", sftp.path);
		return;
	case CONFIG_MIRROR_WEBDAV:
	case CONFIG_MIRROR_HTTP:
		(void)snprintf(ret_source, RCLONE_SOURCE_BYTES, "source:");
		return;
	}
}

/* Known by its host key or not at all. Nothing is run on the source: no shell is looked for and no
 * hashes are made there. */
static int sftp_config(const struct config_mirror *mirror, const char *key_path, char **ret_text)
{
	struct config_sftp sftp;

	if (config_mirror_parse_sftp(mirror->source, &sftp) < 0)
		return -1;
	return asprintf(ret_text,
			"[source]\ntype = sftp\nhost = %s\nport = %u\nuser = %s\nkey_file = %s\n"
			"known_hosts_file = %s\nshell_type = none\ndisable_hashcheck = true\n",
			sftp.host, sftp.port, mirror->user, key_path,
			mirror->known_hosts ? mirror->known_hosts : MACHINE_KNOWN_HOSTS);
}

int rclone_config(const struct config_mirror *mirror, const char *key_path, const char *obscured,
		  struct secret *ret_text, struct dv_error *err)
{
	char *text = NULL;
	int n = -1;

	switch ((enum config_mirror_type)mirror->type) {
	case CONFIG_MIRROR_UNSET:
	case CONFIG_MIRROR_LOCAL:
		n = asprintf(&text, "\n"); /* an empty one is taken for none */
		break;
	case CONFIG_MIRROR_SFTP:
		n = sftp_config(mirror, key_path, &text);
		break;
	case CONFIG_MIRROR_WEBDAV:
		n = asprintf(&text,
			     "[source]\ntype = webdav\nvendor = other\nurl = %s\n%s%s%s%s%s%s",
			     mirror->source, mirror->user ? "user = " : "",
			     mirror->user ? mirror->user : "", mirror->user ? "\n" : "",
			     obscured ? "pass = " : "", obscured ? obscured : "",
			     obscured ? "\n" : "");
		break;
	case CONFIG_MIRROR_HTTP:
		n = asprintf(&text, "[source]\ntype = http\nurl = %s\n", mirror->source);
		break;
	}
	if (n < 0)
		return dv_fail(err, -ENOMEM, "write the configuration of rclone");
	*ret_text = (struct secret){ .text = text, .n_bytes = (size_t)n };
	return 0;
}
