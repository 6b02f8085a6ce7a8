# A simulated year with and without retraining (bench/simulate), on a stack of its own.
# WEEK (6s) is how long a week of the world takes.
deploy/build.sh
go build -o "$out/simulate" ./bench/simulate
with_stack "$out/simulate"
bin/esteira migrate >/dev/null
begin_esteira
"$out/simulate" -week "${WEEK:-6s}" -out "${YEAR:-bench/simulate}"
