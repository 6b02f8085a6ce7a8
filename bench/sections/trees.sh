# Boosted trees on 2,000,000 × 18 beside XGBoost and LightGBM, in turn; no server.
# TURNS (3) and ROWS (2000000) change how often and on how much.
treepeers=$PWD/.esteira/peers-trees
peers_home "$treepeers" bench/reference/trees.requirements.txt 'XGBoost and LightGBM'
go build -o "$out/trees" ./bench/trees
"$treepeers/bin/python" bench/peers/trees.py table "$out/table" "${ROWS:-2000000}"
threads=$(nproc)
: >"$out/trees.json"
fit() { "$@" >>"$out/trees.json"; }
for turn in $(seq "${TURNS:-3}"); do
  for growth in depth leaf; do
    beat "trees, turn $turn, by $growth" fit "$out/trees" -table "$out/table" -growth "$growth" -threads "$threads"
    for peer in xgboost lightgbm; do
      beat "$peer, turn $turn, by $growth" fit "$treepeers/bin/python" bench/peers/trees.py fit "$out/table" "$peer" "$threads" "$growth"
    done
  done
  beat "trees, turn $turn, one thread" fit "$out/trees" -table "$out/table" -threads 1
done
rm -r "$out/table"
