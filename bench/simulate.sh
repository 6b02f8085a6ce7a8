#!/usr/bin/env bash
# Lives a year with the product, in about six minutes, and writes what came of it:
# bench/simulate/year.html with the picture, the table beside it, and its section of
# bench/RESULTS.md. WEEK (6s) is how long a week of the world takes.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh
. bench/lib.sh
need_cxx
out=$PWD/.esteira/bench
mkdir -p "$out"
(. bench/sections/year.sh)
python3 bench/results.py year "$out" >"$out/RESULTS.md"
mv "$out/RESULTS.md" bench/RESULTS.md
