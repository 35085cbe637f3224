/* spare.c - see spare.h. */
#include "update/spare.h"

#include "update/version.h"

/* How many of them are newer. */
static unsigned int rank_of(const struct str_list *versions, const char *version)
{
	unsigned int n_newer = 0;

	for (size_t i = 0; i < versions->n_items; i++)
		n_newer += version_is_valid(versions->items[i]) &&
			   version_compare(versions->items[i], version) > 0;
	return n_newer;
}

int spare_list(const struct str_list *versions, const struct str_list *needed,
	       unsigned int n_newest, struct str_list *ret_spare)
{
	DV_AUTO_STR_LIST struct str_list spare = { 0 };

	for (size_t i = 0; i < versions->n_items; i++) {
		const char *version = versions->items[i];

		if (!version_is_valid(version) || str_list_has(needed, version) ||
		    rank_of(versions, version) < n_newest)
			continue;
		if (str_list_add(&spare, version) < 0)
			return -ENOMEM;
	}
	*ret_spare = spare;
	spare = (struct str_list){ 0 }; /* handed over */
	return 0;
}
