/* version.c - see version.h. */
#include "update/version.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define WORD_CHARACTERS DIGITS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"
#define N_CORE 3

/* Some bytes of a version: one identifier between dots. */
struct part {
	const char *text;
	size_t n;
};

static bool is_number(struct part part)
{
	return part.n > 0 && strspn(part.text, DIGITS) >= part.n;
}

/* "Numeric identifiers MUST NOT include leading zeroes." */
static bool is_padded(struct part part)
{
	return is_number(part) && part.n > 1 && part.text[0] == '0';
}

static struct part take_part(const char **at)
{
	struct part part = { *at, strspn(*at, WORD_CHARACTERS) };

	*at += part.n;
	return part;
}

static bool skip_core(const char **at)
{
	for (int i = 0; i < N_CORE; i++) {
		struct part part = { *at, strspn(*at, DIGITS) };

		if (part.n == 0 || is_padded(part))
			return false;
		*at += part.n;
		if (i < N_CORE - 1 && *(*at)++ != '.')
			return false;
	}
	return true;
}

static bool skip_words(const char **at, bool may_be_padded)
{
	do {
		struct part part;

		(*at)++; /* '-', '+' or '.' */
		part = take_part(at);
		if (part.n == 0 || (!may_be_padded && is_padded(part)))
			return false;
	} while (**at == '.');
	return true;
}

bool version_is_valid(const char *text)
{
	const char *at = text;

	if (!skip_core(&at))
		return false;
	if (*at == '-' && !skip_words(&at, false))
		return false;
	if (*at == '+' && !skip_words(&at, true))
		return false;
	return *at == '\0';
}

static int compare_bytes(struct part a, struct part b)
{
	int order = memcmp(a.text, b.text, a.n < b.n ? a.n : b.n);

	if (order != 0)
		return order;
	return a.n == b.n ? 0 : a.n < b.n ? -1 : 1;
}

/* Without leading zeros the longer one is the larger one. */
static int compare_numbers(struct part a, struct part b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	return compare_bytes(a, b);
}

static int compare_parts(struct part a, struct part b)
{
	bool a_is_number = is_number(a), b_is_number = is_number(b);

	if (a_is_number && b_is_number)
		return compare_numbers(a, b);
	if (a_is_number != b_is_number)
		return a_is_number ? -1 : 1;
	return compare_bytes(a, b);
}

static int compare_cores(const char **a, const char **b)
{
	for (int i = 0; i < N_CORE; i++) {
		struct part part_a = { *a, strspn(*a, DIGITS) },
			    part_b = { *b, strspn(*b, DIGITS) };
		int order = compare_numbers(part_a, part_b);

		if (order != 0)
			return order;
		*a += part_a.n + (i < N_CORE - 1);
		*b += part_b.n + (i < N_CORE - 1);
	}
	return 0;
}

static bool ends(char c)
{
	return c == '\0' || c == '+';
}

int version_compare(const char *a, const char *b)
{
	int order = compare_cores(&a, &b);

	if (order != 0)
		return order;
	/* The release comes after its prereleases. */
	if (ends(*a) || ends(*b))
		return ends(*a) == ends(*b) ? 0 : ends(*a) ? 1 : -1;
	while (order == 0 && !ends(*a) && !ends(*b)) {
		a++; /* '-' or '.' */
		b++;
		order = compare_parts(take_part(&a), take_part(&b));
	}
	if (order != 0)
		return order;
	return ends(*a) == ends(*b) ? 0 : ends(*a) ? -1 : 1;
}

void version_channel(const char *text, char ret_channel[static VERSION_CHANNEL_BYTES])
{
	const char *dash = text + strcspn(text, "-+");
	const char *at = dash + (*dash == '-');
	struct part part = take_part(&at);

	ret_channel[0] = '\0';
	if (*dash != '-')
		(void)snprintf(ret_channel, VERSION_CHANNEL_BYTES, "stable");
	else if (!is_number(part) && part.n < VERSION_CHANNEL_BYTES)
		(void)snprintf(ret_channel, VERSION_CHANNEL_BYTES, "%.*s", (int)part.n, part.text);
}

bool version_is_before(const char *a, const char *b)
{
	return version_is_valid(a) && version_is_valid(b) && version_compare(a, b) < 0;
}
