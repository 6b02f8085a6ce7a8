"""Transforms of a table, and of one request."""

import json
import os


def text(out):
    best = {}
    with open(os.path.join(out, "features.txt")) as f:
        for line in f:
            fields = line.split()
            if line.startswith("Benchmark") and "ns/op" in fields:
                name = fields[0].removeprefix("Benchmark").rpartition("-")[0] or fields[0].removeprefix("Benchmark")
                best[name] = min(best.get(name, 1e18), float(fields[fields.index("ns/op") - 1]))
                if "allocs/op" in fields:
                    best[name + "/allocs"] = int(fields[fields.index("allocs/op") - 1])
    with open(os.path.join(out, "features-peer.jsonl")) as f:
        peers = [json.loads(line) for line in f]
    peer = {key: min(p[key] for p in peers) for key in peers[0]}
    fit, apply = best["FitApply2000000x20"] / 1e9, best["Apply2000000x20"] / 1e9
    one, twenty = best["RequestOfTheMix"] / 1e3, best["RequestOf20Columns"] / 1e3
    return f"""## Transforms of 2,000,000 × 20

{os.environ["BENCH_STAMP"]} A usual mix: imputing, scaling, power, bins, one-hot, target encoding, date parts ([the same in scikit-learn](peers/features.py)); the best of two rounds in turn.

| | Esteira | scikit-learn | |
|---|---:|---:|---:|
| fit and transform, s | {fit:.2f} | {peer["fit_transform_s"]:.2f} | {peer["fit_transform_s"] / fit:.1f} × as fast |
| transform, s | {apply:.2f} | {peer["transform_s"]:.2f} | {peer["transform_s"] / apply:.1f} × as fast |
| one request of this mix, µs | {one:.1f} | {peer["request_us"]:,} | {peer["request_us"] / one:,.0f} × as fast |

One request of 12 numbers, 6 texts and 2 times takes {twenty:.1f} µs (the bound is 20) and allocates nothing.
"""
