/* cmd_install.c - `devvmctl install ITEM [VERSION]` and `devvmctl machine [--packages]`. */
#include "ctl/cmd_install.h"

#include <getopt.h>

#include "ctl/commands.h"
#include "ctl/follow.h"

#define INSTALL_TOTAL_MS (35 * 60000)  /* the unit's own limit is half an hour */
#define MACHINE_TOTAL_MS (190 * 60000) /* and three hours */

static enum ctl_exit run(const struct ctl *ctl, const struct record_writer *request,
			 int64_t total_ms, const char *words, const char *all_well)
{
	struct follow_result result;
	const struct follow_spec spec = {
		.request = request,
		.total_ms = total_ms,
		.has_bar = true,
		.words = words,
	};

	follow_run(ctl, &spec, &result);
	if (result.end == FOLLOW_DONE)
		(void)fprintf(ctl->out, "%s\n", *result.text ? result.text : all_well);
	return follow_explain(ctl, &result);
}

enum ctl_exit install_run(const struct ctl *ctl, const char *item, const char *version)
{
	struct record_writer request;

	proto_begin_request(&request, PROTO_INSTALL);
	record_add(&request, "item", item);
	record_add(&request, "version", version);
	return run(ctl, &request, INSTALL_TOTAL_MS, "installing", "It is installed.");
}

enum ctl_exit machine_run(const struct ctl *ctl, bool packages)
{
	struct record_writer request;

	proto_begin_request(&request, PROTO_MACHINE);
	record_add(&request, "packages", packages ? "1" : NULL);
	return run(ctl, &request, MACHINE_TOTAL_MS,
		   packages ? "installing packages" : "looking at the machine's programs",
		   packages ? "The packages are installed."
			    : "The machine's programs are as devvm.yaml says.");
}

/* How many words there are behind the options; -1 for a bad option. */
static int words_of(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = { { 0 } };

	ctl_init(ctl);
	return ctl_option(ctl, argc, argv, ":", options) == -1 ? argc - optind : -1;
}

int cmd_install(int argc, char **argv)
{
	struct ctl ctl;
	int n = words_of(&ctl, argc, argv);

	if (n < 1 || n > 2)
		return CTL_USAGE;
	return (int)install_run(&ctl, argv[optind], n == 2 ? argv[optind + 1] : NULL);
}

int cmd_machine(int argc, char **argv)
{
	static const struct option options[] = { { "packages", no_argument, NULL, 'p' }, { 0 } };
	bool packages = false;
	struct ctl ctl;
	int option;

	ctl_init(&ctl);
	while ((option = ctl_option(&ctl, argc, argv, ":", options)) != -1) {
		if (option == '?')
			return CTL_USAGE;
		packages |= option == 'p';
	}
	return optind < argc ? CTL_USAGE : (int)machine_run(&ctl, packages);
}
