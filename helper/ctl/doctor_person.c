/* doctor_person.c - checks of what is a person's own: their ports, the socket of their browser server.
 *
 * Nothing keeps a local user from listening on a port that is somebody else's before its owner
 * does. The kernel says whose each listening socket is; root's are systemd's.
 */
#include "ctl/doctor.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#define FIX_BYTES 256
#define STATE_LISTEN "0A" /* TCP_LISTEN of the kernel's tcp_states.h */
#define ADDRESS_DIGITS 32

static bool is_here(const struct doctor *doctor, const struct status_person *person)
{
	return (!doctor->user || strcmp(doctor->user, person->user) == 0) &&
	       strcmp(person->state, "left") != 0;
}

/* ---- who listens ----------------------------------------------------------------------- */

struct listener {
	const char *address; /* as a person writes it */
	unsigned int port;
	uid_t uid;
};

/* What a connection to 127.0.0.1 or ::1 can reach; NULL for every other address. The words of
 * /proc/net/tcp are hexadecimal numbers in the order of this machine's bytes. */
static const char *name_address(const char *digits)
{
	struct in6_addr address = { 0 };
	size_t n_words = strlen(digits) / 8;
	uint32_t last;

	for (size_t i = 0; i < n_words; i++) {
		char word[9];

		(void)snprintf(word, sizeof(word), "%.8s", digits + i * 8);
		address.s6_addr32[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	if (n_words == 4 && IN6_IS_ADDR_LOOPBACK(&address))
		return "[::1]";
	if (n_words == 4 && IN6_IS_ADDR_UNSPECIFIED(&address))
		return "[::]";
	if (n_words != 1 && !(n_words == 4 && IN6_IS_ADDR_V4MAPPED(&address)))
		return NULL;
	last = address.s6_addr32[n_words - 1];
	return last == htonl(INADDR_LOOPBACK) ? "127.0.0.1" : last == 0 ? "0.0.0.0" : NULL;
}

/* A line of proc(5)'s /proc/net/tcp or tcp6, taken apart: slot, local, remote, state, queues,
 * timer, retransmits, uid. */
static bool parse_listener(char *line, struct listener *ret_listener)
{
	enum { LOCAL = 1, STATE = 3, UID = 7, N_WORDS };
	const char *words[N_WORDS] = { 0 };
	char *rest = line;
	size_t n_words = 0;
	uint64_t uid = 0;
	char *port;

	while (n_words < N_WORDS && rest) {
		char *word = strsep(&rest, " \n");

		if (*word)
			words[n_words++] = word;
	}
	if (n_words < N_WORDS || strcmp(words[STATE], STATE_LISTEN) != 0 ||
	    str_to_uint(words[UID], UINT32_MAX, &uid) < 0)
		return false;
	port = strchr(words[LOCAL], ':');
	if (!port || port - words[LOCAL] > ADDRESS_DIGITS)
		return false;
	*port++ = '\0';
	*ret_listener = (struct listener){ .address = name_address(words[LOCAL]),
					   .port = (unsigned int)strtoul(port, NULL, 16),
					   .uid = (uid_t)uid };
	return ret_listener->address;
}

static void judge_listener(struct doctor *doctor, const struct listener *listener)
{
	for (size_t i = 0; i < doctor->status.n_people; i++) {
		const struct status_person *person = &doctor->status.people[i];
		const struct {
			int64_t port;
			const char *verb, *prefix, *suffix;
		} ports[] = {
			{ person->t3_port, "start", "t3-serve@", ".service" },
			{ person->playwright_port, "restart", "playwright-mcp@", ".socket" },
		};

		if (!is_here(doctor, person) || person->uid == STATUS_NO_NUMBER ||
		    person->uid == (int64_t)listener->uid)
			continue;
		for (size_t j = 0; j < DV_COUNT(ports); j++) {
			char fix[FIX_BYTES];

			if (ports[j].port != (int64_t)listener->port)
				continue;
			(void)snprintf(fix, sizeof(fix),
				       "sudo ss -ltnp 'sport = :%u' shows the process; once it is "
				       "gone, sudo systemctl %s %s%s%s",
				       listener->port, ports[j].verb, ports[j].prefix, person->user,
				       ports[j].suffix);
			doctor_add(doctor, DOCTOR_MACHINE, fix,
				   "port %u of %s is held by uid %u, on %s", listener->port,
				   person->user, listener->uid, listener->address);
		}
	}
}

void doctor_check_ports(struct doctor *doctor)
{
	static const char *const tables[] = { "proc/net/tcp", "proc/net/tcp6" };

	if (*doctor->helper_trouble) {
		doctor_skip(doctor, "needs the helper");
		return;
	}
	for (size_t i = 0; i < DV_COUNT(tables); i++) {
		int fd = openat(doctor->env->root_dirfd, tables[i], O_RDONLY | O_CLOEXEC);
		FILE *table = fd < 0 ? NULL : fdopen(fd, "r");
		DV_AUTO_FREE char *line = NULL;
		size_t n_room = 0;

		if (!table) {
			dv_closep(&fd);
			/* A kernel without IPv6 has only the first. */
			if (i == 0)
				doctor_skip(doctor, "needs /proc/net/tcp");
			continue;
		}
		while (getline(&line, &n_room, table) >= 0) {
			struct listener listener;

			if (parse_listener(line, &listener) && listener.uid != 0)
				judge_listener(doctor, &listener);
		}
		(void)fclose(table);
	}
}

/* ---- the browser's socket -------------------------------------------------------------- */

static void judge_socket(struct doctor *doctor, const struct doctor_unit *unit)
{
	char fix[FIX_BYTES];

	if (strcmp(unit->active, "active") == 0 || strcmp(unit->active, "activating") == 0)
		return;
	(void)snprintf(fix, sizeof(fix), "journalctl -u %s says why; sudo systemctl restart %s",
		       unit->id, unit->id);
	if (strcmp(unit->load, "not-found") == 0)
		doctor_add(doctor, doctor->user, "install devvm again",
			   "has no browser: %s is not there", unit->id);
	else if (strcmp(unit->load, "masked") == 0)
		doctor_add(doctor, doctor->user, "sudo systemctl unmask it and start it",
			   "has no browser: %s is masked", unit->id);
	else
		doctor_add(doctor, doctor->user, fix, "has no browser: %s is %s", unit->id,
			   unit->active);
}

void doctor_check_browser(struct doctor *doctor)
{
	const struct status_person *person = NULL;
	char name[sizeof(((struct doctor_unit *)NULL)->id)];
	char hold[64];

	if (*doctor->helper_trouble) {
		doctor_skip(doctor, "needs the helper");
		return;
	}
	for (size_t i = 0; !person && i < doctor->status.n_people; i++) {
		if (is_here(doctor, &doctor->status.people[i]))
			person = &doctor->status.people[i];
	}
	/* The row of steps tells of somebody who is not in the roster. */
	if (!person || person->is_parked || person->playwright_port <= 0)
		return;
	(void)snprintf(hold, sizeof(hold), "var/lib/devvm/hold/%.32s", person->user);
	if (faccessat(doctor->env->root_dirfd, hold, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		doctor_skip(doctor, "is kept from starting: somebody works on their data "
				    "(/var/lib/devvm/hold)");
		return;
	}
	(void)snprintf(name, sizeof(name), "playwright-mcp@%.32s.socket", person->user);
	doctor_ask_units(doctor, (const char *const[]){ name }, 1, judge_socket);
}
