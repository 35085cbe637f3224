/* test_derive.c - ports, groups, shells, and their JSON; and what holds for any roster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "roster/derive.h"

#define THREE                                                                                      \
	"users:\n"                                                                                 \
	"  wizard: {authentik_user: vbarzin, k8s_user: wizard, tier: admin}\n"                     \
	"  emo: {authentik_user: emil.barzin, k8s_user: emo, tier: power-user}\n"                  \
	"  ancamilea: {authentik_user: ancaelena98, k8s_user: anca, tier: namespace-owner,\n"      \
	"              namespaces: [plotting-book]}\n"

struct world {
	struct config config;
	struct roster roster;
	struct derived derived;
	struct dv_error err;
};

static void world_done(struct world *world)
{
	derived_done(&world->derived);
	roster_done(&world->roster);
	config_done(&world->config);
}

#define AUTO_WORLD DV_CLEANUP(world_done)

static void make_world(struct world *world, const char *config, const char *roster)
{
	int r = config_parse(&world->config, "c", config, strlen(config), &world->err);

	if (r == 0)
		r = roster_parse(&world->roster, "r", roster, strlen(roster), &world->err);
	assert_string_equal(world->err.text, "");
	assert_int_equal(r, 0);
}

static int run(struct world *world, const struct derive_port *given, size_t n_given)
{
	const struct derive_input input = {
		.roster = &world->roster,
		.config = &world->config,
		.given = given,
		.n_given = n_given,
		.zsh_installed = true,
	};

	derived_done(&world->derived);
	return derive(&world->derived, &input, &world->err);
}

static void assert_derives(struct world *world, const struct derive_port *given, size_t n_given)
{
	int r = run(world, given, n_given);

	assert_string_equal(world->err.text, "");
	assert_int_equal(r, 0);
}

static unsigned int port_of(const struct world *world, const char *name,
			    enum config_service service)
{
	for (size_t i = 0; i < world->derived.n_people; i++) {
		if (strcmp(world->derived.people[i].person->name, name) == 0)
			return world->derived.people[i].ports[service];
	}
	return 0;
}

/* ---- examples ------------------------------------------------------------------------- */

static void new_people_get_the_lowest_in_order_of_names(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "", THREE);
	assert_derives(&world, NULL, 0);
	assert_int_equal(world.derived.n_people, 3);
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_T3), 3773);
	assert_int_equal(port_of(&world, "emo", CONFIG_T3), 3774);
	assert_int_equal(port_of(&world, "wizard", CONFIG_T3), 3775);
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_PLAYWRIGHT), 8931);
	assert_int_equal(port_of(&world, "wizard", CONFIG_PLAYWRIGHT), 8933);
}

static void given_ports_stay_and_gaps_are_filled(void **state DV_UNUSED)
{
	static const struct derive_port given[] = {
		{ "wizard", CONFIG_T3, 3773 },
		{ "gone", CONFIG_T3, 3774 },
		{ "gone", CONFIG_PLAYWRIGHT, 8931 },
		{ "emo", CONFIG_PLAYWRIGHT, 9000 },
	};
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "", THREE);
	assert_derives(&world, given, DV_COUNT(given));
	assert_int_equal(port_of(&world, "wizard", CONFIG_T3), 3773);
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_T3), 3775); /* 3774 is gone's */
	assert_int_equal(port_of(&world, "emo", CONFIG_T3), 3776);
	assert_int_equal(port_of(&world, "emo", CONFIG_PLAYWRIGHT), 9000);
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_PLAYWRIGHT), 8932);
	assert_int_equal(world.derived.warnings.n_items, 0);
}

static void reserved_ports_are_skipped(void **state DV_UNUSED)
{
	static const struct derive_port given[] = { { "x", CONFIG_T3, 3779 } };
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "ports: {t3: {first: 3779, last: 3790}, reserved: [3781, 8932]}", THREE);
	assert_derives(&world, given, DV_COUNT(given));
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_T3), 3782); /* not 3780, 3781 */
	assert_int_equal(port_of(&world, "emo", CONFIG_PLAYWRIGHT), 8933);
}

static void one_port_serves_one_service(void **state DV_UNUSED)
{
	static const struct derive_port given[] = { { "emo", CONFIG_PLAYWRIGHT, 4000 } };
	AUTO_WORLD struct world world = { 0 };

	make_world(&world,
		   "ports: {t3: {first: 4000, last: 4010}, playwright: {first: 4000, last: 4010}}",
		   THREE);
	assert_derives(&world, given, DV_COUNT(given));
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_T3), 4001);
	assert_int_equal(port_of(&world, "emo", CONFIG_T3), 4002);
	assert_int_equal(port_of(&world, "wizard", CONFIG_T3), 4003);
	assert_int_equal(port_of(&world, "ancamilea", CONFIG_PLAYWRIGHT), 4004);
	assert_int_equal(port_of(&world, "wizard", CONFIG_PLAYWRIGHT), 4005);
}

static void misplaced_ports_are_kept_with_a_warning(void **state DV_UNUSED)
{
	static const struct derive_port given[] = {
		{ "emo", CONFIG_T3, 3780 },
		{ "wizard", CONFIG_PLAYWRIGHT, 3000 },
		{ "gone", CONFIG_T3, 3799 }, /* of nobody's concern */
	};
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "", THREE);
	assert_derives(&world, given, DV_COUNT(given));
	assert_int_equal(port_of(&world, "emo", CONFIG_T3), 3780);
	assert_int_equal(port_of(&world, "wizard", CONFIG_PLAYWRIGHT), 3000);
	assert_int_equal(world.derived.warnings.n_items, 2);
	assert_string_equal(world.derived.warnings.items[0],
			    "emo keeps t3 port 3780, which is reserved");
	assert_string_equal(world.derived.warnings.items[1],
			    "wizard keeps playwright port 3000, which is outside the range of its "
			    "service");
}

static void full_range_is_named(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "ports: {playwright: {first: 9000, last: 9001}}", THREE);
	assert_int_equal(run(&world, NULL, 0), -ENOSPC);
	assert_string_equal(world.err.text, "no playwright port is left for wizard: 9000 to 9001 "
					    "are all taken");
	assert_null(world.derived.people);
}

static void last_port_of_all_can_be_given(void **state DV_UNUSED)
{
	static const struct derive_port given[] = { { "gone", CONFIG_T3, 65535 } };
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "ports: {t3: {first: 65533, last: 65535}}", THREE);
	assert_derives(&world, NULL, 0);
	assert_int_equal(port_of(&world, "wizard", CONFIG_T3), 65535);
	assert_int_equal(run(&world, given, 1), -ENOSPC);
}

static void given_ports_that_contradict_are_refused(void **state DV_UNUSED)
{
	static const struct {
		struct derive_port given[2];
		const char *sentence;
	} rows[] = {
		{ { { "emo", CONFIG_T3, 4000 }, { "wizard", CONFIG_T3, 4000 } },
		  "port 4000 was given twice: to emo (t3) and wizard (t3)" },
		{ { { "emo", CONFIG_T3, 4000 }, { "emo", CONFIG_PLAYWRIGHT, 4000 } },
		  "port 4000 was given twice: to emo (t3) and emo (playwright)" },
		{ { { "gone", CONFIG_T3, 4000 }, { "emo", CONFIG_PLAYWRIGHT, 4000 } },
		  "port 4000 was given twice: to gone (t3) and emo (playwright)" },
		{ { { "emo", CONFIG_T3, 4000 }, { "emo", CONFIG_T3, 4001 } },
		  "emo was given two t3 ports: 4000 and 4001" },
		{ { { "emo", CONFIG_T3, 4000 }, { "wizard", CONFIG_T3, 0 } },
		  "wizard was given t3 port 0, which is no port" },
		{ { { "a\nb", CONFIG_T3, 65536 }, { "wizard", CONFIG_T3, 4000 } },
		  "a\\nb was given t3 port 65536, which is no port" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		AUTO_WORLD struct world world = { 0 };

		make_world(&world, "", THREE);
		assert_int_equal(run(&world, rows[i].given, 2), -EINVAL);
		assert_string_equal(world.err.text, rows[i].sentence);
	}
}

static void groups_are_the_tiers_then_the_persons(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };
	DV_AUTO_FREE char *admin = NULL;
	DV_AUTO_FREE char *user = NULL;

	make_world(&world, "",
		   "users:\n"
		   "  a: {authentik_user: a, k8s_user: a, tier: admin, groups: [kvm, docker]}\n"
		   "  b: {authentik_user: b, k8s_user: b, tier: power-user, groups: [kvm]}\n");
	assert_derives(&world, NULL, 0);
	admin = str_list_join(&world.derived.people[0].groups, " ");
	user = str_list_join(&world.derived.people[1].groups, " ");
	assert_string_equal(admin, "code-shared docker sudo kvm");
	assert_string_equal(user, "kvm");
}

static void shell_is_zsh_or_bash_or_ones_own(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };
	struct derive_input input = { .roster = &world.roster, .config = &world.config };

	make_world(&world, "",
		   "users:\n"
		   "  a: {authentik_user: a, k8s_user: a, tier: admin, shell: /bin/dash}\n"
		   "  b: {authentik_user: b, k8s_user: b, tier: admin}\n");
	assert_derives(&world, NULL, 0);
	assert_string_equal(world.derived.people[0].shell, "/bin/dash");
	assert_string_equal(world.derived.people[1].shell, "/bin/zsh");
	assert_false(world.derived.shell_fell_back);
	derived_done(&world.derived);
	assert_int_equal(derive(&world.derived, &input, NULL), 0);
	assert_string_equal(world.derived.people[0].shell, "/bin/dash");
	assert_string_equal(world.derived.people[1].shell, "/bin/bash");
	assert_true(world.derived.shell_fell_back);
}

static void json_has_the_five_keys(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };
	DV_AUTO_FREE char *text = NULL;

	make_world(&world, "",
		   "users:\n"
		   "  emo: {authentik_user: Emil.B, k8s_user: e, tier: admin,\n"
		   "        code_layout: workspace, repos: [site]}\n");
	assert_derives(&world, NULL, 0);
	assert_int_equal(derived_to_json(&world.derived, &text, &world.err), 0);
	assert_string_equal(text, "{\n"
				  "  \"accounts\": [\n"
				  "    {\n"
				  "      \"code_layout\": \"workspace\",\n"
				  "      \"groups\": [\n"
				  "        \"code-shared\",\n"
				  "        \"docker\",\n"
				  "        \"sudo\"\n"
				  "      ],\n"
				  "      \"login_locked\": true,\n"
				  "      \"os_user\": \"emo\",\n"
				  "      \"repos\": [\n"
				  "        \"site\"\n"
				  "      ],\n"
				  "      \"shell\": \"/bin/zsh\",\n"
				  "      \"tier\": \"admin\"\n"
				  "    }\n"
				  "  ],\n"
				  "  \"dispatch\": {\n"
				  "    \"Emil.B\": {\n"
				  "      \"os_user\": \"emo\",\n"
				  "      \"port\": 3773\n"
				  "    }\n"
				  "  },\n"
				  "  \"playwright_ports\": {\n"
				  "    \"emo\": 8931\n"
				  "  },\n"
				  "  \"ports\": {\n"
				  "    \"emo\": 3773\n"
				  "  },\n"
				  "  \"ttyd_user_map\": {\n"
				  "    \"Emil.B\": \"emo\"\n"
				  "  }\n"
				  "}\n");
}

static void json_of_nobody_is_whole(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };
	DV_AUTO_FREE char *text = NULL;

	make_world(&world, "", "users: {}");
	assert_derives(&world, NULL, 0);
	assert_int_equal(derived_to_json(&world.derived, &text, &world.err), 0);
	assert_string_equal(text, "{\n  \"accounts\": [],\n  \"dispatch\": {},\n"
				  "  \"playwright_ports\": {},\n  \"ports\": {},\n"
				  "  \"ttyd_user_map\": {}\n}\n");
}

/* derive_json.c writes text; jansson says whether it is what it would have written. */
static void assert_json_is_canonical(const struct derived *derived)
{
	DV_AUTO_FREE char *text = NULL;
	DV_AUTO_FREE char *dumped = NULL;
	DV_AUTO_FREE char *expected = NULL;
	json_error_t at = { 0 };
	json_t *value;

	assert_int_equal(derived_to_json(derived, &text, NULL), 0);
	value = json_loads(text, JSON_REJECT_DUPLICATES, &at);
	if (!value)
		fail_msg("line %d: %s", at.line, at.text);
	dumped = json_dumps(value, JSON_SORT_KEYS | JSON_INDENT(2));
	json_decref(value);
	assert_true(asprintf(&expected, "%s\n", dumped) > 0);
	assert_string_equal(text, expected);
}

static void json_escapes_what_a_path_may_hold(void **state DV_UNUSED)
{
	AUTO_WORLD struct world world = { 0 };

	make_world(&world, "",
		   "users:\n"
		   "  b: {authentik_user: 'Z!%', k8s_user: b, tier: admin,\n"
		   "      shell: '/opt/\"my\" \\ sh\u00e9ll'}\n"
		   "  a: {authentik_user: 'a', k8s_user: b, tier: admin}\n");
	assert_derives(&world, NULL, 0);
	assert_json_is_canonical(&world.derived);
}

/* ---- properties ----------------------------------------------------------------------- */

#define CASES 200
#define MAX_PEOPLE 60
#define N_PORTS 65536

/* xorshift64: the same cases in each run, so that a failure can be looked at. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static unsigned int pick(uint64_t *seed, unsigned int n)
{
	return (unsigned int)(next_random(seed) % n);
}

struct random_case {
	char roster[MAX_PEOPLE * 96];
	char config[256];
	char names[2 * MAX_PEOPLE][8]; /* those of `given`, which may be of people who left */
	struct derive_port given[2 * MAX_PEOPLE];
	size_t n_given;
};

/* Names p0..p59, some in the roster, in a random order; small ranges that overlap, and
 * reserved ports within them. */
static void make_case(struct random_case *made, uint64_t *seed)
{
	size_t n = (size_t)snprintf(made->roster, sizeof(made->roster), "users:\n");
	unsigned int step = 2 * pick(seed, MAX_PEOPLE / 2) + 1; /* odd: walks in some order */
	unsigned int n_people = pick(seed, MAX_PEOPLE);
	bool is_taken[N_PORTS] = { false };

	for (unsigned int i = 0; i < n_people; i++) {
		unsigned int person = i * step % 64;

		if (person < MAX_PEOPLE)
			n += (size_t)snprintf(
				made->roster + n, sizeof(made->roster) - n,
				"  p%u: {authentik_user: i%u, k8s_user: k, tier: power-user}\n",
				person, person);
	}
	if (strlen(made->roster) == strlen("users:\n"))
		(void)snprintf(made->roster, sizeof(made->roster), "users: {}\n");
	(void)snprintf(made->config, sizeof(made->config),
		       "ports: {t3: {first: 5000, last: %u}, playwright: {first: %u, last: 5400}, "
		       "reserved: [%u, %u, %u]}",
		       5200 + pick(seed, 100), 5000 + pick(seed, 100), 5000 + pick(seed, 20),
		       5000 + pick(seed, 20), 5000 + pick(seed, 200));
	made->n_given = 0;
	for (unsigned int person = 0; person < MAX_PEOPLE; person++) {
		for (enum config_service service = 0; service < CONFIG_N_SERVICES; service++) {
			unsigned int port = 4990 + pick(seed, 420);

			if (pick(seed, 3) > 0 || is_taken[port])
				continue;
			is_taken[port] = true;
			(void)snprintf(made->names[made->n_given], sizeof(made->names[0]), "p%u",
				       person);
			made->given[made->n_given] =
				(struct derive_port){ made->names[made->n_given], service, port };
			made->n_given++;
		}
	}
}

static const struct derive_port *find_given(const struct random_case *made, const char *name,
					    enum config_service service)
{
	for (size_t i = 0; i < made->n_given; i++) {
		if (made->given[i].service == service && strcmp(made->given[i].name, name) == 0)
			return &made->given[i];
	}
	return NULL;
}

static void assert_fresh_port_is_right(const struct world *world, enum config_service service,
				       unsigned int port)
{
	const struct config_port_range *range = &world->config.ports[service];

	assert_in_range(port, range->first, range->last);
	for (size_t i = 0; i < world->config.n_reserved_ports; i++)
		assert_int_not_equal(port, world->config.reserved_ports[i]);
}

static void assert_invariants(const struct world *world, const struct random_case *made)
{
	const char *holder[N_PORTS] = { NULL };

	for (size_t i = 0; i < made->n_given; i++)
		holder[made->given[i].port] = made->given[i].name;
	assert_int_equal(world->derived.n_people, world->roster.n_people);
	for (size_t i = 0; i < world->derived.n_people; i++) {
		const struct derived_person *person = &world->derived.people[i];

		for (enum config_service service = 0; service < CONFIG_N_SERVICES; service++) {
			unsigned int port = person->ports[service];
			const struct derive_port *given =
				find_given(made, person->person->name, service);

			if (given) { /* sticky */
				assert_int_equal(port, given->port);
				continue;
			}
			assert_fresh_port_is_right(world, service, port);
			assert_null(holder[port]); /* nobody's, of any service, past or present */
			holder[port] = person->person->name;
		}
	}
}

/* Everybody's ports as given ports: what the ledger hands in the next time. */
static void give_all(const struct world *world, struct derive_port *given, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < world->derived.n_people; i++) {
		for (enum config_service service = 0; service < CONFIG_N_SERVICES; service++)
			given[n++] =
				(struct derive_port){ world->derived.people[i].person->name,
						      service,
						      world->derived.people[i].ports[service] };
	}
	*ret_n = n;
}

static void assert_same_ports(const struct derived *a, const struct derived *b)
{
	assert_int_equal(a->n_people, b->n_people);
	for (size_t i = 0; i < a->n_people; i++)
		assert_memory_equal(a->people[i].ports, b->people[i].ports,
				    sizeof(a->people[i].ports));
}

static void shuffle(struct random_case *made, uint64_t *seed)
{
	for (size_t i = made->n_given; i > 1; i--) {
		size_t j = pick(seed, (unsigned int)i);
		struct derive_port swapped = made->given[i - 1];

		made->given[i - 1] = made->given[j];
		made->given[j] = swapped;
	}
}

static void invariants_hold_for_any_roster(void **state DV_UNUSED)
{
	uint64_t seed = 88172645463325252;

	for (int i = 0; i < CASES; i++) {
		struct random_case made;
		struct derive_port all[2 * MAX_PEOPLE];
		size_t n_all = 0;
		AUTO_WORLD struct world world = { 0 };
		struct derived first;

		make_case(&made, &seed);
		make_world(&world, made.config, made.roster);
		assert_derives(&world, made.given, made.n_given);
		assert_invariants(&world, &made);

		/* the order of what was given changes nothing */
		first = world.derived;
		world.derived = (struct derived){ 0 };
		shuffle(&made, &seed);
		assert_derives(&world, made.given, made.n_given);
		assert_same_ports(&first, &world.derived);

		/* and once all is given, nothing changes any more */
		give_all(&world, all, &n_all);
		assert_derives(&world, all, n_all);
		assert_same_ports(&first, &world.derived);
		assert_json_is_canonical(&world.derived);
		derived_done(&first);
	}
}

/* A newcomer never moves anybody, and who leaves keeps theirs. */
static void people_come_and_go_and_no_port_changes_hands(void **state DV_UNUSED)
{
	uint64_t seed = 3935559000370003845;
	char names[4096][8];
	struct derive_port given[4096];
	size_t n_given = 0;
	const char *holder[N_PORTS] = { NULL };

	for (int round = 0; round < 30; round++) {
		AUTO_WORLD struct world world = { 0 };
		struct random_case made;

		make_case(&made, &seed);
		make_world(&world, "", made.roster);
		assert_derives(&world, given, n_given);
		for (size_t i = 0; i < world.derived.n_people; i++) {
			const char *name = world.derived.people[i].person->name;

			for (enum config_service service = 0; service < CONFIG_N_SERVICES;
			     service++) {
				unsigned int port = world.derived.people[i].ports[service];

				if (holder[port]) {
					assert_string_equal(holder[port], name);
					continue;
				}
				(void)snprintf(names[n_given], sizeof(names[0]), "%s", name);
				holder[port] = names[n_given];
				given[n_given] =
					(struct derive_port){ names[n_given], service, port };
				n_given++;
			}
		}
	}
	assert_int_equal(n_given, 2 * MAX_PEOPLE); /* each got one of each, once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_people_get_the_lowest_in_order_of_names),
		cmocka_unit_test(given_ports_stay_and_gaps_are_filled),
		cmocka_unit_test(reserved_ports_are_skipped),
		cmocka_unit_test(one_port_serves_one_service),
		cmocka_unit_test(misplaced_ports_are_kept_with_a_warning),
		cmocka_unit_test(full_range_is_named),
		cmocka_unit_test(last_port_of_all_can_be_given),
		cmocka_unit_test(given_ports_that_contradict_are_refused),
		cmocka_unit_test(groups_are_the_tiers_then_the_persons),
		cmocka_unit_test(shell_is_zsh_or_bash_or_ones_own),
		cmocka_unit_test(json_has_the_five_keys),
		cmocka_unit_test(json_of_nobody_is_whole),
		cmocka_unit_test(json_escapes_what_a_path_may_hold),
		cmocka_unit_test(invariants_hold_for_any_roster),
		cmocka_unit_test(people_come_and_go_and_no_port_changes_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
