/* rules.c - see rules.h. */
#include "update/rules.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "update/version.h"

#define MIB (UINT64_C(1) << 20)
#define USEC_PER_HOUR (INT64_C(3600) * 1000000)

/* Says whether the rule is broken, and then why. */
typedef bool rule(const struct rules_facts *facts, char *ret_sentence);

static void say(char *ret_sentence, const char *format, ...) DV_PRINTF(2, 3);
static void say(char *ret_sentence, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(ret_sentence, ERROR_MAX_BYTES, format, args); /* cut, it still says it */
	va_end(args);
}

static bool is_odd(const struct rules_facts *facts, char *ret_sentence)
{
	const char *version = facts->candidate->version;

	if (version_is_valid(version) && !strchr(version, '+'))
		return false;
	say(ret_sentence, "the registry calls it %s, which is no version of the form 1.2.3-a.4",
	    version);
	return true;
}

static bool has_everybody(const struct rules_facts *facts, char *ret_sentence)
{
	const char *version = facts->candidate->version;

	if (strcmp(facts->current, version) != 0)
		return false;
	for (size_t i = 0; i < facts->n_people; i++) {
		if (strcmp(facts->people[i].version, version) != 0)
			return false;
	}
	say(ret_sentence, "t3 %s is what everybody has", version);
	return true;
}

static bool is_known_bad(const struct rules_facts *facts, char *ret_sentence)
{
	const char *version = facts->candidate->version;

	if (!facts->known_bad_reason)
		return false;
	say(ret_sentence,
	    "t3 %s is known to be bad: %.300s; devvmctl update --forgive %s lets it be tried again",
	    version, facts->known_bad_reason, version);
	return true;
}

/* A tag that says which kind of version it names. Others may name any. */
static const struct {
	const char *tag, *channel;
} CHANNELS[] = {
	{ "latest", "stable" },
	{ "nightly", "nightly" },
};

static bool is_other_channel(const struct rules_facts *facts, char *ret_sentence)
{
	const char *version = facts->candidate->version;
	char channel[VERSION_CHANNEL_BYTES];

	version_channel(version, channel);
	for (size_t i = 0; facts->why == RULES_TRACK && i < DV_COUNT(CHANNELS); i++) {
		if (strcmp(CHANNELS[i].tag, facts->tag) != 0 ||
		    strcmp(CHANNELS[i].channel, channel) == 0)
			continue;
		say(ret_sentence, "the tag %s names t3 %s, which is no %s version", facts->tag,
		    version, CHANNELS[i].channel);
		return true;
	}
	return false;
}

/* Whether `version` is a later one than the candidate. */
static bool is_behind(const struct rules_facts *facts, const char *version)
{
	return version_is_before(facts->candidate->version, version);
}

/* A followed tag has pointed backward before. Whoever names a version may go back, but not past
 * what a database has been migrated by: see the next rule. */
static bool goes_backward(const struct rules_facts *facts, char *ret_sentence)
{
	const char *newest = is_behind(facts, facts->current)	  ? facts->current
			     : is_behind(facts, facts->last_good) ? facts->last_good
								  : NULL;

	if (facts->why != RULES_TRACK || !newest)
		return false;
	say(ret_sentence,
	    "the tag %s names t3 %s, which is older than %s: nothing goes back by itself; "
	    "devvmctl update --to %s says so",
	    facts->tag, facts->candidate->version, newest, facts->candidate->version);
	return true;
}

static void say_behind(const struct rules_person *person, const char *version, char *ret_sentence)
{
	const char *name = person->name;

	if (person->copy && *person->copy)
		say(ret_sentence,
		    "%s runs t3 %s, and t3 %s may not read a database that a newer one has "
		    "migrated: devvmctl restore %s %s puts back the copy from before, with its t3",
		    name, person->version, version, name, person->copy);
	else
		say(ret_sentence,
		    "%s runs t3 %s, and t3 %s may not read a database that a newer one has "
		    "migrated: devvmctl backups %s lists the copies, and devvmctl restore %s ID "
		    "puts back one from before, with its t3",
		    name, person->version, version, name, name);
}

/* An older t3 on a newer database starts, and lets nobody in. */
static bool leaves_database_behind(const struct rules_facts *facts, char *ret_sentence)
{
	for (size_t i = 0; i < facts->n_people; i++) {
		const struct rules_person *person = &facts->people[i];

		if (!is_behind(facts, person->version))
			continue;
		if (facts->candidate_level != RULES_NO_LEVEL && person->level != RULES_NO_LEVEL &&
		    person->level <= facts->candidate_level)
			continue;
		say_behind(person, facts->candidate->version, ret_sentence);
		return true;
	}
	return false;
}

static bool is_deprecated(const struct rules_facts *facts, char *ret_sentence)
{
	const struct candidate *candidate = facts->candidate;

	if (!*candidate->deprecated)
		return false;
	say(ret_sentence, "t3 %s is deprecated: %s", candidate->version, candidate->deprecated);
	return true;
}

static bool is_incomplete(const struct rules_facts *facts, char *ret_sentence)
{
	const struct candidate *candidate = facts->candidate;
	const char *lacks = !*candidate->integrity ? "integrity hash"
			    : !candidate->has_bin  ? "program"
						   : NULL;

	if (!lacks)
		return false;
	say(ret_sentence, "t3 %s has no %s in the registry: it is not a whole package",
	    candidate->version, lacks);
	return true;
}

static bool is_too_new(const struct rules_facts *facts, char *ret_sentence)
{
	const struct candidate *candidate = facts->candidate;
	int64_t age_usec = facts->now_usec - candidate->published_usec;

	if (facts->cooldown_usec == 0 || facts->why == RULES_TO)
		return false;
	if (candidate->published_usec > 0 && age_usec >= facts->cooldown_usec)
		return false;
	if (candidate->published_usec == 0)
		say(ret_sentence,
		    "the registry does not say when t3 %s was published, and "
		    "update.cooldown_hours wants to know",
		    candidate->version);
	else
		say(ret_sentence,
		    "t3 %s was published %" PRId64 " hours ago; update.cooldown_hours is %" PRId64,
		    candidate->version, age_usec / USEC_PER_HOUR,
		    facts->cooldown_usec / USEC_PER_HOUR);
	return true;
}

static bool lacks_disk(const struct rules_facts *facts, char *ret_sentence)
{
	if (facts->free_disk_bytes >= facts->min_free_disk_bytes)
		return false;
	say(ret_sentence,
	    "/" STORE_FOLDER "/t3 has %" PRIu64 " MiB free, and update.min_free_disk_mb is %" PRIu64
	    ": make room",
	    facts->free_disk_bytes / MIB, facts->min_free_disk_bytes / MIB);
	return true;
}

static bool lacks_memory(const struct rules_facts *facts, char *ret_sentence)
{
	if (facts->free_memory_bytes >= facts->min_free_memory_bytes)
		return false;
	say(ret_sentence,
	    "%" PRIu64 " MiB of memory are free, and update.min_free_memory_mb is %" PRIu64
	    ": it is tried again at the next run",
	    facts->free_memory_bytes / MIB, facts->min_free_memory_bytes / MIB);
	return true;
}

/* In this order: the first that is broken is the verdict. */
static const struct {
	rule *is_broken;
	enum update_outcome outcome;
} RULES[] = {
	{ is_odd, UPDATE_INCOMPLETE },	      { has_everybody, UPDATE_CURRENT },
	{ is_known_bad, UPDATE_KNOWN_BAD },   { is_other_channel, UPDATE_CHANNEL },
	{ goes_backward, UPDATE_BACKWARD },   { leaves_database_behind, UPDATE_BACKWARD },
	{ is_deprecated, UPDATE_DEPRECATED }, { is_incomplete, UPDATE_INCOMPLETE },
	{ is_too_new, UPDATE_TOO_NEW },	      { lacks_disk, UPDATE_NO_DISK },
	{ lacks_memory, UPDATE_NO_MEMORY },
};

enum update_outcome rules_judge(const struct rules_facts *facts,
				char ret_sentence[static ERROR_MAX_BYTES])
{
	for (size_t i = 0; i < DV_COUNT(RULES); i++) {
		if (RULES[i].is_broken(facts, ret_sentence))
			return RULES[i].outcome;
	}
	say(ret_sentence, "t3 %s may be taken", facts->candidate->version);
	return UPDATE_PLANNED;
}
