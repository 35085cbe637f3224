/* check.c - see check.h. What is asked of a running version is in probe.c; this is the order of it, and the
 * databases. */
#include "gate/check.h"

#include "base/clock.h"
#include "base/log.h"
#include "gate/database.h"
#include "gate/probe.h"

#define DATABASE_MS 120000
#define MADE_PAIRINGS 3

static int look(struct probe *check, struct database_facts *facts)
{
	const struct database_place place = { .base_dir = check->base_dir, .seed_fd = -1 };

	return box_call(check->box, database_look, &place, facts, sizeof(*facts),
			probe_until(check, DATABASE_MS), &check->err);
}

static int check_database(struct probe *check, const struct database_facts *before,
			  struct database_facts *after)
{
	int r = look(check, after);

	check->at = GATE_CHECK_MIGRATION;
	if (r == 0) {
		check->result->to = after->level;
		r = database_compare(before, after, &check->err);
	}
	return r < 0 ? probe_failed(check) : 0;
}

/* ---- the database to begin with ------------------------------------------------------- */

static int start_and_use(struct probe *check, size_t n_times)
{
	int r;

	check->at = GATE_CHECK_START;
	r = probe_launch(check);
	if (r == 0)
		r = probe_wait_version(check);
	for (size_t i = 0; r == 0 && i < n_times; i++)
		r = probe_use(check);
	return r == 0 ? probe_stop(check) : r;
}

static int call(struct probe *check,
		int (*function)(void *shared, const void *input, struct dv_error *err),
		const char *base_dir, int seed_fd)
{
	const struct database_place place = { .base_dir = base_dir, .seed_fd = seed_fd };

	return box_call(check->box, function, &place, NULL, 0, probe_until(check, DATABASE_MS),
			&check->err);
}

/* The maker on nothing, used as a person does; then rows, which stay only where the maker itself goes on
 * with them: what they should hold is its own affair. */
static int make(struct probe *check)
{
	const char *base_dir = check->plan->base_dir;
	int r;

	check->build = &check->plan->maker;
	r = start_and_use(check, MADE_PAIRINGS);
	if (r == 0 &&
	    (call(check, database_fill, base_dir, -1) < 0 || start_and_use(check, 1) < 0)) {
		log_notice("the synthetic database stays without made rows: %s", check->err.text);
		(void)box_sweep(check->box);
		if (call(check, database_unfill, base_dir, -1) < 0)
			return probe_say(check, GATE_ERROR, check->err.text);
	}
	if (r == 0)
		return 0;
	check->at = GATE_CHECK_SEED;
	(void)snprintf(check->err.text, sizeof(check->err.text), "%s, which makes the database: %s",
		       check->plan->maker.version, check->result->text);
	return probe_say(check, GATE_ERROR, check->err.text);
}

static int prepare(struct probe *check, struct database_facts *facts)
{
	const struct check_plan *plan = check->plan;
	int r;

	check->at = GATE_CHECK_SEED;
	check->base_dir = plan->base_dir;
	r = call(check, database_copy, plan->base_dir, plan->maker.version ? -1 : plan->seed_fd);
	if (r == 0 && plan->maker.version && make(check) < 0)
		return -1;
	check->at = GATE_CHECK_SEED;
	if (r == 0)
		r = look(check, facts);
	if (r < 0)
		return probe_say(check, GATE_ERROR, check->err.text);
	check->result->from = facts->level;
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------ */

static int run_first(struct probe *check)
{
	int64_t began_ms = clock_now_ms();

	check->build = &check->plan->candidate;
	check->at = GATE_CHECK_START;
	if (probe_launch(check) < 0 || probe_wait_version(check) < 0)
		return -1;
	check->result->start_ms = (uint32_t)(clock_now_ms() - began_ms);
	if (probe_check_port(check) < 0 || probe_use(check) < 0)
		return -1;
	return probe_stop(check);
}

/* The same once more, on the address that people's have (agent/t3.c), for which t3 has rules of its own; what fails
 * only here is told as `as`, whatever it is. */
static int run_more(struct probe *check, enum gate_check as, const char *where)
{
	check->bound_to = PROBE_LOOPBACK;
	if (start_and_use(check, 1) == 0)
		return 0;
	(void)snprintf(check->err.text, sizeof(check->err.text), "%s: %s", where,
		       check->result->text);
	check->at = as;
	return probe_say(check, check->result->outcome, check->err.text);
}

/* On no database, as somebody new has; it says which level is this build's, and who is not brought to it
 * was not migrated. */
static int run_empty(struct probe *check, const struct database_facts *migrated)
{
	struct database_facts facts = { 0 };
	char text[GATE_TEXT_BYTES];

	check->at = GATE_CHECK_EMPTY;
	check->base_dir = check->plan->empty_dir;
	if (call(check, database_copy, check->base_dir, -1) < 0)
		return probe_say(check, GATE_ERROR, check->err.text);
	if (run_more(check, GATE_CHECK_EMPTY, "on loopback without a database") < 0)
		return -1;
	check->at = GATE_CHECK_MIGRATION;
	if (look(check, &facts) < 0)
		return probe_failed(check);
	if (facts.level <= migrated->level)
		return 0;
	(void)snprintf(text, sizeof(text),
		       "the database was left at level %u, and a new one has %u", migrated->level,
		       facts.level);
	return probe_say(check, GATE_FAILED, text);
}

/* How far a build came that failed, for whoever looks into it. */
static void note_level(struct probe *check)
{
	struct database_facts facts = { 0 };
	struct dv_error err = check->err;

	if (check->result->to == 0 && check->result->start_ms > 0 && look(check, &facts) == 0)
		check->result->to = facts.level;
	check->err = err;
}

void check_run(struct box *box, const struct check_plan *plan, struct gate_result *ret_result)
{
	struct probe check = {
		.box = box, .plan = plan, .bound_to = PROBE_ALL_ADDRESSES, .result = ret_result
	};
	struct database_facts before = { 0 }, after = { 0 };
	int64_t began_ms = clock_now_ms();

	*ret_result = (struct gate_result){ 0 };
	if (prepare(&check, &before) == 0) {
		/* Not the maker's. */
		box->memory_kib = 0;
		ret_result->n_left = 0;
		if (run_first(&check) == 0 && check_database(&check, &before, &after) == 0 &&
		    run_more(&check, GATE_CHECK_AGAIN, "at its second start, on loopback") == 0 &&
		    run_empty(&check, &after) == 0)
			gate_result_say(ret_result, GATE_PASSED, GATE_CHECK_NONE, "");
	}
	(void)box_sweep(box);
	if (ret_result->outcome == GATE_FAILED)
		note_level(&check);
	ret_result->memory_kib = box->memory_kib;
	ret_result->total_ms = (uint32_t)(clock_now_ms() - began_ms);
}
