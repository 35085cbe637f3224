# shellcheck shell=bash
# The real programs people use, as three more lower layers of a host: `up --with-programs`.
#
#   SUITE-…-programs   what Debian packages on top of that suite's base: chromium, fonts, python3, curl, rclone, nginx,
#                      ttyd
#   registry-…         below /srv/verdaccio a real npm registry, for both suites: a case that publishes says
#                      `registry_up` (case.sh)
#   artifacts-…        what npm packages, one for both suites: below /opt/devvm/node the real node with
#                      npm beside it, below /srv/artifacts the real claude, a registry of files, and axe,
#                      which judges whether a page is accessible
#
# Made once with the outer machine's network, its apt and its npm, each as it is configured there; so
# nothing about mirrors, registries, proxies or certificates is written down here. The host has no way
# out: its npm asks http://127.0.0.1:4873, which serves /srv/artifacts/registry once a case says
# `artifacts_up` (case.sh).

# Bump when programs_make or artifacts_make changes what it makes.
readonly PROGRAMS_RECIPE=5 ARTIFACTS_RECIPE=1 REGISTRY_RECIPE=1
readonly PROGRAMS_PACKAGES="chromium chromium-sandbox fonts-liberation python3 curl e2fsprogs nginx-light rclone"
readonly TTYD_BUILD="build-essential cmake libcap-dev libjson-c-dev libssl-dev libuv1-dev libwebsockets-dev zlib1g-dev"
readonly TTYD_LIBRARIES="libcap2 libjson-c5 libuv1 libwebsockets17 zlib1g"
# Debian's own node is older than t3 takes (22.16) in both suites.
readonly NODE_VERSION=22.23.3 NPM_VERSION=10.9.9 CLAUDE_VERSION=2.1.330 PLAYWRIGHT_VERSION=0.0.76 AXE_VERSION=4.10.3
readonly VERDACCIO_VERSION=6.10.4

node_arch() {
	case $(dpkg --print-architecture) in
	amd64) echo x64 ;;
	arm64) echo arm64 ;;
	*) die "claude and node are packaged for amd64 and arm64" ;;
	esac
}

layer_dir() { # NAME RECIPE…; prints the folder
	local hash
	hash=$(echo "${*:2}" | sha256sum)
	echo "$CACHE/$1-${hash:0:12}"
}

# Prints the layers between a host's disk and its base, as an overlay's lowerdir wants them.
programs_build() { # SUITE BASE
	local artifacts programs registry
	artifacts=$(layer_dir artifacts "$ARTIFACTS_RECIPE" "$(node_arch)" \
		"$NODE_VERSION $NPM_VERSION $CLAUDE_VERSION $PLAYWRIGHT_VERSION $AXE_VERSION")
	programs=$(layer_dir "$1-programs" "$PROGRAMS_RECIPE" "${2##*/}" "$PROGRAMS_PACKAGES")
	registry=$(layer_dir registry "$REGISTRY_RECIPE" "$VERDACCIO_VERSION")
	layer_build "$registry" "the npm registry of the hosts, once (about 15 s)" registry_make
	layer_build "$artifacts" "what npm packages for the hosts, once (about 30 s)" artifacts_make
	layer_build "$programs" "the $1 layer of programs, once (about 30 s)" programs_make "$2" "$1"
	echo "$registry:$artifacts:$programs"
}

# MAKE ARGUMENT… TMP fills TMP/layer. It runs in a mount namespace of its own: what it mounts goes away
# with it, however it ends.
layer_build() { # DIR WHAT MAKE [ARGUMENT…]
	local dir=$1 what=$2 tmp
	shift 2
	[ ! -d "$dir" ] || return 0
	mkdir -p "$CACHE"
	(
		flock 9
		[ ! -d "$dir" ] || exit 0
		say "building $what"
		tmp=$(mktemp -d "$CACHE/.new-XXXXXX")
		on_exit "rm -rf --one-file-system '$tmp'"
		unshare -m --propagation private "$HERE/host" "_$1" "${@:2}" "$tmp" 9>&- >"$tmp/log" 2>&1 || {
			tail -n 40 "$tmp/log"
			die "building $what failed"
		}
		chmod 755 "$tmp/layer"
		mv "$tmp/layer" "$dir"
	) 9>"$CACHE/lock-layers" >&2
}

# The outer apt works on an inner root: APT_CONFIG says which. $2 is a folder for its files.
programs_apt() { # ROOT TMP
	cat >"$2/apt.conf" <<-END
		APT::Architecture "$(dpkg --print-architecture)";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Dir "$1";
		DPkg::Chroot-Directory "$1";
		DPkg::Options:: "--path-exclude=/usr/share/doc/*";
		DPkg::Options:: "--path-exclude=/usr/share/man/*";
		DPkg::Options:: "--path-exclude=/usr/share/locale/*";
	END
	(unset APT_CONFIG && apt-config dump --no-empty) |
		grep -E '^Acquire::(https?|ftp|Check|Retries|Force)' >>"$2/apt.conf" || true
	export APT_CONFIG=$2/apt.conf DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
	apt-get -q update
}

# An overlay on BASE at TMP/root, its upper half at TMP/disk/upper.
programs_mount() { # BASE TMP
	mkdir -p "$2/root" "$2/disk"
	# An overlay cannot be the upper layer of another.
	if [ "$(stat -f -c %T "$2/disk")" = overlayfs ]; then
		mount -t tmpfs devvm-host "$2/disk"
	fi
	mkdir "$2/disk/upper" "$2/disk/work"
	mount -t overlay -o "lowerdir=$1,upperdir=$2/disk/upper,workdir=$2/disk/work" devvm-host "$2/root"
	mount -t proc proc "$2/root/proc"
}

programs_make() { # BASE SUITE TMP
	local root=$3/root disk=$3/disk tmp=$3
	programs_mount "$1" "$tmp"
	[ "$2" != bookworm ] || programs_build_ttyd "$1" "$tmp/build"
	programs_apt "$root" "$tmp"
	# shellcheck disable=SC2086
	apt-get -q -y install $PROGRAMS_PACKAGES
	# A case that wants it starts it; the others need not have it at their boot.
	rm -f "$root/etc/systemd/system/multi-user.target.wants/nginx.service"
	case $2 in
	bookworm)
		# shellcheck disable=SC2086
		apt-get -q -y install $TTYD_LIBRARIES
		install -m 755 "$tmp/build/ttyd" "$root/usr/bin/ttyd"
		install -m 644 "$tmp/build/libwebsockets-evlib_uv.so" "$root/usr/lib/$(dpkg-architecture -q DEB_HOST_MULTIARCH)/"
		;;
	*) programs_add_ttyd "$root" ;;
	esac
	find "$root/var/lib/apt/lists" "$root/var/cache/apt" -type f -delete
	umount "$root/proc" "$root"
	if mountpoint -q "$disk"; then
		# What the packages took away of the base: an overlay does not let its own marks be copied.
		find "$disk/upper" -type c -delete
		cp -a --no-preserve=context "$disk/upper" "$tmp/layer"
	else
		mv "$disk/upper" "$tmp/layer"
	fi
	touch "$tmp/layer/etc/.updated" "$tmp/layer/var/.updated"
}

# Debian has ttyd in sid only. That package is content with what trixie has; for bookworm its source is built.
programs_sid() { # ROOT TYPE
	(unset APT_CONFIG && rootfs_sources sid) | grep -v ' sid-' | sed "s/^deb /$2 /" \
		>"$1/etc/apt/sources.list.d/sid.list"
	# A clock that is ahead of the archive is no reason to stop here.
	apt-get -q -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 update
}

programs_add_ttyd() { # ROOT
	programs_sid "$1" deb
	apt-get -q -y -o Acquire::Retries=3 -t trixie install ttyd
	rm "$1/etc/apt/sources.list.d/sid.list"
}

# Leaves TMP/ttyd. What it is built with is in a root of its own, which goes away.
programs_build_ttyd() { # BASE TMP
	local root=$2/root
	mkdir "$2"
	programs_mount "$1" "$2"
	programs_apt "$root" "$2"
	# shellcheck disable=SC2086
	apt-get -q -y install $TTYD_BUILD
	programs_sid "$root" deb-src
	mkdir "$root/ttyd"
	(cd "$root/ttyd" && apt-get -q -o Acquire::Retries=3 source --tar-only ttyd)
	chroot "$root" sh -ec 'cd /ttyd; tar -xf ttyd_*.orig.tar.*; cd ttyd-*
		cmake -B build -DCMAKE_BUILD_TYPE=Release; make -C build -j2; build/ttyd --version'
	cp "$root"/ttyd/ttyd-*/build/ttyd "$2/ttyd"
	# Opened by name when it starts; bookworm has it among the files for building.
	cp "$root"/usr/lib/*/libwebsockets-evlib_uv.so "$2/"
	umount "$root/proc" "$root"
	! mountpoint -q "$2/disk" || umount "$2/disk"
}

artifacts_make() { # TMP
	local layer=$1/layer pack=$1/pack arch node srv version name
	local -a packages=()
	arch=$(node_arch)
	node=$layer/opt/devvm/node/versions/$NODE_VERSION
	srv=$layer/srv/artifacts
	need npm python3
	mkdir -p "$pack" "$node/lib/node_modules" "$node/bin" "$srv/registry" "$layer/etc"
	npm_pack "$pack" "node-linux-$arch@$NODE_VERSION" "npm@$NPM_VERSION" \
		"@anthropic-ai/claude-code-linux-$arch@$CLAUDE_VERSION" "@playwright/mcp@$PLAYWRIGHT_VERSION"
	version=$(tar -xzOf "$pack/playwright-mcp-$PLAYWRIGHT_VERSION.tgz" package/package.json |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["dependencies"]["playwright"])')
	npm_pack "$pack" "playwright@$version" "playwright-core@$version" "axe-core@$AXE_VERSION"

	tar -xzf "$pack/node-linux-$arch-$NODE_VERSION.tgz" -C "$node" --strip-components=1
	mkdir "$node/lib/node_modules/npm"
	tar -xzf "$pack/npm-$NPM_VERSION.tgz" -C "$node/lib/node_modules/npm" --strip-components=1
	ln -s ../lib/node_modules/npm/bin/npm-cli.js "$node/bin/npm"
	ln -s ../lib/node_modules/npm/bin/npx-cli.js "$node/bin/npx"
	chmod 755 "$node"/lib/node_modules/npm/bin/*-cli.js
	# As Debian's npm does: the machine's settings are in /etc, not beside each version of node.
	echo 'globalconfig = /etc/npmrc' >"$node/lib/node_modules/npm/npmrc"
	ln -s "versions/$NODE_VERSION" "$layer/opt/devvm/node/current"
	printf '%s\n' 'registry = http://127.0.0.1:4873/' 'audit = false' 'fund = false' \
		'update-notifier = false' >"$layer/etc/npmrc"

	tar -xzf "$pack/anthropic-ai-claude-code-linux-$arch-$CLAUDE_VERSION.tgz" -C "$srv" \
		--strip-components=1 package/claude
	(cd "$srv" && sha256sum claude >claude.sha256)
	tar -xzf "$pack/axe-core-$AXE_VERSION.tgz" -C "$srv" --strip-components=1 package/axe.min.js
	echo "$CLAUDE_VERSION" >"$srv/claude.version"
	for name in playwright-core playwright playwright-mcp; do
		mkdir "$pack/$name"
		tar -xzf "$pack/$name-"[0-9]*.tgz -C "$pack/$name" --strip-components=1
		packages+=("$pack/$name")
	done
	python3 "$HERE/../standin/registry/make" "$srv/registry" http://127.0.0.1:4873 "${packages[@]}"
	ln -s ../claude "$srv/registry/claude"
	chown -R 0:0 "$layer"
	chmod -R u=rwX,go=rX "$layer"
}

# JavaScript alone: what would build native parts is optional there. `node-fetch` is asked for by a tag that
# not every registry has; the version is what that tag names.
registry_make() { # TMP
	local srv=$1/layer/srv/verdaccio
	need npm
	mkdir -p "$srv"
	cat >"$srv/package.json" <<-END
		{"private": true, "dependencies": {"verdaccio": "$VERDACCIO_VERSION"},
		 "overrides": {"node-fetch": "2.7.0"}}
	END
	npm install --silent --no-audit --no-fund --omit=dev --omit=optional --ignore-scripts \
		--cache "$1/.npm" --prefix "$srv"
	[ -e "$srv/node_modules/verdaccio/bin/verdaccio" ] || die "npm installed no verdaccio"
	chown -R 0:0 "$1/layer"
	chmod -R u=rwX,go=rX "$1/layer"
}

# npm compares each with the registry's integrity hash. Nothing lands in this machine's own cache.
npm_pack() { # FOLDER PACKAGE…
	npm pack --silent --cache "$1/.npm" --pack-destination "$1" "${@:2}"
	rm -rf "$1/.npm"
}
