#!/usr/bin/env bash
# Sets up in .esteira/checkers what tests check exported forms with, from the lock of
# its requirements, and a Java runtime if there is none; prints the Python to run them
# with.
set -euo pipefail
cd "$(dirname "$0")/.."
. deploy/lib.sh

home=$PWD/.esteira/checkers
{
  need_java
  python_home "$home" deploy/checkers/requirements.txt 'the checkers of PMML and ONNX' --no-deps
} >&2
echo "$home/venv/bin/python"
