#!/bin/bash
# launcher.sh - conf/start-claude.sh with a claude, a tmux and a devvmctl of our own: PATH, where
# claude runs, what it is called with, and that a terminal stays open when it ends badly.
# One "ok" or "not ok" line a check, the count last.
#
# usage: tests/unit/launcher.sh   (from the top of the tree; no root, no network)
#
# What is in single quotes is for the programs that are made, or tested:
# shellcheck disable=SC2016
set -u

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
home=$scratch/home
bin=$scratch/bin
passed=0 failed=0

result() { # WHAT EXPECTED GOT
	if [[ $2 == "$3" ]]; then
		passed=$((passed + 1))
		echo "ok launcher: $1"
	else
		failed=$((failed + 1))
		echo "not ok launcher: $1"
		printf '  expected: %s\n  got:      %s\n' "$2" "$3"
	fi
}

program() { # NAME LINE…: in the bin folder, noting its call
	printf '%s\n' '#!/bin/bash' "${@:2}" >"$bin/$1"
	chmod 0755 "$bin/$1"
}

claude() { # EXIT-STATUS [HELP]: a claude in the home
	mkdir -p "$home/.local/bin"
	printf '%s\n' '#!/bin/bash' \
		"[[ \$* == --help ]] && { echo '${2-  -n, --name <name>  a name}'; exit 0; }" \
		'printf "claude:%s in %s with %s\n" "$(printf " <%s>" "$@")" "$PWD" "$PATH"' \
		"exit $1" >"$home/.local/bin/claude"
	chmod 0755 "$home/.local/bin/claude"
}

fresh() {
	rm -rf "$home" "$bin" "$scratch/socket"
	mkdir -p "$home" "$bin"
	sed "s|-S /run/devvm/helper.sock|-e $scratch/socket|" conf/start-claude.sh \
		>"$scratch/start-claude.sh"
	program shell 'echo "shell $*"'
	claude 0
}

environment=(TERM=dumb SHELL="$bin/shell" HOME="$home")

# What is said and the status, without and with a terminal.
run() { # [VARIABLE=VALUE…] -- [WORD…]
	local variables=()

	while [[ $1 != -- ]]; do
		variables+=("$1")
		shift
	done
	env -i PATH="$bin:/usr/bin:/bin" "${environment[@]}" "${variables[@]}" \
		/bin/bash "$scratch/start-claude.sh" "${@:2}" </dev/null 2>&1
	echo "status $?"
}
run_on_terminal() { # SHELL
	# script(1) takes SHELL for itself.
	printf '%s\n' "SHELL=$1 /bin/bash '$scratch/start-claude.sh'" 'echo "status $?"' \
		>"$scratch/session"
	env -i PATH="$bin:/usr/bin:/bin" "${environment[@]}" SHELL=/bin/sh script -qec \
		"/bin/bash '$scratch/session'" /dev/null </dev/null 2>&1 | tr -d '\r'
}
calls() { # what claude was called with
	sed -n 's/^claude: \(.*\) in .*/\1/p'
}

check_claude() {
	fresh
	result 'claude runs in the home, PATH first' \
		"claude: <> in $home with $home/.local/bin:$bin:/usr/bin:/bin
status 0" "$(run --)"
	mkdir "$home/code"
	result 'in ~/code where there is one' \
		"claude: <-p> <a b> in $home/code with $home/.local/bin:$bin:/usr/bin:/bin
status 0" "$(run -- -p 'a b')"
	result 'PATH holds ~/.local/bin once' \
		"claude: <> in $home/code with $home/.local/bin:/usr/bin:/bin
status 0" "$(run PATH="/usr/bin:$home/.local/bin:$home/.local/bin:/bin:$home/.local/bin" --)"
	rm -r "$home/code"
	: >"$home/code"
	result 'a file named code is no folder' "$home" \
		"$(run -- | sed -n 's/.* in \(.*\) with .*/\1/p')"
	result 'a home that is not there' / \
		"$(mv "$home" "$home.moved"; run HOME=/nonexistent PATH="$home.moved/.local/bin:/usr/bin" -- |
			sed -n 's/.* in \(.*\) with .*/\1/p')"
}

check_name() {
	fresh
	program tmux '[[ $1 == display-message ]] && echo "${NAME-work}"'
	result 'named after the tmux session' '<--name> <work>' "$(run TMUX=x -- | calls)"
	result 'before options' '<--name> <work> <--model> <m>' "$(run TMUX=x -- --model m | calls)"
	result 'a name with blanks' '<--name> <my work>' "$(run TMUX=x NAME='my work' -- | calls)"
	result 'not a name like an option' '<>' "$(run TMUX=x NAME=-x -- | calls)"
	result 'not for a command' '<mcp> <list>' "$(run TMUX=x -- mcp list | calls)"
	result 'not over your own' '<-n> <mine>' "$(run TMUX=x -- -n mine | calls)"
	result 'not for one that is resumed' '<--continue>' "$(run TMUX=x -- --continue | calls)"
	result 'not outside tmux' '<>' "$(run -- | calls)"
	claude 0 '  --model <m>'
	result 'not where claude has no such option' '<>' "$(run TMUX=x -- | calls)"
	claude 0
	program tmux 'exit 1'
	result 'not when tmux does not tell' '<>' "$(run TMUX=x -- | calls)"
}

check_end() {
	fresh
	claude 3
	result 'a crash without a terminal' "claude ended with status 3. Here is a shell; \
~/start-claude.sh starts it again.
status 3" "$(run -- | grep -v ^claude:)"
	result 'a crash on a terminal leaves a login shell' "claude ended with status 3. Here is a \
shell; ~/start-claude.sh starts it again.
shell -l
status 0" "$(run_on_terminal "$bin/shell" | grep -v ^claude:)"
	claude 0
	result 'a good end on a terminal ends' 'status 0' "$(run_on_terminal "$bin/shell" | grep -v ^claude:)"
	rm "$home/.local/bin/claude"
	result 'no claude' 'claude is not there yet; "devvmctl doctor" says why. Here is a shell.
shell -l
status 0' "$(run_on_terminal "$bin/shell")"
	result 'no claude, no terminal' 'claude is not there yet; "devvmctl doctor" says why. Here is a shell.
status 127' "$(run --)"
	claude 3
	echo 'echo "bash instead"; exit' >"$home/.bash_profile"
	result 'a shell that is not there' 'bash instead' \
		"$(run_on_terminal /nonexistent | grep '^bash')"
}

check_wait() {
	fresh
	program devvmctl 'echo "devvmctl $*"; exit 1'
	: >"$scratch/socket"
	result 'waits for what is being prepared' 'devvmctl wait --progress' \
		"$(run_on_terminal "$bin/shell" | head -1)"
	result 'but not without a terminal' 'claude:' "$(run -- | head -1 | cut -d' ' -f1)"
	# Before it waits for us, bash would be ended by it.
	program devvmctl 'while [ "$(cut -d" " -f3 /proc/$PPID/stat)" != S ]; do sleep 0.01; done; kill -INT $PPID; sleep 0.05; exit 0'
	result 'Ctrl-C goes on' 'claude:' "$(run_on_terminal "$bin/shell" | head -1 | cut -d' ' -f1)"
	rm "$scratch/socket"
	program devvmctl 'echo "devvmctl $*"'
	result 'nor without a helper' 'claude:' "$(run_on_terminal "$bin/shell" | head -1 | cut -d' ' -f1)"
}

# From a ticket through a login shell and the launcher to the shells of a tmux: the four places
# that write PATH, one after another.
check_path() {
	local shells='' shell word

	fresh
	cp conf/skel/.zshrc "$home/"
	[[ -e /etc/skel/.bashrc ]] && cp /etc/skel/.bashrc /etc/skel/.profile "$home/"
	for shell in 'bash -i' 'bash -il' 'zsh -i' 'zsh -il'; do
		command -v "${shell% *}" >/dev/null || continue
		for word in "$home/.local/bin:/usr/local/bin:/usr/bin:/bin" /usr/bin:/bin \
			"/usr/bin:$home/.local/bin:/bin"; do
			shells=$(env -i PATH="$word" HOME="$home" TERM=dumb EUID=1000 /bin/bash -c "
				. ./conf/profile.d/devvm.sh
				[[ -e ~/.profile ]] && . ~/.profile
				sed 's|^claude .*|$shell -c \"echo path=\\\\\$PATH\"|' conf/start-claude.sh \
					>'$scratch/path.sh'
				/bin/bash '$scratch/path.sh'" 2>/dev/null </dev/null |
				sed -n 's/^path=//p' | tr : '\n' | grep -cx "$home/.local/bin")
			result "once in $shell after $word" 1 "$shells"
		done
	done
}

check_claude
check_name
check_end
check_wait
check_path

echo "$passed passed, $failed failed"
[[ $failed = 0 ]]
