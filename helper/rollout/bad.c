/* bad.c - the bad versions in a file beside the ledger, for a ledger that is new. See bad.h.
 *
 * A line is VERSION, a blank and the reason. The ledger is the truth; the file is read only where
 * the ledger knows of no bad version, forgiven or not, so that none comes back by it.
 */
#include "rollout/bad.h"

#include <string.h>

#include "base/file.h"
#include "ledger/known_bad.h"
#include "update/version.h"

#define MAX_BYTES (1 << 20)

static const char HEADER[] =
	"# Versions of t3 that were found to be bad. Written by devvm; read by "
	"it when its ledger is new.\n";

static int import_lines(struct update *update, char *rest, struct dv_error *err)
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
					 "/" UPDATE_BAD_FILE ":%u: is no VERSION REASON; correct "
					 "it, or take the line out",
					 at);
		r = known_bad_add(update->ledger, version, update->env.wall_usec(&update->env), 0,
				  line, err);
	}
	return r;
}

int update_condemn(struct update *update, const char *version, int64_t id, const char *why,
		   struct dv_error *err)
{
	int r = known_bad_add(update->ledger, version, update->env.wall_usec(&update->env), id, why,
			      err);

	return r < 0 ? r : update_keep_bad(update, err);
}

int update_import_bad(struct update *update, struct dv_error *err)
{
	DV_AUTO_KNOWN_BAD struct known_bad list = { 0 };
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int r = known_bad_list(update->ledger, &list, err);

	if (r < 0 || list.n_rows > 0)
		return r;
	r = file_read(update->env.root_dirfd, UPDATE_BAD_FILE, MAX_BYTES, &text, &n_bytes, NULL,
		      err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = ledger_begin(update->ledger, err);
	if (r == 0)
		r = import_lines(update, text, err);
	if (r == 0)
		r = ledger_commit(update->ledger, err);
	if (r < 0)
		ledger_rollback(update->ledger);
	return r;
}

int update_keep_bad(struct update *update, struct dv_error *err)
{
	DV_AUTO_KNOWN_BAD struct known_bad list = { 0 };
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec = { .mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	bool matches = false;
	FILE *out;
	int r = known_bad_list(update->ledger, &list, err);

	if (r < 0 || list.n_rows == 0)
		return r;
	out = open_memstream(&text, &spec.n_bytes);
	if (!out)
		return dv_fail(err, -errno, "write /" UPDATE_BAD_FILE);
	(void)fputs(HEADER, out);
	for (size_t i = 0; i < list.n_rows; i++) {
		if (list.rows[i].forgiven_usec == 0)
			(void)fprintf(out, "%s %s\n", list.rows[i].version, list.rows[i].reason);
	}
	if (fclose(out) != 0)
		return dv_fail(err, -ENOMEM, "write /" UPDATE_BAD_FILE);
	spec.data = text;
	r = file_matches(update->env.root_dirfd, UPDATE_BAD_FILE, &spec, &matches, err);
	return r < 0 || matches ? r
				: file_replace(update->env.root_dirfd, UPDATE_BAD_FILE, &spec, err);
}
