/* bad.c - the bad versions in a file beside the ledger, for a ledger that is new. See bad.h.
 *
 * A line is VERSION, a blank and the reason. The ledger is the truth; the file is read only where
 * the ledger knows of no bad version, forgiven or not, so that none comes back by it.
 */
#include "rollout/bad.h"

#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "ledger/known_bad.h"
#include "update/version.h"

#define MAX_BYTES (1 << 20)

static const char HEADER[] =
	"# Versions of t3 that were found to be bad. Written by devvm; read by "
	"it when its ledger is new.\n";

static int import_lines(struct rollout *rollout, char *rest, struct dv_error *err)
{
	unsigned int at = 0;
	char *line;
	int r = 0;

	while (r == 0 && (line = strsep(&rest, "\n"))) {
		char *version = strsep(&line, " ");

		at++;
		if (!*version || *version == '#')
			continue;
		if (!version_is_valid(version) || !line || !str_is_utf8(line, strlen(line)) ||
		    str_has_control(line))
			return dv_refuse(err, -EINVAL,
					 "/" ROLLOUT_BAD_FILE ":%u: is no VERSION REASON; correct "
					 "it, or take the line out",
					 at);
		r = known_bad_add(rollout->ledger, version, rollout->env.wall_usec(&rollout->env),
				  0, line, err);
	}
	return r;
}

int rollout_condemn(struct rollout *rollout, const char *version, int64_t id, const char *why,
		    struct dv_error *err)
{
	struct dv_error kept = { "" };
	int r = known_bad_add(rollout->ledger, version, rollout->env.wall_usec(&rollout->env), id,
			      why, err);

	if (r == 0 && rollout_keep_bad(rollout, &kept) < 0)
		log_warning("update: %s", kept.text);
	return r;
}

int rollout_import_bad(struct rollout *rollout, struct dv_error *err)
{
	DV_AUTO_KNOWN_BAD struct known_bad list = { 0 };
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int r = known_bad_list(rollout->ledger, &list, err);

	if (r < 0 || list.n_rows > 0)
		return r;
	r = file_read(rollout->env.root_dirfd, ROLLOUT_BAD_FILE, MAX_BYTES, &text, &n_bytes, NULL,
		      err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = ledger_begin(rollout->ledger, err);
	if (r == 0)
		r = import_lines(rollout, text, err);
	if (r == 0)
		r = ledger_commit(rollout->ledger, err);
	if (r < 0)
		ledger_rollback(rollout->ledger);
	return r;
}

/* As it can be read again: a sentence may have been cut in the midst of a letter. */
static void write_line(FILE *out, const struct known_bad_row *row)
{
	bool is_fit =
		str_is_utf8(row->reason, strlen(row->reason)) && !str_has_control(row->reason);

	(void)fprintf(out, "%s ", row->version);
	for (const char *at = row->reason; *at; at++)
		(void)fputc(is_fit || (*at >= ' ' && *at <= '~') ? *at : '?', out);
	(void)fputc('\n', out);
}

int rollout_keep_bad(struct rollout *rollout, struct dv_error *err)
{
	DV_AUTO_KNOWN_BAD struct known_bad list = { 0 };
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	bool matches = false;
	FILE *out;
	int r = known_bad_list(rollout->ledger, &list, err);

	if (r < 0 || list.n_rows == 0)
		return r;
	out = open_memstream(&text, &spec.n_bytes);
	if (!out)
		return dv_fail(err, -errno, "write /" ROLLOUT_BAD_FILE);
	(void)fputs(HEADER, out);
	for (size_t i = 0; i < list.n_rows; i++) {
		if (list.rows[i].forgiven_usec == 0)
			write_line(out, &list.rows[i]);
	}
	if (fclose(out) != 0)
		return dv_fail(err, -ENOMEM, "write /" ROLLOUT_BAD_FILE);
	spec.data = text;
	r = file_matches(rollout->env.root_dirfd, ROLLOUT_BAD_FILE, &spec, &matches, err);
	return r < 0 || matches
		       ? r
		       : file_replace(rollout->env.root_dirfd, ROLLOUT_BAD_FILE, &spec, err);
}
