#!/usr/bin/env bash
# Checks form and the faults that tools can find, in all modules with code of ours.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
need_cxx
deploy/stack.sh tools
bin=$PWD/.esteira/bin
rc=0

unformatted=$(find . -path ./.git -prune -o -path ./.esteira -prune -o -name '*.go' -print0 | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
  echo "not formatted, run gofmt -w on:" $unformatted >&2
  rc=1
fi
beat 'go vet' go vet ./... || rc=1
beat 'staticcheck' "$bin/staticcheck" ./... || rc=1
if [ -d workflows ]; then
  beat 'workflowcheck' "$bin/workflowcheck" ./workflows/... || rc=1
fi
for module in deploy/stack deploy/lint; do
  (cd "$module" && go vet ./... && "$bin/staticcheck" ./...) || rc=1
done
"$bin/composecheck" docker-compose.yml || rc=1
if docker compose version >/dev/null 2>&1; then
  docker compose -f docker-compose.yml config -q || rc=1
fi
[ "$rc" -ne 0 ] || echo 'lint: nothing to complain about'
exit "$rc"
