#!/usr/bin/env bash
# Prepares a rented Ubuntu machine: room on its disk, and the system packages of a build (or those that are named). Never for your own machine:
# it deletes what such machines bring for other people's builds.
set -euo pipefail

[ "${RUNNER_ENVIRONMENT:-}" = github-hosted ] || {
    echo "release/machine.sh: this is no rented machine (RUNNER_ENVIRONMENT is not github-hosted)" >&2
    exit 2
}
packages=("$@")
if ((!$#)); then
    packages=(gcc libc6-dev make squashfs-tools fuse3 bubblewrap busybox-static)
    sudo rm -rf /usr/share/dotnet /usr/local/lib/android /opt/ghc /usr/local/.ghcup /opt/hostedtoolcache/CodeQL /usr/share/swift
    # Clean rooms are user namespaces.
    sudo sysctl --quiet --write kernel.apparmor_restrict_unprivileged_userns=0
fi
sudo apt-get update -qq -o Acquire::Retries=5
sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Acquire::Retries=5 "${packages[@]}"
df -h .
