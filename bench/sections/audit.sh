# What keeping the audit log costs the server, and how fast a backlog drains into a
# Postgres of its own on the same cores.
: >"$out/audit.txt"
for round in 1 2 3; do
  beat "audit none, strict and bounded, round $round of 3" go test ./internal/serving -run '^$' -bench BenchmarkAudit -benchtime "${REQUESTS:-60000}x" -count 1 >>"$out/audit.txt"
done
deploy/stack.sh up --dir "$out/audit-stack" --free-ports
trap 'deploy/stack.sh clean --dir "$out/audit-stack"' EXIT
set -a
. "$out/audit-stack/env"
set +a
beat "a backlog of ${RECORDS:-1000000} records" go test ./internal/audit -run '^$' -bench 'BenchmarkDrain$' -benchtime "${RECORDS:-1000000}x" -count 1 -timeout 20m >>"$out/audit.txt"
