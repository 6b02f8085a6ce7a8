# The accuracy of every example beside scikit-learn and XGBoost on the same rows:
# each runs through the line on a stack of its own, then the peers learn from the
# Parquet files of its split. TRIALS (6) is how many points a peer's search tries.
stack=$out/stack
treepeers=$PWD/.esteira/peers-trees
if [ ! -x "$treepeers/bin/python" ] || ! cmp -s bench/reference/trees.requirements.txt "$treepeers/requirements.txt"; then
  python3 -m venv --clear "$treepeers"
  beat 'install scikit-learn and XGBoost' "$treepeers/bin/pip" install --quiet -r bench/reference/trees.requirements.txt
  cp bench/reference/trees.requirements.txt "$treepeers/"
fi
deploy/build.sh
go build -o "$out/accuracy" ./bench/accuracy

stop() {
  rc=$?
  trap - EXIT
  for pid in "${server:-}" "${worker:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  deploy/stack.sh clean --dir "$stack" >/dev/null && rm -rf "$stack" "$out/cache" "$out/spool" "$out/rows"
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
bin/esteira-server >"$out/server.log" 2>&1 &
server=$!
await listening "$out/server.log"
bin/esteira-worker >"$out/worker.log" 2>&1 &
worker=$!
await 'worker ready' "$out/worker.log"

: >"$out/accuracy.jsonl"
for file in penguins/penguins cars/cars weather/weather flights/flights flights/flights-trees flights/flights-late delays/delays; do
  example=${file#*/}
  rows=$out/rows/$example
  mkdir -p "$rows"
  beat "$example through the line" into "$rows/outcome.json" bin/esteira run "examples/$file.yaml" --wait --output json
  run=$("$treepeers/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["run"])' <"$rows/outcome.json")
  "$out/accuracy" -run "$run" -to "$rows" >"$rows/esteira.json"
  beat "$example in scikit-learn and XGBoost" into "$rows/peers.jsonl" env OMP_NUM_THREADS=1 "$treepeers/bin/python" bench/peers/accuracy.py "$example" "$rows" "${TRIALS:-6}"
  "$treepeers/bin/python" -c 'import json, sys
rows, example = sys.argv[1:]
seconds = [s["seconds"] for s in json.load(open(rows + "/outcome.json"))["steps"] if s["name"] == "train"][0]
print(json.dumps(json.load(open(rows + "/esteira.json")) | {"example": example, "peer": "esteira", "seconds": seconds}))' "$rows" "$example" >>"$out/accuracy.jsonl"
  cat "$rows/peers.jsonl" >>"$out/accuracy.jsonl"
done
