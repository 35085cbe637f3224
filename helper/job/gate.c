/* gate.c - devvm-job gate: is a version of t3 fit for the people of this machine?
 *
 * See rollout/gating.h; here are the words of the command and of its answer.
 */
#include "job/jobs.h"

#include <getopt.h>
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "rollout/gating.h"
#include "store/store.h"
#include "t3/program.h"

struct gate_words {
	const char *version, *last_good;
	bool json, no_synthetic;
	uint64_t start_s;
	struct gated seeds[GATING_SEEDS_MAX];
	size_t n_seeds;
};

struct gate_job {
	struct env env;
	struct config config;
	char last_good[STORE_VERSION_BYTES];
	enum gate_verdict verdict;
};

static void gate_job_done(struct gate_job *job)
{
	config_done(&job->config);
	env_done(&job->env);
}

/* ---- words ---------------------------------------------------------------------------- */

/* "anna=/file", or "/file". */
static int add_seed(struct gate_words *words, enum gate_whose whose, const char *text)
{
	const char *equals = strchr(text, '=');
	struct gated *gated = &words->seeds[words->n_seeds];

	if (words->n_seeds + 1 >= GATING_SEEDS_MAX)
		return -E2BIG;
	if (*text == '/')
		(void)snprintf(gated->name, sizeof(gated->name), "_seed%zu", words->n_seeds + 1);
	else
		(void)snprintf(gated->name, sizeof(gated->name), "%.*s",
			       equals ? (int)(equals - text) : 0, text);
	gated->whose = whose;
	gated->seed = (struct gate_seed){ .name = gated->name,
					  .path = *text == '/' ? text
						  : equals     ? equals + 1
							       : "" };
	if (!str_is_user_name(gated->name) || *gated->seed.path != '/')
		return -EINVAL;
	for (size_t i = 0; i < words->n_seeds; i++) {
		if (strcmp(words->seeds[i].name, gated->name) == 0)
			return -EEXIST;
	}
	words->n_seeds++;
	return 0;
}

static int take_option(struct gate_words *words, int option)
{
	switch (option) {
	case 's':
		return add_seed(words, GATE_PERSON, optarg);
	case 'a':
		return add_seed(words, GATE_ADMIN, optarg);
	case 'l':
		words->last_good = optarg;
		return 0;
	case 'n':
		words->no_synthetic = true;
		return 0;
	case 't':
		return str_to_uint(optarg, GATE_START_MAX_S, &words->start_s) == 0 &&
				       words->start_s > 0
			       ? 0
			       : -EINVAL;
	case 'j':
		words->json = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int take_words(int argc, char **argv, struct gate_words *words)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "admin", required_argument, NULL, 'a' },
		{ "last-good", required_argument, NULL, 'l' },
		{ "no-synthetic", no_argument, NULL, 'n' },
		{ "timeout", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (take_option(words, option) < 0)
			return -EINVAL;
	}
	if (optind + 1 != argc || !store_is_version(argv[optind]) ||
	    (words->last_good && !store_is_version(words->last_good)))
		return -EINVAL;
	words->version = argv[optind];
	if (words->no_synthetic)
		return words->n_seeds > 0 ? 0 : -EINVAL;
	words->seeds[words->n_seeds++] = gating_synthetic();
	return 0;
}

/* ---- what came of it ------------------------------------------------------------------ */

static json_t *result_to_json(const struct gate_result *result)
{
	DV_AUTO_FREE char *text = gate_result_format(result);

	return text ? json_loads(text, 0, NULL) : NULL;
}

static void print_json(const struct gate_job *job, const struct gate_words *words)
{
	json_t *all =
		json_pack("{s:s, s:s, s:s, s:[]}", "version", words->version, "last_good",
			  job->last_good, "verdict", gate_verdict_name(job->verdict), "seeds");
	json_t *seeds = json_object_get(all, "seeds");

	for (size_t i = 0; i < words->n_seeds; i++) {
		const struct gated *gated = &words->seeds[i];

		(void)json_array_append_new(
			seeds, json_pack("{s:s, s:b, s:o, s:o*}", "seed", gated->seed.name,
					 "excluded", gated->is_excluded, "candidate",
					 result_to_json(&gated->candidate), "last_good",
					 gated->last_good.outcome == GATE_UNSET
						 ? NULL
						 : result_to_json(&gated->last_good)));
	}
	(void)json_dumpf(all, stdout, JSON_INDENT(1));
	(void)putchar('\n');
	json_decref(all);
}

static void print_result(const char *version, const char *seed, const struct gate_result *result)
{
	(void)printf("%s on %s: %s", version, seed, gate_outcome_name(result->outcome));
	if (result->outcome != GATE_PASSED)
		(void)printf(" (%s): %s", gate_check_name(result->check), result->text);
	if (result->start_ms > 0)
		(void)printf("; answered after %u ms, %u MiB, migration %u -> %u", result->start_ms,
			     result->memory_kib / 1024, result->from, result->to);
	if (result->n_left > 0)
		(void)printf("; %u processes outlived it", result->n_left);
	(void)printf("; %u ms in all\n", result->total_ms);
}

static void print_text(const struct gate_job *job, const struct gate_words *words)
{
	for (size_t i = 0; i < words->n_seeds; i++) {
		const struct gated *gated = &words->seeds[i];

		print_result(words->version, gated->seed.name, &gated->candidate);
		if (gated->last_good.outcome != GATE_UNSET)
			print_result(job->last_good, gated->seed.name, &gated->last_good);
		if (gated->is_excluded)
			(void)printf("%s is excluded: only this database does not go\n",
				     gated->seed.name);
	}
	(void)printf("%s is %s\n", words->version, gate_verdict_name(job->verdict));
}

/* ---- the run -------------------------------------------------------------------------- */

static int prepare(struct gate_job *job, const struct gate_words *words, struct dv_error *err)
{
	int r = env_init(&job->env, "/", err);

	if (r == 0)
		r = config_load(&job->config, &job->env, err);
	if (r == 0 && !store_has(&job->env, T3_ITEM, words->version))
		r = dv_refuse(err, -ENOENT,
			      "t3 %s is not on this machine; devvmctl install t3 %s brings it",
			      words->version, words->version);
	if (r < 0)
		return r;
	if (words->last_good)
		(void)snprintf(job->last_good, sizeof(job->last_good), "%s", words->last_good);
	else
		r = store_get_pointer(&job->env, T3_ITEM, NULL, job->last_good, err);
	return r;
}

int job_gate(int argc, char **argv)
{
	DV_CLEANUP(gate_job_done) struct gate_job job = { .env = ENV_EMPTY };
	struct gate_words words = { .start_s = GATE_START_S };
	struct dv_error err = { "" };
	struct gating gating;
	int r;

	if (take_words(argc, argv, &words) < 0 || geteuid() != 0) {
		log_error("usage: devvm-job gate VERSION [--seed [USER=]/FILE] "
			  "[--admin [USER=]/FILE] [--no-synthetic] [--last-good VERSION] "
			  "[--timeout S] [--json], "
			  "as root");
		return JOB_USAGE;
	}
	r = prepare(&job, &words, &err);
	gating = (struct gating){ .env = &job.env,
				  .version = words.version,
				  .last_good = job.last_good,
				  .start_s = (unsigned int)words.start_s,
				  .seeds = words.seeds,
				  .n_seeds = words.n_seeds };
	if (r == 0)
		r = gating_run(&gating, &err);
	if (r < 0) {
		log_error("gate: %s", err.text);
		return JOB_FAILED;
	}
	job.verdict = gating.verdict;
	if (words.json)
		print_json(&job, &words);
	else
		print_text(&job, &words);
	return job.verdict == GATE_GOOD	 ? JOB_OK
	       : job.verdict == GATE_BAD ? JOB_REFUSED
					 : JOB_FAILED;
}
