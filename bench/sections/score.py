"""Batch scoring beside a plain Python loop."""

import json
import os


def text(out):
    with open(os.path.join(out, "score.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    with open(os.path.join(out, "score.same.json")) as f:
        same = json.load(f)
    best = {}
    for line in lines:
        key = line["who"], line["format"], line.get("workers", 0)
        if key not in best or line["seconds"] < best[key]["seconds"]:
            best[key] = line
    said = f"""## {lines[0]["rows"]:,} flights scored

{os.environ["BENCH_STAMP"]} `esteira score` of boosted trees of 100 × depth 6 over five columns, all of them kept, without cache: the whole run, in which the input is collected, dealt to parts, scored and written in its order, each as an artifact named by its digest. Beside it [a plain loop](peers/score.py) of pyarrow and ONNX Runtime with the same graph, which reads, asks and writes in one process and keeps nothing else; the answers of both differ by at most {same["largest_difference"]:.0e}. The best of {len(lines) // len(best)} rounds; memory is the most that a worker's process held.

| | | rows/s | seconds | memory, MB |
|---|---|---:|---:|---:|
"""
    for form in ("parquet", "csv"):
        for who, workers, name in (("esteira", 1, "Esteira, one worker"), ("esteira", 2, "Esteira, two workers on the same cores"), ("loop", 0, "plain loop")):
            r = best[who, form, workers]
            said += f'| {form.replace("csv", "CSV").replace("parquet", "Parquet")} | {name} | {r["rows"] / r["seconds"]:,.0f} | {r["seconds"]:.1f} | {r["peak_mb"]:,} |\n'
    one = best["esteira", "parquet", 1]["steps"]
    return said + "\nOf one worker's seconds over Parquet: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in one.items()) + ".\n"
