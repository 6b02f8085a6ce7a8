"""Profile and validation of 3,000,000 rows."""

import json
import os


def metric(line, unit):
    fields = line.split()
    return float(fields[fields.index(unit) - 1])


def text(out):
    """The section of profile and validation, from the output of two benchmarks."""
    with open(os.path.join(out, "profile.txt")) as f:
        ours = {name: metric(line, "s/fastest") for line in f for name in ("raw", "integrated") if line.startswith(f"BenchmarkCompute/{name}-")}
    with open(os.path.join(out, "profile-peer.jsonl")) as f:
        peers = dict(zip(("raw", "integrated"), map(json.loads, f)))
    with open(os.path.join(out, "rules.txt")) as f:
        rules = [line for line in f if line.startswith("BenchmarkRules/")]
    said = f"""## Profile and validation of 3,000,000 rows

{os.environ["BENCH_STAMP"]} The fastest of five (rules: of seven). `BenchmarkCompute` of internal/profile reads the file and computes the whole profile; pandas {peers["raw"]["pandas"]} [reads the same file](peers/profile.py) and runs `describe(include="all")`, which has no association, sample, drift, repeats or histograms.

| dataset | Esteira, s | pandas read, s | describe, s | both, s | Esteira is |
|---|---:|---:|---:|---:|---:|
"""
    for name, p in peers.items():
        both = p["read"] + p["describe"]
        said += f'| {name}, {p["columns"]} columns | {ours[name]:.2f} | {p["read"]:.2f} | {p["describe"]:.2f} | {both:.2f} | {both / ours[name]:.1f} × as fast as both, {p["describe"] / ours[name]:.1f} × as describe alone |\n'
    said += """
`BenchmarkRules` of internal/quality holds rules against the raw flights, beside a plain scan that decodes the five columns they touch. The bound is 3 scans.

| rules | check, s | scan, s | scans |
|---|---:|---:|---:|
"""
    for line in rules:
        name = line.split()[0].removeprefix("BenchmarkRules/").rpartition("-")[0].replace("_", " ")
        said += f'| {name} | {metric(line, "s/check"):.2f} | {metric(line, "s/scan"):.2f} | {metric(line, "scans/check"):.1f} |\n'
    return said
