/* jobs.h - the verbs of devvm-job, and what its exit statuses mean. */
#ifndef DEVVM_JOB_JOBS_H
#define DEVVM_JOB_JOBS_H

enum job_exit {
	JOB_OK = 0,
	JOB_FAILED = 1, /* it could not run to its end; a later run tries again */
	JOB_USAGE = 2,
	JOB_REFUSED = 3, /* it ran, but the roster or devvm.yaml was refused: a person must act */
};

/* argv[0] is the verb. Return an exit status. */
int job_reconcile(int argc, char **argv);
int job_settle(int argc, char **argv);
int job_idle(int argc, char **argv);
int job_hold(int argc, char **argv);
int job_home(int argc, char **argv);
int job_machine(int argc, char **argv);
int job_install(int argc, char **argv);
int job_packages(int argc, char **argv);
int job_protect(int argc, char **argv);
int job_backup(int argc, char **argv);
int job_restore(int argc, char **argv);
int job_recover(int argc, char **argv);
int job_offboard(int argc, char **argv);
int job_stage(int argc, char **argv);
int job_resolve(int argc, char **argv);
int job_update(int argc, char **argv);
int job_drain(int argc, char **argv);
int job_notify(int argc, char **argv);
int job_watch(int argc, char **argv);
int job_mirror(int argc, char **argv);
int job_gate(int argc, char **argv);
int job_gate_check(int argc, char **argv);

#endif
