"""Writes bench/RESULTS.md from what bench/run.sh measured: results.py DIRECTORY."""

import datetime
import json
import os
import platform
import subprocess
import sys

out = sys.argv[1]


def read(name):
    with open(os.path.join(out, name)) as f:
        return [json.loads(line) for line in f if line.strip()] if name == "load.json" else json.load(f)


def cpu():
    with open("/proc/cpuinfo") as f:
        return next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "unknown")


overhead, flights, peer, load = read("overhead.json"), read("flights.json"), read("peer.json"), read("load.json")
memory = dict(line.split() for line in open(os.path.join(out, "memory.txt")))
peak = int(memory["VmHWM:"]) // 1024
commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
steps = [s for s in flights["steps"] if s["state"] == "completed"]
total = sum(s["seconds"] for s in steps)
ratio = peer["total"] / total

print(f"""# Results

Written by `make bench` on {datetime.date.today()} at commit {commit}: one run, everything on the same cores.
The machine: {os.cpu_count()} cores of {cpu()}, {gib:.0f} GiB, {platform.system()} {platform.machine()}, shared with other work that was kept away as far as possible. Times move with the machine; ratios hold.

## The line beside workflows that do nothing

The penguins pipeline without cache, warm, beside workflows of as many activities that do nothing, on the same server in turn; medians of {overhead["rounds"]} rounds. "Same shape" runs the same stages, each stage's activities side by side, as the pipeline does; "one by one" runs them in sequence.

| | seconds | pipeline is |
|---|---:|---:|
| penguins, {overhead["activities"]} activities | {overhead["pipeline_seconds"]:.2f} | |
| no-ops, one by one | {overhead["noop_sequential_seconds"]:.2f} | {overhead["ratio_sequential"]:.2f} × |
| no-ops, same shape | {overhead["noop_same_shape_seconds"]:.2f} | {overhead["ratio_same_shape"]:.2f} × |

The bound is 3 × the no-ops. What the rest is: each step writes its row, its artifacts and its lineage (about 10 ms), each data step opens a table engine (about 10 ms), fits wait for one of {os.cpu_count()} training slots where no-ops all run at once, and the search is a workflow of its own (two more workflow tasks and a start).

## 3,000,000 flights, collect to deployed

`esteira run examples/flights/flights.yaml --source flights=flights-3m.parquet --no-cache --wait`, beside [the same steps](peers/flights.py) in pandas and scikit-learn (which neither store, prove, package nor deploy anything).

| step | Esteira, s | pandas + scikit-learn, s | what came out |
|---|---:|---:|---|""")
theirs = dict(peer["steps"])
for s in steps:
    other = theirs.get(s["name"])
    print(f'| {s["name"]} | {s["seconds"]:.2f} | {"" if other is None else f"{other:.2f}"} | {s.get("figure", "")} |')
print(f"""| **total** | **{total:.1f}** | **{peer["total"]:.1f}** | {ratio:.1f} × as fast |
| peak memory, MB | {peak} | {peer["peak_rss_mb"]} | of the worker; the bound is 1,500 |

RMSE on the test rows: {flights["result"]["score"]:.4f} here, {peer["rmse"]["ols on test"]:.4f} there (baseline {peer["rmse"]["baseline on test"]:.4f}). The joins of pandas are counted in its collect; cross-validation and the final fits in train.

## One prediction, strict audit

`bench/load` asking `POST /v1/endpoints/flights/predict` for one row at a time, {load[0]["seconds"]:.0f} s each; load generator, server, spool and Postgres share the cores.

| clients | requests/s | p50, ms | p99, ms | not answered with 200 |
|---:|---:|---:|---:|---:|""")
for r in load:
    print(f'| {r["clients"]} | {r["requests_per_second"]:,.0f} | {r["p50_ms"]:.2f} | {r["p99_ms"]:.2f} | {r["errors"]} |')


def trees():
    """The section on boosted trees: the best of the turns, by wall clock."""
    with open(os.path.join(out, "trees.json")) as f:
        fits = [json.loads(line) for line in f]
    best = {}
    for fit in fits:
        key = (fit["growth"], fit["name"], fit["threads"])
        if key not in best or fit["total"] < best[key]["total"]:
            best[key] = fit
    threads = max(fit["threads"] for fit in fits)
    print(f"""
## Boosted trees

`bench/trees.sh`: 2,000,000 rows × 18 numbers, squared loss, 100 trees of depth 6 (by depth) or 63 leaves (by leaf), the same settings; the best of {len(fits) // len(best)} turns. Binning is counted in the total; memory is what a fit adds to the process that holds the table.

| | threads | bin, s | total, s | user CPU, s | loss | memory, MB |
|---|---:|---:|---:|---:|---:|---:|""")
    for (growth, name, n), fit in sorted(best.items()):
        print(f'| {name}, by {growth} | {n} | {fit["bin"]:.2f} | {fit["total"]:.2f} | {fit["user"]:.1f} | {fit["loss"]:.4f} | {fit["memory_mb"]} |')
    ours = best["depth", "esteira", threads]
    if ("depth", "esteira", 1) in best and threads > 1:
        print(f'\nFrom one thread to {threads}: {best["depth", "esteira", 1]["total"] / ours["total"]:.2f} ×. One row: {ours["one_row_us"]:.1f} µs; a batch: {2e6 / ours["predict"] / 1e6:.1f} million rows/s.')


if os.path.exists(os.path.join(out, "trees.json")):
    trees()
