/* test_front.c - where the front door is, from the configuration that nginx has. */
#include "scratch.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
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

/* Ports of this process: taken, and free again. */
static void nothing_goes_where_nobody_of_ours_listens(void **state)
{
	struct scratch *scratch = *state;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(address);
	struct front front = { .is_on = true };
	DV_AUTO_SECRET struct secret cookies = { 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	(void)snprintf(front.address, sizeof(front.address), "127.0.0.1:%u",
		       ntohs(address.sin_port));
	assert_ok(scratch, front_require(&front, &scratch->err));
	(void)close(fd);
	assert_int_equal(front_require(&front, &scratch->err), -ECONNREFUSED);
	assert_contains(scratch->err.text, "nobody listens at the front door's address 127.0.0.1:");
	assert_int_equal(front_pair(&front, "anna", clock_deadline_ms(1000), &cookies,
				    &scratch->err),
			 -ECONNREFUSED);
	(void)snprintf(front.address, sizeof(front.address), "nowhere");
	assert_int_equal(front_require(&front, &scratch->err), -EINVAL);
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
		TEST(nothing_goes_where_nobody_of_ours_listens),
		TEST(what_cannot_be_read_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
