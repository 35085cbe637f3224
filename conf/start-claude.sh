#!/bin/bash
# ~/start-claude.sh: claude, in ~/code if there is one. What you type after it goes to claude.
#
# devvm keeps this file up to date for as long as it is exactly as devvm wrote it. Change
# anything and it is yours: devvm does not touch it again.

# ~/.local/bin first, and once.
path=:$PATH:
while [[ $path == *":$HOME/.local/bin:"* ]]; do
	path=${path/":$HOME/.local/bin:"/:}
done
path=${path#:}
path=${path%:}
export PATH=$HOME/.local/bin${path:+:$path}
unset path

# The rest of a session whose claude is not there, or has crashed: a terminal stays open.
become_shell() { # STATUS
	local shell=${SHELL:-/bin/bash}

	[[ -t 0 ]] || exit "$1"
	[[ -x $shell ]] || shell=/bin/bash
	exec "$shell" -l
}

# The name of the tmux session for the claude session, where this claude has such an option and
# it makes sense: for a command (claude mcp ...), a session that is resumed or one that you name
# yourself it does not.
name_session() {
	local word

	name=()
	[[ -n ${TMUX-} ]] || return 0
	[[ $# = 0 || $1 == -* ]] || return 0
	for word; do
		case $word in
		-n | --name | --name=* | -c | --continue | -r | --resume | --resume=*) return 0 ;;
		-h | --help | -v | --version) return 0 ;;
		esac
	done
	word=$(tmux display-message -p '#S' 2>/dev/null) && [[ -n $word && $word != -* ]] || return 0
	if claude --help </dev/null 2>/dev/null | grep -q -- '--name <'; then
		name=(--name "$word")
	fi
}

cd -- "$HOME/code" 2>/dev/null || cd -- "$HOME" || cd / || exit

# What is still being prepared for you is shown, not done twice. Ctrl-C goes on.
if [[ -t 2 && -S /run/devvm/helper.sock ]] && type -P devvmctl >/dev/null; then
	devvmctl wait --progress </dev/null || :
fi

if ! type -P claude >/dev/null; then
	echo "claude is not there yet; \"devvmctl doctor\" says why. Here is a shell." >&2
	become_shell 127
fi

name_session "$@"
claude "${name[@]}" "$@"
status=$?
[[ $status = 0 ]] && exit 0
echo "claude ended with status $status. Here is a shell; ~/start-claude.sh starts it again." >&2
become_shell "$status"
