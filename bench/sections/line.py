"""The line beside workflows that do nothing, the whole of it on 3,000,000 rows, and predictions under load."""

import json
import os


def text(out):
    def read(name):
        with open(os.path.join(out, name)) as f:
            return [json.loads(line) for line in f if line.strip()] if name == "load.json" else json.load(f)

    overhead, flights, peer, load = read("overhead.json"), read("flights.json"), read("peer.json"), read("load.json")
    memory = dict(line.split() for line in open(os.path.join(out, "memory.txt")))
    peak = int(memory["VmHWM:"]) // 1024
    steps = [s for s in flights["steps"] if s["state"] == "completed"]
    total = sum(s["seconds"] for s in steps)
    ratio = peer["total"] / total
    lines = [f"""## The line beside workflows that do nothing

{os.environ["BENCH_STAMP"]} The penguins pipeline without cache, warm, beside workflows of as many activities that do nothing, on the same server in turn; medians of {overhead["rounds"]} rounds. "Same shape" runs the same stages, each stage's activities side by side, as the pipeline does; "one by one" runs them in sequence.

| | seconds | pipeline is |
|---|---:|---:|
| penguins, {overhead["activities"]} activities | {overhead["pipeline_seconds"]:.2f} | |
| no-ops, one by one | {overhead["noop_sequential_seconds"]:.2f} | {overhead["ratio_sequential"]:.2f} × |
| no-ops, same shape | {overhead["noop_same_shape_seconds"]:.2f} | {overhead["ratio_same_shape"]:.2f} × |

The bound is 3 × the no-ops. What the rest is: each step writes its row, its artifacts and its lineage (about 10 ms), each data step opens a table engine (about 10 ms), fits wait for one of {os.cpu_count()} training slots where no-ops all run at once, and the search is a workflow of its own (two more workflow tasks and a start).

## 3,000,000 flights, collect to deployed

`esteira run examples/flights/flights.yaml --source flights=flights-3m.parquet --no-cache --wait`, beside [the same steps](peers/flights.py) in pandas and scikit-learn (which neither store, prove, package nor deploy anything).

| step | Esteira, s | pandas + scikit-learn, s | what came out |
|---|---:|---:|---|"""]
    theirs = dict(peer["steps"])
    for s in steps:
        other = theirs.get(s["name"])
        lines.append(f'| {s["name"]} | {s["seconds"]:.2f} | {"" if other is None else f"{other:.2f}"} | {s.get("figure", "")} |')
    lines.append(f"""| **total** | **{total:.1f}** | **{peer["total"]:.1f}** | {ratio:.1f} × as fast |
| peak memory, MB | {peak} | {peer["peak_rss_mb"]} | of the worker; the bound is 1,500 |

RMSE on the test rows: {flights["result"]["score"]:.4f} here, {peer["rmse"]["ols on test"]:.4f} there (baseline {peer["rmse"]["baseline on test"]:.4f}). The joins of pandas are counted in its collect; cross-validation and the final fits in train.

## One prediction, strict audit

`bench/load` asking `POST /v1/endpoints/flights/predict` for one row at a time, {load[0]["seconds"]:.0f} s each; load generator, server, spool and Postgres share the cores.

| clients | requests/s | p50, ms | p99, ms | not answered with 200 |
|---:|---:|---:|---:|---:|""")
    for r in load:
        lines.append(f'| {r["clients"]} | {r["requests_per_second"]:,.0f} | {r["p50_ms"]:.2f} | {r["p99_ms"]:.2f} | {r["errors"]} |')
    return "\n".join(lines)
