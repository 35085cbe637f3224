/* fake_manager.h - a systemd for the steps that talk to it: what is loaded is what the test
 * says, and what was asked is one text. Included by one file per program: it stands in for
 * units/manager.c. */
#ifndef DEVVM_TESTS_FAKE_MANAGER_H
#define DEVVM_TESTS_FAKE_MANAGER_H

#include "scratch.h"

#include <fnmatch.h>

#include "units/manager.h"

static struct {
	const char *loaded; /* "unit state\n" … */
	char asked[4096];   /* "start UNIT; " … */
	unsigned int n_lists;
	bool is_down;
	const char *fails; /* the unit with which nothing can be done */
	void (*on_list)(void);
	int64_t active_since_usec; /* of every unit */
} fake_manager;

static inline void fake_manager_reset(void)
{
	memset(&fake_manager, 0, sizeof(fake_manager));
	fake_manager.loaded = "";
}

static inline void fake_manager_note(const char *verb, const char *unit)
{
	size_t n = strlen(fake_manager.asked);

	(void)snprintf(fake_manager.asked + n, sizeof(fake_manager.asked) - n, "%s%s%s; ", verb,
		       *unit ? " " : "", unit);
}

int manager_open(struct manager **ret_manager, struct dv_error *err)
{
	*ret_manager = NULL;
	return fake_manager.is_down ? dv_refuse(err, -ENOTCONN, "the bus is down") : 0;
}

void manager_close(struct manager *manager DV_UNUSED)
{
}

void manager_closep(struct manager **manager DV_UNUSED)
{
}

int manager_list(struct manager *manager DV_UNUSED, const char *const *patterns,
		 manager_on_unit on_unit, void *context, struct dv_error *err)
{
	DV_AUTO_FREE char *text = strdup(fake_manager.loaded);
	char *rest = text, *line;
	int r = 0;

	fake_manager.n_lists++;
	if (fake_manager.is_down)
		return dv_refuse(err, -EIO, "the bus is down");
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		char *state = strchr(line, ' ');
		bool matches = false;

		if (!state)
			continue;
		*state++ = '\0';
		for (const char *const *pattern = patterns; *pattern; pattern++)
			matches |= fnmatch(*pattern, line, 0) == 0;
		if (matches)
			r = on_unit(context, line, state);
	}
	if (fake_manager.on_list)
		fake_manager.on_list();
	return r;
}

int manager_reload(struct manager *manager DV_UNUSED, struct dv_error *err DV_UNUSED)
{
	fake_manager_note("reload", "");
	return 0;
}

int manager_act(struct manager *manager DV_UNUSED, enum manager_verb verb, const char *const *units,
		size_t n_units, struct dv_error *err)
{
	static const char *const words[] = { [MANAGER_START] = "start",
					     [MANAGER_QUEUE] = "queue",
					     [MANAGER_STOP] = "stop",
					     [MANAGER_STOP_WAIT] = "await-stop",
					     [MANAGER_RELOAD_OR_RESTART] = "reload-or-restart" };
	int r = 0;

	for (size_t i = 0; i < n_units; i++) {
		fake_manager_note(words[verb], units[i]);
		if (fake_manager.fails && strcmp(units[i], fake_manager.fails) == 0)
			r = dv_refuse(err, -EIO, "%s %s: failed", words[verb], units[i]);
	}
	return r;
}

int manager_freeze(struct manager *manager DV_UNUSED, const char *unit, bool freeze,
		   struct dv_error *err DV_UNUSED)
{
	fake_manager_note(freeze ? "freeze" : "thaw", unit);
	return 0;
}

int manager_signal(struct manager *manager DV_UNUSED, const char *unit, int number DV_UNUSED,
		   struct dv_error *err DV_UNUSED)
{
	fake_manager_note("signal", unit);
	return 0;
}

int manager_active_since(struct manager *manager DV_UNUSED, const char *unit DV_UNUSED,
			 int64_t *ret_usec, struct dv_error *err DV_UNUSED)
{
	*ret_usec = fake_manager.active_since_usec;
	return 0;
}

#define assert_asked(expected)                                                                     \
	do {                                                                                       \
		assert_string_equal(fake_manager.asked, expected);                                 \
		fake_manager.asked[0] = '\0';                                                      \
	} while (0)

#endif
