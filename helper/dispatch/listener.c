/* listener.c - see listener.h. */
#include "dispatch/listener.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

#define MAX_BYTES (16U << 20)
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

static void look_line(const char *line, uint16_t port, uid_t uid, enum listener *listener)
{
	char address[33];
	unsigned int at, state, owner;

	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %u", address, &at, &state,
		   &owner) != 4)
		return;
	if (state != LISTEN || at != port || !answers(address))
		return;
	if (owner != uid)
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
