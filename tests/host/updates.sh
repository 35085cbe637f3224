# shellcheck shell=bash
# What the cases of the updater share, sourced behind case.sh: people with populated databases, versions in a real
# registry, and a run.

readonly T3=/opt/devvm/t3
RC=0 OUT=
run() { # OPTION…; devvmctl update
	RC=0
	OUT=$(inside devvmctl update "$@" 2>&1) || RC=$?
}
ends() { # WHAT EXIT-STATUS REGEX
	ok_eq "$1: exit status" "$2" "$RC"
	ok_match "$1: the reason" "$3" "$OUT"
}
night() { echo "0.0.28-nightly.202606$1.$2"; } # DAY RUN; a version whose database has a level of its own
before_night() { echo "0.0.24-nightly.202606$1.$2"; } # DAY RUN
last() { ledger "SELECT $1 FROM update_runs ORDER BY id DESC LIMIT 1"; } # COLUMN
states() { # [PERSON]; of the last run
	ledger "SELECT group_concat(state, ' ') FROM (SELECT state FROM update_transitions
		WHERE run = (SELECT max(id) FROM update_runs) AND coalesce(person, '') = '${1-}' ORDER BY seq)"
}
pointer() { inside readlink "$T3/people/$1" | sed 's,.*/,,'; } # USER
current() { inside readlink $T3/current | sed 's,.*/,,'; }
db_of() { echo "/home/$1/.t3/userdata/state.sqlite"; }
as_user() { inside setpriv --reuid "$1" --regid "$1" --init-groups --reset-env "${@:2}"; }
sql() { # USER SQL; as the person
	as_user "$1" python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=20)
for row in db.execute(sys.argv[2]): print(*row)
db.commit()' "$(db_of "$1")" "$2"
}
t3_is_up() { inside curl -fsS -o /dev/null "http://127.0.0.1:$(port_of "$1" t3)/.well-known/t3/environment"; }
version_said() { # USER
	inside curl -sS "http://127.0.0.1:$(port_of "$1" t3)/.well-known/t3/environment" |
		sed 's/.*"serverVersion":"\([^"]*\)".*/\1/'
}

updates_up() { # VERSION USER…; VERSION is current, and everybody's; t3 of all of them runs
	local version=$1 user
	shift
	inside devvmctl install t3 "$version" >/dev/null
	for user in "$@"; do wait_for 30 inside test -e "$T3/people/$user"; done
	for user in "$@"; do inside systemctl start "t3-serve@$user.service"; done
	for user in "$@"; do wait_for 60 t3_is_up "$user"; done
}

# Threads that nobody works in, with messages of 1 KiB each, beside what the server has made.
fill() { # USER MESSAGES
	as_user "$1" python3 - "$(db_of "$1")" "$2" <<-'END'
		import os, sqlite3, sys
		db = sqlite3.connect(sys.argv[1], timeout=20)
		n = int(sys.argv[2])
		db.execute("CREATE TABLE IF NOT EXISTS projection_thread_messages (message_id INTEGER PRIMARY KEY, thread_id TEXT NOT NULL, text TEXT NOT NULL)")
		db.executemany("INSERT OR REPLACE INTO projection_thread_sessions (thread_id, status, updated_at) VALUES (?, 'ready', '2026-06-01T10:00:00.000Z')",
		               ((f"thread-{i}",) for i in range(max(1, n // 100))))
		db.executemany("INSERT INTO projection_thread_messages (thread_id, text) VALUES (?, ?)",
		               ((f"thread-{i // 100}", os.urandom(384).hex() + "x" * 256) for i in range(n)))
		db.commit()
	END
}

# A line for each table: its rows and what is in them. Sessions and credentials come and go with each pairing;
# `all` has them too.
contents() { # USER|FILE [all]
	local file=$1
	[[ $file == /* ]] || file=$(db_of "$1")
	inside python3 - "$file" "${2-}" <<-'END'
		import hashlib, sqlite3, sys
		# Read as a file of root's would be: a copy of the set, so that nothing of theirs is touched.
		import os, shutil, tempfile
		with tempfile.TemporaryDirectory() as folder:
		    for end in "", "-wal":
		        if os.path.exists(sys.argv[1] + end):
		            shutil.copyfile(sys.argv[1] + end, folder + "/db" + end)
		    db = sqlite3.connect(folder + "/db")
		    print("integrity", *db.execute("PRAGMA integrity_check").fetchone())
		    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
		        if name.startswith("auth_") and sys.argv[2] != "all":
		            continue
		        digest, n = hashlib.sha256(), 0
		        for row in db.execute(f"SELECT * FROM \"{name}\" ORDER BY 1"):
		            digest.update(repr(row).encode())
		            n += 1
		        print(name, n, digest.hexdigest()[:16])
	END
}

# An agent in the midst of a turn, as t3 has it: the row of the turn, and a process of that name in the unit's cgroup.
at_work() { # USER
	sql "$1" "INSERT INTO projection_thread_sessions (thread_id, status, active_turn_id, updated_at)
		VALUES ('at-work', 'running', 'turn-1', '$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)')
		ON CONFLICT DO UPDATE SET active_turn_id = excluded.active_turn_id, updated_at = excluded.updated_at"
	# shellcheck disable=SC2016
	inside sh -ec 'test -e /usr/local/bin/claude || cp /bin/sleep /usr/local/bin/claude
		systemd-run --quiet --collect --unit="agent-$1" --uid="$1" claude 1200
		pid=$(systemctl show -P MainPID "agent-$1.service")
		while ! grep -q claude /proc/$pid/comm; do sleep 0.05; done
		echo $pid >/sys/fs/cgroup$(systemctl show -P ControlGroup "t3-serve@$1.service")/cgroup.procs' sh "$1"
}
agent_pid() { inside pgrep -u "$1" -x claude; } # USER
at_rest() { # USER
	inside pkill -u "$1" -x claude
	sql "$1" "UPDATE projection_thread_sessions SET active_turn_id = NULL, status = 'ready' WHERE thread_id = 'at-work'"
}

# ---- the front door, for cases that look at it while a run goes on ------------------------------

readonly SECRET=0123456789abcdef-of-the-proxy DOOR=http://127.0.0.1:3780
front_door_up() {
	inside sh -ec "umask 077; echo $SECRET >/etc/devvm/door-secret"
	inside devvmctl reconcile >/dev/null
	inside ln -s /usr/share/devvm/nginx/devvm.conf /etc/nginx/conf.d/devvm.conf
	inside systemctl enable --quiet --now devvm-dispatch.socket
	inside systemctl start nginx.service
	wait_for 20 inside curl -fsS -o /dev/null $DOOR/healthz
}
door() { # USER PATH [CURL-WORD]…; as their browser's navigation, by the proxy
	inside curl -sS -m 90 -H "X-Authentik-Username: $1.id" -H "X-Devvm-Proxy-Secret: $SECRET" \
		-H 'Accept: text/html' -H 'Sec-Fetch-Dest: document' "$DOOR$2" "${@:3}"
}

# ---- for cases that kill a run: one machine that can be set back ---------------------------------

# What is to come back: databases, pointers, and what the ledger knows of versions. The people's t3 stops for it.
keep_state() { # USER…
	# shellcheck disable=SC2016
	inside sh -ec 'mkdir -p /root/kept
		for user; do
			systemctl stop "t3-serve@$user.service"
			cp -a "/home/$user/.t3/userdata" "/root/kept/$user"
			readlink "/opt/devvm/t3/people/$user" >"/root/kept/$user.pointer"
			systemctl start "t3-serve@$user.service"
		done
		readlink /opt/devvm/t3/current >/root/kept/current' sh "$@"
}
put_state_back() { # USER…
	# shellcheck disable=SC2016
	inside sh -ec 'for user; do
			systemctl stop "t3-serve@$user.service"
			rm -rf "/home/$user/.t3/userdata"
			cp -a "/root/kept/$user" "/home/$user/.t3/userdata"
			ln -sfn "$(cat "/root/kept/$user.pointer")" "/opt/devvm/t3/people/$user"
			systemctl reset-failed "t3-serve@$user.service" 2>/dev/null || true
			systemctl start "t3-serve@$user.service"
		done
		ln -sfn "$(cat /root/kept/current)" /opt/devvm/t3/current
		rm -f /var/lib/devvm/freeze /var/lib/devvm/known-bad.kept' sh "$@"
	ledger "DELETE FROM known_bad; DELETE FROM meta WHERE key = 't3-last-good'; DELETE FROM deferrals"
	local user
	for user in "$@"; do wait_for 30 t3_is_up "$user"; done
}
# Somebody is let in: with a credential made for them, exchanged for a session that counts.
lets_in() { # USER
	# shellcheck disable=SC2016
	inside sh -ec 'url="http://127.0.0.1:$(sed -n s/^T3_PORT=//p "/etc/t3-serve/$1.env")"
		credential=$(devvmctl mint "$1" --json | sed "s/.*\"credential\":\"\([^\"]*\)\".*/\1/")
		for path in browser-session bootstrap; do
			curl -sS -o /dev/null -c "/tmp/jar-$1" -H "Content-Type: application/json" \
				-d "{\"credential\":\"$credential\"}" "$url/api/auth/$path"
			! grep -q t3_session "/tmp/jar-$1" || break
		done
		curl -sS -b "/tmp/jar-$1" "$url/api/auth/session" | grep -q "\"authenticated\": *true"' sh "$1"
}
# Everybody is on one whole version with the data that belongs to it: "" where all is well, else what is not.
whole() { # OLD-VERSION OLD-LEVEL NEW-VERSION NEW-LEVEL MESSAGES USER…
	local old=$1 old_level=$2 new=$3 new_level=$4 messages=$5 user level pointer
	shift 5
	[ "$(ledger 'SELECT count(*) FROM update_runs WHERE ended_usec = 0')" = 0 ] || echo "a run is open"
	[ "$(ledger "SELECT count(*) FROM moves WHERE state IN ('held', 'copied', 'pointed', 'soaking', 'failed', 'undoing')")" = 0 ] || echo "somebody is between"
	[ -z "$(inside ls /var/lib/devvm/hold)" ] || echo "somebody is held"
	for user in "$@"; do
		pointer=$(pointer "$user")
		# As the next visit would.
		inside systemctl start "t3-serve@$user.service" || true
		wait_for 30 t3_is_up "$user" || echo "$user: t3 is down"
		level=$(sql "$user" 'SELECT max(migration_id) FROM effect_sql_migrations' 2>&1)
		case "$pointer $level" in
		"$old $old_level" | "$new $new_level") ;;
		*) echo "$user: has $pointer with a database of level $level" ;;
		esac
		[ "$(version_said "$user")" = "$pointer" ] || echo "$user: $(version_said "$user") runs, not $pointer"
		wait_for 20 lets_in "$user" || echo "$user: is not let in"
		[ "$(contents "$user" | grep -E 'messages|integrity')" = "$messages" ] || echo "$user: $(contents "$user" | tr '\n' ' ')"
	done
}
