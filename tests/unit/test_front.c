/* test_front.c - where the front door is, from the configuration that nginx has. */
#include "scratch.h"

#include "t3/front.h"

static void without_its_configuration_it_is_off(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { 0 };

	assert_ok(scratch, front_find(&scratch->env, &front, &scratch->err));
	assert_false(front.is_on);
}

static void its_address_is_that_of_the_first_listen(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { 0 };

	scratch_write(scratch, FRONT_CONF,
		      "server {\n\tlisten unix:/run/devvm/door/door.sock;\n"
		      "\tlisten 127.0.0.1:3780;\n\tlisten 10.0.0.1:1;\n}\n",
		      0644);
	scratch_write(scratch, "etc/devvm/door-secret", "of the proxy\n", 0600);
	assert_ok(scratch, front_find(&scratch->env, &front, &scratch->err));
	assert_true(front.is_on);
	assert_string_equal(front.address, "127.0.0.1:3780");
	assert_string_equal(front.secret.text, "of the proxy");
}

static void one_behind_a_socket_alone_has_no_address(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { 0 };

	scratch_write(
		scratch, FRONT_CONF,
		"server {\n\tlisten unix:/run/devvm/door/door.sock;\n\t# listen 127.0.0.1:1;\n"
		"\tlistening on;\n}\n",
		0644);
	assert_ok(scratch, front_find(&scratch->env, &front, &scratch->err));
	assert_true(front.is_on);
	assert_string_equal(front.address, "");
	assert_null(front.secret.text);
}

static void what_cannot_be_read_is_told(void **state)
{
	struct scratch *scratch = *state;
	DV_AUTO_FRONT struct front front = { 0 };

	scratch_make_folder(scratch, FRONT_CONF, 0755);
	assert_true(front_find(&scratch->env, &front, &scratch->err) < 0);
	assert_contains(scratch->err.text, FRONT_CONF);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_its_configuration_it_is_off),
		TEST(its_address_is_that_of_the_first_listen),
		TEST(one_behind_a_socket_alone_has_no_address),
		TEST(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
