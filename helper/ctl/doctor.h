/* doctor.h - what is wrong on a live machine, and what to type.
 *
 * Model: DOCTOR_CHECKS is the table; each row looks at one thing and adds findings. A check
 * that needs root, or a person, and has none is named as skipped and never counts as passed.
 * Nothing is changed. What a check asks of the outside comes in the struct: files below env's
 * root, the helper's answer, and programs through `run`, so a test gives its own.
 *
 * Root looks into no home: what a person's PATH finds is asked as that person.
 */
#ifndef DEVVM_CTL_DOCTOR_H
#define DEVVM_CTL_DOCTOR_H

#include "base/env.h"
#include "base/process.h"
#include "base/str.h"
#include "config/config.h"
#include "wire/status.h"

#define DOCTOR_MACHINE "machine" /* whom a finding is about when it is nobody */

struct doctor_finding {
	const char *check; /* borrowed from the table */
	char *who, *what, *fix;
};

struct doctor_skip {
	const char *check; /* borrowed */
	const char *why;   /* borrowed */
};

struct doctor {
	const struct env *env;
	bool is_root;
	const char *user; /* the person looked at; NULL: the machine, and everybody's steps */
	const char *home; /* of `user`; NULL without one */
	uid_t uid;	  /* of `user` */
	gid_t gid;
	const char *path; /* the caller's PATH where the caller is `user`, else NULL */
	/* Run a program to its end, with a deadline; 0 when it ran. */
	int (*run)(const struct doctor *doctor, const char *const *argv,
		   struct process_result *ret_result, struct dv_error *err);

	/* What was asked beforehand: "" where it could be had. */
	char helper_trouble[ERROR_MAX_BYTES];
	struct status status;
	char config_trouble[ERROR_MAX_BYTES];
	struct config config;

	const char *check; /* the row that is running */
	struct doctor_finding *findings;
	size_t n_findings;
	struct doctor_skip *skips;
	size_t n_skips;
	bool is_short; /* memory was */
};

typedef void doctor_check(struct doctor *doctor);

struct doctor_row {
	const char *name;
	bool needs_root;
	bool needs_person;
	doctor_check *check;
};

/* Ended by a row without a name. */
extern const struct doctor_row DOCTOR_CHECKS[];

/* Run the table. -ENOMEM when findings were lost. */
DV_MUST_CHECK int doctor_run(struct doctor *doctor);
void doctor_done(struct doctor *doctor);

/* For checks: WHO, what to type, and what is wrong. */
void doctor_add(struct doctor *doctor, const char *who, const char *fix, const char *format, ...)
	DV_PRINTF(4, 5);
void doctor_skip(struct doctor *doctor, const char *why);

/* One block of `systemctl show`. */
struct doctor_unit {
	char id[64], load[32], active[32], file[32];
};
typedef void doctor_unit_judge(struct doctor *doctor, const struct doctor_unit *unit);

/* Have each of a few units judged; a systemd that does not answer is a finding of its own. */
#define DOCTOR_MAX_UNITS 16
void doctor_ask_units(struct doctor *doctor, const char *const *names, size_t n_names,
		      doctor_unit_judge *judge);

/* "WHO what is wrong: what to type" a line, what was skipped, and the count. */
void doctor_print(const struct doctor *doctor, FILE *stream, bool utf8);
/* {"problems":[{"check","who","what","fix"}],"skipped":[{"check","why"}]}. -ENOMEM. */
DV_MUST_CHECK int doctor_print_json(const struct doctor *doctor, FILE *stream);

/* Rows of the table. */
doctor_check doctor_check_helper, doctor_check_config, doctor_check_roster, doctor_check_pam,
	doctor_check_units, doctor_check_steps, doctor_check_nft, doctor_check_secrets,
	doctor_check_door;
doctor_check doctor_check_packages, doctor_check_claude, doctor_check_npm, doctor_check_node;
doctor_check doctor_check_ports, doctor_check_browser;

#define DV_AUTO_DOCTOR DV_CLEANUP(doctor_done)

#endif
