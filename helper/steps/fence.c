/* fence.c - see fence.h.
 *
 * The file replaces the table in one transaction, so there is no moment without rules. Only
 * the first packet of a connection is looked at: a long stream costs nothing, and what was
 * open before stays open. It runs after the people of a reconcile, when their uids are known;
 * a port whose owner has no account yet is nobody's but root's.
 *
 * And nobody but the owner answers there: the second packet of a connection carries the uid of whoever
 * listens, and a stranger's is dropped, so that what is meant for a person never reaches somebody who
 * took their port while their server was down. (A packet of no known socket passes.)
 */
#include "steps/fence.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "steps/paths.h"
#include "steps/view.h"
#include "units/manager.h"

#define NFT "usr/sbin/nft"
#define UNIT "devvm-ports.service"

#define HEAD                                                                                       \
	"# Written by devvm: who may connect to whose port on this machine.\n"                     \
	"table inet devvm {}\n"                                                                    \
	"delete table inet devvm\n"                                                                \
	"table inet devvm {\n"
#define RULES_BEFORE                                                                               \
	"	chain output {\n"                                                                        \
	"		type filter hook output priority filter; policy accept;\n"                              \
	"		oif \"lo\" tcp flags & (syn | ack) == syn tcp dport @ports jump owned\n"                \
	"		oif \"lo\" tcp flags & (syn | ack) == (syn | ack) tcp sport @ports jump "               \
	"answers\n"                                                                                \
	"	}\n"                                                                                     \
	"	chain owned {\n"                                                                         \
	"		meta skuid { 0"
#define RULES_AFTER                                                                                \
	" } accept\n"                                                                              \
	"		tcp dport . meta skuid @owners accept\n"                                                \
	"		reject with tcp reset\n"                                                                \
	"	}\n"                                                                                     \
	"	chain answers {\n"                                                                       \
	"		meta skuid 0 accept\n"                                                                  \
	"		tcp sport . meta skuid @owners accept\n"                                                \
	"		meta skuid >= 0 drop\n"                                                                 \
	"	}\n"                                                                                     \
	"	chain input {\n"                                                                         \
	"		type filter hook input priority filter; policy accept;\n"                               \
	"		iif != \"lo\" tcp dport @ports drop\n"                                                  \
	"	}\n"                                                                                     \
	"}\n"

/* The elements of a set, with their owner's uid or without. */
static void print_set(FILE *out, const char *name, const char *type, const struct people *people,
		      bool with_uid)
{
	const char *before = "\t\telements = { ";

	(void)fprintf(out, "\tset %s {\n\t\ttype %s\n", name, type);
	for (size_t i = 0; i < people->n_rows; i++) {
		const struct people_row *person = &people->rows[i];

		if (person->state != PEOPLE_PRESENT || (with_uid && person->uid == PEOPLE_NO_UID))
			continue;
		for (int s = 0; s < PEOPLE_N_PORTS; s++) {
			if (!person->ports[s])
				continue;
			(void)fprintf(out, "%s%u", before, person->ports[s]);
			if (with_uid)
				(void)fprintf(out, " . %lld", (long long)person->uid);
			before = ",\n\t\t\t";
		}
	}
	(void)fprintf(out, "%s\t}\n", *before == ',' ? " }\n" : "");
}

static int print_table(struct step_context *context, FILE *out, struct dv_error *err)
{
	/* It connects for people. Accounts that are not there are left out: the step `nginx-user` says so. */
	const char *const front_door[] = { "devvm-dispatch", context->config->door_nginx_user };
	DV_AUTO_PEOPLE struct people people = { 0 };
	int r = people_list(context->machine->ledger, &people, err);

	if (r < 0)
		return r;
	(void)fputs(HEAD, out);
	print_set(out, "ports", "inet_service", &people, false);
	print_set(out, "owners", "inet_service . uid", &people, true);
	(void)fputs(RULES_BEFORE, out);
	for (size_t i = 0; i < DV_COUNT(front_door); i++) {
		const struct view_account *account = view_account(context->machine, front_door[i]);

		if (account)
			(void)fprintf(out, ", %u", account->uid);
	}
	(void)fputs(RULES_AFTER, out);
	return 0;
}

/* The file as it should be; `*ret_text` is what `ret_spec` refers to. */
static int describe(struct step_context *context, char **ret_text, struct file_spec *ret_spec,
		    struct dv_error *err)
{
	size_t n_bytes = 0;
	FILE *out = open_memstream(ret_text, &n_bytes);
	int r;

	if (!out)
		return dv_fail(err, -ENOMEM, "write /%s", STEPS_FENCE_FILE);
	r = print_table(context, out, err);
	if (fclose(out) != 0 && r == 0)
		r = dv_fail(err, -ENOMEM, "write /%s", STEPS_FENCE_FILE);
	*ret_spec = (struct file_spec){ .data = *ret_text,
					.n_bytes = n_bytes,
					.mode = 0644,
					.uid = getuid(),
					.gid = getgid() };
	return r;
}

static int on_unit(void *context, const char *unit DV_UNUSED, const char *active_state)
{
	*(bool *)context = strcmp(active_state, "active") == 0;
	return 0;
}

static int is_loaded(bool *ret_loaded, struct dv_error *err)
{
	static const char *const patterns[] = { UNIT, NULL };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	int r = manager_open(&manager, err);

	return r < 0 ? r : manager_list(manager, patterns, on_unit, ret_loaded, err);
}

int fence_check(struct step_context *context, enum step_verdict *ret_verdict,
		char ret_what[static STEP_WHAT_BYTES], struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;
	bool matches = false, loaded = false;
	int r;

	*ret_verdict = STEP_SKIPPED;
	if (faccessat(context->env->root_dirfd, NFT, X_OK, 0) < 0) {
		log_info("no /" NFT ": every local user can connect to everybody's ports");
		return 0;
	}
	r = describe(context, &text, &spec, err);
	if (r == 0 && context->machine->fence_text) {
		spec.data = context->machine->fence_text;
		spec.n_bytes = strlen(context->machine->fence_text);
	}
	if (r == 0)
		r = file_matches(context->env->root_dirfd, STEPS_FENCE_FILE, &spec, &matches, err);
	if (r == 0 && matches)
		r = is_loaded(&loaded, err);
	if (r < 0)
		return r;
	*ret_verdict = matches && loaded ? STEP_FINE : STEP_DIFFERS;
	(void)snprintf(ret_what, STEP_WHAT_BYTES, "keep people's ports to their owners");
	return 0;
}

int fence_apply(struct step_context *context, struct dv_error *err)
{
	static const char *const units[] = { UNIT };
	DV_AUTO_MANAGER struct manager *manager = NULL;
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;
	int root_fd = context->env->root_dirfd;
	int r = describe(context, &text, &spec, err);

	if (r == 0)
		r = manager_open(&manager, err);
	/* A new file that was not loaded must not look like one that was. */
	if (r == 0)
		r = file_replace(root_fd, STEPS_FENCE_FILE, &spec, err);
	if (r == 0)
		r = manager_act(manager, MANAGER_RELOAD_OR_RESTART, units, 1, err);
	if (r < 0) {
		DV_IGNORE(
			file_remove(root_fd, STEPS_FENCE_FILE, NULL)); /* else it is tried again */
		return r;
	}
	free(context->machine->fence_text);
	context->machine->fence_text = DV_TAKE_PTR(text);
	return 0;
}

bool fence_is_outdated(struct step_context *context)
{
	DV_AUTO_FREE char *text = NULL;
	struct file_spec spec;

	return context->machine->fence_text && describe(context, &text, &spec, NULL) == 0 &&
	       strcmp(text, context->machine->fence_text) != 0;
}
