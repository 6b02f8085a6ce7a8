"""Linear models on matrices in memory."""

import json
import os


def ours(out):
    """Seconds and bytes by kind; the fastest of those measured."""
    found = {}
    with open(os.path.join(out, "fits.txt")) as f:
        for line in f:
            if line.startswith("BenchmarkFit3M/") and "ns/op" in line:
                fields = line.split()
                kind = fields[0].split("/")[1]
                value = [float(fields[fields.index(unit) - 1]) for unit in ("ns/op", "B/op")]
                found[kind] = min(found.get(kind, value), value)
    return found


def text(out):
    peers = {}
    with open(os.path.join(out, "fits-peer.jsonl")) as f:
        for p in map(json.loads, f):
            if p["kind"] not in peers or p["seconds"] < peers[p["kind"]]["seconds"]:
                peers[p["kind"]] = p
    said = f"""## Linear models on 3,000,000 × 20

{os.environ["BENCH_STAMP"]} The fastest of three rounds in turn. `BenchmarkFit3M` of internal/model beside [scikit-learn {peers["ols"]["scikit-learn"]}](peers/linear.py) on data of the same distribution, both with their defaults. Memory is what a fit allocates beyond the matrix. The figures of ols here include its inference; a lasso or ridge of another alpha on the same rows takes its moments from the memo and costs less than a millisecond.

| kind | Esteira, s | scikit-learn, s | Esteira is | Esteira, MB | scikit-learn, MB |
|---|---:|---:|---:|---:|---:|
"""
    for p in peers.values():
        nanoseconds, size = ours(out)[p["kind"]]
        said += f'| {p["kind"]} | {nanoseconds / 1e9:.2f} | {p["seconds"]:.2f} | {p["seconds"] / nanoseconds * 1e9:.1f} × as fast | {size / 1e6:.0f} | {p["peak_mb"]:,} |\n'
    return said
