/* cmd_gate.c - devvmctl gate: is a version of t3 fit for this machine?
 *
 * Root's alone, for it names files with people's data: it becomes devvm-job gate, with the same words.
 */
#include <string.h>

#include "ctl/commands.h"
#include "ctl/ctl.h"

#define JOB "/usr/libexec/devvm/devvm-job"

int cmd_gate(int argc, char **argv)
{
	DV_AUTO_FREE char **words = NULL;
	struct ctl ctl;

	ctl_init(&ctl);
	if (argc < 2)
		return CTL_USAGE;
	if (geteuid() != 0) {
		ctl_say(&ctl, "gate is for root: sudo devvmctl gate %s", argv[1]);
		return CTL_DENIED;
	}
	words = calloc((size_t)argc + 2, sizeof(*words));
	if (!words) {
		ctl_say(&ctl, "gate: out of memory");
		return CTL_FAILED;
	}
	words[0] = (char *)JOB;
	for (int i = 0; i < argc; i++)
		words[i + 1] = argv[i];
	(void)execv(JOB, words);
	ctl_say(&ctl, "start " JOB ": %s", strerror(errno));
	return CTL_FAILED;
}
