"""Drift of a window beside Evidently, and false alarms."""

import json
import os


def lines(out, name):
    with open(os.path.join(out, name)) as f:
        return [json.loads(line) for line in f]


def fastest(runs):
    best = {}
    for run in runs:
        if run["what"] not in best or run["seconds"] < best[run["what"]]["seconds"]:
            best[run["what"]] = run
    return best


def text(out):
    ours, theirs = fastest(lines(out, "drift.jsonl")), fastest(lines(out, "drift-peer.jsonl"))
    mine, full = ours["measure"], theirs["all"]
    furthest = max(abs(v - full["wasserstein"][name]) for name, v in mine["wasserstein"].items())
    said = f"""## Drift of {mine["rows"]:,} predictions × {mine["columns"]}

{os.environ["BENCH_STAMP"]} A window and a reference of as many rows, 14 columns of numbers and 6 of texts, five of which have moved. [bench/drift](drift/main.go) reads both Parquet files and computes every figure of every column: PSI, Jensen-Shannon, total variation, chi-square, shares missing, new and out of range, and of the values themselves Kolmogorov-Smirnov and Wasserstein. [Evidently {full["evidently"]}](peers/drift.py) reads the same files and computes PSI, Jensen-Shannon, Wasserstein and Kolmogorov-Smirnov, or chi-square for texts ({full["figures"]} figures); its preset, one measure a column. Imports are left out. The bound is a tenth of its seconds and a quarter of its memory. CPU is of all threads, and moves less with other work on the machine. The Wasserstein distances of both differ by at most {furthest:.0e}; {mine["drifted"]} columns are found to have drifted.

| | seconds | CPU, s | memory, MB |
|---|---:|---:|---:|
| Esteira, every figure | {mine["seconds"]:.1f} | {mine["cpu"]:.1f} | {mine["peak_mb"]:,} |
| Evidently, the same measures | {full["seconds"]:.1f} | {full["cpu"]:.1f} | {full["peak_mb"]:,} |
"""
    if preset := theirs.get("default"):
        said += f'| Evidently, its preset | {preset["seconds"]:.1f} | {preset["cpu"]:.1f} | {preset["peak_mb"]:,} |\n'
    whole = lines(out, "drift-window.jsonl")
    for row in whole:
        said += f'| Esteira, the window of {row["what"]}, of audited requests | {row["seconds"]:.1f} | {row["cpu"]:.1f} | {row["peak_mb"]:,} |\n'
    said += f"""
The last rows are the whole cost of [a window](watch/main.go) as the monitor's worker computes it: the {whole[0]["rows"]:,} requests are read from the audit log in Postgres as the JSON that was sent, the bundle is opened, every figure computed (of distributions by bins; see internal/drift/doc.go), the rows told from training rows by trees, and measures, page and summaries written. CPU and memory are of this process; Postgres spent {", ".join(f"{row['postgres_cpu']:.1f}" for row in whole)} s of CPU beside it. The window of 24 h is made of hours that are kept: the first time its hours are read, the second time none is.

Esteira takes {full["seconds"] / mine["seconds"]:.1f} × less time ({full["cpu"] / mine["cpu"]:.1f} × less CPU) and {full["peak_mb"] / mine["peak_mb"]:.1f} × less memory than the same measures. The 720 hours of a month are read and merged in {ours["summarize"]["merge"]:.2f} s, {ours["summarize"]["bytes"] / 1000:.0f} kB an hour of 20 columns. Trees tell 10,000 rows of each side apart with an AUC of {ours["separate"]["auc"]:.3f} in {ours["separate"]["seconds"]:.1f} s ({ours["separate"]["cpu"]:.1f} s CPU), reading included.

### False alarms, and drift that is found

Half of the rows of an example, dealt at random, are the reference; {lines(out, "drift-alarms.jsonl")[0]["windows"]} windows of each size are drawn from the other half, so that nothing has drifted. Then one column of each is moved. A window alarms if any column has an effect of 0.1 or more and a corrected p below 0.01; beside it, what PSI of 0.1 alone, and an uncorrected p below 0.05 alone, would have said. Found: the moved column was named. Apart: windows in which the classifier of all columns alarmed.

| example | window | rows | windows | alarms | by PSI alone | by p alone | found | apart |
|---|---|---:|---:|---:|---:|---:|---:|---:|
"""
    for a in lines(out, "drift-alarms.jsonl"):
        found = "–" if a["kind"] == "stable" else f'{100 * a["moved"] / a["windows"]:.1f} %'
        said += (f'| {a["example"]}, {a["columns"]} columns | {a["kind"]} | {a["rows"]:,} | {a["windows"]} | {100 * a["any"] / a["windows"]:.1f} % | '
                 f'{100 * a["any_psi"] / a["windows"]:.1f} % | {100 * a["any_p"] / a["windows"]:.1f} % | {found} | {a["apart"]} of {a["apart_of"]} |\n')
    return said
