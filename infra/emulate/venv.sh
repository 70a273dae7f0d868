#!/usr/bin/env bash
# Makes a virtual environment of Python with what a requirements file pins, unless it is there, and prints its programs' folder.
#
#   infra/emulate/venv.sh requirements.txt      target/emulate/requirements/bin
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

wanted=infra/emulate/$1
venv=$PWD/target/emulate/${1%.txt}
if ! cmp --silent "$wanted" "$venv/installed.txt"; then
    echo "installing $wanted into $venv" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted" >&2
    cp "$wanted" "$venv/installed.txt"
fi
echo "$venv/bin"
