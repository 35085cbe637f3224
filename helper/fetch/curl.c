/* curl.c - see curl.h. */
#include "fetch/curl.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset;
} FUNCTIONS[] = {
	{ "curl_easy_init", offsetof(struct curl_library, easy_init) },
	{ "curl_easy_setopt", offsetof(struct curl_library, easy_setopt) },
	{ "curl_easy_perform", offsetof(struct curl_library, easy_perform) },
	{ "curl_easy_getinfo", offsetof(struct curl_library, easy_getinfo) },
	{ "curl_easy_cleanup", offsetof(struct curl_library, easy_cleanup) },
	{ "curl_easy_strerror", offsetof(struct curl_library, easy_strerror) },
	{ "curl_slist_append", offsetof(struct curl_library, slist_append) },
	{ "curl_slist_free_all", offsetof(struct curl_library, slist_free_all) },
};

_Static_assert(DV_COUNT(FUNCTIONS) * sizeof(void *) == sizeof(struct curl_library),
	       "every function is looked up");

int curl_load(const struct curl_library **ret_library, struct dv_error *err)
{
	static struct curl_library loaded;
	struct curl_library library = { 0 };
	void *handle;

	if (loaded.easy_init) {
		*ret_library = &loaded;
		return 0;
	}
	handle = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return dv_refuse(err, -ENOENT, "libcurl is not there (apt install libcurl4): %s",
				 dlerror());
	for (size_t i = 0; i < DV_COUNT(FUNCTIONS); i++) {
		void *function = dlsym(handle, FUNCTIONS[i].name);

		if (!function)
			return dv_refuse(err, -ENOENT, CURL_LIBRARY " has no %s",
					 FUNCTIONS[i].name);
		memcpy((char *)&library + FUNCTIONS[i].offset, &function, sizeof(function));
	}
	loaded = library;
	*ret_library = &loaded;
	return 0;
}
