#!/bin/sh
# setup.sh ENVIRONMENT REQUIREMENTS
# Makes the virtual environment hold exactly what the locked file names, on Python 3.13.
# Runs before there is any Python of ours, hence a shell script, in plain POSIX sh.
set -eu
environment=$1
requirements=$2
tools=.venv # where uv is kept once it is there

say() { printf '%s\n' "$*" >&2; }

is_313() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null; }

# Prints the path of an interpreter: uv's or pyenv's if they have one, else the one on PATH.
find_python() {
	if command -v uv >/dev/null 2>&1; then
		found=$(uv python find --no-project 3.13 2>/dev/null) && is_313 "$found" && echo "$found" && return
	fi
	if command -v pyenv >/dev/null 2>&1; then
		found=$(PYENV_VERSION=$(pyenv latest 3.13 2>/dev/null) pyenv which python3.13 2>/dev/null) &&
			is_313 "$found" && echo "$found" && return
	fi
	for name in python3.13 python3; do
		found=$(command -v "$name" 2>/dev/null) && is_313 "$found" && echo "$found" && return
	done
	if command -v uv >/dev/null 2>&1; then
		uv python install 3.13 >&2 && uv python find --no-project 3.13 && return
	fi
	return 1
}

# Prints the path of uv. The first time, pip installs it, from the same locked file and hashes.
find_uv() {
	if [ -x "$tools/bin/uv" ]; then echo "$tools/bin/uv" && return; fi
	if command -v uv; then return; fi
	say "setup: installing uv into $tools"
	make_environment "$tools"
	awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' build/requirements/dev.txt >"$tools/uv.txt"
	"$tools/bin/python" -m pip --disable-pip-version-check install --quiet --require-hashes --no-deps \
		--requirement "$tools/uv.txt" >&2
	echo "$tools/bin/uv"
}

# make_environment FOLDER [OPTION OF venv]
make_environment() {
	if [ -x "$1/bin/python" ] && is_313 "$1/bin/python"; then return; fi
	rm -rf "$1"
	mkdir -p "$(dirname "$1")"
	"$python" -m venv ${2:+"$2"} "$1" || {
		say "setup: $python cannot make virtual environments; on Debian and Ubuntu: apt install python3.13-venv"
		exit 1
	}
}

python=$(find_python) || {
	say "setup: Python 3.13 was not found. Install it with one of:"
	say "  uv python install 3.13       (uv: https://docs.astral.sh/uv/)"
	say "  pyenv install 3.13           (pyenv: https://github.com/pyenv/pyenv)"
	say "  your system's packages, so that python3.13 is on PATH"
	exit 1
}
uv=$(find_uv)
say "setup: $environment from $requirements"
# What a function imports must come from its zip: not even pip may be there instead.
make_environment "$environment" --without-pip
# UV_NO_CONFIG is not set here on purpose: a company's package index in uv's own settings must be used.
"$uv" pip sync --quiet --require-hashes --python "$environment/bin/python" "$requirements"
