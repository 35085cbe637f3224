/* bench_pam.c - what one pam_open_session costs, ours beside its neighbours.
 *
 *   bench_pam [path of pam_devvm.so] [rounds, default 1000]
 *
 * Each row is a stack with that one module in it, on the real paths, in a world of its own
 * (../pam/stage.h). Rows are interleaved, in another order each round, so that whatever else
 * the machine does hits all of them alike; only pam_open_session is timed, not pam_start,
 * which loads the module. The folder of the tickets is watched, as the daemon does, so that
 * its waking is in the figures. Without a ticket a stand-in (../pam/fake.h) answers at once and
 * writes the ticket, so that row is the module's and the socket's share, not the daemon's.
 * Each size of passwd ends after BENCH_MAX_MS, however many rounds were done by then.
 */
#include <fcntl.h>
#include <security/pam_appl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../pam/fake.h"
#include "../pam/stage.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "wire/paths.h"

#define BENCH_MAX_MS 30000
#define MAX_ROUNDS 20000
#define WARM_UP 20

#define TICKET_TEXT                                                                                \
	"PATH=/home/ann/.local/bin:/usr/local/bin:/usr/bin:/bin\nT3_PORT=3773\n"                   \
	"PLAYWRIGHT_PORT=8931\nCLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-0123456789abcdef0123456789\n"

enum row {
	ROW_TICKET,
	ROW_ASK,
	ROW_PERMIT,
	ROW_ENV,
	ROW_LIMITS,
	ROW_MKHOMEDIR,
	ROW_EXEC,
	ROW_N,
};

static const struct {
	const char *title;
	const char *service;
	const char *stack;
} ROWS[ROW_N] = {
	[ROW_TICKET] = { "pam_devvm, ticket", "ticket", "session required %s\n" },
	[ROW_ASK] = { "pam_devvm, no ticket", "ask", "session required %s\n" },
	[ROW_PERMIT] = { "pam_permit", "permit", "session required pam_permit.so\n" },
	[ROW_ENV] = { "pam_env readenv=1", "env", "session required pam_env.so readenv=1\n" },
	[ROW_LIMITS] = { "pam_limits", "limits", "session required pam_limits.so\n" },
	[ROW_MKHOMEDIR] = { "pam_mkhomedir, home exists", "mkhomedir",
			    "session required pam_mkhomedir.so\n" },
	[ROW_EXEC] = { "pam_exec /bin/true", "exec", "session required pam_exec.so /bin/true\n" },
};

#define N_SIZES 2
static const int SIZES[N_SIZES] = { 3, 10000 };

struct figures {
	double p50, p99, mean;
};

static int64_t now_nsec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int say_nothing(int n, const struct pam_message **messages,
		       struct pam_response **ret_answers, void *data)
{
	(void)messages;
	(void)data;
	*ret_answers = calloc((size_t)n, sizeof(**ret_answers));
	return *ret_answers ? PAM_SUCCESS : PAM_BUF_ERR;
}

/* Microseconds of one pam_open_session. */
static double time_once(enum row row)
{
	struct pam_conv conversation = { say_nothing, NULL };
	pam_handle_t *pamh = NULL;
	int64_t before, after;
	int code;

	/* Else it is there and as old as the last row without one: who logs in finds a ticket
	 * that the reconcile has not written in that moment. */
	if (row == ROW_ASK)
		(void)unlink(PATH_TICKETS "/ann");
	if (pam_start_confdir(ROWS[row].service, "ann", &conversation, STAGE_CONFDIR, &pamh) !=
	    PAM_SUCCESS)
		stage_fail("pam_start_confdir %s", ROWS[row].service);
	before = now_nsec();
	code = pam_open_session(pamh, 0);
	after = now_nsec();
	if (code != PAM_SUCCESS)
		stage_fail("%s: %s", ROWS[row].title, pam_strerror(pamh, code));
	if (row <= ROW_ASK && !pam_getenv(pamh, "T3_PORT"))
		stage_fail("%s: no environment", ROWS[row].title);
	(void)pam_end(pamh, PAM_SUCCESS);
	return (double)(after - before) / 1000;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct figures figures_of(double *samples, int n)
{
	struct figures figures = { 0 };

	qsort(samples, (size_t)n, sizeof(*samples), compare);
	figures.p50 = samples[n / 2];
	figures.p99 = samples[n * 99 / 100];
	for (int i = 0; i < n; i++)
		figures.mean += samples[i] / n;
	return figures;
}

/* Whoever comes after pam_exec pays for the pages its fork left to be copied: each row in
 * its turn. */
static void shuffle(enum row order[ROW_N])
{
	for (long i = ROW_N - 1; i > 0; i--) {
		long j = random() % (i + 1);
		enum row other = order[j];

		order[j] = order[i];
		order[i] = other;
	}
}

struct table {
	int n_rounds[N_SIZES];
	struct figures figures[N_SIZES][ROW_N];
};

static void measure(struct table *table, size_t size, int n_rounds)
{
	static double samples[ROW_N][MAX_ROUNDS];
	int64_t deadline_ms = clock_deadline_ms(BENCH_MAX_MS);
	enum row order[ROW_N];
	int done = 0;

	for (enum row row = 0; row < ROW_N; row++)
		order[row] = row;
	stage_accounts(SIZES[size], true);
	fake_write_ticket(TICKET_TEXT);
	for (int i = -WARM_UP; i < n_rounds && clock_left_ms(deadline_ms) > 0; i++) {
		shuffle(order);
		for (size_t j = 0; j < ROW_N; j++)
			samples[order[j]][i < 0 ? 0 : i] = time_once(order[j]);
		done = i + 1;
	}
	if (done < 1)
		stage_fail("not one round within %d ms", BENCH_MAX_MS);
	table->n_rounds[size] = done;
	for (enum row row = 0; row < ROW_N; row++)
		table->figures[size][row] = figures_of(samples[row], done);
}

static void print_table(const struct table *table)
{
	(void)printf("pam_open_session, microseconds; %d and %d rounds, interleaved\n",
		     table->n_rounds[0], table->n_rounds[1]);
	(void)printf("%-28s %8s %17s   %8s\n", "", "3 people", "", "10,000 people");
	(void)printf("%-28s %8s %8s %8s   %8s %8s %8s\n", "", "p50", "p99", "mean", "p50", "p99",
		     "mean");
	for (enum row row = 0; row < ROW_N; row++) {
		(void)printf("%-28s", ROWS[row].title);
		for (size_t i = 0; i < N_SIZES; i++)
			(void)printf(" %8.1f %8.1f %8.1f%s", table->figures[i][row].p50,
				     table->figures[i][row].p99, table->figures[i][row].mean,
				     i + 1 < N_SIZES ? "  " : "\n");
	}
	(void)printf("\n");
}

static void print_budget(const char *what, double value, const char *relation, double limit)
{
	(void)printf("%-44s %8.1f %s %8.1f  %s\n", what, value, relation, limit,
		     value < limit ? "kept" : "MISSED");
}

static void print_budgets(const struct table *table)
{
	(void)printf("budgets\n");
	for (size_t i = 0; i < N_SIZES; i++) {
		const struct figures *row = table->figures[i];

		(void)printf("with %d people\n", SIZES[i]);
		print_budget("  ticket, p50, below pam_env", row[ROW_TICKET].p50, "<",
			     row[ROW_ENV].p50);
		print_budget("  ticket, p99, below 200", row[ROW_TICKET].p99, "<", 200);
		print_budget("  ticket, p50, 100 times below pam_exec", row[ROW_TICKET].p50 * 100,
			     "<", row[ROW_EXEC].p50);
		print_budget("  no ticket, p99, below 150 ms", row[ROW_ASK].p99, "<", 150000);
	}
	print_budget("ticket, p50, 10,000 within 1.5 x of 3 people",
		     table->figures[1][ROW_TICKET].p50, "<",
		     table->figures[0][ROW_TICKET].p50 * 1.5);
}

int main(int argc, char **argv)
{
	struct fake_script script = { .packets = { { "done\noutcome=ready\n", 0 } },
				      .ticket = TICKET_TEXT };
	static struct table table;
	uint64_t n_rounds = 1000;
	struct fake fake = { 0 };
	pid_t watch;

	if ((argc > 2 && str_to_uint(argv[2], MAX_ROUNDS, &n_rounds) < 0) || n_rounds < 1)
		stage_fail("1 to %d rounds", MAX_ROUNDS);
	stage_set_module(argc > 1 ? argv[1] : "build/pam_devvm.so");
	stage_enter();
	stage_reset();
	for (enum row row = 0; row < ROW_N; row++)
		stage_service(ROWS[row].service, ROWS[row].stack);
	watch = fake_watch_start();
	fake_start(&fake, &script);
	for (size_t i = 0; i < N_SIZES; i++)
		measure(&table, i, (int)n_rounds);
	fake_stop(&fake);
	fake_watch_stop(watch);
	print_table(&table);
	print_budgets(&table);
	return 0;
}
