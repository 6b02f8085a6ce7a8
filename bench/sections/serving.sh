# One model, boosted trees of 100 × depth 6, behind esteira-server with strict audit,
# MLServer, MLflow's scoring server and FastAPI, which all answer by ONNX Runtime: one
# server at a time on the same cores, the same rows, the same load generator. Then what
# only ours is asked: an open loop at half of its rate, and swaps under load.
# SECONDS_EACH (10) bounds each measurement, ROWS (100000) is what is learnt from.
each=${SECONDS_EACH:-10}
rows=${ROWS:-100000}
dir=$out/serving
servingpeers=$PWD/.esteira/peers-serving
peers_home "$servingpeers" bench/peers/serving.requirements.txt 'MLServer, MLflow and FastAPI' --only-binary :all: --no-deps --require-hashes
rm -rf "$dir" "$out"/serving.*.json "$out/serving.jsonl"
mkdir -p "$dir"
deploy/build.sh
go build -o "$out/load" ./bench/load
go build -o "$out/swap" ./bench/swap
go build -o "$out/onerow" ./bench/onerow

with_stack "$dir"
set -a
GRAPH=$dir/serving.onnx
PYTHONPATH=$PWD/bench/peers
MLFLOW_TRACKING_URI=sqlite:///$dir/mlflow.db
MLSERVER_PORTS=$("$servingpeers/bin/python" -c 'import socket; s = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]; print(*(x.getsockname()[1] for x in s))')
set +a
read -r -a ports <<<"$MLSERVER_PORTS"
export MLSERVER_PORTS="${ports[0]} ${ports[1]} ${ports[2]}"
begin_esteira
"$servingpeers/bin/python" bench/peers/serving.py make "$dir" "$rows"
beat 'train 99 trees, to swap with' into "$dir/99.json" bin/esteira run "$dir/99.yaml" --wait --output json
beat 'train 100 trees' into "$dir/100.json" bin/esteira run "$dir/100.yaml" --wait --output json
bin/esteira models export serving@2 --format onnx --out "$GRAPH"
bin/esteira models export serving@2 --format bundle --out "$dir/serving.bundle"
"$out/onerow" "$dir/serving.bundle" >"$out/serving.onerow.json"
halt "$worker"
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

begin "$out/mlserver.log" "$servingpeers/bin/mlserver" start "$dir/mlserver"
measure mlserver v2 "http://127.0.0.1:${ports[0]}/v2/models/serving/infer"
halt "$began"
PATH=$servingpeers/bin:$PATH begin "$out/mlflow.log" "$servingpeers/bin/mlflow" models serve --model-uri "$dir/mlflow" --env-manager local --host 127.0.0.1 --port "${ports[3]}" --workers "$(nproc)"
measure mlflow split "http://127.0.0.1:${ports[3]}/invocations"
halt "$began"
begin "$out/fastapi.log" "$servingpeers/bin/uvicorn" serving_fastapi:app --host 127.0.0.1 --port "${ports[4]}" --workers "$(nproc)" --log-level warning
measure fastapi v2 "http://127.0.0.1:${ports[4]}/v2/models/serving/infer"
halt "$began"
