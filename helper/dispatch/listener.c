/* listener.c - see listener.h. */
#include "dispatch/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "dispatch/listener_diag.h"

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

struct look {
	uid_t uid;
	enum listener listener;
};

static void found(struct look *look, int64_t uid)
{
	if (uid != (int64_t)look->uid)
		look->listener = LISTENER_FOREIGN;
	else if (look->listener == LISTENER_NONE)
		look->listener = LISTENER_OWN;
}

static int64_t number(const char *text, int base)
{
	char *end = NULL;
	unsigned long long value = strtoull(text, &end, base);

	return *text == '\0' || *end != '\0' || value > UINT32_MAX ? -1 : (int64_t)value;
}

static void look_line(char *line, uint16_t port, struct look *look)
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
	if (answers(fields[FIELD_LOCAL]))
		found(look, number(fields[FIELD_UID], 10));
}

static void look_row(void *context, const struct listener_row *row)
{
	static const uint8_t ours_4[][4] = { { 127, 0, 0, 1 }, { 0 } };
	static const uint8_t ours_6[][16] = {
		{ [10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1 },
		{ 0 },
	};
	struct look *look = context;
	bool answers = false;

	for (size_t i = 0; i < 2; i++)
		answers |= row->family == AF_INET ? memcmp(row->address, ours_4[i], 4) == 0
						  : memcmp(row->address, ours_6[i], 16) == 0;
	if (answers)
		found(look, row->uid);
}

/* A folder that is not the machine's root has tables of its own, and no kernel. */
static bool is_root(int root_fd)
{
	struct stat root, ours;

	return fstat(root_fd, &ours) == 0 && stat("/", &root) == 0 && root.st_dev == ours.st_dev &&
	       root.st_ino == ours.st_ino;
}

static int look_tables(int root_fd, uint16_t port, struct look *look, struct dv_error *err)
{
	static const char *const tables[] = { "proc/self/net/tcp", "proc/self/net/tcp6" };

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
			look_line(line, port, look);
	}
	return 0;
}

int listener_look(int root_fd, uint16_t port, uid_t uid, enum listener *ret_listener,
		  struct dv_error *err)
{
	struct look look = { .uid = uid, .listener = LISTENER_NONE };
	int r = is_root(root_fd) ? listener_diag(port, look_row, &look, err) : -ENOENT;

	if (r == -ENOENT)
		r = look_tables(root_fd, port, &look, err);
	if (r == 0)
		*ret_listener = look.listener;
	return r;
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
