/* protect.c - devvm-job protect look|close PATH GROUP: one tree of `protect:`, as its owner.
 *
 * Says one line on standard output: "closed", "absent", "open MODE" (the mode it was found with), or,
 * with exit status 1, the sentence that says why it cannot know. See steps/protect.h.
 */
#include "job/jobs.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "config/config_rows.h"
#include "steps/protect_tree.h"

static void say(enum protect_state state, mode_t mode)
{
	switch (state) {
	case PROTECT_UNSET:
	case PROTECT_CLOSED:
		(void)puts("closed");
		return;
	case PROTECT_OPEN:
		(void)printf("open %04o\n", mode);
		return;
	case PROTECT_ABSENT:
		(void)puts("absent");
		return;
	}
}

int job_protect(int argc, char **argv)
{
	DV_AUTO_CLOSE int root_fd = -1;
	enum protect_state state = PROTECT_UNSET;
	struct dv_error err = { "" };
	const struct group *group;
	mode_t mode = 0;
	bool do_close = argc == 4 && strcmp(argv[1], "close") == 0;
	int r;

	if (argc != 4 || (!do_close && strcmp(argv[1], "look") != 0) ||
	    !config_is_plain_path(argv[2])) {
		log_error("usage: devvm-job protect look|close PATH GROUP");
		return JOB_USAGE;
	}
	root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	group = getgrnam(argv[3]);
	if (root_fd < 0 || !group) {
		(void)printf("%s: there is no group %s\n", argv[2], argv[3]);
		return JOB_FAILED;
	}
	r = protect_look(root_fd, argv[2], geteuid(), group->gr_gid, &state, &mode, &err);
	if (r == 0 && do_close)
		r = protect_close(root_fd, argv[2], geteuid(), group->gr_gid, &err);
	if (r < 0) {
		(void)puts(err.text);
		return JOB_FAILED;
	}
	say(state, mode);
	return JOB_OK;
}
