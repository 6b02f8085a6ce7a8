#!/usr/bin/env bash
# Sets up the Python trainer in .esteira/python-trainer, from the lock of its
# requirements, and starts it; with the word setup it only sets up. What is there
# already and fits the lock is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh

home=$PWD/.esteira/python-trainer
lock=examples/python-trainer/requirements.txt
python=${PYTHON:-python3}

setup() {
  local want
  want=$(cat "$lock" <("$python" -V) | cksum)
  if [ -f "$home/installed" ] && [ "$(cat "$home/installed")" = "$want" ]; then return; fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo 'The trainer needs Python 3.11 or newer: install it, or name it with PYTHON=python3.12' >&2
    return 1
  }
  mkdir -p "$home"
  "$python" -m venv --clear "$home/venv" || {
    echo 'Python cannot make a virtual environment: type sudo apt-get install -y python3-venv' >&2
    return 1
  }
  beat 'install the Python trainer' "$home/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --require-hashes --requirement "$lock"
  echo "$want" >"$home/installed"
}

mkdir -p "$home"
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi # tests of several packages may come at once
setup
exec 9>&-
[ "${1:-}" = setup ] && exit
if [ -z "${TEMPORAL_ADDRESS:-}" ] && [ -f .esteira/env ]; then
  set -a
  . .esteira/env
  set +a
fi
exec "$home/venv/bin/python" examples/python-trainer/worker.py
