#!/bin/sh
# Runs the tests of the keyring against a real Secret Service, on a bus and with keyrings of their own.
# Needs dbus-run-session, gnome-keyring-daemon and secret-tool (Debian: dbus-daemon gnome-keyring libsecret-tools).
set -eu
script=$(realpath "$0")
cd "$(dirname "$script")/../.."

tests=auth::storage::keyring::tests::real::
run() {
    cargo test -q -p app-server-core --lib -- --ignored --exact "$@"
}

case "${1:-}" in
with-service)
    printf 'password' | gnome-keyring-daemon --unlock --components=secrets >/dev/null
    run "${tests}an_entry_comes_and_goes" "${tests}entries_of_others_are_found_changed_and_removed" \
        "${tests}one_of_several_entries_is_the_best_and_all_are_removed" "${tests}inside_a_runtime"
    run "${tests}locked_is_an_error"
    ;;
without-service)
    run "${tests}none_is_an_error"
    ;;
*)
    cargo test -q -p app-server-core --lib --no-run
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir -m 700 "$scratch/run" "$scratch/data"
    export XDG_RUNTIME_DIR="$scratch/run" XDG_DATA_HOME="$scratch/data"
    dbus-run-session -- "$script" with-service
    # A bus that starts no service, and no bus.
    cat >"$scratch/bus.conf" <<END
<busconfig>
  <type>session</type>
  <listen>unix:dir=$scratch/run</listen>
  <policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy>
</busconfig>
END
    dbus-run-session --config-file="$scratch/bus.conf" -- "$script" without-service
    DBUS_SESSION_BUS_ADDRESS="unix:path=$scratch/none" "$script" without-service
    ;;
esac
