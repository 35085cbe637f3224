#!/bin/sh
# profile_d.sh - conf/profile.d/devvm.sh under every shell there is: PATH, what is left
# behind, and when the bar is asked for. One "ok" or "not ok" line a check, the count last.
#
# usage: tests/unit/profile_d.sh   (from the top of the tree; no root, no network)
#
# What is in single quotes is for the shell that is tested, and $shell is a few words:
# shellcheck disable=SC2016,SC2086

if [ "${1-}" != --as-person ]; then
	scratch=$(mktemp -d) || exit 1
	trap 'rm -rf "$scratch"' EXIT
	cp conf/profile.d/devvm.sh "$0" "$scratch/" || exit 1
	set -- sh "$scratch/${0##*/}" --as-person "$scratch"
	# zsh knows its uid better than its environment does, and root's PATH is left alone.
	if [ "$(id -u)" = 0 ]; then
		chown -R 65534:65534 "$scratch"
		set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	fi
	"$@"
	exit
fi

scratch=$2
profile=$scratch/devvm.sh
passed=0 failed=0
cd "$scratch" || exit 1

result() { # WHAT EXPECTED GOT
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
		echo "ok $shell: $1"
	else
		failed=$((failed + 1))
		echo "not ok $shell: $1"
		printf '  expected: %s\n  got:      %s\n' "$2" "$3"
	fi
}

run() { # HOME PATH SCRIPT: in the shell, with nothing else in the environment
	env -i HOME="$1" PATH="$2" EUID="$euid" PROFILE="$profile" \
		$shell -c "${prelude}$3" 2>&1
}

path() { # WHAT HOME PATH EXPECTED
	result "$1" "$4" "$(run "$2" "$3" '. "$PROFILE"; /usr/bin/printf %s "$PATH"')"
}

check_path() {
	x=/home/x/.local/bin
	path 'put first' /home/x /usr/bin:/bin "$x:/usr/bin:/bin"
	path 'first already' /home/x "$x:/usr/bin" "$x:/usr/bin"
	path 'moved from the middle' /home/x "/usr/bin:$x:/bin" "$x:/usr/bin:/bin"
	path 'moved from the end' /home/x "/usr/bin:$x" "$x:/usr/bin"
	path 'there four times' /home/x "$x:$x:/bin:$x:$x" "$x:/bin"
	path 'the only one' /home/x "$x" "$x"
	case $shell in
	*zsh*) ;; # takes a default for it
	*) path 'empty PATH' /home/x '' "$x" ;;
	esac
	path 'empty elements' /home/x ':/usr/bin::/bin:::' "$x:/usr/bin:/bin"
	path 'nothing but empty elements' /home/x ::: "$x"
	path 'similar names stay' /home/x "${x}2:/y$x:$x/z" "$x:${x}2:/y$x:$x/z"
	path 'home with a slash at its end' /home/x/ "/bin:$x" "$x:/bin"
	path 'home with blanks and stars' '/home/a *[b]' '/bin:/home/a c/.local/bin' \
		'/home/a *[b]/.local/bin:/bin:/home/a c/.local/bin'
	path 'home is /' / /usr/bin:/bin /usr/bin:/bin
	path 'home has a colon' /home/a:b /usr/bin:/bin /usr/bin:/bin
	path 'home is relative' x /usr/bin:/bin /usr/bin:/bin
	path 'home is empty' '' /usr/bin:/bin /usr/bin:/bin
	result 'HOME not set' /usr/bin:/bin \
		"$(run / /usr/bin:/bin 'unset HOME; . "$PROFILE"; echo "$PATH"')"
	result 'PATH not set' "$x" \
		"$(run /home/x /bin 'unset PATH; . "$PROFILE"; /usr/bin/printf %s "$PATH"')"
	result 'exported' "$x:/usr/bin:/bin" \
		"$(run /home/x /usr/bin:/bin '. "$PROFILE"; env' | sed -n 's/^PATH=//p')"
	result 'read twice' "$x:/usr/bin:/bin" \
		"$(run /home/x /usr/bin:/bin '. "$PROFILE"; . "$PROFILE"; echo "$PATH"')"
	# Debian's ~/.profile puts it in front by itself, later than we are read.
	mkdir -p "$scratch/debian/.local/bin"
	echo 'PATH="$HOME/.local/bin:$PATH"' >"$scratch/debian/.profile"
	path "left to the person's own .profile" "$scratch/debian" /usr/bin:/bin /usr/bin:/bin
	result 'and so it is there once' "$scratch/debian/.local/bin:/usr/bin:/bin" \
		"$(run "$scratch/debian" "$scratch/debian/.local/bin:/usr/bin:/bin" \
			'. "$PROFILE"; . "$HOME/.profile"; echo "$PATH"')"
	echo '# PATH=$HOME/.local/bin' >"$scratch/debian/.profile"
	path 'a comment there puts nothing' "$scratch/debian" /usr/bin:/bin \
		"$scratch/debian/.local/bin:/usr/bin:/bin"
	euid=0
	case $shell in
	*zsh*) ;; # knows better
	*) path 'root is left alone' /root ":/bin:" ":/bin:" ;;
	esac
	euid=1000
}

check_manners() {
	x=/home/x/.local/bin
	result 'under set -eu' "0 $x:/usr/bin:/bin" \
		"$(run /home/x /usr/bin:/bin 'set -eu; . "$PROFILE"; echo "$? $PATH"')"
	result 'under set -eu without HOME and PATH' 0 \
		"$(run / /bin 'set -eu; unset HOME PATH; . "$PROFILE"; echo "$?"')"
	result 'with a strange IFS' "$x:/usr/bin:/bin" \
		"$(run /home/x /usr/bin:/bin 'IFS=:/.0; . "$PROFILE"; printf %s "$PATH"')"
	result 'IFS is kept' ':/.0' \
		"$(run /home/x /usr/bin:/bin 'IFS=:/.0; . "$PROFILE"; printf %s "$IFS"')"
	result 'with set -f and noclobber' "$x:/usr/bin:/bin" \
		"$(run /home/x /usr/bin:/bin 'set -f -C; . "$PROFILE"; echo "$PATH"')"
	result 'status is 0 after a failure' 0 \
		"$(run /home/x /usr/bin:/bin 'false; . "$PROFILE"; echo "$?"')"
	result 'positional parameters are kept' 'a|b c' \
		"$(run /home/x /usr/bin:/bin 'set -- a "b c"; . "$PROFILE"; echo "$1|$2"')"
	# The names of all variables and functions, before and after.
	result 'leaves nothing behind' '' "$(run /home/x /usr/bin:/bin '
		names() { set | sed -n "s/^\([A-Za-z_][A-Za-z_0-9]*\)\(=\| *()\).*/\1/p" | sort; }
		list=; list=$(names); list=$(names)
		. "$PROFILE"
		after=; after=$(names)
		# _ and KSH_MATCH are set by shells themselves.
		for name in $(echo "$after"); do
			case "
$list
" in *"
$name
"*) ;; *) [ "$name" = after ] || [ "$name" = name ] ||
				[ "$name" = _ ] || [ "$name" = KSH_MATCH ] || echo "$name" ;; esac
		done')"
}

# A terminal from script(1), a socket that is there, a devvmctl that notes how it is called.
bar() { # FLAGS REDIRECTION: how often and how devvmctl was called, and the status
	rm -f "$scratch/called"
	printf '%s\n' ". '$scratch/bar.sh' $2" "echo \"status=\$?\" >'$scratch/status'" \
		>"$scratch/session"
	# Interactive shells read a file named ENV or BASH_ENV or none: feed the lines.
	env -i HOME="$scratch" PATH="$scratch/bin:/usr/bin:/bin" EUID="$euid" TERM=dumb \
		SHELL=/bin/sh script -qec "$shell $1 '$scratch/session'" /dev/null \
		>/dev/null 2>&1 </dev/null
	cat "$scratch/called" "$scratch/status" 2>/dev/null | tr '\n' ' '
	rm -f "$scratch/status"
}

check_bar() {
	mkdir -p "$scratch/bin"
	printf '#!/bin/sh\necho "$*" >>"%s/called"\nexit 1\n' "$scratch" >"$scratch/bin/devvmctl"
	chmod +x "$scratch/bin/devvmctl"
	sed "s|-S /run/devvm/helper.sock|-e $scratch/socket|" "$profile" >"$scratch/bar.sh"
	: >"$scratch/socket"
	result 'bar in an interactive shell' 'wait --progress status=0 ' "$(bar -i '')"
	result 'bar that fails under set -eu' 'wait --progress status=0 ' "$(bar '-i -eu' '')"
	result 'no bar in a script' 'status=0 ' "$(bar '' '')"
	result 'no bar without a terminal' 'status=0 ' "$(bar -i '2>/dev/null')"
	rm "$scratch/socket"
	result 'no bar without a helper' 'status=0 ' "$(bar -i '')"
	: >"$scratch/socket"
	rm "$scratch/bin/devvmctl"
	result 'no bar without devvmctl' 'status=0 ' "$(bar -i '')"
	rm -f "$scratch/socket"
}

euid=1000
for shell in dash bash 'bash --posix' 'busybox sh' mksh ksh zsh 'zsh --emulate sh'; do
	program=$(command -v "${shell%% *}") || continue
	words=${shell#"${shell%% *}"}
	shell=$program$words
	prelude=
	check_path
	check_manners
	check_bar
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
