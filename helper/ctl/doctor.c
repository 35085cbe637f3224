/* doctor.c - THE table of checks, and the two faces of what they find. See doctor.h. */
#include "ctl/doctor.h"

#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "ctl/output.h"

#define NEEDS_ROOT "needs root: sudo devvmctl doctor"
#define NEEDS_PERSON "looks at one person: devvmctl doctor USER"

/* clang-format off */
const struct doctor_row DOCTOR_CHECKS[] = {
	/* name,     root,  person, check */
	{ "helper",  false, false, doctor_check_helper },
	{ "config",  false, false, doctor_check_config },
	{ "roster",  false, false, doctor_check_roster },
	{ "pam",     false, false, doctor_check_pam },
	{ "units",   false, false, doctor_check_units },
	{ "steps",   false, false, doctor_check_steps },
	{ "claude",  false, true,  doctor_check_claude },
	{ "browser", false, true,  doctor_check_browser },
	{ "ports",   false, false, doctor_check_ports },
	{ "npm",     false, false, doctor_check_npm },
	{ "node",    false, false, doctor_check_node },
	{ "nft",     true,  false, doctor_check_nft },
	{ "secrets", true,  false, doctor_check_secrets },
	{ "packages", false, false, doctor_check_packages },
	{ "door",    false, false, doctor_check_door },
	{ 0 },
};
/* clang-format on */

void doctor_done(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->n_findings; i++) {
		free(doctor->findings[i].who);
		free(doctor->findings[i].what);
		free(doctor->findings[i].fix);
	}
	free(doctor->findings);
	free(doctor->skips);
	status_done(&doctor->status);
	config_done(&doctor->config);
}

void doctor_add(struct doctor *doctor, const char *who, const char *fix, const char *format, ...)
{
	struct doctor_finding *findings =
		reallocarray(doctor->findings, doctor->n_findings + 1, sizeof(*findings));
	struct doctor_finding finding = { .check = doctor->check };
	va_list arguments;

	va_start(arguments, format);
	if (findings)
		doctor->findings = findings;
	if (!findings || vasprintf(&finding.what, format, arguments) < 0) {
		doctor->is_short = true;
	} else {
		finding.who = strdup(who);
		finding.fix = strdup(fix);
		doctor->is_short = doctor->is_short || !finding.who || !finding.fix;
		findings[doctor->n_findings++] = finding;
	}
	va_end(arguments);
}

void doctor_skip(struct doctor *doctor, const char *why)
{
	struct doctor_skip *skips =
		reallocarray(doctor->skips, doctor->n_skips + 1, sizeof(*skips));

	if (!skips) {
		doctor->is_short = true;
		return;
	}
	doctor->skips = skips;
	skips[doctor->n_skips++] = (struct doctor_skip){ .check = doctor->check, .why = why };
}

int doctor_run(struct doctor *doctor)
{
	for (const struct doctor_row *row = DOCTOR_CHECKS; row->name; row++) {
		doctor->check = row->name;
		if (row->needs_root && !doctor->is_root)
			doctor_skip(doctor, NEEDS_ROOT);
		else if (row->needs_person && !doctor->user)
			doctor_skip(doctor, NEEDS_PERSON);
		else
			row->check(doctor);
	}
	return doctor->is_short ? -ENOMEM : 0;
}

void doctor_print(const struct doctor *doctor, FILE *stream, bool utf8)
{
	for (size_t i = 0; i < doctor->n_findings; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];
		DV_AUTO_FREE char *what = output_clean(finding->what, utf8);

		(void)fprintf(stream, "%s %s: %s\n", finding->who, what ? what : "", finding->fix);
	}
	for (size_t i = 0; i < doctor->n_skips; i++)
		(void)fprintf(stream, "(%s was not looked at; it %s)\n", doctor->skips[i].check,
			      doctor->skips[i].why);
	if (doctor->n_findings == 0)
		(void)fputs("nothing is wrong\n", stream);
	else
		(void)fprintf(stream, "%zu problem%s\n", doctor->n_findings,
			      doctor->n_findings == 1 ? "" : "s");
}

int doctor_print_json(const struct doctor *doctor, FILE *stream)
{
	json_t *problems = json_array();
	json_t *skipped = json_array();
	json_t *all;
	int r = problems && skipped ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < doctor->n_findings; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		r = json_array_append_new(problems,
					  json_pack("{s:s, s:s, s:s, s:s}", "check", finding->check,
						    "who", finding->who, "what", finding->what,
						    "fix", finding->fix));
	}
	for (size_t i = 0; r == 0 && i < doctor->n_skips; i++)
		r = json_array_append_new(skipped,
					  json_pack("{s:s, s:s}", "check", doctor->skips[i].check,
						    "why", doctor->skips[i].why));
	all = json_pack("{s:o, s:o}", "problems", problems, "skipped", skipped);
	if (r < 0 || !all || json_dumpf(all, stream, JSON_INDENT(2)) < 0)
		r = -ENOMEM;
	else
		(void)fputc('\n', stream);
	json_decref(all);
	return r < 0 ? -ENOMEM : 0;
}
