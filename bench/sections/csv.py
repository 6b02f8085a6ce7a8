"""A CSV file of 300 MB to Parquet."""

import json
import os


def text(out):
    best = {}
    with open(os.path.join(out, "csv.jsonl")) as f:
        for line in map(json.loads, f):
            if line["program"] not in best or line["seconds"] < best[line["program"]]["seconds"]:
                best[line["program"]] = line
    ours, theirs = best["esteira"], best["pandas"]
    return f"""## 300 MB of CSV to Parquet

{os.environ["BENCH_STAMP"]} {ours["rows"]:,} rows, converted by the collect step's code with an engine of 768 MiB; beside pandas, which only reads them. The best of three rounds in turn, each in a process of its own.

| | seconds | peak memory, MB |
|---|---:|---:|
| Esteira, to Parquet | {ours["seconds"]:.2f} | {ours["peak_mb"]} |
| pandas `read_csv` | {theirs["seconds"]:.2f} | {theirs["peak_mb"]} |

{theirs["seconds"] / ours["seconds"]:.1f} × as fast in {100 * ours["peak_mb"] / theirs["peak_mb"]:.0f} % of the memory; the bounds are 1.5 × and 33 %.
"""
