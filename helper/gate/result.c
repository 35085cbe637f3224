/* result.c - see result.h. */
#include "gate/result.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const CHECKS[GATE_N_CHECKS] = {
	[GATE_CHECK_NONE] = "none",   [GATE_CHECK_SEED] = "seed",
	[GATE_CHECK_START] = "start", [GATE_CHECK_PORT] = "port",
	[GATE_CHECK_PAIR] = "pair",   [GATE_CHECK_SOCKET] = "socket",
	[GATE_CHECK_STOP] = "stop",   [GATE_CHECK_MIGRATION] = "migration",
	[GATE_CHECK_AGAIN] = "again", [GATE_CHECK_EMPTY] = "empty",
};

static const struct {
	const char *key;
	size_t offset;
} NUMBERS[] = {
	{ "start_ms", offsetof(struct gate_result, start_ms) },
	{ "total_ms", offsetof(struct gate_result, total_ms) },
	{ "memory_kib", offsetof(struct gate_result, memory_kib) },
	{ "from", offsetof(struct gate_result, from) },
	{ "to", offsetof(struct gate_result, to) },
	{ "left", offsetof(struct gate_result, n_left) },
};

const char *gate_check_name(enum gate_check check)
{
	return CHECKS[check];
}

void gate_result_say(struct gate_result *result, enum gate_outcome outcome, enum gate_check check,
		     const char *text)
{
	result->outcome = outcome;
	result->check = check;
	(void)snprintf(result->text, sizeof(result->text), "%s", text);
	for (char *at = result->text; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '?';
	}
}

char *gate_result_format(const struct gate_result *result)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "outcome", gate_outcome_name(result->outcome),
				 "check", CHECKS[result->check], "text", result->text);
	bool complete = json;
	char *text = NULL;

	for (size_t i = 0; complete && i < DV_COUNT(NUMBERS); i++) {
		uint32_t value;

		memcpy(&value, (const char *)result + NUMBERS[i].offset, sizeof(value));
		complete = json_object_set_new(json, NUMBERS[i].key, json_integer(value)) == 0;
	}
	if (complete)
		text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static int parse_numbers(const json_t *json, struct gate_result *result, struct dv_error *err)
{
	for (size_t i = 0; i < DV_COUNT(NUMBERS); i++) {
		const json_t *item = json_object_get(json, NUMBERS[i].key);
		json_int_t value = json_integer_value(item);
		uint32_t number = (uint32_t)value;

		if (!json_is_integer(item) || value < 0 || value > UINT32_MAX)
			return dv_refuse(err, -EBADMSG, "%s of the gate's result is no number",
					 NUMBERS[i].key);
		memcpy((char *)result + NUMBERS[i].offset, &number, sizeof(number));
	}
	return 0;
}

static int parse_words(const json_t *json, struct gate_result *result, struct dv_error *err)
{
	static const enum gate_outcome outcomes[] = { GATE_PASSED, GATE_FAILED, GATE_ERROR };
	const char *outcome = json_string_value(json_object_get(json, "outcome"));
	const char *check = json_string_value(json_object_get(json, "check"));
	const char *text = json_string_value(json_object_get(json, "text"));
	enum gate_check at = GATE_CHECK_NONE;

	for (size_t i = 0; outcome && i < DV_COUNT(outcomes); i++) {
		if (strcmp(outcome, gate_outcome_name(outcomes[i])) == 0)
			result->outcome = outcomes[i];
	}
	while (check && at < GATE_N_CHECKS && strcmp(check, CHECKS[at]) != 0)
		at++;
	if (result->outcome == GATE_UNSET || !check || at == GATE_N_CHECKS || !text)
		return dv_refuse(err, -EBADMSG, "the gate's result has a word that is not known");
	if ((result->outcome == GATE_PASSED) != (at == GATE_CHECK_NONE))
		return dv_refuse(err, -EBADMSG, "the gate's result contradicts itself");
	gate_result_say(result, result->outcome, at, text);
	return 0;
}

int gate_result_parse(const char *text, size_t n_bytes, struct gate_result *ret_result,
		      struct dv_error *err)
{
	struct gate_result result = { 0 };
	json_t *json = n_bytes > 0 && n_bytes <= GATE_RESULT_MAX
			       ? json_loadb(text, n_bytes, JSON_REJECT_DUPLICATES, NULL)
			       : NULL;
	int r;

	if (!json)
		return dv_refuse(err, -EBADMSG, "the gate left no result");
	r = parse_words(json, &result, err);
	if (r == 0)
		r = parse_numbers(json, &result, err);
	json_decref(json);
	if (r == 0)
		*ret_result = result;
	return r;
}
