"""Prints bench/RESULTS.md from what bench/run.sh measured: results.py DIRECTORY
[SECTION]. With a section the rest of the file stays as it is."""

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


commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()


def metric(line, unit):
    fields = line.split()
    return float(fields[fields.index(unit) - 1])


def exploration():
    """The section of profile and validation, from the output of two benchmarks."""
    with open(os.path.join(out, "profile.txt")) as f:
        ours = {name: metric(line, "s/fastest") for line in f for name in ("raw", "integrated") if line.startswith(f"BenchmarkCompute/{name}-")}
    with open(os.path.join(out, "profile-peer.jsonl")) as f:
        peers = dict(zip(("raw", "integrated"), map(json.loads, f)))
    with open(os.path.join(out, "rules.txt")) as f:
        rules = [line for line in f if line.startswith("BenchmarkRules/")]
    text = f"""## Profile and validation of 3,000,000 rows

Measured on {datetime.date.today()} at commit {commit}, the fastest of five (rules: of seven). `BenchmarkCompute` of internal/profile reads the file and computes the whole profile; pandas {peers["raw"]["pandas"]} [reads the same file](peers/profile.py) and runs `describe(include="all")`, which has no association, sample, drift, repeats or histograms.

| dataset | Esteira, s | pandas read, s | describe, s | both, s | Esteira is |
|---|---:|---:|---:|---:|---:|
"""
    for name, p in peers.items():
        both = p["read"] + p["describe"]
        text += f'| {name}, {p["columns"]} columns | {ours[name]:.2f} | {p["read"]:.2f} | {p["describe"]:.2f} | {both:.2f} | {both / ours[name]:.1f} × as fast as both, {p["describe"] / ours[name]:.1f} × as describe alone |\n'
    text += """
`BenchmarkRules` of internal/quality holds rules against the raw flights, beside a plain scan that decodes the five columns they touch. The bound is 3 scans.

| rules | check, s | scan, s | scans |
|---|---:|---:|---:|
"""
    for line in rules:
        name = line.split()[0].removeprefix("BenchmarkRules/").rpartition("-")[0].replace("_", " ")
        text += f'| {name} | {metric(line, "s/check"):.2f} | {metric(line, "s/scan"):.2f} | {metric(line, "scans/check"):.1f} |\n'
    return text


def growth():
    """The section of what the data steps hold in memory, from the lines of bench/memory."""
    with open(os.path.join(out, "memory.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    sizes = list(dict.fromkeys(line["gb"] for line in lines))
    text = f"""## Memory of the data steps as their input grows

Measured on {datetime.date.today()} at commit {commit} by `go run ./bench/memory -sizes {",".join(f"{s:g}" for s in sizes)} -limit {lines[0]["limit"]}`: each step in a process of its own with an engine of {lines[0]["limit"]} MiB. Peak of resident memory in MiB, and seconds; the size is that of the CSV file collected.

| step | {" | ".join(f'{line["gb"]:g} GB, {line["rows"]:,} rows' for line in lines if line["step"] == "collect")} |
|---|{"---:|" * len(sizes)}
"""
    for step in dict.fromkeys(line["step"] for line in lines):
        text += f"| {step} | " + " | ".join(f'{line["peak"]} MiB, {line["seconds"]:.0f} s' for line in lines if line["step"] == step) + " |\n"
    return text


if len(sys.argv) > 2 and sys.argv[2] in ("profile", "memory"):
    with open("bench/RESULTS.md") as f:
        sections = f.read().rstrip().split("\n## ")
    own = {"profile": exploration, "memory": growth}[sys.argv[2]]().rstrip().removeprefix("## ")
    title = own.split("\n")[0]
    at = [i for i, s in enumerate(sections) if s.split("\n")[0] == title]
    if at:
        sections[at[0]] = own + "\n"
    else:
        sections.append(own + "\n")
    print("\n\n## ".join(s.strip() for s in sections))
    sys.exit()

overhead, flights, peer, load = read("overhead.json"), read("flights.json"), read("peer.json"), read("load.json")
memory = dict(line.split() for line in open(os.path.join(out, "memory.txt")))
peak = int(memory["VmHWM:"]) // 1024
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
print()
print(exploration().rstrip())
print()
print(growth().rstrip())
