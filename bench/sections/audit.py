"""What keeping the audit log costs, and how fast it drains."""

import os
import re
import statistics


def text(out):
    """The section of the audit log, from the lines of go test -bench."""
    with open(os.path.join(out, "audit.txt")) as f:
        lines = f.read()
    rates = {m: [float(x) for x in re.findall(rf"BenchmarkAudit/{m}\S*\s+\d+\s.*?([\d.]+) requests/s", lines)] for m in ("none", "strict", "bounded")}
    drain = re.search(r"BenchmarkDrain\S*\s+(\d+)\s.*?([\d.]+) records/s", lines)
    none = statistics.median(rates["none"])
    said = f"""## The audit log

{os.environ["BENCH_STAMP"]} One-row requests over HTTP from 64 clients in the server's own process; median and range of {len(rates["none"])} rounds. No audit exists in this benchmark alone.

| audit | requests/s | of none |
|---|---:|---:|
"""
    for mode, seen in rates.items():
        said += f"| {mode} | {statistics.median(seen):,.0f} ({min(seen):,.0f} to {max(seen):,.0f}) | {statistics.median(seen) / none:.0%} |\n"
    return said + f"""
A backlog of {int(drain.group(1)):,} records of 20 features drains into Postgres on the same cores at {float(drain.group(2)):,.0f} records/s.
"""
