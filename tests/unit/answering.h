/* answering.h - a person's server for tests of the door: a listening socket of this process, answered by hand.
 *
 * Nothing blocks. What cannot be done fails the test.
 */
#ifndef DEVVM_TESTS_ANSWERING_H
#define DEVVM_TESTS_ANSWERING_H

#include <stdint.h>

#define ANSWERING_ALIVE "HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\n{\"authenticated\": true}\n"
#define ANSWERING_DEAD "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"authenticated\": false}\n"
#define ANSWERING_COOKIES "t3_session=x" /* what askers say */

/* On a port of loopback that is free; the caller's to close, as what answering_take() returns. */
int answering_serve(uint16_t *ret_port);
/* -1: nobody else connected. */
int answering_take(int listen_fd);
/* The question is there, whole, with ANSWERING_COOKIES. */
void answering_assert_asked(int fd);
/* That, and then `text`. */
void answering_answer(int fd, const char *text);

#endif
