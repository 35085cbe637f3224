# shellcheck shell=sh
# devvm: ~/.local/bin first on PATH, and the bar while a home is being prepared.
#
# Read by the login shells of everybody, whatever they are and however they are set, so:
# nothing but POSIX, no variable or function of our own, no command that could end a shell
# under `set -eu`, and always an exit status of 0. Root's PATH is left alone.

case ${HOME-} in
/ | *:*) ;; # no home of its own; no way to write it in PATH
/*)
	# shellcheck disable=SC3028 # where a shell has no EUID, id(1) tells
	if [ "${EUID:-$(id -u 2>/dev/null || :)}" != 0 ]; then
		# Take it out wherever it stands, and empty elements (they mean ".") too.
		PATH=:${PATH-}:
		while case $PATH in *":${HOME%/}/.local/bin:"*) ;; *) false ;; esac do
			PATH=${PATH%%":${HOME%/}/.local/bin:"*}:${PATH#*":${HOME%/}/.local/bin:"}
		done
		while case $PATH in *::*) ;; *) false ;; esac do
			PATH=${PATH%%::*}:${PATH#*::}
		done
		PATH=${PATH#:}
		PATH=${PATH%:}
		# Debian's ~/.profile comes after us and puts it in front without looking: twice
		# would be once too much.
		if [ ! -d "$HOME/.local/bin" ] || [ -e "$HOME/.bash_profile" ] ||
			[ -e "$HOME/.bash_login" ] ||
			! grep -qs '^[^#]*PATH=.*/\.local/bin' "$HOME/.profile"; then
			PATH=${HOME%/}/.local/bin${PATH:+:$PATH}
		fi
		export PATH
	fi
	;;
esac

case $- in
*i*)
	if [ -t 2 ] && [ -S /run/devvm/helper.sock ] && command -v devvmctl >/dev/null 2>&1; then
		devvmctl wait --progress </dev/null || :
	fi
	;;
esac
:
