# shellcheck shell=bash
# The real programs people use, as three more lower layers of a host: `up --with-programs`.
#
#   SUITE-…-programs   what Debian packages on top of that suite's base: chromium, fonts, python3, curl, rclone, nginx;
#                      on trixie ttyd, too
#   registry-…         below /srv/verdaccio a real npm registry, for both suites: a case that publishes says
#                      `registry_up` (case.sh)
#   artifacts-…        what npm packages, one for both suites: below /opt/devvm/node the real node with
#                      npm beside it, below /srv/artifacts the real claude and a registry of files
#
# Made once with the outer machine's network, its apt and its npm, each as it is configured there; so
# nothing about mirrors, registries, proxies or certificates is written down here. The host has no way
# out: its npm asks http://127.0.0.1:4873, which serves /srv/artifacts/registry once a case says
# `artifacts_up` (case.sh).

# Bump when programs_make or artifacts_make changes what it makes.
readonly PROGRAMS_RECIPE=3 ARTIFACTS_RECIPE=1 REGISTRY_RECIPE=1
readonly PROGRAMS_PACKAGES="chromium chromium-sandbox fonts-liberation python3 curl e2fsprogs nginx-light rclone"
# Debian's own node is older than t3 takes (22.16) in both suites.
readonly NODE_VERSION=22.23.3 NPM_VERSION=10.9.9 CLAUDE_VERSION=2.1.330 PLAYWRIGHT_VERSION=0.0.76
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
		"$NODE_VERSION $NPM_VERSION $CLAUDE_VERSION $PLAYWRIGHT_VERSION")
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

# The outer apt works on the inner root, as it did for the base.
programs_make() { # BASE SUITE TMP
	local root=$3/root disk=$3/disk tmp=$3
	mkdir "$root" "$disk"
	# An overlay cannot be the upper layer of another.
	if [ "$(stat -f -c %T "$disk")" = overlayfs ]; then
		mount -t tmpfs devvm-host "$disk"
	fi
	mkdir "$disk/upper" "$disk/work"
	mount -t overlay -o "lowerdir=$1,upperdir=$disk/upper,workdir=$disk/work" devvm-host "$root"
	mount -t proc proc "$root/proc"
	cat >"$tmp/apt.conf" <<-END
		APT::Architecture "$(dpkg --print-architecture)";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Dir "$root";
		DPkg::Chroot-Directory "$root";
		DPkg::Options:: "--path-exclude=/usr/share/doc/*";
		DPkg::Options:: "--path-exclude=/usr/share/man/*";
		DPkg::Options:: "--path-exclude=/usr/share/locale/*";
	END
	apt-config dump --no-empty | grep -E '^Acquire::(https?|ftp|Check|Retries|Force)' >>"$tmp/apt.conf" ||
		true
	export APT_CONFIG=$tmp/apt.conf DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
	apt-get -q update
	# shellcheck disable=SC2086
	apt-get -q -y install $PROGRAMS_PACKAGES
	# A case that wants it starts it; the others need not have it at their boot.
	rm -f "$root/etc/systemd/system/multi-user.target.wants/nginx.service"
	[ "$2" != trixie ] || programs_add_ttyd "$root"
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

# Debian has it in sid only, and that package is content with what trixie has (not with bookworm's).
programs_add_ttyd() { # ROOT
	local list=$1/etc/apt/sources.list.d/sid.list
	(unset APT_CONFIG && rootfs_sources sid) | grep -v ' sid-' >"$list"
	# A clock that is ahead of the archive is no reason to stop here.
	apt-get -q -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3 update
	apt-get -q -y -o Acquire::Retries=3 -t trixie install ttyd
	rm "$list"
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
	npm_pack "$pack" "playwright@$version" "playwright-core@$version"

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
