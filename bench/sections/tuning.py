"""A search of a hundred small fits."""

import json
import os
import statistics


def text(out):
    found = {}
    with open(os.path.join(out, "tuning.jsonl")) as f:
        for line in map(json.loads, f):
            found.setdefault(line["label"], []).append(line)
    median = {label: statistics.median(line["seconds"] for line in lines) for label, lines in found.items()}
    rows, fits = found["loop"][0]["rows"], found["loop"][0]["fits"]
    return f"""## A search of {fits} small fits

{os.environ["BENCH_STAMP"]} The step train of flights-late on {rows:,} rows with {fits} fits of logistic regression, without cache, medians of three; beside [a plain loop](tuning/main.go) that makes the same fits in one process, one after another, with rows, history and artifacts of none. Each fit uses both cores by itself. Below, every process is held to one core.

| | seconds | |
|---|---:|---|
| plain loop, one process | {median["loop"]:.2f} | |
| search, one worker | {median["whole"]:.2f} | {100 * (median["whole"] / median["loop"] - 1):+.0f} % beside the loop; the bound is +20 % |
| search, one worker of one core | {median["one"]:.2f} | |
| search, two workers of one core | {median["two"]:.2f} | {median["one"] / median["two"]:.2f} × as fast as one; the bound is 1.7 × |
"""
