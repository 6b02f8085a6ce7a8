#!/usr/bin/env bash
# From a fresh clone to a served, audited model: everything is started and left
# running.
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/stack.sh setup
deploy/build.sh
deploy/stack.sh up
set -a
. .esteira/env
set +a

step() { printf '\n$ %s\n' "$*"; "$@"; }

step bin/esteira migrate
deploy/stack.sh up --with worker,server
step bin/esteira doctor --wait 1m
step bin/esteira run examples/flights/flights.yaml --wait
step bin/esteira predict flights --file examples/flights/request.json
# The answer names the prediction; its record is in Postgres within a second, and
# trace leads from it back to the source files.
id=$(bin/esteira predict flights --file examples/flights/request.json --output json | sed -n 's/.*"prediction_id" *: *"\([^"]*\)".*/\1/p' | head -n 1)
psql=$(command -v psql || ls -d /usr/lib/postgresql/*/bin/psql /opt/homebrew/opt/postgresql@*/bin/psql 2>/dev/null | tail -n 1)
sleep 1
query="select id, at, endpoint, revision, model_name, model_version, status, latency_us, features, outputs from predictions where id = '$id'"
printf '\n$ psql --expanded --command "%s"\n' "$query"
"$psql" "$DATABASE_URL" --expanded --command "$query"
step bin/esteira trace "$id"

printf '\nTemporal UI        %s\n' "$TEMPORAL_UI_URL"
printf 'endpoints          http://%s/v1/endpoints\n' "$ESTEIRA_SERVER_ADDRESS"
printf 'console            bin/esteira console, then http://127.0.0.1:7080\n'
printf 'reports            above, and by bin/esteira runs show RUN\n'
printf 'Everything goes on running: make down stops it, make demo starts it again, make clean removes the data.\n'
