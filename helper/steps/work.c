/* work.c - see work.h. */
#include "steps/work.h"

void work_done(struct home_work *work)
{
	free(work->user);
	free(work->home);
	free(work->code_remote);
	str_list_done(&work->repos);
	dv_closep(&work->home_fd);
	*work = (struct home_work){ .home_fd = -1 };
}
