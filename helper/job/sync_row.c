/* sync_row.c - see sync_row.h. */
#include "job/sync_row.h"

#include <string.h>

#include "base/str.h"

int sync_row_make(const struct derived_person *derived, struct people_row *ret_row)
{
	const struct roster_person *person = derived->person;
	struct people_row row = {
		.name = strdup(person->name),
		.identity = strdup(person->identity),
		.k8s_user = strdup(person->k8s_user),
		.tier = strdup(tier_name(person->tier)),
		.shell = strdup(derived->shell),
		.groups = str_list_join(&derived->groups, "\n"),
		.layout = strdup(person->layout == CODE_WORKSPACE ? "workspace" : "single"),
		.repos = str_list_join(&person->repos, "\n"),
		.ssh_keys = str_list_join(&person->ssh_keys, "\n"),
		.parked = person->parked,
		.eager = person->eager,
		.wanted_uid = person->uid == ROSTER_NO_UID ? PEOPLE_NO_UID : (int64_t)person->uid,
	};

	for (int s = 0; s < PEOPLE_N_PORTS; s++)
		row.ports[s] = derived->ports[s];
	*ret_row = row;
	return row.name && row.identity && row.k8s_user && row.tier && row.shell && row.groups &&
			       row.layout && row.repos && row.ssh_keys
		       ? 0
		       : -ENOMEM;
}

bool sync_row_wants_the_same(const struct people_row *before, const struct people_row *wanted)
{
	return before->state == PEOPLE_PRESENT && str_equal(before->identity, wanted->identity) &&
	       str_equal(before->k8s_user, wanted->k8s_user) &&
	       str_equal(before->tier, wanted->tier) && str_equal(before->shell, wanted->shell) &&
	       str_equal(before->groups, wanted->groups) &&
	       str_equal(before->layout, wanted->layout) &&
	       str_equal(before->repos, wanted->repos) &&
	       str_equal(before->ssh_keys, wanted->ssh_keys) && before->parked == wanted->parked &&
	       before->eager == wanted->eager && before->wanted_uid == wanted->wanted_uid &&
	       memcmp(before->ports, wanted->ports, sizeof(before->ports)) == 0;
}
