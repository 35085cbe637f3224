/* bench_derive.c - what parsing, deriving and printing a roster cost, apart from the process.
 *
 * usage: bench_derive ROSTER... Prints the median of N_RUNS in milliseconds for each file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "roster/derive.h"

#include <fcntl.h>

#define N_RUNS 15

enum { PARSE, DERIVE, PRINT, N_PHASES };

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int run_once(const char *file, const char *text, size_t n_bytes, double ret_ms[N_PHASES],
		    size_t *ret_n_people, struct dv_error *err)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	DV_AUTO_ROSTER struct roster roster = { 0 };
	DV_AUTO_DERIVED struct derived derived = { 0 };
	DV_AUTO_FREE char *json = NULL;
	struct derive_input input = { .roster = &roster, .config = &config };
	double start;
	int r = config_init(&config, err);

	start = now_ms();
	if (r == 0)
		r = roster_parse(&roster, file, text, n_bytes, err);
	ret_ms[PARSE] = now_ms() - start;
	start = now_ms();
	if (r == 0)
		r = derive(&derived, &input, err);
	ret_ms[DERIVE] = now_ms() - start;
	start = now_ms();
	if (r == 0)
		r = derived_to_json(&derived, &json, err);
	ret_ms[PRINT] = now_ms() - start;
	*ret_n_people = roster.n_people;
	return r;
}

static int bench(const char *file, struct dv_error *err)
{
	DV_AUTO_FREE char *text = NULL;
	size_t n_bytes = 0, n_people = 0;
	double ms[N_PHASES][N_RUNS], once[N_PHASES];
	int r = file_read(AT_FDCWD, file, 4 * 1024 * 1024, &text, &n_bytes, NULL, err);

	for (int i = 0; r == 0 && i < N_RUNS; i++) {
		r = run_once(file, text, n_bytes, once, &n_people, err);
		for (int phase = 0; phase < N_PHASES; phase++)
			ms[phase][i] = once[phase];
	}
	if (r < 0)
		return r;
	for (int phase = 0; phase < N_PHASES; phase++)
		qsort(ms[phase], N_RUNS, sizeof(double), compare);
	(void)printf("%8zu people: parse %7.2f  derive %7.2f  as JSON %7.2f\n", n_people,
		     ms[PARSE][N_RUNS / 2], ms[DERIVE][N_RUNS / 2], ms[PRINT][N_RUNS / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	struct dv_error err = { "" };

	(void)printf("median of %d, ms\n", N_RUNS);
	for (int i = 1; i < argc; i++) {
		if (bench(argv[i], &err) < 0) {
			(void)fprintf(stderr, "%s\n", err.text);
			return 1;
		}
	}
	return 0;
}
