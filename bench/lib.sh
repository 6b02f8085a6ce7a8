# Sourced by run.sh, for the sections.

# into FILE COMMAND...: runs the command with its output in the file.
into() { local file=$1; shift; "$@" >"$file"; }

# peers_home DIR LOCK WHAT [PIP OPTION...]: what LOCK lists, behind DIR/bin/python;
# installed again when LOCK is another.
peers_home() {
  local home=$1 lock=$2 what=$3
  shift 3
  if [ -x "$home/bin/python" ] && cmp -s "$lock" "$home/requirements.txt"; then return; fi
  python3 -m venv --clear "$home"
  beat "install $what" "$home/bin/pip" install --quiet "$@" -r "$lock"
  cp "$lock" "$home/requirements.txt"
}

# with_stack PATH...: a stack of the section's own, in its environment. When the section
# ends it goes, and so do the programs that were begun, and the paths.
with_stack() {
  stack=$out/stack leftovers=("$out/cache" "$out/spool" "$@") programs=()
  trap ended EXIT
  deploy/stack.sh up --dir "$stack" --free-ports
  set -a
  . "$stack/env"
  ESTEIRA_CACHE_DIR=$out/cache
  ESTEIRA_SPOOL_DIR=$out/spool
  ESTEIRA_LOG_FORMAT=json
  set +a
}

# process NAME: the id of a program of the stack.
process() { sed 's/.*"pid":\([0-9]*\).*/\1/' "$stack/run/$1.json"; }

ended() {
  rc=$?
  trap - EXIT
  for program in "${programs[@]}"; do halt "$program"; done
  deploy/stack.sh clean --dir "$stack" >/dev/null && rm -rf "$stack" "${leftovers[@]}"
  exit "$rc"
}

# begin LOG COMMAND...: a program in a session of its own, whose id is in began.
begin() { local log=$1; shift; setsid "$@" >"$log" 2>&1 & began=$!; programs+=("$began"); }

# halt ID: ends what was begun, with its own children.
halt() {
  kill -TERM -- "-$1" 2>/dev/null || true
  for _ in $(seq 100); do kill -0 -- "-$1" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL -- "-$1" 2>/dev/null || true
}

# await TEXT LOG: until a program has said it.
await() { for _ in $(seq 300); do if grep -q "$1" "$2"; then return; fi; sleep 0.1; done; cat "$2" >&2; return 1; }

# begin_esteira: a prediction server and a worker, whose ids are in server and worker.
begin_esteira() {
  begin "$out/server.log" bin/esteira-server
  server=$began
  await listening "$out/server.log"
  begin_worker
}

begin_worker() {
  begin "$out/worker.log" bin/esteira-worker
  worker=$began
  await 'worker ready' "$out/worker.log"
}
