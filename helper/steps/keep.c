/* keep.c - see keep.h. */
#include "steps/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "roster/roster.h"
#include "steps/item.h"
#include "steps/view.h"

#define MAX_BYTES (8 * 1024 * 1024)
#define SHOWN "/" KEEP_FILE

static const char HEADER[] = "# Who has which uid and ports on this machine, and who had them. "
			     "Written by devvm; read by it\n"
			     "# when its ledger is new. Keep a copy with /etc/devvm: these two "
			     "make the machine again.\n";

/* ---- writing -------------------------------------------------------------------------- */

static void print_person(FILE *out, const struct people_row *person)
{
	(void)fprintf(out, "%s state=%s identity=%s", person->name,
		      people_state_name(person->state), person->identity);
	if (person->uid != PEOPLE_NO_UID)
		(void)fprintf(out, " uid=%" PRId64, person->uid);
	if (person->ports[PEOPLE_PORT_T3])
		(void)fprintf(out, " t3=%u", person->ports[PEOPLE_PORT_T3]);
	if (person->ports[PEOPLE_PORT_PLAYWRIGHT])
		(void)fprintf(out, " playwright=%u", person->ports[PEOPLE_PORT_PLAYWRIGHT]);
	if (person->archive)
		(void)fprintf(out, " archive=%s", person->archive);
	(void)fputc('\n', out);
}

/* NULL in `ret_text` where the ledger has nobody: what is there is to be taken in, not written over. */
static int compose(struct step_context *context, char **ret_text, struct dv_error *err)
{
	DV_AUTO_PEOPLE struct people people = { 0 };
	size_t n_bytes = 0;
	FILE *out;
	int r = people_list(context->machine->ledger, &people, err);

	if (r < 0 || people.n_rows == 0)
		return r;
	out = open_memstream(ret_text, &n_bytes);
	if (!out)
		return dv_fail(err, -errno, "write " SHOWN);
	(void)fputs(HEADER, out);
	for (size_t i = 0; i < people.n_rows; i++)
		print_person(out, &people.rows[i]);
	return fclose(out) == 0 ? 0 : dv_fail(err, -ENOMEM, "write " SHOWN);
}

static struct file_spec describe(const char *text)
{
	return (struct file_spec){ .data = text,
				   .n_bytes = strlen(text),
				   .mode = 0600,
				   .uid = geteuid(),
				   .gid = (gid_t)-1 };
}

int keep_check(struct step_context *context, enum step_verdict *ret_verdict,
	       char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	const struct item_list items = { context, ret_verdict, ret_what };
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;
	bool matches = false;
	int r = compose(context, &text, err);

	if (r < 0)
		return r;
	item_begin(&items);
	if (!text)
		return 0;
	spec = describe(text);
	r = file_matches(context->env->root_dirfd, KEEP_FILE, &spec, &matches, err);
	if (r == 0 && !matches)
		item_add(&items, item_mark_of(context->env, KEEP_FILE), "write " SHOWN);
	return r;
}

int keep_apply(struct step_context *context, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;
	int r = compose(context, &text, err);

	if (r < 0 || !text)
		return r;
	spec = describe(text);
	return file_replace(context->env->root_dirfd, KEEP_FILE, &spec, err);
}

/* ---- reading -------------------------------------------------------------------------- */

/* A user name, or one that a tombstone goes by: NAME@N. */
static bool is_name(const char *text)
{
	DV_AUTO_FREE char *stem = strndup(text, strcspn(text, "@"));
	const char *at = strchr(text, '@');
	uint64_t n = 0;

	return stem && (str_is_user_name(stem) || at) && *stem &&
	       strlen(text) <= STR_USER_NAME_MAX &&
	       (!at || str_to_uint(at + 1, UINT32_MAX, &n) == 0);
}

/* Borrowed from the line. */
struct kept {
	const char *name, *identity, *archive;
	uint64_t uid, t3, playwright;
	bool has_uid;
};

/* What is wrong with the word, or NULL. */
static const char *take_word(struct kept *kept, char *word)
{
	char *value = strchr(word, '=');

	if (!value || !value[1])
		return "a word is no KEY=VALUE";
	*value++ = '\0';
	if (strcmp(word, "state") == 0)
		return strcmp(value, "present") == 0 || strcmp(value, "left") == 0
			       ? NULL
			       : "state is present or left";
	if (strcmp(word, "identity") == 0) {
		kept->identity = value;
		return NULL;
	}
	if (strcmp(word, "archive") == 0) {
		kept->archive = value;
		return *value == '/' ? NULL : "archive is an absolute path";
	}
	if (strcmp(word, "uid") == 0) {
		kept->has_uid = true;
		return str_to_uint(value, UINT32_MAX - 1, &kept->uid) == 0 ? NULL
									   : "uid is a number";
	}
	if (strcmp(word, "t3") == 0)
		return str_to_uint(value, 65535, &kept->t3) == 0 ? NULL : "t3 is a port";
	if (strcmp(word, "playwright") == 0)
		return str_to_uint(value, 65535, &kept->playwright) == 0 ? NULL
									 : "playwright is a port";
	return "there is no such key";
}

static const char *take_line(struct kept *kept, char *line)
{
	char *word = strsep(&line, " ");
	const char *wrong = NULL;

	if (!is_name(word))
		return "the first word is no user name";
	kept->name = word;
	while (!wrong && (word = strsep(&line, " ")))
		wrong = take_word(kept, word);
	return wrong ? wrong : (kept->identity ? NULL : "identity is missing");
}

static int import_line(struct ledger *ledger, char *line, unsigned int at, struct dv_error *err)
{
	struct kept kept = { 0 };
	const char *wrong = take_line(&kept, line);
	struct people_tombstone row;
	int r;

	if (wrong)
		return dv_refuse(err, -EINVAL,
				 SHOWN
				 ":%u: %s; correct it, or move the file away to begin without",
				 at, wrong);
	row = (struct people_tombstone){ .name = kept.name,
					 .identity = kept.identity,
					 .archive = kept.archive,
					 .uid = kept.has_uid ? (int64_t)kept.uid : PEOPLE_NO_UID,
					 .ports = { [PEOPLE_PORT_T3] = (unsigned int)kept.t3,
						    [PEOPLE_PORT_PLAYWRIGHT] =
							    (unsigned int)kept.playwright } };
	r = people_add_tombstone(ledger, &row, err);
	return r < 0 ? dv_prefix(err, r, SHOWN ":%u", at) : 0;
}

int keep_import(const struct env *env, struct ledger *ledger, size_t *ret_n, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0, n = 0;
	unsigned int at = 0;
	char *rest, *line;
	int r = file_read(env->root_dirfd, KEEP_FILE, MAX_BYTES, &text, &n_bytes, NULL, err);

	*ret_n = 0;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = ledger_begin(ledger, err);
	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		at++;
		if (!*line || *line == '#')
			continue;
		r = import_line(ledger, line, at, err);
		n++;
	}
	if (r == 0)
		r = ledger_commit(ledger, err);
	if (r < 0)
		ledger_rollback(ledger);
	else
		*ret_n = n;
	return r;
}
