#!/bin/bash
# Prints a roster of N people, p00001 upwards; with a second argument, that ssh key for each.
set -euo pipefail
awk -v n="$1" -v key="${2:-}" 'BEGIN {
	print "users:"
	for (i = 1; i <= n; i++) {
		tier = i % 10 == 0 ? "admin" : "power-user"
		printf "  p%05d: {authentik_user: id%05d, k8s_user: p%05d, tier: %s, shell: /bin/bash", i, i, i, tier
		if (key != "")
			printf ", ssh_keys: [\"%s\"]", key
		print "}"
	}
}'
