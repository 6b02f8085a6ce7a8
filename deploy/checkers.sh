#!/usr/bin/env bash
# Sets up in .esteira/checkers what tests check exported forms with, from the lock of
# its requirements, and a Java runtime if there is none; prints the Python to run them
# with. What is there already and fits the lock is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh

home=$PWD/.esteira/checkers
lock=deploy/checkers/requirements.txt
python=${PYTHON:-python3}

# need_java: any of 11 or newer runs JPMML.
need_java() {
  if java -version >/dev/null 2>&1; then return; fi
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then sudo='sudo -n'; fi
  if command -v apt-get >/dev/null && $sudo true 2>/dev/null; then
    beat 'install Java' $sudo sh -c 'apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends default-jre-headless >/dev/null'
    return
  fi
  echo 'Java 11 or newer is missing: type sudo apt-get install -y default-jre-headless' >&2
  return 1
}

setup() {
  local want
  need_java
  want=$(cat "$lock" <("$python" -V) | cksum)
  if [ -f "$home/installed" ] && [ "$(cat "$home/installed")" = "$want" ]; then return; fi
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo 'The checkers need Python 3.11 or newer: install it, or name it with PYTHON=python3.12' >&2
    return 1
  }
  "$python" -m venv --clear "$home/venv" || {
    echo 'Python cannot make a virtual environment: type sudo apt-get install -y python3-venv' >&2
    return 1
  }
  beat 'install the checkers of PMML and ONNX' "$home/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps --require-hashes --requirement "$lock"
  echo "$want" >"$home/installed"
}

mkdir -p "$home"
exec 9>"$home/lock"
if command -v flock >/dev/null; then flock 9; fi # tests of several packages may come at once
setup >&2
echo "$home/venv/bin/python"
