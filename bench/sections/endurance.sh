# The server at its own maximum for MINUTES (10): whether Postgres gets the records of
# strict audit as fast as they are made, what waits meanwhile, and whether the table has
# afterwards exactly the answers that were given. Server, spool, Postgres and the load
# generator share the cores. ROWS (100000) is what the model is learnt from.
dir=$out/endurance
rm -rf "$dir"
mkdir -p "$dir"
deploy/build.sh
go build -o "$out/load" ./bench/load
go build -o "$out/endurance-run" ./bench/endurance

with_stack "$dir"
begin_esteira
"$peers/bin/python" bench/peers/serving.py make "$dir" "${ROWS:-100000}"
beat 'train 100 trees' into "$dir/100.json" bin/esteira run "$dir/100.yaml" --wait --output json
halt "$worker"
url=http://${ESTEIRA_SERVER_ADDRESS#http://}
"$out/load" -url "$url/v2/models/serving/infer" -body "$dir/one.v2.json" -clients 16 -seconds 2 >/dev/null
beat "64 clients for ${MINUTES:-10} minutes" into "$out/endurance.json" "$out/endurance-run" -load "$out/load" -server "$url" -endpoint serving -body "$dir/one.v2.json" -pid "$server" -minutes "${MINUTES:-10}"
