#!/usr/bin/env bash
# release/systems.sh FOLDER IMAGE...: the root file systems of container images below FOLDER, for the acceptance suite to start images in.
# Prints their folders with commas between them, as its --rooms wants them.
set -euo pipefail

folder=$1
shift
rooms=()
for image in "$@"; do
    room=$folder/${image//[^A-Za-z0-9.]/-}
    mkdir -p "$room"
    for wait in 10 60 0; do
        if timeout 300 docker pull --quiet "$image" >&2; then break; fi
        sleep "$wait"
    done
    container=$(docker create "$image")
    docker export "$container" | tar --extract --directory "$room" --exclude 'dev/*' --no-same-owner
    docker rm "$container" >/dev/null
    rooms+=("$room")
done
(IFS=,; echo "${rooms[*]}")
