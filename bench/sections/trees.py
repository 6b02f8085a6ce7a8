"""Boosted trees beside XGBoost and LightGBM."""

import json
import os


def text(out):
    """The section on boosted trees: the best of the turns, by wall clock."""
    with open(os.path.join(out, "trees.json")) as f:
        fits = [json.loads(line) for line in f]
    best = {}
    for fit in fits:
        key = (fit["growth"], fit["name"], fit["threads"])
        if key not in best or fit["total"] < best[key]["total"]:
            best[key] = fit
    threads = max(fit["threads"] for fit in fits)
    said = f"""## Boosted trees

{os.environ["BENCH_STAMP"]} 2,000,000 rows × 18 numbers, squared loss, 100 trees of depth 6 (by depth) or 63 leaves (by leaf), the same settings; the best of {len(fits) // len(best)} turns. Binning is counted in the total; memory is what a fit adds to the process that holds the table.

| | threads | bin, s | total, s | user CPU, s | loss | memory, MB |
|---|---:|---:|---:|---:|---:|---:|
"""
    for (growth, name, n), fit in sorted(best.items()):
        said += (f'| {name}, by {growth} | {n} | {fit["bin"]:.2f} | {fit["total"]:.2f} | {fit["user"]:.1f} | {fit["loss"]:.4f} | {fit["memory_mb"]} |\n')
    ours = best["depth", "esteira", threads]
    if ("depth", "esteira", 1) in best and threads > 1:
        said += (f'\nFrom one thread to {threads}: {best["depth", "esteira", 1]["total"] / ours["total"]:.2f} ×. One row: {ours["one_row_us"]:.1f} µs; a batch: {2e6 / ours["predict"] / 1e6:.1f} million rows/s.\n')
    return said
