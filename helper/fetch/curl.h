/* curl.h - libcurl, loaded when the first request is made.
 *
 * libcurl brings thirty libraries with it (LDAP, Kerberos, RTMP, ...): 4 MiB resident and 30 ms
 * of every start. The daemon links the table of steps and never downloads anything, and most
 * jobs do not either, so it is opened by whoever asks for something and nobody else. Its name is
 * that of its ABI, which has not changed since 2006 (https://curl.se/libcurl/abi.html).
 */
#ifndef DEVVM_FETCH_CURL_H
#define DEVVM_FETCH_CURL_H

#include <curl/curl.h>

#include "base/error.h"

#define CURL_LIBRARY "libcurl.so.4"

struct curl_library {
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_setopt) easy_setopt;
	__typeof__(&curl_easy_perform) easy_perform;
	__typeof__(&curl_easy_getinfo) easy_getinfo;
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free_all;
};

/* The library, for good. -ENOENT with a sentence that says what to install where it is not. */
DV_MUST_CHECK int curl_load(const struct curl_library **ret_library, struct dv_error *err);
/* The same from the library of that name, opened anew. */
DV_MUST_CHECK int curl_open(const char *name, struct curl_library *ret_library,
			    struct dv_error *err);

#endif
