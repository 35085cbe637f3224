/* doctor_door.c - is the front door open to whoever says that they are somebody?
 *
 * Where the administrator has enabled it, the running door is tried with each forged request that it must
 * refuse, at its port and at its socket. All ask for a page that does not exist, as a script would, so nobody is paired
 * and nothing starts. Who comes by the socket is believed without a secret, so there only the rest is forged; and its
 * folder keeps out whoever is not root.
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

#define WAY_FIX                                                                                    \
	"keep its listen 127.0.0.1:3780; and write /" FRONT_SECRET                                 \
	", or add its listen unix:; see "                                                          \
	"/usr/share/doc/devvm/FRONT-DOOR.md"

struct door {
	struct doctor *doctor;
	const struct front *front;
	enum front_way way;   /* that is tried */
	const char *identity; /* somebody's; "": nobody is on the roster */
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
			(void)fputs(door->way == FRONT_WAY_PORT && door->front->secret.text
					    ? door->front->secret.text
					    : "x",
				    out);
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
	char url[FRONT_URL_BYTES];
	struct fetch_request request = { .max_bytes = ANSWER_MAX_BYTES,
					 .deadline_ms = clock_deadline_ms(DEADLINE_MS),
					 .headers = headers };
	int r = 0;

	front_aim(door->front, door->way, path, url, &request);
	while (r == 0 && request.n_headers < MAX_WORDS && patterns[request.n_headers]) {
		r = fill_header(door, patterns[request.n_headers], &headers[request.n_headers]);
		request.n_headers++;
	}
	if (r == 0 && has_session)
		r = fill_header(door, "Cookie: t3_session=none", &headers[request.n_headers++]);
	if (r < 0)
		r = dv_fail(err, r, "ask the front door");
	if (r == 0)
		r = front_require(door->front, door->way, err);
	if (r == 0)
		r = fetch_memory(&request, &answer, err);
	for (size_t i = 0; i < request.n_headers; i++)
		secret_done(&headers[i]);
	*ret_status = answer.status;
	return r;
}

static void try_spoof(const struct door *door, size_t i, bool has_session)
{
	char shown[FRONT_SHOWN_BYTES];
	struct dv_error err = { "" };
	unsigned int status = 0;
	int r = ask(door, "/devvm-doctor", SPOOFS[i].headers, has_session, &status, &err);

	/* A connection that is closed without an answer lets nobody in. */
	if (r < 0 || status == 400 || status == 403)
		return;
	doctor_add(door->doctor, DOCTOR_MACHINE, OPEN_FIX,
		   "the front door at %s answered %u to a request %s%s",
		   front_show(door->front, door->way, shown), status, SPOOFS[i].what,
		   has_session ? ", with a session" : "");
}

static const char *find_identity(const struct status *status)
{
	for (size_t i = 0; i < status->n_people; i++) {
		const struct status_person *person = &status->people[i];

		if (*person->identity && strcmp(person->state, "present") == 0 &&
		    !person->is_parked)
			return person->identity;
	}
	return "";
}

static void try_door(struct door *door)
{
	static const char *const nothing[MAX_WORDS] = { NULL };
	const bool needs_none = door->way == FRONT_WAY_SOCKET;
	char shown[FRONT_SHOWN_BYTES];
	struct dv_error err = { "" };
	unsigned int status = 0;

	if (ask(door, "/healthz", nothing, false, &status, &err) < 0 || status != 200) {
		doctor_add(door->doctor, DOCTOR_MACHINE, NGINX_FIX,
			   "the front door is enabled and does not answer at %s: %s",
			   front_show(door->front, door->way, shown),
			   *err.text ? err.text : "/healthz is not 200");
		return;
	}
	for (size_t i = 0; *door->identity && i < DV_COUNT(SPOOFS); i++) {
		if (SPOOFS[i].needs_secret ? !needs_none && !door->front->secret.text : needs_none)
			continue;
		try_spoof(door, i, false);
		if (!SPOOFS[i].only_dispatch)
			try_spoof(door, i, true);
	}
}

static void try_ways(struct door *door)
{
	const struct front_listen *at = &door->front->at;

	if (*at->address) {
		door->way = FRONT_WAY_PORT;
		try_door(door);
	}
	if (*at->socket && door->doctor->is_root) {
		door->way = FRONT_WAY_SOCKET;
		try_door(door);
	} else if (*at->socket) {
		doctor_skip(door->doctor, "needs root for the front door's socket");
	}
	if (!*door->identity && (*at->address || *at->socket))
		doctor_skip(door->doctor, "needs somebody on the roster to be taken for");
	/* Whoever is not root sees no secret. */
	if (door->doctor->is_root && front_way(door->front) == FRONT_WAY_NONE)
		doctor_add(door->doctor, DOCTOR_MACHINE, WAY_FIX,
			   "updates cannot ask the front door whether it lets somebody in: "
			   "/" FRONT_CONF
			   " has neither a loopback address to which the secret of /" FRONT_SECRET
			   " could go, nor a unix: listener");
}

void doctor_check_door(struct doctor *doctor)
{
	DV_AUTO_FRONT struct front front = { 0 };
	struct dv_error err = { "" };
	struct door door = { .doctor = doctor,
			     .front = &front,
			     .identity = find_identity(&doctor->status) };

	if (front_find(doctor->env, &front, &err) < 0)
		doctor_add(doctor, DOCTOR_MACHINE, "ls -lL /" FRONT_CONF, "%s", err.text);
	else if (front.is_on)
		try_ways(&door);
}
