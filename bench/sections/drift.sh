# Drift of a window of 1,000,000 × 20 beside Evidently, in turn, each in a process of
# its own, and how often stable windows of the examples alarm; no server. TURNS (1) is
# how often Evidently is run, ROWS (1000000) on how much.
driftpeers=$PWD/.esteira/peers-drift
peers_home "$driftpeers" bench/peers/drift.requirements.txt 'Evidently'
go build -o "$out/drift-bench" ./bench/drift
mkdir -p "$out/drift"
"$driftpeers/bin/python" bench/peers/drift.py make "$out/drift" "${ROWS:-1000000}"
: >"$out/drift.jsonl"
: >"$out/drift-peer.jsonl"
add() { local file=$1; shift; "$@" >>"$file"; }
for turn in $(seq "${TURNS:-1}"); do
  for step in measure summarize separate measure; do
    beat "drift, $step, turn $turn" add "$out/drift.jsonl" sh -c '"$1" "$2" "$3/reference.parquet" "$3/window.parquet" | sed "s/^{/{\"what\":\"$2\",/"' - "$out/drift-bench" "$step" "$out/drift"
  done
  for what in default all; do
    beat "Evidently, $what, turn $turn" add "$out/drift-peer.jsonl" "$driftpeers/bin/python" bench/peers/drift.py "$what" "$out/drift"
  done
done
rm -r "$out/drift"
: >"$out/drift-alarms.jsonl"
for example in examples/flights/flights.parquet examples/weather/weather.csv; do
  beat "alarms of $example" add "$out/drift-alarms.jsonl" "$out/drift-bench" alarms "$example"
done

# The same through the monitor's own activity, from the audit log of a real Postgres:
# the hour of the requests, then a day around it of hours that are kept, twice.
deploy/build.sh
go build -o "$out/watch" ./bench/watch
with_stack
: >"$out/drift-window.jsonl"
beat "${ROWS:-1000000} audited requests" into "$out/drift-seed.json" "$out/watch" seed -rows "${ROWS:-1000000}"
for hours in 1 24 24; do
  beat "their window of $hours h" add "$out/drift-window.jsonl" "$out/watch" compute -hours "$hours" -postgres "$(process postgres)"
done
