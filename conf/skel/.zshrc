# ~/.zshrc: read by every interactive zsh. This file is yours: devvm put it into a new home
# once and does not touch it again.

# zsh does not read /etc/profile.d on Debian, so this stands here: ~/.local/bin first, once.
typeset -U path
path=(~/.local/bin $path)
export PATH

# While your home is still being prepared, a login shows how far it is. Ctrl-C goes on.
if [[ -o login && -t 2 && -S /run/devvm/helper.sock ]] && (( $+commands[devvmctl] )); then
	devvmctl wait --progress </dev/null || :
fi

# History: kept, shared between shells, no line twice in a row, none that starts with a space.
HISTFILE=~/.zsh_history
HISTSIZE=10000
SAVEHIST=10000
setopt share_history hist_ignore_dups hist_ignore_space

# Keys as in bash (use "bindkey -v" for those of vi), and completion.
bindkey -e
autoload -Uz compinit
compinit -i
zstyle ':completion:*' menu select
zstyle ':completion:*' matcher-list '' 'm:{a-z}={A-Z}'

# user@host:folder% and, in red, the exit status of what failed.
PROMPT='%n@%m:%F{blue}%~%f%(?..%F{red} %?%f)%# '

# Colours for ls and grep, where they are GNU's.
if (( $+commands[dircolors] )); then
	eval "$(dircolors -b)"
	alias ls='ls --color=auto' grep='grep --color=auto'
	zstyle ':completion:*' list-colors ${(s.:.)LS_COLORS}
fi
