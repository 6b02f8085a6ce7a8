# How often the monitor alarms where nothing changed and where something did, on real
# flights, and what a window costs; no server.
go build -o "$out/monitor" ./bench/monitor
beat "${WINDOWS:-200} windows that are stable, and some that are moved" into "$out/monitor.jsonl" "$out/monitor" -flights "$flights" -windows "${WINDOWS:-200}"

# An hour of many endpoints by one worker, through Temporal.
deploy/build.sh
go build -o "$out/watch" ./bench/watch
with_stack
begin_worker
: >"$out/monitor-watch.jsonl"
add() { local file=$1; shift; "$@" >>"$file"; }
for rows in ${WATCHED_ROWS:-600}; do
  beat "an hour of ${ENDPOINTS:-500} endpoints, $rows requests each" add "$out/monitor-watch.jsonl" \
    "$out/watch" endpoints -endpoints "${ENDPOINTS:-500}" -rows "$rows" -worker "$worker" -postgres "$(process postgres)" -temporal "$(process temporal)"
done
