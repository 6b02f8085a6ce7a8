# The accuracy of every example beside scikit-learn and XGBoost on the same rows:
# each runs through the line on a stack of its own, then the peers learn from the
# Parquet files of its split. TRIALS (6) is how many points a peer's search tries.
treepeers=$PWD/.esteira/peers-trees
peers_home "$treepeers" bench/reference/trees.requirements.txt 'scikit-learn and XGBoost'
deploy/build.sh
go build -o "$out/accuracy" ./bench/accuracy

with_stack "$out/rows"
begin_esteira

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
