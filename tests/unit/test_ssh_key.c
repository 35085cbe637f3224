/* test_ssh_key.c - which lines are keys, and what is said of those that are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "roster/ssh_key.h"

#define ED25519 "AAAAC3NzaC1lZDI1NTE5AAAAIJAZyvG9kZOAMokdjPAcN3JgsbNvdOIpqR4n4va6+s3v"
#define ECDSA256                                                                                   \
	"AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBPHS/06uy/ULyaGDcRRl2JY9jIJjhnxgNHPC" \
	"jhY3eFH/iel+2HQUGQoHVrPFINuWGj3JYyTbs1nE4jwztxU0++w="
#define ECDSA521                                                                                   \
	"AAAAE2VjZHNhLXNoYTItbmlzdHA1MjEAAAAIbmlzdHA1MjEAAACFBAFGSLCS7jDXmm/dentFa1U5zqk3rhu1Zush" \
	"WIrkhFUX/YuIhL9GLHYAN8e2Z9lkN2WnI1m/aqerpaGmFUMNk1AkDAAPac79gSUIpENs1WNQdrEK9P0oh3w1/oX0" \
	"DnANCBeIHKr3hedqjIOap79EJRRftdJlYLSw7GeB7NBFS2sjZrFxhA=="
#define RSA                                                                                        \
	"AAAAB3NzaC1yc2EAAAADAQABAAAAgQDWPKVMEsaglleep6FWn1h/xmo1oBz4BTHgbua3ZhU6dJZxFl37oRKvZBMN" \
	"qSMBXShM7j4Hhn+OyR/VqSie5gR/CRyB3Z5CF6fKAbHGKPaGT8sqqLJkWCgkzZnEJITxRodHv2jRkPQMkgeczR7f" \
	"dAojUdI8qVQpM/jt3Mq2oHmktQ=="
#define SK_ED25519                                                                                 \
	"AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f" \
	"AAAABHNzaDo="
#define SK_ECDSA                                                                                   \
	"AAAAInNrLWVjZHNhLXNoYTItbmlzdHAyNTZAb3BlbnNzaC5jb20AAAAIbmlzdHAyNTYAAABBBAABAgMEBQYHCAkK" \
	"CwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8AAAAEc3NoOg=="

static void keys_as_ssh_keygen_writes_them_are_taken(void **state DV_UNUSED)
{
	static const char *const lines[] = {
		"ssh-ed25519 " ED25519,
		"ssh-ed25519 " ED25519 " me@laptop",
		"ssh-ed25519  " ED25519 "  two words, gr\u00fc\u00dfe",
		"ecdsa-sha2-nistp256 " ECDSA256 " me@laptop",
		"ecdsa-sha2-nistp521 " ECDSA521,
		"ssh-rsa " RSA " me@laptop",
		"sk-ssh-ed25519@openssh.com " SK_ED25519,
		"sk-ecdsa-sha2-nistp256@openssh.com " SK_ECDSA " yubikey",
	};

	for (size_t i = 0; i < DV_COUNT(lines); i++) {
		const char *fault = ssh_key_fault(lines[i]);

		if (fault)
			fail_msg("%s: %s", lines[i], fault);
	}
}

static void others_are_told_why_not(void **state DV_UNUSED)
{
	static const char unknown[] =
		"does not begin with a known key type (options are not allowed)";
	static const char base64[] = "is not base64 behind its type";
	static const char type[] = "is not a key of the type it names";
	static const char cut[] = "is cut off: the key is not whole";
	static const struct {
		const char *line, *fault;
	} rows[] = {
		{ "", unknown },
		{ "ssh-dss AAAA", unknown },
		{ "ssh-ed25519-cert-v01@openssh.com " ED25519, unknown },
		{ "command=\"id\" ssh-ed25519 " ED25519, unknown },
		{ "# ssh-ed25519 " ED25519, unknown },
		{ " ssh-ed25519 " ED25519, unknown },
		{ "/home/me/.ssh/id_ed25519.pub", unknown },
		{ ED25519, unknown },
		{ "ssh-ed25519", base64 },
		{ "ssh-ed25519 ", base64 },
		{ "ssh-ed25519 AAA", base64 },
		{ "ssh-ed25519 ====", base64 },
		{ "ssh-ed25519 AAAA*AAA", base64 },
		{ "ssh-ed25519 A=AA", base64 },
		{ "ssh-ed25519 AAAA", type },
		{ "ssh-ed25519 " RSA, type },
		{ "ecdsa-sha2-nistp384 " ECDSA256, type },
		{ "ssh-rsa " ED25519, type },
		/* the length of the first string is far beyond the end */
		{ "ssh-rsa /////w==", type },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJAZyvG9kZOAMokdjPAcN3Jg", cut },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", cut },
		{ "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAAA==", cut }, /* an empty key */
		{ "ssh-ed25519 " ED25519 "AAAA", "has something behind the key" },
		{ "ssh-ed25519 " ED25519 "\nssh-rsa " RSA, "is more than one line" },
		{ "ssh-ed25519 " ED25519 "\tme", "holds a control character" },
		{ "ssh-ed25519 " ED25519 " \033[31m", "holds a control character" },
	};

	for (size_t i = 0; i < DV_COUNT(rows); i++) {
		const char *fault = ssh_key_fault(rows[i].line);

		if (!fault || strcmp(fault, rows[i].fault) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].line, fault ? fault : "(none)",
				 rows[i].fault);
	}
}

static void length_is_limited(void **state DV_UNUSED)
{
	char line[9000];

	memset(line, 'A', sizeof(line));
	memcpy(line, "ssh-rsa ", 8);
	line[8193] = '\0';
	assert_string_equal(ssh_key_fault(line), "is longer than 8192 characters");
	line[8192] = '\0'; /* the longest that is looked at */
	assert_string_equal(ssh_key_fault(line), "is not a key of the type it names");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_as_ssh_keygen_writes_them_are_taken),
		cmocka_unit_test(others_are_told_why_not),
		cmocka_unit_test(length_is_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
