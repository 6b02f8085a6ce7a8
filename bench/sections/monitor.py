"""How often the monitor alarms, where nothing changed and where something did."""

import json
import os

KINDS = ["data_drift", "prediction_drift", "quality", "performance", "estimated_performance", "multivariate_drift", "concept_drift", "errors"]


def text(out):
    """The section of alarms and of what a window costs, from the lines of bench/monitor."""
    with open(os.path.join(out, "monitor.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    stable = lines[0]
    endpoints = 500
    core = stable["cpu"] * endpoints / 3600
    said = f"""## Alarms of the monitor

{os.environ["BENCH_STAMP"]} Flights of February 2001 (flights-3m.parquet), dealt at random: 20,000 rows to learn from, 20,000 to test, the others windows of {stable["rows"]:,} labelled answers, stable by construction; windows of the lower rows were moved as they say, after ten that were not. Alerts are the usual ones (two of three windows for drift and performance) and one of each other kind, with their usual bounds. Each cell: windows beyond a bound of those judged, and in brackets the window in which people were told first ("–": never).

| windows | n | {" | ".join(k.replace("_", " ") for k in KINDS)} |
|---|---:|{"---:|" * len(KINDS)}
"""
    for line in lines:
        cells = []
        for k in KINDS:
            first = line["first"].get(k, 0)
            cells.append(f'{line["breached"].get(k, 0)}/{line["judged"].get(k, 0)} ({first or "–"})')
        said += f'| {line["kind"]} | {line["windows"]} | ' + " | ".join(cells) + " |\n"
    said += f"""
False alarms told on the {stable["windows"]} stable windows: {sum(stable["opened"].values())}.

A stable window of {stable["rows"]:,} labelled answers and 4 columns takes {stable["cpu"]:.2f} s of processor time: reading its records, all figures, intervals of all scores, trees over all columns and a week of errors. {endpoints} such windows an hour are {core:.2f} of a core, scaled from that; Postgres and the object store are not in it.

### An hour of many endpoints

[bench/watch](watch/main.go) audits an hour of requests of each endpoint, 20 columns, a quarter of them labelled, and starts the monitor of each as its schedule does: windows are planned, computed, judged and written by one worker, through Temporal. Processor seconds are by /proc, of all that it takes; an hour has 3,600 of each core. The bound is half a core of the worker.

| endpoints | requests of each | windows | seconds | worker, CPU s | cores of the worker | worker, MB | Postgres, CPU s | Temporal, CPU s |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""
    with open(os.path.join(out, "monitor-watch.jsonl")) as f:
        for line in map(json.loads, f):
            said += (f'| {line["endpoints"]} | {line["rows"]:,} | {line["windows"]} | {line["seconds"]:.0f} | {line["worker_cpu"]:.0f} | {line["cores"]:.3f} | '
                     f'{line["worker_peak_mb"]:,} | {line["postgres_cpu"]:.0f} | {line["temporal_cpu"]:.0f} |\n')
    return said
