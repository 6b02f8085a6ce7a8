# Batch scoring of 3,000,000 flights, Parquet to Parquet and CSV to CSV, with one worker
# and with two, beside a plain Python loop of pyarrow and ONNX Runtime with the same graph;
# on a stack of its own. ROUNDS (3) is how often each is done.
dir=$out/score
scorepeers=$PWD/.esteira/peers-serving
peers_home "$scorepeers" bench/peers/serving.requirements.txt 'ONNX Runtime' --only-binary :all: --no-deps --require-hashes
rm -rf "$dir"
mkdir -p "$dir"
: >"$out/score.jsonl"
deploy/build.sh

with_stack "$dir"
ln -s "$PWD/examples/flights/flights.parquet" "$dir/learnt.parquet"
cat >"$dir/score.yaml" <<'END'
name: score
problem: {task: regression, target: delay}
sources: {flights: {path: learnt.parquet}}
train:
  folds: 2
  candidates: [{kind: boosted_trees, grid: {max_iter: [100], max_depth: [6]}}]
evaluate: {gates: []}
deploy: {enabled: false}
END
cp "$flights" "$dir/flights.parquet"
"$scorepeers/bin/python" bench/peers/score.py csv "$dir/flights.parquet" "$dir/flights.csv"

# worker NAME: starts one more worker, with a cache of its own; its id is in began.
worker() {
  begin "$out/$1.log" env ESTEIRA_CACHE_DIR="$out/cache/$1" bin/esteira-worker
  await 'worker ready' "$out/$1.log"
}
# scored FORMAT WORKERS PID...: one scoring, and the most that a worker held.
scored() {
  local format=$1 workers=$2 peak=0 held pid
  shift 2
  for pid; do echo 5 >"/proc/$pid/clear_refs"; done # the peak begins anew
  local begun=$EPOCHREALTIME
  bin/esteira score score@1 "$dir/flights.$format" "$dir/scores.$format" --no-cache --overwrite --wait --output json >"$out/score.one"
  local ended=$EPOCHREALTIME
  for pid; do
    held=$(awk '/VmHWM/ { print $2 }' "/proc/$pid/status")
    if [ "$held" -gt "$peak" ]; then peak=$held; fi
  done
  "$scorepeers/bin/python" -c 'import json, sys
s = json.load(open(sys.argv[1]))
steps = {t["name"]: t["seconds"] for t in s["steps"]}
print(json.dumps({"who": "esteira", "format": sys.argv[2], "workers": int(sys.argv[3]), "rows": s["result"]["rows"], "seconds": float(sys.argv[6]) - float(sys.argv[5]), "steps": steps, "peak_mb": int(sys.argv[4]) // 1024}))' "$out/score.one" "$format" "$workers" "$peak" "$begun" "$ended" >>"$out/score.jsonl"
}
looped() {
  "$scorepeers/bin/python" bench/peers/score.py loop "$dir/score.onnx" "$dir/flights.$1" "$dir/looped.$1" | sed "s/^{/{\"who\": \"loop\", \"format\": \"$1\", /" >>"$out/score.jsonl"
}
worker one
first=$began
beat 'train 100 trees' into "$dir/run.json" bin/esteira run "$dir/score.yaml" --wait --output json
bin/esteira models export score@1 --format onnx --out "$dir/score.onnx"
for round in $(seq "${ROUNDS:-3}"); do
  for format in parquet csv; do
    beat "$format, one worker, round $round" scored "$format" 1 "$first"
    beat "$format, the plain loop, round $round" looped "$format"
  done
done
"$scorepeers/bin/python" bench/peers/score.py same "$dir/scores.parquet" "$dir/looped.parquet" >"$out/score.same.json"
worker two
second=$began
for round in $(seq "${ROUNDS:-3}"); do
  for format in parquet csv; do beat "$format, two workers, round $round" scored "$format" 2 "$first" "$second"; done
done
