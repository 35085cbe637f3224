/* test_rules.c - each rule of an update: what breaks it, what just does not, and what is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "update/rules.h"

#define OLD "0.0.28-nightly.20260616.571"
#define NEW "0.0.28-nightly.20260617.580"
#define NEWER "0.0.28-nightly.20260618.590"
#define HOUR_USEC (INT64_C(3600) * 1000000)
#define NOW_USEC (INT64_C(1000) * HOUR_USEC)

struct world {
	struct candidate candidate;
	struct rules_person people[2];
	struct rules_facts facts;
	char text[ERROR_MAX_BYTES];
};

/* A newer nightly that nothing speaks against. */
static int setup(void **state)
{
	static struct world world;

	world = (struct world){
		.candidate = { .version = NEW, .integrity = "sha512-x", .has_bin = true },
		.people = { { .name = "anna", .version = OLD, .level = RULES_NO_LEVEL },
			    { .name = "ben", .version = OLD, .level = RULES_NO_LEVEL } },
		.facts = { .why = RULES_TRACK,
			   .tag = "nightly",
			   .candidate_level = RULES_NO_LEVEL,
			   .current = OLD,
			   .last_good = OLD,
			   .n_people = 2,
			   .now_usec = NOW_USEC,
			   .free_disk_bytes = 100 << 20,
			   .min_free_disk_bytes = 100 << 20,
			   .free_memory_bytes = 100 << 20,
			   .min_free_memory_bytes = 100 << 20 },
	};
	world.facts.candidate = &world.candidate;
	world.facts.people = world.people;
	*state = &world;
	return 0;
}

static void set_version(struct world *world, const char *version)
{
	(void)snprintf(world->candidate.version, sizeof(world->candidate.version), "%s", version);
}

static void assert_verdict(struct world *world, enum update_outcome outcome, const char *part)
{
	enum update_outcome is = rules_judge(&world->facts, world->text);

	if (is != outcome || !strstr(world->text, part))
		print_error("%s: %s\n", update_outcome_row(is)->name, world->text);
	assert_int_equal(is, outcome);
	assert_non_null(strstr(world->text, part));
}

static void a_newer_one_may_be_taken(void **state)
{
	assert_verdict(*state, UPDATE_PLANNED, "t3 " NEW " may be taken");
}

static void a_new_machine_takes_any(void **state)
{
	struct world *world = *state;

	world->facts.current = world->facts.last_good = "";
	world->facts.n_people = 0;
	assert_verdict(world, UPDATE_PLANNED, NEW);
}

static void what_everybody_has_is_nothing_new(void **state)
{
	struct world *world = *state;

	set_version(world, OLD);
	assert_verdict(world, UPDATE_CURRENT, "what everybody has");
	/* Somebody was left behind: there is something to do. */
	world->people[1].version = "0.0.27";
	assert_verdict(world, UPDATE_PLANNED, OLD);
}

static void an_odd_word_is_no_version(void **state)
{
	static const char *const odd[] = { "nightly", "1", "0.0.28-nightly.01", "0.0.28+build" };
	struct world *world = *state;

	for (size_t i = 0; i < DV_COUNT(odd); i++) {
		set_version(world, odd[i]);
		assert_verdict(world, UPDATE_INCOMPLETE, "no version of the form");
	}
}

static void the_known_bad_is_not_taken(void **state)
{
	struct world *world = *state;

	world->facts.known_bad_reason = "pairing broke";
	assert_verdict(world, UPDATE_KNOWN_BAD, "pairing broke; devvmctl update --forgive " NEW);
	world->facts.why = RULES_TO;
	assert_verdict(world, UPDATE_KNOWN_BAD, "pairing broke");
}

static void a_tag_names_its_own_channel(void **state)
{
	struct world *world = *state;

	set_version(world, "0.0.28");
	assert_verdict(world, UPDATE_CHANNEL,
		       "the tag nightly names t3 0.0.28, which is no nightly");
	set_version(world, "0.0.28-beta.1");
	assert_verdict(world, UPDATE_CHANNEL, "no nightly version");
	set_version(world, NEW);
	world->facts.tag = "latest";
	assert_verdict(world, UPDATE_CHANNEL,
		       "the tag latest names t3 " NEW ", which is no stable");
	world->facts.tag = "team";
	assert_verdict(world, UPDATE_PLANNED, NEW);
	/* Whoever names a version means it. */
	world->facts.tag = "latest";
	world->facts.why = RULES_TO;
	assert_verdict(world, UPDATE_PLANNED, NEW);
	world->facts.why = RULES_PIN;
	assert_verdict(world, UPDATE_PLANNED, NEW);
}

static void a_tag_does_not_lead_back(void **state)
{
	struct world *world = *state;

	world->facts.current = NEWER;
	assert_verdict(world, UPDATE_BACKWARD, "older than " NEWER);
	world->facts.current = OLD;
	world->facts.last_good = NEWER;
	assert_verdict(world, UPDATE_BACKWARD, "older than " NEWER);
	/* The same night, an earlier run. */
	world->facts.last_good = "0.0.28-nightly.20260617.581";
	assert_verdict(world, UPDATE_BACKWARD, "devvmctl update --to " NEW);
	world->facts.last_good = "0.0.28-nightly.20260617.579";
	assert_verdict(world, UPDATE_PLANNED, NEW);
	/* The stable one of that number is later than all its nightlies. */
	world->facts.current = "0.0.28";
	assert_verdict(world, UPDATE_BACKWARD, "older than 0.0.28");
	world->facts.current = "made-by-hand";
	assert_verdict(world, UPDATE_PLANNED, NEW);
}

static void a_database_is_not_left_behind(void **state)
{
	static const enum rules_why whys[] = { RULES_TRACK, RULES_PIN, RULES_TO };
	struct world *world = *state;

	world->people[1].version = NEWER;
	for (size_t i = 0; i < DV_COUNT(whys); i++) {
		world->facts.why = whys[i];
		assert_verdict(world, UPDATE_BACKWARD, "ben runs t3 " NEWER);
		assert_non_null(strstr(world->text, "devvmctl backups ben lists the copies"));
		assert_non_null(strstr(world->text, "devvmctl restore ben ID"));
	}
	world->people[1].copy = "20261127-031500";
	assert_verdict(world, UPDATE_BACKWARD,
		       "devvmctl restore ben 20261127-031500 puts back the copy from before");
	/* Known to be of a level that the candidate reads. */
	world->facts.candidate_level = 34;
	assert_verdict(world, UPDATE_BACKWARD, "ben");
	world->people[1].level = 35;
	assert_verdict(world, UPDATE_BACKWARD, "ben");
	world->people[1].level = 34;
	assert_verdict(world, UPDATE_PLANNED, NEW);
}

static void by_name_one_may_go_back(void **state)
{
	struct world *world = *state;

	world->facts.current = world->facts.last_good = NEWER;
	world->facts.why = RULES_TO;
	assert_verdict(world, UPDATE_PLANNED, NEW);
	world->facts.why = RULES_PIN;
	assert_verdict(world, UPDATE_PLANNED, NEW);
}

static void a_deprecated_one_is_not_taken(void **state)
{
	struct world *world = *state;

	(void)snprintf(world->candidate.deprecated, sizeof(world->candidate.deprecated), "no");
	assert_verdict(world, UPDATE_DEPRECATED, "is deprecated: no");
}

static void a_package_is_whole(void **state)
{
	struct world *world = *state;

	world->candidate.has_bin = false;
	assert_verdict(world, UPDATE_INCOMPLETE, "has no program");
	world->candidate.has_bin = true;
	world->candidate.integrity[0] = '\0';
	assert_verdict(world, UPDATE_INCOMPLETE, "has no integrity hash");
}

static void a_young_one_waits(void **state)
{
	struct world *world = *state;

	world->facts.cooldown_usec = 24 * HOUR_USEC;
	world->candidate.published_usec = NOW_USEC - 23 * HOUR_USEC;
	assert_verdict(world, UPDATE_TOO_NEW,
		       "published 23 hours ago; update.cooldown_hours is 24");
	world->candidate.published_usec = NOW_USEC - 24 * HOUR_USEC;
	assert_verdict(world, UPDATE_PLANNED, NEW);
	/* A clock that is behind makes nothing old. */
	world->candidate.published_usec = NOW_USEC + HOUR_USEC;
	assert_verdict(world, UPDATE_TOO_NEW, "ago");
	world->candidate.published_usec = 0;
	assert_verdict(world, UPDATE_TOO_NEW, "does not say when");
	world->facts.why = RULES_TO;
	assert_verdict(world, UPDATE_PLANNED, NEW);
	world->facts.why = RULES_TRACK;
	world->facts.cooldown_usec = 0;
	assert_verdict(world, UPDATE_PLANNED, NEW);
}

static void there_is_room(void **state)
{
	struct world *world = *state;

	world->facts.free_disk_bytes--;
	assert_verdict(world, UPDATE_NO_DISK, "99 MiB free, and update.min_free_disk_mb is 100");
	world->facts.free_disk_bytes++;
	world->facts.free_memory_bytes--;
	assert_verdict(world, UPDATE_NO_MEMORY, "99 MiB of memory are free");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_newer_one_may_be_taken, setup),
		cmocka_unit_test_setup(a_new_machine_takes_any, setup),
		cmocka_unit_test_setup(what_everybody_has_is_nothing_new, setup),
		cmocka_unit_test_setup(an_odd_word_is_no_version, setup),
		cmocka_unit_test_setup(the_known_bad_is_not_taken, setup),
		cmocka_unit_test_setup(a_tag_names_its_own_channel, setup),
		cmocka_unit_test_setup(a_tag_does_not_lead_back, setup),
		cmocka_unit_test_setup(a_database_is_not_left_behind, setup),
		cmocka_unit_test_setup(by_name_one_may_go_back, setup),
		cmocka_unit_test_setup(a_deprecated_one_is_not_taken, setup),
		cmocka_unit_test_setup(a_package_is_whole, setup),
		cmocka_unit_test_setup(a_young_one_waits, setup),
		cmocka_unit_test_setup(there_is_room, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
