"""What the data steps hold in memory as their input grows."""

import json
import os


def text(out):
    """The section of what the data steps hold in memory, from the lines of bench/memory."""
    with open(os.path.join(out, "memory.jsonl")) as f:
        lines = [json.loads(line) for line in f]
    sizes = list(dict.fromkeys(line["gb"] for line in lines))
    said = f"""## Memory of the data steps as their input grows

{os.environ["BENCH_STAMP"]} By `go run ./bench/memory -sizes {",".join(f"{s:g}" for s in sizes)} -limit {lines[0]["limit"]}`: each step in a process of its own with an engine of {lines[0]["limit"]} MiB. Peak of resident memory in MiB, and seconds; the size is that of the CSV file collected.

| step | {" | ".join(f'{line["gb"]:g} GB, {line["rows"]:,} rows' for line in lines if line["step"] == "collect")} |
|---|{"---:|" * len(sizes)}
"""
    for step in dict.fromkeys(line["step"] for line in lines):
        said += f"| {step} | " + " | ".join(f'{line["peak"]} MiB, {line["seconds"]:.0f} s' for line in lines if line["step"] == step) + " |\n"
    return said
