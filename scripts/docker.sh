#!/usr/bin/env bash
# The real Docker engine, Compose v2 and server image that the end-to-end tests need.
#
#   scripts/docker.sh          sets up what is missing, and prints what is there
#
# For Debian and as root, where something has to be installed or started; elsewhere it uses the Docker
# that is there. Safe to run again and to interrupt: each part is made aside and moved into place.
# Everything is kept in ${XDG_CACHE_HOME:-~/.cache}/launcher, outside the repository.
set -euo pipefail
shopt -s inherit_errexit

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/launcher
state=$cache/docker
image=ghcr.io/ggml-org/llama.cpp:server
compose_suite=trixie # the Debian suite whose docker-compose is Compose v2
base_suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}") # llama-server was linked on this system
base=$state/base-$base_suite.tar
daemon_wait=60 # seconds

say() { printf 'docker.sh: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

work=
cleanup() { [ -z "$work" ] || rm -rf "$work"; }
trap cleanup EXIT

need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root: install Docker Engine and Compose v2 by hand, or run as root"; }

apt_install() {
    need_root "installing $*"
    command -v apt-get >/dev/null || die "$* is missing, and this is not Debian"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q update >&2
    apt-get -q install -y --no-install-recommends "$@" >&2
}

engine() {
    docker version >/dev/null 2>&1 && return
    command -v dockerd >/dev/null || apt_install docker.io iptables
    command -v docker >/dev/null || apt_install docker-cli # a package of its own since Debian 13
}

daemon() {
    docker version >/dev/null 2>&1 && return
    need_root "starting dockerd"
    mkdir -p "$state"
    say "starting dockerd, log in $state/dockerd.log"
    # in a session of its own, so that it outlives this script and its terminal
    setsid dockerd >"$state/dockerd.log" 2>&1 </dev/null 9>&- &
    for _ in $(seq "$daemon_wait"); do
        docker version >/dev/null 2>&1 && return
        sleep 1
    done
    tail -20 "$state/dockerd.log" >&2
    die "dockerd does not answer after $daemon_wait s"
}

# apt-get with a source of its own: the configured Debian mirror, another suite
apt_of_suite() {
    local suite=$1
    shift
    local parts=$work/parts
    mkdir -p "$parts" "$work/lists/partial"
    local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mirror=$(apt_mirror)
    echo "deb [signed-by=$keyring] $mirror $suite main" >"$parts/suite.list"
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$parts" \
        -o "Dir::State::lists=$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o APT::Sandbox::User=root "$@" >&2
}

apt_mirror() {
    local mirror
    mirror=$(apt_mirrors)
    [ -n "$mirror" ] || { apt-get -q update >&2 && mirror=$(apt_mirrors); }
    [ -n "$mirror" ] || die "apt knows no Debian mirror"
    head -1 <<<"$mirror"
}

# shellcheck disable=SC2016 # apt's variable, not the shell's
apt_mirrors() { apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian'; }

compose() {
    docker compose version >/dev/null 2>&1 && return
    command -v apt-get >/dev/null || die "Docker Compose v2 is missing, and this is not Debian"
    local plugins=${DOCKER_CONFIG:-$HOME/.docker}/cli-plugins
    say "getting Compose v2 from Debian $compose_suite"
    work=$(mktemp -d)
    apt_of_suite "$compose_suite" update
    (cd "$work" && apt_of_suite "$compose_suite" download docker-compose)
    mkdir -p "$plugins"
    dpkg-deb --fsys-tarfile "$work"/docker-compose_*.deb |
        tar -xO ./usr/libexec/docker/cli-plugins/docker-compose >"$plugins/.docker-compose.new"
    chmod +x "$plugins/.docker-compose.new"
    mv "$plugins/.docker-compose.new" "$plugins/docker-compose"
    cleanup
    docker compose version >/dev/null
}

# A registry to update images from.
registry() {
    command -v docker-registry >/dev/null || apt_install docker-registry
}

# The root of a minimal Debian with what llama-server links to.
base_system() {
    [ ! -f "$base" ] || return 0
    need_root "debootstrap"
    command -v debootstrap >/dev/null || apt_install debootstrap
    say "making a minimal Debian $base_suite"
    work=$(mktemp -d)
    debootstrap --variant=minbase --include=curl,libgomp1 "$base_suite" "$work/root" "$(apt_mirror)" >&2
    rm -rf "$work"/root/var/cache/apt/* "$work"/root/var/lib/apt/lists/* "$work"/root/usr/share/{doc,man,locale}
    tar -C "$work/root" -cf "$base.new" .
    mv "$base.new" "$base"
    cleanup
}

# Made as the official image is (.devops/cpu.Dockerfile): same entry point, folder, variable and health
# check, under the official name, so that the tests run what users run.
server_image() {
    local found
    if found=$(docker image inspect --format '{{index .Config.Labels "launcher.test"}}' "$image" 2>/dev/null); then
        [ -n "$found" ] || { say "$image is the official one; the tests use it"; return; }
    fi
    local llama build key
    llama=$("$here/engine.sh")
    build=$(dirname "$llama")
    key=$(basename "$build")-$base_suite
    [ "${found:-}" != "$key" ] || return 0
    base_system
    say "making $image from $build"
    work=$(mktemp -d)
    mkdir -p "$work/app"
    cp -P "$build"/llama-server "$build"/llama "$build"/*.so* "$work/app"
    rm -f "$work/app/libggml-cuda.so" # without it, a build for the CPU
    cp "$base" "$work/image.tar"
    tar -C "$work" --owner=0 --group=0 -rf "$work/image.tar" ./app
    docker import \
        --change 'ENTRYPOINT ["/app/llama-server"]' --change 'WORKDIR /app' --change 'ENV LLAMA_ARG_HOST=0.0.0.0' \
        --change 'HEALTHCHECK CMD [ "curl", "-f", "http://localhost:8080/health" ]' \
        --change "LABEL launcher.test=$key" "$work/image.tar" "$image" >&2
    cleanup
}

main() {
    mkdir -p "$state"
    exec 9>"$state/setup.lock"
    flock 9
    engine
    daemon
    compose
    registry
    server_image
    printf 'docker engine  %s\n' "$(docker version --format '{{.Server.Version}}')"
    printf 'docker compose %s\n' "$(docker compose version --short)"
    printf 'server image   %s (%s)\n' "$image" "$(docker image inspect --format '{{index .Config.Labels "launcher.test"}}' "$image")"
}

main
