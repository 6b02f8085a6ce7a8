#!/usr/bin/env bash
# Measures the line beside its peers on this machine, in one run, on a stack of
# its own, and writes bench/RESULTS.md. What it needs of Python it installs into
# .esteira/peers.
#
#   FLIGHTS=/path/to/flights-3m.parquet bench/run.sh
#
# The flights are flights-3m.parquet of the npm package vega-datasets 3.2.1.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
flights=$(realpath -m "${FLIGHTS:-../shared/data/flights-3m.parquet}")
[ -f "$flights" ] || { echo "no file $flights: set FLIGHTS to flights-3m.parquet (npm pack vega-datasets@3.2.1)" >&2; exit 2; }
seconds=${SECONDS_EACH:-10}
out=$PWD/.esteira/bench
stack=$out/stack
peers=$PWD/.esteira/peers
mkdir -p "$out"
rm -f "$out"/*.json

if [ ! -x "$peers/bin/python" ] || ! cmp -s bench/peers/requirements.txt "$peers/requirements.txt"; then
  python3 -m venv --clear "$peers"
  beat 'install the peers' "$peers/bin/pip" install --quiet --require-hashes -r bench/peers/requirements.txt
  cp bench/peers/requirements.txt "$peers/"
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

# into FILE COMMAND...: runs the command with its output in the file.
into() { local file=$1; shift; "$@" >"$file"; }
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
bench/trees.sh "$out"
"$peers/bin/python" bench/results.py "$out" >bench/RESULTS.md
cat bench/RESULTS.md
