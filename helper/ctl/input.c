/* input.c - see input.h. */
#include "ctl/input.h"

#include <fcntl.h>

#define CHUNK_BYTES 65536

/* One read; 0 at the end of the file. */
static int read_chunk(int fd, char *bytes, size_t n_room)
{
	ssize_t n;

	do {
		n = read(fd, bytes, n_room);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int input_read(const char *path, size_t max_bytes, char **ret_text, size_t *ret_n_bytes,
	       struct dv_error *err)
{
	DV_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0;
	int n;

	if (fd < 0)
		return dv_fail(err, -errno, "open %s", path);
	do {
		char *grown = realloc(text, n_bytes + CHUNK_BYTES + 1);

		if (!grown)
			return dv_fail(err, -ENOMEM, "read %s", path);
		text = grown;
		n = read_chunk(fd, text + n_bytes, CHUNK_BYTES);
		if (n < 0)
			return dv_fail(err, n, "read %s", path);
		n_bytes += (size_t)n;
		if (n_bytes > max_bytes)
			return dv_refuse(err, -EFBIG, "%s:1: larger than %zu MiB", path,
					 max_bytes / 1024 / 1024);
	} while (n > 0);
	text[n_bytes] = '\0';
	*ret_text = DV_TAKE_PTR(text);
	*ret_n_bytes = n_bytes;
	return 0;
}
