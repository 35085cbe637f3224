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

int curl_open(const char *name, struct curl_library *ret_library, struct dv_error *err)
{
	struct curl_library library = { 0 };
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return dv_refuse(err, -ENOENT,
				 "libcurl is not there, an administrator types: apt install "
				 "libcurl4 (%s)",
				 dlerror());
	for (size_t i = 0; i < DV_COUNT(FUNCTIONS); i++) {
		void *function = dlsym(handle, FUNCTIONS[i].name);

		if (!function) {
			(void)dlclose(handle);
			return dv_refuse(err, -ENOENT,
					 "%s is not libcurl, or too old: it has no %s", name,
					 FUNCTIONS[i].name);
		}
		memcpy((char *)&library + FUNCTIONS[i].offset, &function, sizeof(function));
	}
	*ret_library = library; /* for good: the handle is never closed */
	return 0;
}

int curl_load(const struct curl_library **ret_library, struct dv_error *err)
{
	static struct curl_library loaded;
	int r = loaded.easy_init ? 0 : curl_open(CURL_LIBRARY, &loaded, err);

	if (r == 0)
		*ret_library = &loaded;
	return r;
}
