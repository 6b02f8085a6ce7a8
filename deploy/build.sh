#!/usr/bin/env bash
# Builds the three programs into bin/, or into the directory given. They are
# replaced as a whole, so that a running one goes on undisturbed.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
need_cxx
bin=${1:-bin}
mkdir -p "$bin"
build() {
  CGO_ENABLED=1 go build -trimpath -o "$bin/.$1.new" "$2"
  mv -f "$bin/.$1.new" "$bin/$1"
}
beat 'build esteira' build esteira ./starter
beat 'build esteira-worker' build esteira-worker ./worker
beat 'build esteira-server' build esteira-server ./server
