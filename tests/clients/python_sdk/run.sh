#!/bin/sh
# Drives a server binary with the unmodified Python SDK.
#
#   run.sh BINARY [TEST...]
#
# BINARY is the app-server, or anything that takes `app-server --listen stdio://` as arguments. TEST narrows the run
# (test_sdk.Turns, test_sdk.Threads.test_name_is_seen_in_list_and_read). Needs Python 3.11 or newer and, the first time, a
# package index. APP_SERVER_TEST_HOMES names the folder for the tests' homes; default is the temporary folder.
set -eu

SDK=openai-codex==0.163.0
NEEDS='pydantic>=2.12 packaging>=26.2'

if [ $# -lt 1 ]; then
    echo "usage: $0 BINARY [TEST...]" >&2
    exit 2
fi
case $1 in
    */*) binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;;
    *) binary=$(command -v "$1") || binary=$1 ;;
esac
if [ ! -x "$binary" ]; then
    echo "$0: no executable at $1" >&2
    exit 2
fi
shift

cd "$(dirname "$0")"
# The stamp is written last: an installation that was cut short is done again.
stamp=.venv/installed
if [ "$(cat $stamp 2>/dev/null || true)" != "$SDK $NEEDS" ]; then
    rm -rf .venv
    python3 -m venv .venv
    # Without its dependencies: one of them is a whole server, and the server under test is ours to choose.
    # shellcheck disable=SC2086  # NEEDS is a list.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check $NEEDS
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "$SDK"
    echo "$SDK $NEEDS" >$stamp
fi

APP_SERVER_BINARY=$binary exec .venv/bin/python -B run_tests.py "$@"
