#!/usr/bin/env bash
# Runs every test, or with the word chaos those that kill at every step boundary,
# against a stack of its own on free ports, and stops it whatever happens. After a
# failure its logs stay until the next run.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
need_cxx
need_chromium
unset "${!ESTEIRA_PORT_@}"

dir=$PWD/.esteira/test/$$
for old in .esteira/test/*/; do # of runs that were killed or failed
  [ -d "$old" ] || continue
  kill -0 "$(basename "$old")" 2>/dev/null || { deploy/stack.sh clean --dir "$old" && rm -rf "$old"; }
done
stop() {
  rc=$?
  trap - EXIT
  if [ "$rc" -eq 0 ]; then
    deploy/stack.sh clean --dir "$dir" && rm -rf "$dir"
  else
    deploy/stack.sh down --dir "$dir" || true
    echo "tests failed; the servers' logs are in $dir/log" >&2
  fi
  exit "$rc"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

deploy/checkers.sh >/dev/null
deploy/stack.sh up --dir "$dir" --free-ports
set -a
. "$dir/env"
set +a
# The programs that tests start, built once for all packages.
deploy/build.sh "$dir/programs"
export ESTEIRA_BIN=$dir/programs

rc=0
if [ "${1:-}" = chaos ]; then
  export ESTEIRA_CHAOS=full
  beat 'kill at every boundary' go test ./internal/testline -run Killed -v -count=1 -timeout 30m || rc=1
  beat 'kill the server under load' go test ./server -run Killed -v -count=1 -timeout 30m || rc=1
  exit "$rc"
fi
beat 'test the product' go test ./... -count=1 -timeout 30m || rc=1
beat 'test the stack' go -C deploy/stack test ./... -count=1 -timeout 10m || rc=1
exit "$rc"
