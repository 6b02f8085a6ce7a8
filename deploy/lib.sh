# Sourced by the scripts beside it.

# beat TITLE COMMAND...: runs the command and prints a line every ten seconds.
beat() {
  local title=$1 began=$SECONDS rc=0 pid
  shift
  echo "$title ..."
  (while sleep 10 >/dev/null 2>&1; do echo "$title ... $((SECONDS - began))s"; done) &
  pid=$!
  "$@" || rc=$?
  kill "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  [ "$rc" -ne 0 ] || echo "$title: done in $((SECONDS - began))s"
  return "$rc"
}

# need_packages PACKAGES FOR_PEOPLE WHAT: Debian packages, as root or by sudo; who can do
# neither is told what to type for the WHAT that is missing.
need_packages() {
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then sudo='sudo -n'; fi
  if command -v apt-get >/dev/null && $sudo true 2>/dev/null; then
    beat "install $2" $sudo sh -c "apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $1 >/dev/null"
    return
  fi
  echo "$3 is missing: type sudo apt-get install -y $2" >&2
  return 1
}

# need_cxx: DuckDB's library links against libstdc++, which a C compiler alone
# does not bring.
need_cxx() {
  echo 'int main(void) { return 0; }' | "${CC:-cc}" -x c -o /dev/null - -lstdc++ 2>/dev/null ||
    need_packages 'gcc g++ libc6-dev' g++ 'A C++ standard library to link against'
}

# need_java: any of 11 or newer runs JPMML.
need_java() {
  java -version >/dev/null 2>&1 ||
    need_packages default-jre-headless default-jre-headless 'Java 11 or newer'
}

# need_chromium: the browser that the console is tested in.
need_chromium() {
  command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
    need_packages chromium chromium 'Chromium, which the console is tested in,'
}

# python_home DIR LOCK WHAT [PIP OPTION...]: a virtual environment in DIR/venv with what
# LOCK lists, checked by its hashes. What is there already and fits the lock is used as
# it is.
python_home() {
  local home=$1 lock=$2 what=$3 python=${PYTHON:-python3} want
  shift 3
  mkdir -p "$home"
  exec 9>"$home/lock"
  if command -v flock >/dev/null; then flock 9; fi # tests of several packages may come at once
  want=$(cat "$lock" <("$python" -V) | cksum)
  if [ ! -f "$home/installed" ] || [ "$(cat "$home/installed")" != "$want" ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
      echo "$what needs Python 3.11 or newer: install it, or name it with PYTHON=python3.12" >&2
      return 1
    }
    "$python" -m venv --clear "$home/venv" || {
      echo 'Python cannot make a virtual environment: type sudo apt-get install -y python3-venv' >&2
      return 1
    }
    beat "install $what" "$home/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: "$@" --require-hashes --requirement "$lock"
    echo "$want" >"$home/installed"
  fi
  exec 9>&-
}
