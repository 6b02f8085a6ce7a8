# Transforms of 2,000,000 × 20, beside scikit-learn's ColumnTransformer; no server.
: >"$out/features.txt"
: >"$out/features-peer.jsonl"
for round in 1 2; do
  beat "transforms, round $round of 2" sh -c 'go test ./internal/feature -run "^$" -bench "2000000x20|RequestOfTheMix" -benchtime 1x >>"$1" && go test ./internal/feature -run "^$" -bench "RequestOf" >>"$1"' - "$out/features.txt"
  beat "the same transforms in scikit-learn, round $round of 2" sh -c '"$1" bench/peers/features.py >>"$2"' - "$peers/bin/python" "$out/features-peer.jsonl"
done
