#!/usr/bin/env bash
# Sync once with plain pipes. Stores the state and prevents parallel runs.
#
# Usage: examples/sync.sh FOLDER LOADER [ARGUMENT…]
# Settings come from the environment (TAP_DIXA_API_TOKEN and so on). FOLDER holds state.json, and
# catalog.json if not all streams are synced.
set -euo pipefail

mkdir -p "$1"
folder=$(realpath "$1")
shift

exec 9>"$folder/lock"
flock --nonblock 9 || { echo "another sync is still running" >&2; exit 75; }

# Keep the last state that the loader confirmed, whether or not the run failed or was killed. A line
# without an end was cut.
keep() {
  local line state=
  while IFS= read -r line; do state=$line; done <"$folder/states"
  [ -z "$state" ] || { printf '%s\n' "$state" >"$folder/state.new" && mv "$folder/state.new" "$folder/state.json"; }
}

touch "$folder/state.json" "$folder/states"
keep
files=(--state "$folder/state.json")
[ ! -e "$folder/catalog.json" ] || files+=(--catalog "$folder/catalog.json")
status=0
tap-dixa --config ENV "${files[@]}" | "$@" >"$folder/states" || status=$?
keep
exit "$status"
