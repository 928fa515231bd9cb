#!/bin/sh
# Makes the virtual environment $1 with the first Python that is new enough, or with $PYTHON.
set -eu

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

for python in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$python"; then
        if ! "$python" -c 'import ensurepip' 2>/dev/null; then
            echo "$python cannot make virtual environments. On Debian: apt install python3-venv" >&2
            exit 1
        fi
        echo "Making $1 with $("$python" --version)"
        exec "$python" -m venv "$1"
    fi
done
echo "${PYTHON:-Python} is missing or too old: Python 3.11 or newer is needed." >&2
echo "On Debian 12: apt install python3 python3-venv; elsewhere choose one with PYTHON=... make." >&2
exit 1
