/* cleanup.h - scope-bound ownership.
 *
 * Model: every owning local carries its cleanup attribute on the line that
 * declares it and starts out empty (NULL, -1). Ownership leaves a scope only
 * through DV_TAKE_PTR / DV_TAKE_FD, written on the line that hands it over, so
 * an early return never leaks and never frees twice.
 */
#ifndef DEVVM_BASE_CLEANUP_H
#define DEVVM_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DV_CLEANUP(fn) __attribute__((cleanup(fn)))
#define DV_MUST_CHECK __attribute__((warn_unused_result))
#define DV_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define DV_UNUSED __attribute__((unused))
#define DV_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Ignore a result that must otherwise be used; the reason stands beside it. */
#define DV_IGNORE(result)                                                                          \
	do {                                                                                       \
		__typeof__(result) ignored_ = (result);                                            \
		(void)ignored_;                                                                    \
	} while (0)

static inline void dv_freep(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

static inline void dv_closep(const int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		(void)close(*fd); /* nothing was written through it that is not fsynced before */
	errno = saved_errno;
}

static inline void dv_fclosep(FILE **stream)
{
	if (*stream)
		(void)fclose(*stream); /* writers flush and check before they let go */
}

#define DV_AUTO_FREE DV_CLEANUP(dv_freep)
#define DV_AUTO_CLOSE DV_CLEANUP(dv_closep)
#define DV_AUTO_FCLOSE DV_CLEANUP(dv_fclosep)

/* Hand over: yields the value and leaves the variable empty. */
#define DV_TAKE_PTR(pointer)                                                                       \
	({                                                                                         \
		__typeof__(pointer) *taken_from_ = &(pointer);                                     \
		__typeof__(pointer) taken_ = *taken_from_;                                         \
		*taken_from_ = NULL;                                                               \
		taken_;                                                                            \
	})
#define DV_TAKE_FD(fd)                                                                             \
	({                                                                                         \
		int *taken_from_ = &(fd);                                                          \
		int taken_ = *taken_from_;                                                         \
		*taken_from_ = -1;                                                                 \
		taken_;                                                                            \
	})

#endif
