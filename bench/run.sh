#!/usr/bin/env bash
# Measures the line beside its peers on this machine, in one run, on a stack of
# its own, and writes bench/RESULTS.md. What it needs of Python it installs into
# .esteira/peers.
#
#   FLIGHTS=/path/to/flights-3m.parquet bench/run.sh            every section
#   FLIGHTS=/path/to/flights-3m.parquet bench/run.sh profile    one, the others stay as they are
#   SIZES=1,2,5,10 bench/run.sh memory                          needs no flights, but room for the files
#
# The flights are flights-3m.parquet of the npm package vega-datasets 3.2.1.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
flights=$(realpath -m "${FLIGHTS:-../shared/data/flights-3m.parquet}")
[ "${1:-all}" = memory ] || [ -f "$flights" ] || { echo "no file $flights: set FLIGHTS to flights-3m.parquet (npm pack vega-datasets@3.2.1)" >&2; exit 2; }
section=${1:-all}
case $section in all | memory | profile) ;; *) echo "no section $section: name memory or profile, or none for all" >&2; exit 2 ;; esac
seconds=${SECONDS_EACH:-10}
out=$PWD/.esteira/bench
stack=$out/stack
peers=$PWD/.esteira/peers
mkdir -p "$out"
rm -f "$out"/*.json "$out"/*.jsonl "$out"/*.txt

if [ ! -x "$peers/bin/python" ] || ! cmp -s bench/peers/requirements.txt "$peers/requirements.txt"; then
  python3 -m venv --clear "$peers"
  beat 'install the peers' "$peers/bin/pip" install --quiet --require-hashes -r bench/peers/requirements.txt
  cp bench/peers/requirements.txt "$peers/"
fi

# into FILE COMMAND...: runs the command with its output in the file.
into() { local file=$1; shift; "$@" >"$file"; }
results() {
  "$peers/bin/python" bench/results.py "$out" "$section" >"$out/RESULTS.md"
  mv "$out/RESULTS.md" bench/RESULTS.md
  cat bench/RESULTS.md
}

# exploration measures profile and validation, which need no server.
exploration() {
  export ESTEIRA_FLIGHTS=$flights ESTEIRA_BENCH_DIR=$out
  beat 'profile of 3,000,000 rows' into "$out/profile.txt" go test ./internal/profile -run '^$' -bench Compute -benchtime 5x -count 1
  beat 'pandas describe of the same files' into "$out/profile-peer.jsonl" "$peers/bin/python" bench/peers/profile.py "$out/raw.parquet" "$out/integrated.parquet"
  beat 'rules on 3,000,000 rows' into "$out/rules.txt" go test ./internal/quality -run '^$' -bench Rules -benchtime 7x -count 1
  unset ESTEIRA_FLIGHTS ESTEIRA_BENCH_DIR
  rm -f "$out/raw.parquet" "$out/integrated.parquet"
}
# growth measures what the data steps hold in memory as their input grows.
growth() {
  go build -o "$out/memory" ./bench/memory
  beat "data steps on files of ${SIZES:-1,2} GB" into "$out/memory.jsonl" "$out/memory" -sizes "${SIZES:-1,2}" -limit 96 -dir "$out"
}
[ "$section" = memory ] || exploration
[ "$section" = profile ] || growth
if [ "$section" != all ]; then
  results
  exit
fi

deploy/build.sh
go build -o "$out/load" ./bench/load
go build -o "$out/overhead" ./bench/overhead

stop() {
  rc=$?
  trap - EXIT
  for pid in "${server:-}" "${worker:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  deploy/stack.sh clean --dir "$stack" >/dev/null && rm -rf "$stack" "$out/cache" "$out/spool"
  exit "$rc"
}
trap stop EXIT
deploy/stack.sh up --dir "$stack" --free-ports
set -a
. "$stack/env"
ESTEIRA_CACHE_DIR=$out/cache
ESTEIRA_SPOOL_DIR=$out/spool
ESTEIRA_LOG_FORMAT=json
set +a

await() { for _ in $(seq 300); do if grep -q "$1" "$2"; then return; fi; sleep 0.1; done; cat "$2" >&2; return 1; }
start_worker() {
  bin/esteira-worker >"$out/worker.log" 2>&1 &
  worker=$!
  await 'worker ready' "$out/worker.log"
}
bin/esteira-server >"$out/server.log" 2>&1 &
server=$!
await listening "$out/server.log"
start_worker

beat 'the penguins line beside no-ops' into "$out/overhead.log" "$out/overhead" -file examples/penguins/penguins.yaml
grep activities "$out/overhead.log" >"$out/overhead.json"

kill "$worker" && wait "$worker" || true
start_worker # so that its peak memory is of this run alone
beat '3,000,000 flights, collect to deployed' into "$out/flights.json" bin/esteira run examples/flights/flights.yaml --source "flights=$flights" --no-cache --wait --output json
grep -E 'VmHWM|VmRSS' "/proc/$worker/status" | awk '{ print $1, $2 }' >"$out/memory.txt"
beat 'the same steps in pandas and scikit-learn' into "$out/peer.json" "$peers/bin/python" bench/peers/flights.py "$flights" examples/flights/airports.csv

url=http://${ESTEIRA_SERVER_ADDRESS#http://}/v1/endpoints/flights/predict
"$out/load" -url "$url" -body examples/flights/request.json -clients 16 -seconds 2 >/dev/null
for clients in 1 16 64; do
  beat "predictions, strict audit, $clients clients" into "$out/load.$clients" "$out/load" -url "$url" -body examples/flights/request.json -clients "$clients" -seconds "$seconds"
  cat "$out/load.$clients" >>"$out/load.json"
done
results
