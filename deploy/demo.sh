#!/usr/bin/env bash
# From a fresh clone to a served, audited model: everything is started and left
# running.
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/stack.sh setup
deploy/build.sh
deploy/stack.sh up --with worker,server
set -a
. .esteira/env
set +a

step() { printf '\n$ %s\n' "$*"; "$@"; }

step bin/esteira doctor
step bin/esteira run examples/flights/flights.yaml --wait
step bin/esteira predict flights <examples/flights/request.json | tee .esteira/prediction.json
# The answer names the prediction; trace leads from it back to the source files.
id=$(sed -n 's/.*"prediction_id" *: *"\([^"]*\)".*/\1/p' .esteira/prediction.json | head -n 1)
step bin/esteira trace "$id"

printf '\nTemporal UI        %s\n' "$TEMPORAL_UI_URL"
printf 'prediction server  http://%s\n' "$ESTEIRA_SERVER_ADDRESS"
printf 'stop with make down, start again with make up, remove the data with make clean\n'
