# shellcheck shell=bash
# What every case under cases/ sources: hosts that go away by themselves, and checks.
#
#	#!/bin/bash
#	set -euo pipefail
#	# shellcheck source-path=SCRIPTDIR source=../case.sh
#	. "$(dirname "$0")/../case.sh"
#	case_host
#	roster <<END
#	users:
#	$(person anna admin)
#	END
#	wait_for 5 inside id anna
#	ok_eq "home is hers alone" 700 "$(inside stat -c %a /home/anna)"
#	ok_match "ssh gives her a port" '^T3_PORT=[0-9]+$' "$(as anna env | grep ^T3_PORT)"
#
# A failed check does not end the case; a failed command outside a check does. DEVVM_KEEP=1 leaves
# the hosts of a failed case running.

CASE_NAME=$(basename "$0")
CASE_TMP=$(mktemp -d)
HOST_TOOL=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/host
readonly CASE_NAME CASE_TMP HOST_TOOL
CASE_HOSTS=()
CASE_FAILED=0
HOST=

case_end() { # EXIT-CODE
	local rc=$1 h
	trap '' INT TERM HUP
	trap - EXIT
	# Of a signal whoever sent it knows.
	if ((rc != 0 && rc != 143 && CASE_FAILED == 0)); then
		not_ok "$CASE_NAME runs to its end" "exit 0" "exit $rc"
	fi
	for h in "${CASE_HOSTS[@]}"; do
		"$HOST_TOOL" ip "$h" >/dev/null 2>&1 || continue
		if ((rc != 0 || CASE_FAILED)); then
			# pam_devvm speaks from sshd, by then in the session's scope.
			"$HOST_TOOL" exec "$h" timeout 10 journalctl -b -q --no-pager -n 60 \
				-o short-precise -u 'devvm-*' 2>&1 |
				sed "s/^/# $h: /" || true
			[ -z "${DEVVM_KEEP:-}" ] || continue
		fi
		"$HOST_TOOL" down "$h" || rc=1
	done
	rm -rf "$CASE_TMP"
	exit $((CASE_FAILED > 0 ? 1 : rc))
}
trap 'case_end $?' EXIT
# Not by way of EXIT: a second signal would end that half-way.
trap 'case_end 143' INT TERM HUP

# Boots a host and makes it the one that H, inside, as, roster and person work on. Options go to `host up`.
case_host() {
	local name=${CASE_NAME//[^a-z0-9-]/-}
	name=${name:0:36}-$$
	((${#CASE_HOSTS[@]} == 0)) || name+=-$((${#CASE_HOSTS[@]} + 1))
	# In the list first, so that an interrupted start is taken down too.
	CASE_HOSTS+=("$name")
	HOST=$name
	"$HOST_TOOL" up "$name" "$@"
}

H() { "$HOST_TOOL" "$1" "$HOST" "${@:2}"; }
inside() { "$HOST_TOOL" exec "$HOST" "$@"; }
# A writer, and whoever recovers it after a kill, is waited for.
ledger() { inside sqlite3 -cmd '.timeout 10000' /var/lib/devvm/ledger.db "$1"; } # SQL
as() { "$HOST_TOOL" ssh "$HOST" "$@"; }

ok() { echo "ok - $1"; }

not_ok() { # WHAT EXPECTED GOT
	CASE_FAILED=$((CASE_FAILED + 1))
	echo "not ok - $1: expected ${2:-}, got ${3:-}"
}

# One line, however odd the value; shortened, for a whole file may be compared.
case_show() {
	local s=${1@Q}
	((${#s} <= 1000)) || s="${s:0:1000}… (${#1} characters)"
	printf %s "$s"
}

ok_eq() { # WHAT EXPECTED GOT
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "$(case_show "$2")" "$(case_show "$3")"
	fi
}

ok_ne() { # WHAT UNWANTED GOT
	if [ "$2" != "$3" ]; then ok "$1"; else not_ok "$1" "anything but $(case_show "$2")" "that"; fi
}

ok_match() { # WHAT EXTENDED-REGEX GOT
	if [[ $3 =~ $2 ]]; then ok "$1"; else not_ok "$1" "a match of $(case_show "$2")" "$(case_show "$3")"; fi
}

ok_below() { # WHAT LIMIT GOT, both whole numbers
	if (($3 < $2)); then ok "$1 ($3)"; else not_ok "$1" "below $2" "$3"; fi
}

ok_true() { # WHAT CMD…
	local out rc=0
	out=$("${@:2}" 2>&1 </dev/null) || rc=$?
	if ((rc == 0)); then ok "$1"; else not_ok "$1" "exit 0 of ${*:2}" "exit $rc: $(case_show "$out")"; fi
}

ok_false() { # WHAT CMD…
	local out rc=0
	out=$("${@:2}" 2>&1 </dev/null) || rc=$?
	if ((rc != 0)); then ok "$1"; else not_ok "$1" "a failure of ${*:2}" "exit 0: $(case_show "$out")"; fi
}

# Until CMD succeeds; 1 when it has not within SECONDS. CMD is not interrupted.
wait_for() { # SECONDS CMD…
	local end=$(($(now_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1 </dev/null; do
		(($(now_ms) < end)) || return 1
		sleep 0.05
	done
}

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# The roster from stdin, replaced whole as an editor or git would.
roster() {
	# shellcheck disable=SC2016
	inside sh -ec 'umask 022; t=$(mktemp /etc/devvm/.roster.XXXXXX); cat >"$t"; chmod 644 "$t"
		mv "$t" /etc/devvm/roster.yaml'
}

# A line for `users:`; the test key opens the account. More keys as further arguments: 'shell: /bin/bash'.
person() { # NAME TIER [KEY: VALUE]…
	local name=$1 tier=$2 more=''
	shift 2
	[ "$tier" != namespace-owner ] || more=", namespaces: [$name]"
	(($# == 0)) || more+=$(printf ', %s' "$@")
	printf '  %s: {authentik_user: %s.id, k8s_user: %s, tier: %s, ssh_keys: ["%s"]%s}\n' \
		"$name" "$name" "$name" "$tier" "$(H key)" "$more"
}

# devvm.yaml from stdin, and the daemon with it in force.
settings() {
	inside sh -ec 'umask 022; cat >/etc/devvm/.new.yaml; mv /etc/devvm/.new.yaml /etc/devvm/devvm.yaml'
	inside devvmctl check-config >/dev/null
	inside systemctl restart devvm-helperd.service
}

# Until the home job that a login began is over, well or not.
home_was_seen() { [ -n "$(step_is "$1" facts)" ]; }
settled() { # USER…
	local user
	for user in "$@"; do
		wait_for 60 home_was_seen "$user" || return
		inside devvmctl wait "$user" --timeout 250 >/dev/null || return
	done
}

# One word or sentence of a person's step, as `devvmctl status` has it; `machine` for what is nobody's.
step_is() { # USER STEP [KEY], status by default; prints nothing where there is no such row
	local -a who=("$1")
	[ "$1" != machine ] || who=()
	inside devvmctl status "${who[@]}" --json | python3 -c '
import json, sys
who, step, key = sys.argv[1:]
status = json.load(sys.stdin)
of = status["machine"] if who == "machine" else next(p for p in status["people"] if p["user"] == who)
print("".join(str(row[key]) for row in of["steps"] if row["step"] == step))' "$1" "$2" "${3:-status}"
}

# What a login shell on a terminal prints after MARK: is what CMD printed there.
typed() { # USER COMMAND
	TERM=dumb DEVVM_SSH_OPTS=-tt as "$1" <<<"$2; exit" 2>&1 | tr -d '\r' | sed -n 's/^MARK://p' | tail -n 1
}

# ---- with `case_host --with-programs` ----------------------------------------------------------

readonly ARTIFACTS=/srv/artifacts ARTIFACTS_URL=http://127.0.0.1:4873

# The registry and the claude binary on a loopback port of the host, until the next boot.
artifacts_up() {
	inside systemd-run --quiet --unit=artifacts --property=WorkingDirectory=$ARTIFACTS/registry \
		--property=DynamicUser=yes python3 -u -m http.server --bind 127.0.0.1 "${ARTIFACTS_URL##*:}"
	wait_for 20 inside curl -fsS -o /dev/null $ARTIFACTS_URL/playwright
}
artifacts_down() { inside systemctl stop artifacts.service; }
artifacts_asked() { # PATH; how often it was got
	inside journalctl -b -q --no-pager -o cat -u artifacts.service | grep -cF "\"GET $1 " || true
}

# What is slow and nobody's, as its timer would run it. What failed in it is for the case to ask.
machine_run() { inside systemctl start devvm-machine.service || true; }

uid_has_no_process() { # USER…
	local user
	for user in "$@"; do [ -z "$(inside ps -o pid= -u "$user" || true)" ] || return 1; done
}

# What devvm.yaml needs for the programs of the layer; more sections may follow on stdin.
real_programs() {
	cat <<-END
		claude:
		  source: cache
		  version: $(inside cat $ARTIFACTS/claude.version)
		  url: $ARTIFACTS_URL/claude
		  sha256: $(inside cut -d ' ' -f 1 $ARTIFACTS/claude.sha256)
		playwright:
		  version: 0.0.76
	END
	cat
}

# Milliseconds from the report of the step before to that of STEP, in a person's last home job.
step_ms() { # USER STEP
	ledger "SELECT (this.updated_usec - (SELECT max(updated_usec)
		FROM steps WHERE name = this.name AND updated_usec < this.updated_usec)) / 1000
		FROM steps this WHERE name = '$1' AND step = '$2'"
}

port_of() { # USER t3|playwright
	case $2 in
	t3) inside sed -n 's/^T3_PORT=//p' "/etc/t3-serve/$1.env" ;;
	playwright) inside sed -n 's/^PLAYWRIGHT_PORT=//p' "/etc/t3-serve/playwright-$1.env" ;;
	esac
}

# Two pages with titles on a loopback port of the host, http://127.0.0.1:8000/one.html and two.html.
readonly PAGES_URL=http://127.0.0.1:8000
pages_up() {
	# shellcheck disable=SC2016
	inside sh -ec 'mkdir -p /srv/pages; cd /srv/pages
		for page in one two; do
			echo "<!doctype html><title>This is $page</title><p>$page" >$page.html
		done'
	inside systemd-run --quiet --unit=pages --property=WorkingDirectory=/srv/pages \
		--property=DynamicUser=yes python3 -m http.server --bind 127.0.0.1 "${PAGES_URL##*:}"
	wait_for 20 inside curl -fsS -o /dev/null $PAGES_URL/one.html
}

# An MCP client in the host, as its users have one: `as anna mcp PORT titles URL…` (see mcp_client.py).
mcp_put() { H put "${HOST_TOOL%/*}/mcp_client.py" /usr/local/bin/mcp; }

# The stand-in of t3 in the host's registry, under the tag that is followed.
t3_publish() { # VERSION [WAY-TO-BE-BAD]
	local standin=${HOST_TOOL%/*}/../standin
	"$standin/t3/make" "$1" "$CASE_TMP/t3-$1" "${2:-good}"
	H put "$CASE_TMP/t3-$1" "/tmp/t3-$1"
	H put "$standin/registry/make" /tmp/registry-make
	inside python3 /tmp/registry-make --tag "nightly=$1" $ARTIFACTS/registry $ARTIFACTS_URL "/tmp/t3-$1"
}

# ---- a real npm registry, on the same port: instead of `artifacts_up` ---------------------------

readonly REGISTRY_STORAGE=/var/lib/verdaccio/storage

registry_up() {
	# shellcheck disable=SC2016
	inside sh -ec 'umask 022; cat >/etc/verdaccio.yaml' <<-END
		storage: $REGISTRY_STORAGE
		auth: {htpasswd: {file: /var/lib/verdaccio/htpasswd}}
		uplinks: {}
		packages: {'**': {access: \$all, publish: \$all, unpublish: \$all}}
		max_body_size: 100mb
		web: {enable: false}
		log: {type: stdout, format: json, level: http}
	END
	inside systemd-run --quiet --collect --unit=registry --property=DynamicUser=yes \
		--property=StateDirectory=verdaccio --setenv=HOME=/var/lib/verdaccio \
		/opt/devvm/node/current/bin/node /srv/verdaccio/node_modules/verdaccio/bin/verdaccio \
		--config /etc/verdaccio.yaml --listen "${ARTIFACTS_URL#http://}"
	wait_for 60 inside curl -fsS -o /dev/null $ARTIFACTS_URL/-/ping
}
registry_down() { inside systemctl stop registry.service; }

# The ordinary client, as somebody who may publish.
registry_npm() { # ARGUMENT…
	inside env PATH=/opt/devvm/node/current/bin:/usr/bin:/bin \
		npm "--registry=$ARTIFACTS_URL/" "--${ARTIFACTS_URL#http:}/:_authToken=anybody" --loglevel=error "$@"
}

# The stand-in of t3, published; CHANGE is Python that works on its package.json as `p`, WAY one in which it is bad.
registry_publish() { # VERSION TAG [CHANGE [WAY]]
	local standin=${HOST_TOOL%/*}/../standin
	"$standin/t3/make" "$1" "$CASE_TMP/p-$1" "${4:-good}"
	python3 - "$CASE_TMP/p-$1/package.json" "${3-}" <<-'END'
		import json, sys
		path, change = sys.argv[1:]
		p = json.load(open(path))
		exec(change)
		json.dump(p, open(path, "w"), indent=1)
	END
	inside rm -rf "/tmp/p-$1"
	H put "$CASE_TMP/p-$1" "/tmp/p-$1"
	registry_npm publish "/tmp/p-$1" --tag "$2" >/dev/null
}
registry_tag() { registry_npm dist-tag add "t3@$1" "$2" >/dev/null; } # VERSION TAG
