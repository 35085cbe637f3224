/* mint.c - devvm-agent mint: a one-time credential of the caller's t3, for devvm-helperd.
 *
 * Runs the caller's own version of t3 on their own data and hands what it made to the helper, or the
 * sentence why there is none. Judged by what it prints, never by how it exits: on a node that is too old
 * every command prints nothing and exits 0. Nothing is written or logged, and the memory is wiped.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agents.h"
#include "agent/caller.h"
#include "agent/t3.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "store/node.h"
#include "store/store.h"
#include "t3/credential.h"
#include "wire/client.h"
#include "wire/paths.h"
#include "wire/proto.h"

#define T3_MS 15000 /* it takes 1.8 s; the unit has 25 */
#define HELPER_MS 5000
#define LIFETIME "5m"

/* /opt/devvm/t3/versions/V/… -> V */
static void version_of(const char *program, char ret_version[static STORE_VERSION_BYTES])
{
	static const char folder[] = "/" STORE_FOLDER "/t3/versions/";
	const char *at = str_starts_with(program, folder) ? program + strlen(folder) : "unknown";

	(void)snprintf(ret_version, STORE_VERSION_BYTES, "%.*s", (int)strcspn(at, "/"), at);
}

static int create(const struct caller *caller, struct t3_credential *ret_credential,
		  char ret_version[static STORE_VERSION_BYTES], struct dv_error *err)
{
	struct process_result *result = malloc(sizeof(*result));
	DV_AUTO_NODE struct node_found node = { 0 };
	DV_AUTO_FREE char *program = NULL;
	DV_AUTO_FREE char *folder = NULL;
	int r = result ? t3_find_program(&caller->env, &caller->config, caller->name, &program, err)
		       : dv_fail(err, -ENOMEM, "run t3");

	if (r == 0)
		r = store_find_node(&caller->config, NODE_FOR_T3, &node, err);
	if (r == 0 && asprintf(&folder, "%s/.t3", caller->home) < 0) {
		folder = NULL; /* asprintf(3): undefined then */
		r = dv_fail(err, -ENOMEM, "run t3");
	}
	if (r == 0) {
		const char *const argv[] = { node.path, program,      "auth", "pairing",
					     "create",	"--base-dir", folder, "--ttl",
					     LIFETIME,	"--json",     NULL };

		version_of(program, ret_version);
		r = process_run(&(struct process_spec){ .argv = argv,
							.deadline_ms = clock_deadline_ms(T3_MS) },
				result, err);
		if (r == 0 && result->timed_out)
			r = dv_refuse(err, -ETIMEDOUT, "t3 made no credential within %d seconds",
				      T3_MS / 1000);
		if (r == 0)
			r = t3_parse_credential(result->output, ret_credential, err);
		explicit_bzero(result, sizeof(*result));
	}
	free(result);
	return r;
}

static int hand_over(const struct caller *caller, const struct t3_credential *credential,
		     const char *version, const char *text, struct dv_error *err)
{
	int64_t deadline_ms = clock_deadline_ms(HELPER_MS);
	DV_AUTO_CLOSE int fd = client_connect(PATH_HELPER_SOCKET, deadline_ms, err);
	struct record_writer request;
	struct record answer;
	int r;

	if (fd < 0)
		return fd;
	proto_begin_request(&request, PROTO_MINTED);
	record_add(&request, "user", caller->name);
	if (credential) {
		record_add(&request, "credential", credential->text);
		record_add(&request, "expires", *credential->expires ? credential->expires : NULL);
		record_add(&request, "version", version);
	}
	record_add_text(&request, "text", text);
	r = client_send(fd, &request, deadline_ms, err);
	explicit_bzero(&request, sizeof(request));
	if (r == 0)
		r = client_receive(fd, &answer, deadline_ms, err);
	if (r == 0 && strcmp(answer.verb, proto_row_of(PROTO_DONE)->name) != 0)
		r = dv_refuse(err, -EPERM, "devvm-helperd does not take it: %s",
			      record_get(&answer, "text"));
	return r;
}

int agent_mint(int argc, char **argv DV_UNUSED)
{
	DV_AUTO_CALLER struct caller caller = CALLER_EMPTY;
	struct t3_credential credential = { 0 };
	char version[STORE_VERSION_BYTES] = "";
	struct dv_error err = { "" }, why = { "" };
	int r;

	if (argc > 1)
		return AGENT_USAGE;
	if (caller_init(&caller, &err) < 0) {
		log_error("%s", err.text);
		return AGENT_FAILED;
	}
	r = create(&caller, &credential, version, &why);
	if (r < 0) {
		log_warning("no credential: %s", why.text);
		r = hand_over(&caller, NULL, NULL, why.text, &err);
	} else {
		r = hand_over(&caller, &credential, version, NULL, &err);
	}
	explicit_bzero(&credential, sizeof(credential));
	if (r < 0)
		log_warning("%s", err.text);
	return r < 0 ? AGENT_FAILED : AGENT_OK;
}
