/* test_config_mirrors.c - rows of `mirrors:`: what is taken, and each thing that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/config_mirrors.h"

static int parse(struct config *config, const char *text, struct dv_error *err)
{
	return config_parse(config, "f", text, strlen(text), err);
}

static void each_kind_is_taken(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = { 0 };
	struct dv_error err = { "" };
	const struct config_mirror *mirror;
	int r = parse(
		&config,
		"secrets: {k: {source: file, path: /etc/k}}\n"
		"mirrors:\n"
		"  a: {source: /srv/a, destination: /opt/mirrors/a}\n"
		"  b: {source: \"sftp://h:2222/x/y\", user: u, secret: k, destination: /srv/b,\n"
		"      known_hosts: /etc/kh, interval: 90, max_delete: 0}\n"
		"  c: {source: \"https://h/dav/\", user: u, secret: k, destination: /srv/c}\n"
		"  d: {source: \"http://h/\", type: http, destination: "
		"/var/lib/devvm-mirrors/d}\n",
		&err);

	assert_string_equal(err.text, "");
	assert_int_equal(r, 0);
	mirror = config_mirror_find(&config, "a");
	assert_int_equal(mirror->type, CONFIG_MIRROR_LOCAL);
	assert_int_equal(mirror->interval_minutes, 60);
	assert_int_equal(mirror->max_delete, 25);
	assert_null(config_mirror_secret(&config, mirror));
	mirror = config_mirror_find(&config, "b");
	assert_int_equal(mirror->type, CONFIG_MIRROR_SFTP);
	assert_int_equal(mirror->interval_minutes, 90);
	assert_int_equal(mirror->max_delete, 0);
	assert_string_equal(config_mirror_secret(&config, mirror)->path, "/etc/k");
	assert_int_equal(config_mirror_find(&config, "c")->type, CONFIG_MIRROR_WEBDAV);
	assert_int_equal(config_mirror_find(&config, "d")->type, CONFIG_MIRROR_HTTP);
	assert_null(config_mirror_find(&config, "e"));
}

static void sftp_sources_are_taken_apart(void **state DV_UNUSED)
{
	static const char *const bad[] = {
		"sftp://",	 "sftp://h",	     "sftp:///x",	    "sftp://h:/x",
		"sftp://h:0/x",	 "sftp://h:70000/x", "sftp://h:2 2/x",	    "sftp://u@h/x",
		"sftp://[::1/x", "sftp://[]/x",	     "sftp://[::1]x/x",	    "sftp://h:22:3/x",
		"http://h/x",	 "sftp://h/x#y",     "sftp://h:123456789/x"
	};
	struct config_sftp sftp = { .port = 0 };

	assert_int_equal(config_mirror_parse_sftp("sftp://host.example/a/b", &sftp), 0);
	assert_string_equal(sftp.host, "host.example");
	assert_int_equal(sftp.port, 22);
	assert_string_equal(sftp.path, "/a/b");
	assert_int_equal(config_mirror_parse_sftp("sftp://[fe80::1]:2222/a", &sftp), 0);
	assert_string_equal(sftp.host, "fe80::1");
	assert_int_equal(sftp.port, 2222);
	assert_int_equal(config_mirror_parse_sftp("sftp://[::1]/a", &sftp), 0);
	assert_string_equal(sftp.host, "::1");
	for (size_t i = 0; i < DV_COUNT(bad); i++) {
		if (config_mirror_parse_sftp(bad[i], &sftp) != -EINVAL)
			fail_msg("%s was taken", bad[i]);
	}
}

#define SOURCE                                                                                     \
	"must be an absolute path outside homes, sftp://HOST/PATH, or an http:// or https:// "     \
	"URL, "                                                                                    \
	"without a user or a password"
#define KEY "secrets: {k: {source: file, path: /etc/k}, n: {source: none}}\n"

static const struct {
	const char *text, *sentence;
} REFUSED[] = {
	{ "mirrors: []\n", "f:1: mirrors: must be a map of names" },
	{ "mirrors: {A: {}}\n",
	  "f:1: mirrors: a name has a-z, 0-9 and -, a letter first, 40 at most" },
	{ "mirrors: {a: 1}\n", "f:1: mirrors.a: must be a map of keys" },
	{ "mirrors: {a: {x: 1}}\n", "f:1: mirrors.a: unknown key x; known here are source, type, "
				    "user, known_hosts, secret, "
				    "destination, interval, max_delete" },
	{ "mirrors: {a: {source: /srv/x}}\n", "f:1: mirrors.a: set source and destination" },
	{ "mirrors: {a: {source: x}}\n", "f:1: mirrors.a.source: " SOURCE },
	{ "mirrors: {a: {source: /home/emo/x}}\n", "f:1: mirrors.a.source: " SOURCE },
	{ "mirrors: {a: {source: /srv/../etc}}\n", "f:1: mirrors.a.source: " SOURCE },
	{ "mirrors: {a: {source: \"https://u:p@h/\"}}\n", "f:1: mirrors.a.source: " SOURCE },
	{ "mirrors: {a: {source: \"s3://h/\"}}\n", "f:1: mirrors.a.source: " SOURCE },
	{ "mirrors: {a: {source: \"http:///x\"}}\n", "f:1: mirrors.a.source: " SOURCE },
	{ "mirrors: {a: {source: \"http://h/%(x)s\"}}\n",
	  "f:1: mirrors.a.source: must be letters, digits and /._+-,~:[]?&=%@, at most 400 of "
	  "them" },
	{ "mirrors: {a: {destination: /home/emo}}\n",
	  "f:1: mirrors.a.destination: must be a plain path below /srv, /opt or "
	  "/var/lib/devvm-mirrors" },
	{ "mirrors: {a: {destination: /srv}}\n",
	  "f:1: mirrors.a.destination: must be a plain path below /srv, /opt or "
	  "/var/lib/devvm-mirrors" },
	{ "mirrors: {a: {destination: /srv/../etc}}\n",
	  "f:1: mirrors.a.destination: must be a plain path below /srv, /opt or "
	  "/var/lib/devvm-mirrors" },
	{ "mirrors: {a: {destination: /opt/devvm/x}}\n",
	  "f:1: mirrors.a.destination: /opt/devvm is kept by another part of devvm" },
	{ "mirrors: {a: {interval: 59}}\n",
	  "f:1: mirrors.a.interval: must be a whole number from 60 to 525600" },
	{ "mirrors: {a: {max_delete: -1}}\n",
	  "f:1: mirrors.a.max_delete: must be a whole number from 0 to 1000000" },
	{ "mirrors: {a: {source: /srv/x, destination: /srv/y, user: u}}\n",
	  "f:1: mirrors.a: user is not for a source of the type local" },
	{ "mirrors: {a: {source: \"sftp://h/x\", destination: /srv/y}}\n",
	  "f:1: mirrors.a: its source is sftp: set user too" },
	{ "mirrors: {a: {source: \"sftp://h/x\", user: u, destination: /srv/y}}\n",
	  "f:1: mirrors.a: its source is sftp: set secret too" },
	{ KEY "mirrors: {a: {source: \"sftp://h/x\", user: u, secret: z, destination: /srv/y}}\n",
	  "f:2: mirrors.a: secret z is none of secrets: that has a source" },
	{ KEY "mirrors: {a: {source: \"sftp://h/x\", user: u, secret: n, destination: /srv/y}}\n",
	  "f:2: mirrors.a: secret n is none of secrets: that has a source" },
	{ KEY "mirrors: {a: {source: \"sftp://h/x\", user: u, secret: k, known_hosts: x, "
	      "destination: /srv/y}}\n",
	  "f:2: mirrors.a: known_hosts must be an absolute path" },
	{ KEY "mirrors: {a: {source: \"https://h/x\", secret: k, destination: /srv/y}}\n",
	  "f:2: mirrors.a: secret is a password: set user too" },
	{ KEY "mirrors: {a: {source: \"http://h/x\", user: u, secret: k, destination: /srv/y}}\n",
	  "f:2: mirrors.a: a password goes over http:// to this machine alone; use https://" },
	{ "mirrors: {a: {source: /srv/x, type: http, destination: /srv/y}}\n",
	  "f:1: mirrors.a: its source is not of the type http" },
	{ "mirrors: {a: {source: /srv/x, destination: /srv/x/y}}\n",
	  "f:1: mirrors.a: source and destination are one, or one lies in the other" },
	{ "mirrors: {a: {source: /srv/x, destination: /srv/y}, b: {source: /srv/x, destination: "
	  "/srv/y/z}}\n",
	  "f:1: mirrors.a: its destination and that of mirrors.b are one, or one lies in the "
	  "other" },
};

static void mistakes_are_told(void **state DV_UNUSED)
{
	for (size_t i = 0; i < DV_COUNT(REFUSED); i++) {
		DV_AUTO_CONFIG struct config config = { 0 };
		struct dv_error err = { "" };

		if (parse(&config, REFUSED[i].text, &err) == 0)
			fail_msg("%s was taken", REFUSED[i].text);
		assert_string_equal(err.text, REFUSED[i].sentence);
	}
}

static void neighbours_by_name_are_apart(void **state DV_UNUSED)
{
	DV_AUTO_CONFIG struct config config = { 0 };

	assert_int_equal(parse(&config,
			       "mirrors: {a: {source: /srv/x, destination: /srv/xy}, b: {source: "
			       "/srv/z, destination: /srv/xyz}}\n",
			       NULL),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_taken),
		cmocka_unit_test(sftp_sources_are_taken_apart),
		cmocka_unit_test(mistakes_are_told),
		cmocka_unit_test(neighbours_by_name_are_apart),
	};

	return cmocka_run_group_tests_name("config_mirrors", tests, NULL, NULL);
}
