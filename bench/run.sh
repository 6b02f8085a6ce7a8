#!/usr/bin/env bash
# Measures sections beside their peers on this machine, and writes them into
# bench/RESULTS.md. What is needed of Python is installed into .esteira/peers.
#
#   FLIGHTS=/path/to/flights-3m.parquet bench/run.sh            every section, in one run
#   FLIGHTS=/path/to/flights-3m.parquet bench/run.sh profile    some; the others stay as they are
#
# A section is sections/NAME.sh, which measures, and sections/NAME.py, which prints
# what is written of it. The flights are flights-3m.parquet of the npm package
# vega-datasets 3.2.1.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
. bench/lib.sh
every=(line csv profile features linear trees tuning accuracy audit endurance memory drift monitor serving score year)
[ $# -gt 0 ] || set -- "${every[@]}"
for section; do
  [ -f "bench/sections/$section.sh" ] || { echo "no section $section: name any of ${every[*]}" >&2; exit 2; }
done
flights=$(realpath -m "${FLIGHTS:-../shared/data/flights-3m.parquet}")
[ -f "$flights" ] || { echo "no file $flights: set FLIGHTS to flights-3m.parquet (npm pack vega-datasets@3.2.1)" >&2; exit 2; }
out=$PWD/.esteira/bench
peers=$PWD/.esteira/peers
mkdir -p "$out"

peers_home "$peers" bench/peers/requirements.txt 'the peers' --require-hashes

for section; do
  (. "bench/sections/$section.sh")
  "$peers/bin/python" bench/results.py "$section" "$out" >"$out/RESULTS.md"
  mv "$out/RESULTS.md" bench/RESULTS.md
done
cat bench/RESULTS.md
