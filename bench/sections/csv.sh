# A CSV file of 300 MB to Parquet, beside pandas reading it, in turn, each in a
# process of its own; no server.
go build -o "$out/memory-steps" ./bench/memory
mkdir -p "$out/csv"
rows=1650000 # × 182 bytes
"$out/memory-steps" -step make -dir "$out/csv" "$rows" >/dev/null
: >"$out/csv.jsonl"
for round in 1 2 3; do
  for program in "$out/memory-steps -step collect -limit 768 -dir $out/csv $rows" "$peers/bin/python bench/peers/csv_read.py $out/csv/rows.csv"; do
    beat "300 MB of CSV, round $round of 3" "$peers/bin/python" bench/peers/measured.py "$out/csv.jsonl" $program
  done
done
rm -r "$out/csv"
