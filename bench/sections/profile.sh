# Profile and validation of 3,000,000 rows; no server.
export ESTEIRA_FLIGHTS=$flights ESTEIRA_BENCH_DIR=$out
beat 'profile of 3,000,000 rows' into "$out/profile.txt" go test ./internal/profile -run '^$' -bench Compute -benchtime 5x -count 1
beat 'pandas describe of the same files' into "$out/profile-peer.jsonl" "$peers/bin/python" bench/peers/profile.py "$out/raw.parquet" "$out/integrated.parquet"
beat 'rules on 3,000,000 rows' into "$out/rules.txt" go test ./internal/quality -run '^$' -bench Rules -benchtime 7x -count 1
rm -f "$out/raw.parquet" "$out/integrated.parquet"
