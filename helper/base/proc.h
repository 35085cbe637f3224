/* proc.h - the columns of the kernel's tables in /proc; proc(5), proc_net_tcp(5).
 *
 * Columns are parted by blanks and counted from 0. A number is the whole of its column, or
 * there is none: what is not understood is for the caller to judge.
 */
#ifndef DEVVM_BASE_PROC_H
#define DEVVM_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool proc_get_number(const char *line, size_t column, uint64_t *ret_value);

/* A row of /proc/net/tcp or tcp6; `inode` is 0 where it has no such column. */
struct proc_tcp {
	uint64_t port; /* of this end */
	bool is_established;
	uint64_t inode;
};

/* false: the heading, or no row at all. */
bool proc_parse_tcp(const char *line, struct proc_tcp *ret_row);

#endif
