# A search of a hundred small fits, beside a plain loop over the same fits, and with
# one worker and two, each held to one core; on a stack of its own.
deploy/build.sh
go build -o "$out/tuning" ./bench/tuning
rm -f "$out/tuning.jsonl"

with_stack "$out/search"
mkdir -p "$out/search"
cp examples/flights/flights.parquet examples/flights/airports.csv "$out/search/"
sed -e 's/grid: {C: \[0.01, 1\]}/grid: {C: [0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 3, 4, 5]}/' \
  -e 's/^name: .*/name: search/' -e 's/^evaluate:/deploy: {enabled: false}\nevaluate:/' -e '/kind: boosted_trees/,+1d' examples/flights/flights-late.yaml >"$out/search/search.yaml"

# worker NAME [THREADS]: starts one worker, held to as many threads.
worker() {
  local name=$1
  shift
  begin "$out/$name.log" env ESTEIRA_CACHE_DIR="$out/cache/$name" ${1:+GOMAXPROCS=$1 ESTEIRA_THREADS=$1} bin/esteira-worker
  await 'worker ready' "$out/$name.log"
}
# search LABEL: one search without cache, as a line of JSON.
search() {
  bin/esteira run "$out/search/search.yaml" --no-cache --wait --output json 2>/dev/null |
    "$peers/bin/python" -c 'import json, sys; o = json.load(sys.stdin); t = [s for s in o["steps"] if s["name"] == "train"][0]; print(json.dumps({"label": sys.argv[1], "run": o["run"], "seconds": t["seconds"], "figure": t["figure"]}))' "$1" >>"$out/tuning.jsonl"
}
worker whole
search warm
for round in 1 2 3; do
  beat "a search of 100 fits, $round of 3" search whole
  run=$(tail -1 "$out/tuning.jsonl" | "$peers/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["run"])')
  beat "the same fits in a plain loop, $round of 3" sh -c '"$1" -run "$2" | sed "s/^{/{\"label\":\"loop\",/" >>"$3"' - "$out/tuning" "$run" "$out/tuning.jsonl"
done
halt "$began"
worker one 1
search warm
for round in 1 2 3; do beat "with one worker of one core, $round of 3" search one; done
worker two 1
search warm
for round in 1 2 3; do beat "with two workers of one core, $round of 3" search two; done
