/* rollouts.c - see rollouts.h. */
#include "daemon/rollouts.h"

#include "wire/proto.h"

static void write_run(const struct update_run *run, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "run");
	record_add_int(writer, "id", run->id);
	record_add_int(writer, "began", run->began_usec);
	record_add_int(writer, "ended", run->ended_usec);
	record_add_text(writer, "from", run->from);
	record_add_text(writer, "to", run->to);
	record_add_text(writer, "outcome", run->outcome);
	record_add_text(writer, "reason", run->reason);
}

static void write_step(const struct update_step *step, struct record_writer *writer)
{
	record_begin(writer, proto_row_of(PROTO_ROW)->name);
	record_add(writer, "kind", "transition");
	record_add_int(writer, "run", step->run);
	record_add_int(writer, "at", step->at_usec);
	record_add(writer, "state", update_state_word(step->state));
	record_add(writer, "user", step->person);
	record_add_text(writer, "text", step->text);
}

/* The newest, or the one before the one that was shown. */
static int next_run(struct rollouts *rollouts, struct ledger *ledger, struct record_writer *writer,
		    struct dv_error *err)
{
	DV_AUTO_UPDATE_RUNS struct update_runs runs = { 0 };
	int r;

	if (rollouts->n_runs == ROLLOUTS_SHOWN)
		return 0;
	r = update_log_list(ledger, ROLLOUTS_SHOWN + 1, &runs, err);
	for (size_t i = 0; r == 0 && i < runs.n_rows; i++) {
		if (rollouts->run != 0 && runs.rows[i].id >= rollouts->run)
			continue;
		rollouts->run = runs.rows[i].id;
		rollouts->seq = 0;
		rollouts->n_runs++;
		write_run(&runs.rows[i], writer);
		return 1;
	}
	return r;
}

int rollouts_next(struct rollouts *rollouts, struct ledger *ledger, struct record_writer *writer,
		  struct dv_error *err)
{
	DV_AUTO_UPDATE_STEPS struct update_steps steps = { 0 };
	int r = rollouts->run ? update_log_steps(ledger, rollouts->run, &steps, err) : 0;

	for (size_t i = 0; r == 0 && i < steps.n_rows; i++) {
		if (steps.rows[i].seq <= rollouts->seq)
			continue;
		rollouts->seq = steps.rows[i].seq;
		write_step(&steps.rows[i], writer);
		return 1;
	}
	return r < 0 ? r : next_run(rollouts, ledger, writer, err);
}
