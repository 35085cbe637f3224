# shellcheck shell=bash
# The parts of `host`: the cached rootfs, one host's disk, its network, its process tree.
#
# A host is a folder $STATE/NAME:
#   n           its number; dvhN names its network namespace, its veth and its cgroup
#   suite ip    what it runs, where it is
#   pid         the running machine's supervisor, absent when powered off
#   disk/       upper and work of the overlay; root/ the merged tree
#   key ssh_config console.log
# Everything on the outer machine that is not in that folder carries the name dvhN (the bridge: dvh0),
# and the registry $NET_DIR says which folder owns which N. Teardown touches nothing else.

# ---- the cached rootfs -------------------------------------------------------------------------

# Bump when rootfs_build changes what it makes.
readonly ROOTFS_RECIPE=2

rootfs_packages() { # SUITE
	local t64=
	[ "$1" = bookworm ] || t64=t64
	echo systemd systemd-sysv dbus libpam-systemd libpam-modules passwd util-linux procps cron \
		openssh-server openssh-client sudo zsh git tmux strace rsync iproute2 nftables \
		libnss-extrausers zstd libyaml-0-2 "libcurl4$t64" "libssl3$t64" libsystemd0 libsqlite3-0 \
		sqlite3 libjansson4 python3-minimal fuse3 ca-certificates libfaketime
}

rootfs_dir() { # SUITE
	local hash
	hash=$(echo "$ROOTFS_RECIPE $(dpkg --print-architecture) $(rootfs_packages "$1")" | sha256sum)
	echo "$CACHE/$1-${hash:0:12}"
}

# The mirrors are those this machine itself uses, so nothing about them is written down here. Only
# Debian's own archive is taken: a third party's need not have the other suite.
rootfs_sources() { # SUITE
	local origin release component uri
	# shellcheck disable=SC2016
	apt-get indextargets 'Created-By: Packages' \
		--format '$(ORIGIN) $(RELEASE) $(COMPONENT) $(REPO_URI)' | sort -u |
		while read -r origin release component uri; do
			[ "$origin $component" = "Debian main" ] || continue
			case $release in
			*-updates | *-security) release=$1-${release##*-} ;;
			*-*) continue ;;
			*) release=$1 ;;
			esac
			echo "deb $uri $release main"
		done | sort -u
}

rootfs_build() { # SUITE; prints the folder
	local dir sources tmp
	dir=$(rootfs_dir "$1")
	if [ ! -d "$dir" ]; then
		need mmdebstrap
		mkdir -p "$CACHE"
		(
			flock 9
			[ ! -d "$dir" ] || exit 0
			sources=$(rootfs_sources "$1")
			[ -n "$sources" ] ||
				die "apt knows no Debian archive here (apt-get update was never run?)"
			say "building the $1 rootfs, once (about 40 s)"
			tmp=$(mktemp -d "$CACHE/.new-XXXXXX")
			on_exit "rm -rf --one-file-system '$tmp'"
			rootfs_make "$1" "$sources" "$tmp" 9>&-
			mv "$tmp/root" "$dir"
		) 9>"$CACHE/lock-$1" >&2
	fi
	echo "$dir"
}

rootfs_make() { # SUITE SOURCES TMP
	local include
	include=$(rootfs_packages "$1")
	# mmdebstrap does not read the outer apt.conf; a proxy or a tolerated wrong clock lives there.
	apt-config dump --no-empty | grep -E '^Acquire::(https?|ftp|Check|Retries|Force)' >"$3/apt.conf" ||
		true
	# shellcheck disable=SC2016
	if ! mmdebstrap --mode=root --variant=minbase --include="${include// /,}" \
		--aptopt="$3/apt.conf" --aptopt='APT::Install-Recommends "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--customize-hook='rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap"' \
		"$1" "$3/root" - <<<"$2" >"$3/log" 2>&1; then
		tail -n 40 "$3/log"
		die "mmdebstrap $1 failed"
	fi
	echo 'LANG=C.UTF-8' >"$3/root/etc/default/locale"
	# Empty, not absent: each clone gets an id of its own, and it is not a "first boot".
	: >"$3/root/etc/machine-id"
	# The build wrote this machine's. With none glibc asks 127.0.0.1, which refuses at once.
	: >"$3/root/etc/resolv.conf"
	rm -f "$3/root/etc/hostname" "$3/root/var/lib/dbus/machine-id"
	chmod 755 "$3/root"
	# As systemd-update-done would: else every clone rebuilds ldconfig's cache and the like at its boot.
	touch "$3/root/etc/.updated" "$3/root/var/.updated"
}

# ---- one host's disk ---------------------------------------------------------------------------

disk_create() { # DIR LOWER, one or more folders as an overlay's lowerdir wants them
	mkdir -p "$1/disk" "$1/root"
	# An overlay cannot be the upper layer of another: inside a container give it a tmpfs.
	if [ "$(stat -f -c %T "$1/disk")" = overlayfs ]; then
		mount -t tmpfs -o mode=755 devvm-host "$1/disk"
	fi
	mkdir "$1/disk/upper" "$1/disk/work"
	mount -t overlay -o "lowerdir=$2,upperdir=$1/disk/upper,workdir=$1/disk/work" \
		devvm-host "$1/root"
}

disk_remove() { # DIR
	local m
	for m in root disk; do
		while mountpoint -q "$1/$m" 2>/dev/null; do
			umount "$1/$m" 2>/dev/null || umount -l "$1/$m" || return 1
		done
	done
	rm -rf --one-file-system "$1" 2>/dev/null ||
		{ chattr -R -f -ia "$1/disk" && rm -rf --one-file-system "$1"; }
}

# ---- network: a bridge without a way out -------------------------------------------------------

# One for all hosts of the machine, whatever their state folder.
readonly LOCK=/run/devvm-host.lock NET_DIR=/run/devvm-host-net
readonly NET_PREFIX=${DEVVM_HOST_NET:-10.213} NET_BRIDGE=dvh0

locked() {
	(
		flock -w 30 9 || die "$LOCK is held by somebody else"
		# These are short, and half of one would be a leftover nobody knows of.
		trap '' INT TERM HUP
		"$@" 9>&-
	) 9>"$LOCK"
}

# Takes the lowest free number. A claim whose folder is gone (the machine was switched off with hosts up) is void.
net_claim() { # DIR
	local n
	mkdir -p "$NET_DIR"
	for ((n = 1; n < 60000; n++)); do
		if [ -e "$NET_DIR/$n" ]; then
			[ "$(cat "$(<"$NET_DIR/$n")/n" 2>/dev/null)" != "$n" ] || continue
		fi
		echo "$n" >"$1/n"
		echo "$1" >"$NET_DIR/$n"
		echo "$NET_PREFIX.$(((n + 1) / 256)).$(((n + 1) % 256))" >"$1/ip"
		return 0
	done
	die "no address left in $NET_PREFIX.0.0/16"
}

net_release() { # DIR
	local n
	n=$(cat "$1/n" 2>/dev/null) || return 0
	[ "$(cat "$NET_DIR/$n" 2>/dev/null)" = "$1" ] || return 0
	net_down "$n"
	rm -f "$NET_DIR/$n"
	if rmdir "$NET_DIR" 2>/dev/null; then
		ip link del "$NET_BRIDGE" 2>/dev/null || true
	fi
}

net_down() { # N
	ip netns del "dvh$1" 2>/dev/null || true
	ip link del "dvh$1" 2>/dev/null || true
}

# A fresh namespace at every boot: nftables rules and routes of the last one must not survive.
net_up() { # N IP
	net_down "$1"
	if ! ip link show "$NET_BRIDGE" >/dev/null 2>&1; then
		ip link add "$NET_BRIDGE" type bridge
		ip addr add "$NET_PREFIX.0.1/16" dev "$NET_BRIDGE"
	fi
	ip link set "$NET_BRIDGE" up
	ip netns add "dvh$1"
	ip link add "dvh$1" type veth peer name host0 netns "dvh$1"
	ip link set "dvh$1" master "$NET_BRIDGE" up
	# One address, one hardware address: the outer machine still remembers the host that had it before.
	ip -n "dvh$1" link set host0 address "$(printf '02:d0:00:00:%02x:%02x' $(($1 / 256)) $(($1 % 256)))"
	ip neigh flush to "$2" dev "$NET_BRIDGE" 2>/dev/null || true
	ip -n "dvh$1" link set lo up
	ip -n "dvh$1" addr add "$2/16" dev host0
	ip -n "dvh$1" link set host0 up
}

net_renew() { # DIR
	# Gone if the host was killed while it rebooted.
	[ -e "$1/pid" ] || return 1
	net_up "$(<"$1/n")" "$(<"$1/ip")"
}

# ---- the process tree --------------------------------------------------------------------------

# Runs a command with the unified hierarchy at /sys/fs/cgroup, whatever the outer machine has there.
with_cgroup2() {
	# shellcheck disable=SC2016
	unshare -m --propagation private \
		sh -c 'mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec "$@"' sh "$@"
}

# DIR/pid is a supervisor of ours, `host _supervise DIR`; its child is nspawn, whose child is PID 1.
machine_alive() { # DIR
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 1
	grep -qsz "^_supervise$" "/proc/$pid/cmdline"
}

# Without ps or pgrep, which read all of /proc: exec is called often, beside hundreds of sessions.
machine_child() { # PID COMM; prints its pid
	local pid comm children
	children=$(cat "/proc/$1/task/$1/children" 2>/dev/null) || return 0
	for pid in $children; do
		read -r comm 2>/dev/null <"/proc/$pid/comm" || continue
		[ "$comm" != "$2" ] || echo "$pid"
	done
}

machine_leader() { # DIR; prints the pid of its PID 1; fails while there is none
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 1
	pid=$(machine_child "$pid" systemd-nspawn)
	[ -n "$pid" ] || return 1
	pid=$(machine_child "$pid" systemd)
	[ -n "$pid" ] && echo "$pid"
}

machine_start() { # DIR
	local n c
	n=$(<"$1/n")
	# Made here, joined below, removed by machine_kill: so a start that an interrupt outran finds no
	# cgroup to join and ends.
	with_cgroup2 mkdir -p "/sys/fs/cgroup/dvh$n"
	if machine_is_v1 "$1"; then
		for c in memory pids cpu cpuacct devices systemd; do
			[ ! -d "/sys/fs/cgroup/$c" ] || mkdir -p "/sys/fs/cgroup/$c/dvh$n"
		done
	fi
	locked net_up "$n" "$(<"$1/ip")"
	setsid "$HERE/host" _supervise "$1" </dev/null >>"$1/console.log" 2>&1 &
	echo $! >"$1/pid"
	until machine_alive "$1" || ! kill -0 $! 2>/dev/null; do sleep 0.005; done
	disown
}

# Runs in the namespaces of its caller's making and becomes nspawn: $1 the cgroup, then `v1` or `v2`,
# then nspawn's arguments.
# shellcheck disable=SC2016
readonly MACHINE_ENTER='
	cg=$1 mode=$2
	shift 2
	if [ "$mode" = v1 ]; then
		for c in memory pids cpu cpuacct devices systemd; do
			[ ! -d "/sys/fs/cgroup/$c/$cg" ] || echo $$ >"/sys/fs/cgroup/$c/$cg/cgroup.procs"
		done
		mount -t cgroup2 cgroup2 /mnt
		echo $$ >"/mnt/$cg/cgroup.procs"
		umount /mnt
	else
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		echo $$ >"/sys/fs/cgroup/$cg/cgroup.procs"
	fi
	exec systemd-nspawn "$@"'

# PID 1 of a hybrid host until it becomes systemd: nspawn mounts the v1 controllers read-only.
# shellcheck disable=SC2016
readonly MACHINE_INIT_V1='
	for c in memory pids cpu cpuacct devices; do
		[ ! -d "/sys/fs/cgroup/$c" ] || mount -o remount,bind,rw "/sys/fs/cgroup/$c"
	done
	exec /lib/systemd/systemd systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0'

# Only where the outer machine has its controllers in v1: in v2 a host has what the outer machine has.
machine_is_v1() { # DIR
	[ -e "$1/hybrid" ] && [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]
}

# With --keep-unit nspawn answers a reboot by exiting with 133 and leaves starting again to others.
machine_supervise() { # DIR
	local n rc mode=v2
	local -a init=(--boot)
	n=$(<"$1/n")
	export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
	if machine_is_v1 "$1"; then
		mode=v1
		export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
		init=(--kill-signal=SIGRTMIN+3 --setenv=SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
			/bin/sh -c "$MACHINE_INIT_V1")
	fi
	[ ! -e /dev/fuse ] || init=(--bind=/dev/fuse "${init[@]}")
	while :; do
		rc=0
		unshare -m --propagation private bash -ec "$MACHINE_ENTER" bash "dvh$n" "$mode" \
			--directory="$1/root" --machine="${1##*/}" --register=no --keep-unit --quiet \
			--console=read-only --link-journal=no --resolv-conf=off --timezone=off \
			--network-namespace-path="/run/netns/dvh$n" \
			--capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON,CAP_IPC_LOCK,CAP_SYSLOG \
			--system-call-filter='@keyring bpf perf_event_open' "${init[@]}" || rc=$?
		[ "$rc" -eq 133 ] || return "$rc"
		locked net_renew "$1"
	done
}

# Inside, as root, with a clean environment; a reboot in progress is waited for.
machine_exec() { # DIR CMD…
	local dir=$1 leader tries=0
	shift
	until leader=$(machine_leader "$dir"); do
		if ! machine_alive "$dir" || ((tries++ >= 200)); then
			die "${dir##*/} is not running"
		fi
		sleep 0.05
	done
	nsenter -t "$leader" -a -r --wdns=/ -- /usr/bin/env -i --default-signal \
		HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM="${TERM:-dumb}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# "running" or "degraded" with sshd listening: ssh.service is Type=notify, so nobody has to probe the
# port (sshd 10 counts a connection without a login as an offence of its source).
machine_wait() { # DIR
	local state='' deadline=$((SECONDS + 60))
	while ((SECONDS < deadline)) && machine_alive "$1"; do
		if machine_leader "$1" >/dev/null; then
			state=$(machine_exec "$1" timeout 50 systemctl is-system-running --wait 2>/dev/null) || true
			case $state in
			running | degraded)
				machine_exec "$1" systemctl -q is-active ssh.service && return 0
				;;
			esac
		fi
		sleep 0.03
	done
	tail -n 30 "$1/console.log" >&2
	die "${1##*/} did not come up (state: ${state:-none})"
}

# Asks PID 1 to power off; what has not gone after 20 s is killed by machine_kill.
machine_stop() { # DIR
	local i
	machine_exec "$1" systemctl --no-block poweroff || true
	for ((i = 0; i < 400; i++)); do
		machine_alive "$1" || return 0
		sleep 0.05
	done
	say "${1##*/} did not power off within 20 s"
}

# Power loss. Safe on a host that never started, is half started, or is off.
machine_kill() { # DIR
	local n i
	n=$(cat "$1/n" 2>/dev/null) || return 0
	# shellcheck disable=SC2016
	with_cgroup2 bash -c '
		cd "/sys/fs/cgroup/$1" 2>/dev/null || exit 0
		for ((i = 0; i < 400; i++)); do
			echo 1 >cgroup.kill
			! grep -q "populated 1" cgroup.events || { sleep 0.02; continue; }
			cd /
			find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} + 2>/dev/null
			[ -d "/sys/fs/cgroup/$1" ] || exit 0
			cd "/sys/fs/cgroup/$1"
			sleep 0.02
		done
		exit 1' bash "dvh$n" || say "${1##*/}: its cgroup could not be removed"
	for ((i = 0; i < 100; i++)); do
		compgen -G "/sys/fs/cgroup/*/dvh$n" >/dev/null || break
		find /sys/fs/cgroup/*/"dvh$n" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.02
	done
	for ((i = 0; i < 400; i++)); do
		machine_alive "$1" || break
		sleep 0.005
	done
	rm -f "$1/pid"
	locked net_down "$n"
}
