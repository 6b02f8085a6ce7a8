"""The server at its own maximum, minute after minute."""

import json
import os


def text(out):
    with open(os.path.join(out, "endurance.json")) as f:
        r = json.load(f)
    minutes, mib = r["minutes"], 2**20
    rate = r["answers"] / (60 * len(minutes))
    said = f"""## {len(minutes)} minutes at the server's own maximum

{os.environ["BENCH_STAMP"]} {r["clients"]} clients that ask again as soon as they are answered, one row a request, of boosted trees of 100 × depth 6 with strict audit; server, spool, Postgres and load generator on the same cores. The backlog is what is on the server's disk and not yet known to be in Postgres, looked at every two seconds.

| minute | requests/s | p50, ms | p99, ms | not 200 | largest backlog, records | largest spool, MiB | server's memory, MiB |
|---:|---:|---:|---:|---:|---:|---:|---:|
"""
    for i, m in enumerate(minutes, 1):
        said += f'| {i} | {m["requests_per_second"]:,.0f} | {m["p50_ms"]:.2f} | {m["p99_ms"]:.2f} | {m["errors"]} | {m["largest_backlog"]:,} | {m["largest_spool"] / mib:.1f} | {m["largest_rss"] / mib:.0f} |\n'
    return said + f"""
{rate:,.0f} requests/s were answered and {r["drained_per_second"]:,.0f} records/s drained meanwhile. When the last client had its answer {r["backlog"]:,} records waited ({r["backlog"] / rate:.1f} s of requests), and none {r["seconds_to_zero"]:.1f} s later. {r["answers"]:,} answers of status 200, {r["rows"]:,} rows of status 200 in Postgres; the run fails if they differ. The server's memory was {r["peak_rss"] / mib:.0f} MiB at most.
"""
