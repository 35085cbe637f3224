/* doctor_door.c - is the front door open to whoever says that they are somebody?
 *
 * Where the administrator has enabled it, the running door is tried with each forged request that it must
 * refuse. All ask for a page that does not exist, as a script would, so nobody is paired and nothing starts.
 */
#include "ctl/doctor.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fetch/fetch.h"
#include "t3/front.h"

#define DEADLINE_MS 5000
#define ANSWER_MAX_BYTES (1U << 20)
#define MAX_HEADERS 6
#define MAX_WORDS 4
#define NGINX_FIX "systemctl status nginx devvm-dispatch.socket; sudo nginx -t"
#define OPEN_FIX                                                                                   \
	"sudo rm /" FRONT_CONF ", sudo systemctl reload nginx, then compare it with "              \
	"/usr/share/devvm/nginx/devvm.conf"

struct door {
	struct doctor *doctor;
	const struct front *front;
	const char *identity;
};

/* %i stands for somebody's identity, %s for the secret. With a session's cookie nginx alone decides, so what
 * it must refuse is tried in both ways; nginx before 1.23 sees no second header, and dispatch does. */
static const struct {
	const char *what;
	bool needs_secret, only_dispatch;
	const char *headers[MAX_WORDS];
} SPOOFS[] = {
	{ "that has no secret", false, false, { "X-Authentik-Username: %i" } },
	{ "with a secret that is wrong",
	  false,
	  false,
	  { "X-Authentik-Username: %i", "X-Devvm-Proxy-Secret: not-the-secret" } },
	{ "with an empty secret",
	  false,
	  false,
	  { "X-Authentik-Username: %i", "X-Devvm-Proxy-Secret;" } },
	{ "with underscores in the names of the headers",
	  false,
	  false,
	  { "X_Authentik_Username: %i", "X_Devvm_Proxy_Secret: %s" } },
	{ "that says twice who it is",
	  true,
	  true,
	  { "X-Authentik-Username: %i", "X-Authentik-Username: %i", "X-Devvm-Proxy-Secret: %s" } },
	{ "that says who it is in an underscore twin alone",
	  true,
	  false,
	  { "X_Authentik_Username: %i", "X-Devvm-Proxy-Secret: %s" } },
	{ "whose Connection: takes the name away",
	  true,
	  false,
	  { "X-Authentik-Username: %i", "X-Devvm-Proxy-Secret: %s",
	    "Connection: close, X-Authentik-Username" } },
	{ "for a WebSocket of another site",
	  true,
	  false,
	  { "X-Authentik-Username: %i", "X-Devvm-Proxy-Secret: %s", "Upgrade: websocket",
	    "Origin: https://elsewhere.invalid" } },
};

static int fill_header(const struct door *door, const char *pattern, struct secret *ret_header)
{
	FILE *out = open_memstream(&ret_header->text, &ret_header->n_bytes);

	if (!out)
		return -ENOMEM;
	for (const char *c = pattern; *c; c++) {
		if (strncmp(c, "%i", 2) == 0)
			(void)fputs(door->identity, out);
		else if (strncmp(c, "%s", 2) == 0)
			(void)fputs(door->front->secret.text ? door->front->secret.text : "x", out);
		else
			(void)fputc(*c, out);
		c += *c == '%';
	}
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

static int ask(const struct door *door, const char *path, const char *const *patterns,
	       bool has_session, unsigned int *ret_status, struct dv_error *err)
{
	DV_AUTO_FETCH_ANSWER struct fetch_answer answer = { 0 };
	struct secret headers[MAX_HEADERS] = { 0 };
	char url[FRONT_ADDRESS_BYTES + 64];
	struct fetch_request request = { .url = url,
					 .protocols = FETCH_HTTP,
					 .max_bytes = ANSWER_MAX_BYTES,
					 .deadline_ms = clock_deadline_ms(DEADLINE_MS),
					 .headers = headers };
	int r = 0;

	(void)snprintf(url, sizeof(url), "http://%s%s", door->front->address, path);
	while (r == 0 && request.n_headers < MAX_WORDS && patterns[request.n_headers]) {
		r = fill_header(door, patterns[request.n_headers], &headers[request.n_headers]);
		request.n_headers++;
	}
	if (r == 0 && has_session)
		r = fill_header(door, "Cookie: t3_session=none", &headers[request.n_headers++]);
	if (r < 0)
		r = dv_fail(err, r, "ask the front door");
	if (r == 0)
		r = front_require(door->front, err);
	if (r == 0)
		r = fetch_memory(&request, &answer, err);
	for (size_t i = 0; i < request.n_headers; i++)
		secret_done(&headers[i]);
	*ret_status = answer.status;
	return r;
}

static void try_spoof(const struct door *door, size_t i, bool has_session)
{
	struct dv_error err = { "" };
	unsigned int status = 0;
	int r = ask(door, "/devvm-doctor", SPOOFS[i].headers, has_session, &status, &err);

	/* A connection that is closed without an answer lets nobody in. */
	if (r < 0 || status == 400 || status == 403)
		return;
	doctor_add(door->doctor, DOCTOR_MACHINE, OPEN_FIX,
		   "the front door at %s answered %u to a request %s%s", door->front->address,
		   status, SPOOFS[i].what, has_session ? ", with a session" : "");
}

static const char *find_identity(const struct status *status)
{
	for (size_t i = 0; i < status->n_people; i++) {
		const struct status_person *person = &status->people[i];

		if (*person->identity && strcmp(person->state, "present") == 0 &&
		    !person->is_parked)
			return person->identity;
	}
	return NULL;
}

static void try_door(struct door *door)
{
	static const char *const nothing[MAX_WORDS] = { NULL };
	struct dv_error err = { "" };
	unsigned int status = 0;

	if (ask(door, "/healthz", nothing, false, &status, &err) < 0 || status != 200) {
		doctor_add(door->doctor, DOCTOR_MACHINE, NGINX_FIX,
			   "the front door is enabled and does not answer at %s: %s",
			   door->front->address, *err.text ? err.text : "/healthz is not 200");
		return;
	}
	door->identity = find_identity(&door->doctor->status);
	if (!door->identity) {
		doctor_skip(door->doctor, "needs somebody on the roster to be taken for");
		return;
	}
	for (size_t i = 0; i < DV_COUNT(SPOOFS); i++) {
		if (SPOOFS[i].needs_secret && !door->front->secret.text)
			continue;
		try_spoof(door, i, false);
		if (!SPOOFS[i].only_dispatch)
			try_spoof(door, i, true);
	}
}

void doctor_check_door(struct doctor *doctor)
{
	DV_AUTO_FRONT struct front front = { 0 };
	struct dv_error err = { "" };
	struct door door = { .doctor = doctor, .front = &front };

	if (front_find(doctor->env, &front, &err) < 0)
		doctor_add(doctor, DOCTOR_MACHINE, "ls -lL /" FRONT_CONF, "%s", err.text);
	else if (front.is_on && *front.address)
		try_door(&door);
}
