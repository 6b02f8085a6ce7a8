#!/usr/bin/env bash
# Builds the stack program, which takes a moment, and runs it.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$PWD/.esteira/bin
mkdir -p "$bin"
(cd deploy/stack && GOWORK=off go build -trimpath -buildvcs=false -o "$bin/stack.built" .)
# A running program's file cannot be written to, but replaced.
if ! cmp -s "$bin/stack.built" "$bin/stack"; then
  cp "$bin/stack.built" "$bin/stack.new"
  mv -f "$bin/stack.new" "$bin/stack"
fi
exec "$bin/stack" "$@"
