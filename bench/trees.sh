#!/usr/bin/env bash
# Fits boosted trees on 2,000,000 × 18 beside XGBoost and LightGBM, in turn, and
# writes one line of JSON a fit to DIRECTORY/trees.json. Runs alone or from run.sh.
#
#   bench/trees.sh DIRECTORY
#
# TURNS (3) and ROWS (2000000) change how often and on how much.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
out=$(realpath -m "${1:?usage: bench/trees.sh DIRECTORY}")
peers=$PWD/.esteira/peers-trees
mkdir -p "$out"
if [ ! -x "$peers/bin/python" ] || ! cmp -s bench/reference/trees.requirements.txt "$peers/requirements.txt"; then
  python3 -m venv --clear "$peers"
  beat 'install XGBoost and LightGBM' "$peers/bin/pip" install --quiet -r bench/reference/trees.requirements.txt
  cp bench/reference/trees.requirements.txt "$peers/"
fi
go build -o "$out/trees" ./bench/trees
"$peers/bin/python" bench/peers/trees.py table "$out/table" "${ROWS:-2000000}"
threads=$(nproc)
: >"$out/trees.json"
fit() { "$@" >>"$out/trees.json"; }
for turn in $(seq "${TURNS:-3}"); do
  for growth in depth leaf; do
    beat "trees, turn $turn, by $growth" fit "$out/trees" -table "$out/table" -growth "$growth" -threads "$threads"
    for peer in xgboost lightgbm; do
      beat "$peer, turn $turn, by $growth" fit "$peers/bin/python" bench/peers/trees.py fit "$out/table" "$peer" "$threads" "$growth"
    done
  done
  beat "trees, turn $turn, one thread" fit "$out/trees" -table "$out/table" -threads 1
done
rm -r "$out/table"
