/* listener.c - see listener.h. */
#include "dispatch/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

#define MAX_BYTES (16U << 20)
#define TERMINALS "run/devvm/ttyd/"
#define LISTEN 0x0A
#define LOOPBACK "0100007F"
#define ANY "00000000"
#define MAPPED_LOOPBACK "0000000000000000FFFF00000100007F"
#define ANY_6 "00000000000000000000000000000000"

static bool answers(const char *address)
{
	static const char *const ours[] = { LOOPBACK, ANY, MAPPED_LOOPBACK, ANY_6 };

	for (size_t i = 0; i < DV_COUNT(ours); i++) {
		if (strcasecmp(address, ours[i]) == 0)
			return true;
	}
	return false;
}

/* The fields of /proc/net/tcp (proc(5)): number, local, remote, state, queues, timer, retransmits, uid. */
enum { FIELD_LOCAL = 1, FIELD_STATE = 3, FIELD_UID = 7, N_FIELDS };

static int64_t number(const char *text, int base)
{
	char *end = NULL;
	unsigned long long value = strtoull(text, &end, base);

	return *text == '\0' || *end != '\0' || value > UINT32_MAX ? -1 : (int64_t)value;
}

static void look_line(char *line, uint16_t port, uid_t uid, enum listener *listener)
{
	char *fields[N_FIELDS], *save = NULL, *colon;
	size_t n = 0;

	for (char *field = strtok_r(line, " ", &save); field && n < N_FIELDS;
	     field = strtok_r(NULL, " ", &save))
		fields[n++] = field;
	if (n < N_FIELDS || number(fields[FIELD_STATE], 16) != LISTEN)
		return;
	colon = strchr(fields[FIELD_LOCAL], ':');
	if (!colon || number(colon + 1, 16) != port)
		return;
	*colon = '\0';
	if (!answers(fields[FIELD_LOCAL]))
		return;
	if (number(fields[FIELD_UID], 10) != (int64_t)uid)
		*listener = LISTENER_FOREIGN;
	else if (*listener == LISTENER_NONE)
		*listener = LISTENER_OWN;
}

int listener_look(int root_fd, uint16_t port, uid_t uid, enum listener *ret_listener,
		  struct dv_error *err)
{
	static const char *const tables[] = { "proc/self/net/tcp", "proc/self/net/tcp6" };
	enum listener listener = LISTENER_NONE;

	for (size_t i = 0; i < DV_COUNT(tables); i++) {
		DV_AUTO_FREE char *text = NULL;
		size_t n_bytes = 0;
		int r = file_read_kernel(root_fd, tables[i], MAX_BYTES, &text, &n_bytes, err);

		if (r == -ENOENT && i > 0) /* no IPv6 */
			continue;
		if (r < 0)
			return r;
		for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			look_line(line, port, uid, &listener);
	}
	*ret_listener = listener;
	return 0;
}

int listener_look_terminal(int root_fd, const char *user, enum listener *ret_listener,
			   struct dv_error *err)
{
	char path[sizeof(TERMINALS) + STR_USER_NAME_MAX + sizeof(".sock")];
	struct stat st;

	(void)snprintf(path, sizeof(path), TERMINALS "%s.sock", user);
	*ret_listener = LISTENER_NONE;
	if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ret_listener =
			S_ISSOCK(st.st_mode) && st.st_uid == 0 ? LISTENER_OWN : LISTENER_FOREIGN;
	else if (errno != ENOENT)
		return dv_fail(err, -errno, "look at /%s", path);
	return 0;
}
