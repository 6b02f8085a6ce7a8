#!/usr/bin/env bash
# Sets up tritonclient in .esteira/oip-client, from the lock of its requirements, and
# asks a server that has the endpoint flights of the tests:
#   deploy/oip-client.sh HOST:PORT-of-HTTP HOST:PORT-of-gRPC
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh

home=$PWD/.esteira/oip-client
python_home "$home" deploy/oip-client/requirements.txt 'the client of the Open Inference Protocol'
exec "$home/venv/bin/python" deploy/oip-client/ask.py "$@"
