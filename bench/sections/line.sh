# The whole line, and predictions, on a stack of its own.
seconds=${SECONDS_EACH:-10}
rm -f "$out/load.json"
deploy/build.sh
go build -o "$out/load" ./bench/load
go build -o "$out/overhead" ./bench/overhead

with_stack
begin_esteira

beat 'the penguins line beside no-ops' into "$out/overhead.log" "$out/overhead" -file examples/penguins/penguins.yaml
grep activities "$out/overhead.log" >"$out/overhead.json"

halt "$worker"
begin_worker # so that its peak memory is of this run alone
beat '3,000,000 flights, collect to deployed' into "$out/flights.json" bin/esteira run examples/flights/flights.yaml --source "flights=$flights" --no-cache --wait --output json
grep -E 'VmHWM|VmRSS' "/proc/$worker/status" | awk '{ print $1, $2 }' >"$out/memory.txt"
beat 'the same steps in pandas and scikit-learn' into "$out/peer.json" "$peers/bin/python" bench/peers/flights.py "$flights" examples/flights/airports.csv

url=http://${ESTEIRA_SERVER_ADDRESS#http://}/v1/endpoints/flights/predict
"$out/load" -url "$url" -body examples/flights/request.json -clients 16 -seconds 2 >/dev/null
for clients in 1 16 64; do
  beat "predictions, strict audit, $clients clients" into "$out/load.$clients" "$out/load" -url "$url" -body examples/flights/request.json -clients "$clients" -seconds "$seconds"
  cat "$out/load.$clients" >>"$out/load.json"
done
