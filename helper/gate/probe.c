/* probe.c - see probe.h. */
#include "gate/probe.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "t3/credential.h"
#include "t3/pairing.h"
#include "t3/websocket.h"

#define ASK_MS 10000
#define PROBE_MS 2000
#define PROBE_EVERY_MS 50
#define MINT_MS 30000
#define STOP_MS 15000 /* its unit gives it 20 s */
#define TCP_MAX_BYTES (1 << 20)
#define OUTPUT_BYTES 16384

#define LOOPBACK PROBE_LOOPBACK
/* Loopback too, but answers only where a server is bound to all addresses. */
#define ANY_ADDRESS "127.0.0.2"

int64_t probe_until(const struct probe *probe, int64_t ms)
{
	int64_t deadline_ms = clock_deadline_ms(ms);

	return deadline_ms < probe->plan->deadline_ms ? deadline_ms : probe->plan->deadline_ms;
}

int probe_say(struct probe *probe, enum gate_outcome outcome, const char *text)
{
	/* Each part has a time of its own; where there was none left for all of it, that says nothing of the version. */
	if (outcome == GATE_FAILED && clock_left_ms(probe->plan->deadline_ms) == 0)
		outcome = GATE_ERROR;
	gate_result_say(probe->result, outcome, probe->at, text);
	return -1;
}

int probe_failed(struct probe *probe)
{
	return probe_say(probe, GATE_FAILED, probe->err.text);
}

static struct t3_server server_at(const struct probe *probe, const char *host)
{
	return (struct t3_server){ .host = host, .port = probe->plan->port };
}

/* ---- start ---------------------------------------------------------------------------- */

int probe_launch(struct probe *probe)
{
	const struct check_plan *plan = probe->plan;
	char port[8];
	const char *const argv[] = { plan->node,
				     probe->build->program,
				     "serve",
				     "--host",
				     probe->bound_to,
				     "--port",
				     port,
				     "--base-dir",
				     probe->base_dir,
				     "--no-browser",
				     NULL };

	(void)snprintf(port, sizeof(port), "%u", plan->port);
	return box_start(probe->box, argv, &probe->err) < 0
		       ? probe_say(probe, GATE_ERROR, probe->err.text)
		       : 0;
}

static int ended_too_soon(struct probe *probe)
{
	char end[BOX_END_BYTES];
	char text[GATE_TEXT_BYTES];

	box_describe_end(probe->box, end);
	(void)snprintf(text, sizeof(text), "its server %s before it answered", end);
	return probe_say(probe, GATE_FAILED, text);
}

int probe_wait_version(struct probe *probe)
{
	const struct t3_server server = server_at(probe, LOOPBACK);
	int64_t deadline_ms = probe_until(probe, probe->plan->start_ms);
	char version[T3_VERSION_SAID_BYTES] = "";
	char text[GATE_TEXT_BYTES];
	int r = -EAGAIN;

	while (!*version && clock_left_ms(deadline_ms) > 0) {
		if (!box_is_running(probe->box))
			return ended_too_soon(probe);
		r = t3_ask_version(&server, probe_until(probe, PROBE_MS), version, &probe->err);
		if (!*version)
			(void)poll(NULL, 0, PROBE_EVERY_MS);
	}
	if (strcmp(version, probe->build->version) == 0)
		return 0;
	if (*version)
		(void)snprintf(text, sizeof(text), "its server says that it is version %s",
			       version);
	else
		(void)snprintf(text, sizeof(text), "its server %s within %lld seconds",
			       r < 0 ? "did not answer" : "did not say its version",
			       (long long)probe->plan->start_ms / 1000);
	return probe_say(probe, GATE_FAILED, text);
}

/* ---- ports ---------------------------------------------------------------------------- */

/* Of the listeners in our own network: whether one is at a port that may be another person's. */
static uint16_t find_foreign_port(const struct check_plan *plan)
{
	static const char *const tables[] = { "/proc/self/net/tcp", "/proc/self/net/tcp6" };

	for (size_t i = 0; i < DV_COUNT(tables); i++) {
		DV_AUTO_FREE char *text = NULL;
		char *rest, *line;
		size_t n_bytes = 0;

		if (file_read_kernel(AT_FDCWD, tables[i], TCP_MAX_BYTES, &text, &n_bytes, NULL) < 0)
			continue; /* no such family */
		for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			struct proc_tcp row;

			if (strstr(line, " 0A ") && proc_parse_tcp(line, &row) &&
			    row.port != plan->port && row.port >= plan->first &&
			    row.port <= plan->last)
				return (uint16_t)row.port;
		}
	}
	return 0;
}

int probe_check_port(struct probe *probe)
{
	const struct t3_server server = server_at(probe, ANY_ADDRESS);
	char version[T3_VERSION_SAID_BYTES] = "";
	char text[GATE_TEXT_BYTES];
	uint16_t foreign = find_foreign_port(probe->plan);

	probe->at = GATE_CHECK_PORT;
	if (t3_ask_version(&server, probe_until(probe, ASK_MS), version, &probe->err) < 0)
		return probe_say(
			probe, GATE_FAILED,
			"it was told to listen on all addresses, and answers on loopback alone");
	if (foreign == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "it listens on port %u too, which is another person's",
		       foreign);
	return probe_say(probe, GATE_FAILED, text);
}

/* ---- pairing -------------------------------------------------------------------------- */

static int mint(struct probe *probe, struct t3_credential *ret_credential)
{
	const struct check_plan *plan = probe->plan;
	const char *const argv[] = {
		plan->node,   probe->build->program, "auth",  "pairing", "create",
		"--base-dir", probe->base_dir,	     "--ttl", "5m",	 "--json",
		NULL
	};
	char output[OUTPUT_BYTES];
	int r = box_run(probe->box, argv, probe_until(probe, MINT_MS), output, sizeof(output),
			&probe->err);

	if (r == 0)
		r = t3_parse_credential(output, ret_credential, &probe->err);
	explicit_bzero(output, sizeof(output));
	return r < 0 ? dv_prefix(&probe->err, r, "make a credential") : 0;
}

static int pair(struct probe *probe, struct secret *ret_cookies)
{
	const struct t3_server server = server_at(probe, LOOPBACK);
	DV_AUTO_STR_LIST struct str_list cookies = { 0 };
	enum t3_session session = T3_SESSION_UNSET;
	struct t3_credential credential = { 0 };
	const char *path = NULL;
	bool fallback = false;
	int r = mint(probe, &credential);

	probe->at = GATE_CHECK_PAIR;
	if (r == 0)
		r = t3_exchange(&server, credential.text, probe_until(probe, ASK_MS), &cookies,
				&path, &fallback, &probe->err);
	explicit_bzero(&credential, sizeof(credential));
	if (r == 0)
		r = t3_cookie_header(&cookies, ret_cookies, &probe->err);
	if (r == 0)
		r = t3_ask_session(&server, ret_cookies->text, probe_until(probe, ASK_MS), &session,
				   &probe->err);
	if (r == 0 && session != T3_SESSION_ALIVE)
		r = dv_refuse(&probe->err, -EACCES,
			      "after the exchange its session does not say authenticated: true");
	return r < 0 ? probe_failed(probe) : 0;
}

static int check_socket(struct probe *probe, const struct secret *cookies)
{
	static const struct {
		bool with_cookie;
		unsigned int status;
	} rows[] = { { false, 401 }, { true, 101 } };
	const struct t3_server server = server_at(probe, LOOPBACK);

	probe->at = GATE_CHECK_SOCKET;
	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const char *with = rows[i].with_cookie ? cookies->text : NULL;
		unsigned int status = 0;
		char text[GATE_TEXT_BYTES];

		if (t3_ask_websocket(&server, with, probe_until(probe, ASK_MS), &status,
				     &probe->err) < 0)
			return probe_failed(probe);
		if (status == rows[i].status)
			continue;
		(void)snprintf(text, sizeof(text), "/ws answers %u instead of %u %s a session",
			       status, rows[i].status, with ? "with" : "without");
		return probe_say(probe, GATE_FAILED, text);
	}
	return 0;
}

int probe_use(struct probe *probe)
{
	DV_AUTO_SECRET struct secret cookies = { 0 };

	if (pair(probe, &cookies) < 0)
		return -1;
	return check_socket(probe, &cookies);
}

/* ---- its end ---------------------------------------------------------------------- */

int probe_stop(struct probe *probe)
{
	bool in_time = true;

	probe->at = GATE_CHECK_STOP;
	if (!box_is_running(probe->box)) {
		char end[BOX_END_BYTES], text[GATE_TEXT_BYTES];

		box_describe_end(probe->box, end);
		(void)snprintf(text, sizeof(text), "its server %s by itself", end);
		return probe_say(probe, GATE_FAILED, text);
	}
	box_stop(probe->box, probe_until(probe, STOP_MS), &in_time);
	probe->result->n_left += box_sweep(probe->box);
	if (in_time)
		return 0;
	return probe_say(probe, GATE_FAILED, "it did not end within 15 seconds of a SIGTERM");
}
