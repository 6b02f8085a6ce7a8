# How often the monitor alarms where nothing changed and where something did, on real
# flights, and what a window costs; no server.
go build -o "$out/monitor" ./bench/monitor
beat "${WINDOWS:-200} windows that are stable, and some that are moved" into "$out/monitor.jsonl" "$out/monitor" -flights "$flights" -windows "${WINDOWS:-200}"
