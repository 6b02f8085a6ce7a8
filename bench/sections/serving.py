"""One model behind our server and three of others, requests of one row."""

import json
import os

NAMES = {"esteira": "Esteira, strict audit", "mlserver": "MLServer 1.7.1", "mlflow": "MLflow 3.6.0", "fastapi": "FastAPI 0.115.14"}


def text(out):
    def read(name):
        with open(os.path.join(out, f"serving.{name}.json")) as f:
            return json.load(f)

    with open(os.path.join(out, "serving.jsonl")) as f:
        load = [json.loads(line) for line in f]
    at = {(r["server"], r["clients"]): r for r in load}
    same = {name: read(f"{name}.same") for name in NAMES}
    half, before, during, swaps, one = read("half"), read("before"), read("during"), read("swaps"), read("onerow")
    lines = [f"""## One model behind four servers

{os.environ["BENCH_STAMP"]} Boosted trees of 100 × depth 6 over 20 numbers; one row a request, {load[0]["seconds"]:.0f} s each, one server at a time with a process for each core, load generator and (for Esteira) spool and Postgres on the same cores. Esteira answers with its own form of the model and puts every answer on disk first; [the others](peers/serving_graph.py) answer with its ONNX graph in ONNX Runtime 1.23.2 and record nothing. The same Open Inference Protocol request for all but MLflow, whose format is its own. {same["esteira"]["rows"]} rows were answered alike first: within {max(s["largest_difference"] for s in same.values()):.1e}.

| server | clients | requests/s | p50, ms | p99, ms | not 200 | Esteira is |
|---|---:|---:|---:|---:|---:|---:|"""]
    for name, shown in NAMES.items():
        for clients in (1, 16, 64):
            r = at[name, clients]
            factor = "" if name == "esteira" else f'{at["esteira", clients]["requests_per_second"] / r["requests_per_second"]:.1f} ×'
            lines.append(f'| {shown} | {clients} | {r["requests_per_second"]:,.0f} | {r["p50_ms"]:.2f} | {r["p99_ms"]:.2f} | {r["errors"]} | {factor} |')
    lines.append(f"""
The bound is 10 × MLServer and MLflow. Esteira alone:

| | requests/s | p50, ms | p99, ms | not 200 |
|---|---:|---:|---:|---:|
| due at half of the maximum rate, open loop | {half["requests_per_second"]:,.0f} of {half["due_per_second"]:,.0f} | {half["p50_ms"]:.2f} | {half["p99_ms"]:.2f} | {half["errors"]} |
| 64 clients, before swaps | {before["requests_per_second"]:,.0f} | {before["p50_ms"]:.2f} | {before["p99_ms"]:.2f} | {before["errors"]} |
| 64 clients, {swaps["moves"]} swaps, one a second | {during["requests_per_second"]:,.0f} | {during["p50_ms"]:.2f} | {during["p99_ms"]:.2f} | {during["errors"]} |

The bounds: p99 below 10 ms at half of the rate, latencies counted from when a request was due; during swaps no failed request, and p99 within 2 × of before (here {during["p99_ms"] / before["p99_ms"]:.2f} ×). One row in process, features included, takes {one["ns"] / 1000:.2f} µs and {one["allocations"]} allocations; the bound is 5 µs.""")
    return "\n".join(lines)
