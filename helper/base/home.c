/* home.c - see home.h. */
#include "base/home.h"

#include <fcntl.h>

#include "base/file.h"

int home_open_folder(int home_fd, const char *path, mode_t mode, struct dv_error *err)
{
	int r = file_make_dirs(home_fd, path, mode, err);
	DV_AUTO_CLOSE int fd = -1;
	struct stat st;

	if (r < 0)
		return dv_prefix(err, r, "in the home");
	fd = openat(home_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "open ~/%s", path);
	if (st.st_uid != geteuid())
		return dv_refuse(err, -EPERM,
				 "~/%s belongs to somebody else (uid %u): nothing is put there",
				 path, st.st_uid);
	return DV_TAKE_FD(fd);
}

static int read_stream(FILE *stream, const char *path, size_t max_bytes, char **ret_data,
		       size_t *ret_n_bytes, struct dv_error *err)
{
	DV_AUTO_FREE char *data = NULL;
	size_t n_bytes = 0, n_room = 0;

	do {
		char *grown;

		n_room += n_room + 4096;
		grown = realloc(data, n_room);
		if (!grown)
			return dv_fail(err, -ENOMEM, "read ~/%s", path);
		data = grown;
		n_bytes += fread(data + n_bytes, 1, n_room - 1 - n_bytes, stream);
		if (n_bytes > max_bytes)
			return dv_refuse(err, -EFBIG,
					 "~/%s is larger than the %zu bytes that are read", path,
					 max_bytes);
	} while (n_bytes == n_room - 1);
	if (ferror(stream))
		return dv_fail(err, -EIO, "read ~/%s", path);
	data[n_bytes] = '\0';
	*ret_data = DV_TAKE_PTR(data);
	*ret_n_bytes = n_bytes;
	return 0;
}

int home_read(int home_fd, const char *path, size_t max_bytes, char **ret_data, size_t *ret_n_bytes,
	      struct dv_error *err)
{
	DV_AUTO_FCLOSE FILE *stream = NULL;
	DV_AUTO_CLOSE int fd = -1;
	struct stat st;

	/* Before the open: to open a device can already do something. */
	if (fstatat(home_fd, path, &st, 0) < 0)
		return dv_fail(err, -errno, "look at ~/%s", path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EINVAL, "~/%s is not a regular file", path);
	fd = openat(home_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return dv_fail(err, -errno, "open ~/%s", path);
	if (!S_ISREG(st.st_mode))
		return dv_refuse(err, -EINVAL, "~/%s is not a regular file", path);
	stream = fdopen(fd, "r");
	if (!stream)
		return dv_fail(err, -errno, "open ~/%s", path);
	(void)DV_TAKE_FD(fd); /* the stream has it */
	return read_stream(stream, path, max_bytes, ret_data, ret_n_bytes, err);
}
