#!/bin/sh
# One would guess: `pip config list` shows the settings that `pip install` will use.
# What happens: options of pip.conf's [global] hold for `pip config` as well. A `user = true` there, which was
#   written for `pip install --user`, is read as `pip config --user`: the settings of all other files (of the
#   system, of the virtual environment) disappear from the list, and `pip config get` denies them.
# Who is hurt: whoever looks with `pip config list` for the index that pip uses, by hand or in a script.
set -eu
version=26.3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check "pip==$version"
"$work/venv/bin/python" -m pip --version | cut -d" " -f1,2

for name in $(env | sed -n 's/^\(PIP_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
mkdir -p "$work/home/.config/pip"
printf '[global]\nindex-url = http://127.0.0.1:9/simple\nretries = 1\n' > "$work/venv/pip.conf"
pip() { HOME="$work/home" XDG_CONFIG_HOME="$work/home/.config" PIP_DISABLE_PIP_VERSION_CHECK=1 "$work/venv/bin/python" -m pip "$@"; }
lists() { pip config list | grep -c "index-url='http://127.0.0.1:9/simple'" || true; }

echo "without user = true, the index is listed:   $(lists) time"
test "$(lists)" = 1
printf '[global]\nuser = true\n' > "$work/home/.config/pip/pip.conf"
echo "with user = true, the index is listed:      $(lists) times"
test "$(lists)" = 0
echo "with PIP_USER=0, the index is listed:       $(PIP_USER=0 lists) time"
test "$(PIP_USER=0 lists)" = 1
if pip config get global.index-url 2> "$work/said"; then exit 1; fi
echo "pip config get global.index-url:            $(cat "$work/said")"
used=$(pip download --no-deps --dest "$work" six==1.17.0 2>&1 | grep -c "127.0.0.1" || true)
echo "pip download names that index in its lines: $used times"
test "$used" -gt 0
