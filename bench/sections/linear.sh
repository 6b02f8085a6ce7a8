# Linear models on matrices in memory, in turn with their peers; no server.
rm -f "$out/fits.txt" "$out/fits-peer.jsonl"
for round in 1 2 3; do
  beat "linear models on 3,000,000 rows, $round of 3" sh -c 'go test ./internal/model -run "^$" -bench "Fit3M/(ols|ridge|lasso)/20" -benchtime 2x >>"$1"' - "$out/fits.txt"
  beat "the same models in scikit-learn, $round of 3" sh -c '"$1" bench/peers/linear.py >>"$2"' - "$peers/bin/python" "$out/fits-peer.jsonl"
done
