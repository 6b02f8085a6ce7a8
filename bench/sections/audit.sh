# What keeping the audit log costs the server, and how fast a backlog drains into a
# Postgres of its own on the same cores.
: >"$out/audit.txt"
for round in 1 2 3; do
  beat "audit none, strict and bounded, round $round of 3" go test ./internal/serving -run '^$' -bench BenchmarkAudit -benchtime "${REQUESTS:-60000}x" -count 1 >>"$out/audit.txt"
done
with_stack
beat "a backlog of ${RECORDS:-1000000} records" go test ./internal/audit -run '^$' -bench 'BenchmarkDrain$' -benchtime "${RECORDS:-1000000}x" -count 1 -timeout 20m >>"$out/audit.txt"
