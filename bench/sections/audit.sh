# What keeping the audit log costs the server, and how fast a backlog drains into a
# Postgres of its own on the same cores.
: >"$out/audit.txt"
# measured PACKAGE BENCHMARK TIMES: its lines, and not what beat says meanwhile.
measured() { go test "./internal/$1" -run '^$' -bench "$2" -benchtime "$3x" -count 1 -timeout 20m >>"$out/audit.txt"; }
for round in 1 2 3; do
  beat "audit none, strict and bounded, round $round of 3" measured serving BenchmarkAudit "${REQUESTS:-60000}"
done
with_stack
beat "a backlog of ${RECORDS:-1000000} records" measured audit 'BenchmarkDrain$' "${RECORDS:-1000000}"
