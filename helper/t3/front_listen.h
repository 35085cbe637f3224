/* front_listen.h - where an nginx of this configuration listens, as far as it can be asked from this machine.
 *
 * Its language is read as nginx reads it (words, quotes, comments), and of it `listen` alone: an address that
 * means this machine's loopback, and a unix socket. What wants more than plain HTTP (ssl, proxy_protocol) is passed
 * over, and so is the address of another interface: the units that ask talk to this machine alone. Pure.
 */
#ifndef DEVVM_T3_FRONT_LISTEN_H
#define DEVVM_T3_FRONT_LISTEN_H

#define FRONT_ADDRESS_BYTES 24 /* "127.0.0.1:65535" */
#define FRONT_SOCKET_BYTES 108 /* sun_path of unix(7) */

struct front_listen {
	char address[FRONT_ADDRESS_BYTES]; /* "127.0.0.1:3780", else "[::1]:3780"; "": none */
	char socket[FRONT_SOCKET_BYTES];   /* absolute; "": none */
};

/* The first of each, and 127.0.0.1 before [::1]. https://nginx.org/en/docs/http/ngx_http_core_module.html#listen */
void front_listen_read(const char *conf, struct front_listen *ret_listen);

#endif
