# One model, boosted trees of 100 × depth 6, behind esteira-server with strict audit,
# MLServer, MLflow's scoring server and FastAPI, which all answer by ONNX Runtime: one
# server at a time on the same cores, the same rows, the same load generator. Then what
# only ours is asked: an open loop at half of its rate, and swaps under load.
# SECONDS_EACH (10) bounds each measurement, ROWS (100000) is what is learnt from.
each=${SECONDS_EACH:-10}
rows=${ROWS:-100000}
dir=$out/serving
stack=$out/stack
servingpeers=$PWD/.esteira/peers-serving
if [ ! -x "$servingpeers/bin/python" ] || ! cmp -s bench/peers/serving.requirements.txt "$servingpeers/requirements.txt"; then
  python3 -m venv --clear "$servingpeers"
  beat 'install MLServer, MLflow and FastAPI' "$servingpeers/bin/pip" install --quiet --only-binary :all: --no-deps --require-hashes -r bench/peers/serving.requirements.txt
  cp bench/peers/serving.requirements.txt "$servingpeers/requirements.txt"
fi
rm -rf "$dir" "$out"/serving.*.json "$out/serving.jsonl"
mkdir -p "$dir"
deploy/build.sh
go build -o "$out/load" ./bench/load
go build -o "$out/swap" ./bench/swap
go build -o "$out/onerow" ./bench/onerow

# What is started here is ended here, with its own children: each has a session.
halt() {
  [ -n "${1:-}" ] || return 0
  kill -TERM -- "-$1" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 -- "-$1" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL -- "-$1" 2>/dev/null || true
}
stop() {
  rc=$?
  trap - EXIT
  for pid in "${peer:-}" "${server:-}" "${worker:-}"; do halt "$pid"; done
  deploy/stack.sh clean --dir "$stack" >/dev/null && rm -rf "$stack" "$out/cache" "$out/spool" "$dir"
  exit "$rc"
}
trap stop EXIT
deploy/stack.sh up --dir "$stack" --free-ports
set -a
. "$stack/env"
ESTEIRA_CACHE_DIR=$out/cache
ESTEIRA_SPOOL_DIR=$out/spool
ESTEIRA_LOG_FORMAT=json
GRAPH=$dir/serving.onnx
PYTHONPATH=$PWD/bench/peers
MLFLOW_TRACKING_URI=sqlite:///$dir/mlflow.db
MLSERVER_PORTS=$("$servingpeers/bin/python" -c 'import socket; s = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]; print(*(x.getsockname()[1] for x in s))')
set +a
read -r -a ports <<<"$MLSERVER_PORTS"
export MLSERVER_PORTS="${ports[0]} ${ports[1]} ${ports[2]}"
await() { for _ in $(seq 300); do if grep -q "$1" "$2"; then return; fi; sleep 0.1; done; cat "$2" >&2; return 1; }
# begin LOG COMMAND...: in a session of its own, whose id is in began.
begin() { local log=$1; shift; setsid "$@" >"$log" 2>&1 & began=$!; }

begin "$out/server.log" bin/esteira-server; server=$began
begin "$out/worker.log" bin/esteira-worker; worker=$began
await listening "$out/server.log"
await 'worker ready' "$out/worker.log"
"$servingpeers/bin/python" bench/peers/serving.py make "$dir" "$rows"
beat 'train 99 trees, to swap with' into "$dir/99.json" bin/esteira run "$dir/99.yaml" --wait --output json
beat 'train 100 trees' into "$dir/100.json" bin/esteira run "$dir/100.yaml" --wait --output json
bin/esteira models export serving@2 --format onnx --out "$GRAPH"
bin/esteira models export serving@2 --format bundle --out "$dir/serving.bundle"
"$out/onerow" "$dir/serving.bundle" >"$out/serving.onerow.json"
halt "$worker"
worker=
"$servingpeers/bin/python" bench/peers/serving.py model "$dir"

# measure NAME KIND URL: the answers first, then how many.
measure() {
  beat "$1 answers as ONNX Runtime does" into "$out/serving.$1.same.json" "$servingpeers/bin/python" bench/peers/serving.py same "$2" "$3" "$dir"
  "$out/load" -url "$3" -body "$dir/one.$2.json" -clients 16 -seconds 2 >/dev/null
  for clients in 1 16 64; do
    beat "$1, $clients clients" into "$out/one.load" "$out/load" -url "$3" -body "$dir/one.$2.json" -clients "$clients" -seconds "$each"
    sed "s/^{/{\"server\":\"$1\",/" "$out/one.load" >>"$out/serving.jsonl"
  done
}
url=http://${ESTEIRA_SERVER_ADDRESS#http://}/v2/models/serving/infer
measure esteira v2 "$url"
half=$("$servingpeers/bin/python" -c 'import json, sys; print(max(json.loads(l)["requests_per_second"] for l in open(sys.argv[1])) / 2)' "$out/serving.jsonl")
beat "esteira, due at $half/s" into "$out/serving.half.json" "$out/load" -url "$url" -body "$dir/one.v2.json" -clients 256 -rate "$half" -seconds "$each"
beat 'esteira, before swaps' into "$out/serving.before.json" "$out/load" -url "$url" -body "$dir/one.v2.json" -clients 64 -seconds "$each"
"$out/swap" -endpoint serving -model serving -seconds "$each" >"$out/serving.swaps.json" &
swap=$!
beat 'esteira, a swap each second' into "$out/serving.during.json" "$out/load" -url "$url" -body "$dir/one.v2.json" -clients 64 -seconds "$each"
wait "$swap"
halt "$server"
server=

begin "$out/mlserver.log" "$servingpeers/bin/mlserver" start "$dir/mlserver"; peer=$began
measure mlserver v2 "http://127.0.0.1:${ports[0]}/v2/models/serving/infer"
halt "$peer"
PATH=$servingpeers/bin:$PATH begin "$out/mlflow.log" "$servingpeers/bin/mlflow" models serve --model-uri "$dir/mlflow" --env-manager local --host 127.0.0.1 --port "${ports[3]}" --workers "$(nproc)"; peer=$began
measure mlflow split "http://127.0.0.1:${ports[3]}/invocations"
halt "$peer"
begin "$out/fastapi.log" "$servingpeers/bin/uvicorn" serving_fastapi:app --host 127.0.0.1 --port "${ports[4]}" --workers "$(nproc)" --log-level warning; peer=$began
measure fastapi v2 "http://127.0.0.1:${ports[4]}/v2/models/serving/infer"
halt "$peer"
peer=
