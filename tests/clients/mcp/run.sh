#!/bin/sh
# Drives a server binary with MCP servers that others wrote: the reference server of the protocol (npm), over stdin and
# stdout and over HTTP, and a server made with the Python SDK (PyPI).
#
#   run.sh BINARY [TEST...]
#
# BINARY is the app-server, or anything that takes `app-server --listen stdio://` as arguments. TEST narrows the run
# (test_servers.Time). Needs Python 3.11 or newer, Node 20 or newer and, the first time, their package registries; the servers
# are installed below target/.
set -eu

EVERYTHING=@modelcontextprotocol/server-everything@2026.8.31
TIME=mcp-server-time==2026.10.19

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
servers=$(cd ../../.. && pwd)/target/mcp
# The stamp is written last: an installation that was cut short is done again.
if [ "$(cat "$servers/installed" 2>/dev/null || true)" != "$EVERYTHING $TIME" ]; then
    rm -rf "$servers"
    mkdir -p "$servers"
    npm install --prefix "$servers/npm" --no-audit --no-fund --silent "$EVERYTHING"
    python3 -m venv "$servers/venv"
    "$servers/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$TIME"
    echo "$EVERYTHING $TIME" >"$servers/installed"
fi

APP_SERVER_BINARY=$binary MCP_SERVERS=$servers exec python3 -B run_tests.py "$@"
