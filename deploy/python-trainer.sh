#!/usr/bin/env bash
# Sets up the Python trainer in .esteira/python-trainer, from the lock of its
# requirements, and starts it; with the word setup it only sets up. What is there
# already and fits the lock is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh

home=$PWD/.esteira/python-trainer
lock=examples/python-trainer/requirements.txt

python_home "$home" "$lock" 'the Python trainer'
[ "${1:-}" = setup ] && exit
if [ -z "${TEMPORAL_ADDRESS:-}" ] && [ -f .esteira/env ]; then
  set -a
  . .esteira/env
  set +a
fi
exec "$home/venv/bin/python" examples/python-trainer/worker.py
