#!/bin/sh
# Looks for known vulnerabilities in what production runs. Where the database of them cannot be
# reached that is a note; a finding is a failure.
set -u

report=$(.venv/bin/pip-audit --requirement requirements.txt --no-deps --disable-pip \
    --progress-spinner off --timeout 5 2>&1)
status=$?
if [ "$status" -ne 0 ] && ! printf '%s' "$report" | grep -q 'Found [0-9]* known vulnerabilit'; then
    echo "Note: the database of known vulnerabilities could not be reached; nothing was audited."
    exit 0
fi
if [ "$status" -eq 0 ] && printf '%s' "$report" | grep -q 'could not be audited'; then
    echo "Note: the database of known vulnerabilities does not answer for every package here."
    exit 0
fi
printf '%s\n' "$report"
exit "$status"
