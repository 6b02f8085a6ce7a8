"""A simulated year with and without retraining."""

import json
import os


def text(_):
    with open("bench/simulate/year.json") as f:
        year = json.load(f)
    s = year["summary"]
    alerts = ", ".join(f"{n} of {kind.replace('_', ' ')}" for kind, n in sorted(s["alerts_opened"].items()))
    lines = [f"""## A simulated year with and without retraining

{os.environ["BENCH_STAMP"].replace("bench/run.sh year", "make simulate")} {s["requests"]:,} flights of {len(year["weeks"])} weeks asked of a real server in the order in which they left, a week in {year["week_seconds"]:g} s, {s["minutes"]:.1f} minutes in all; the data hold half a year, which is played twice, by other flights of the same days; labels three to ten days late, some twice, some wrong first, some never. [The page](simulate/year.html) has the picture, what asked for each retraining and what became of it; [the table](simulate/year.csv) every week. Without retraining is the first champion on the same flights.

| | |
|---|---:|
| mean error with retraining, minutes | {s["mean_error_with_retraining"]:.2f} |
| mean error without | {s["mean_error_without"]:.2f} |
| windows, each computed once, in order | {s["windows"]} |
| computed again for labels that came late | {s["windows_computed_again"]} |
| alerts opened | {alerts} |
| of them before the world changed | {s["alerts_opened_before_the_first_change"]} |
| retrainings | {s["retrainings"]} |
| promoted through a canary | {s["promotions"]} |
| not better, the champion stayed | {s["not_better"]} |
| under way when the year was over | {s["under_way_at_the_end"]} |
| requests that failed | {s["failed_requests"]} |
| answers in the audit log, as they were given | {s["audited"] - s["untraceable"]:,} of {s["requests"]:,} |
| labels in force, all of them the truth | {s["labelled"]:,} |"""]
    changes = year["changes"]
    rows = []
    for i, c in enumerate(changes):
        begins = c["from"] - 1
        ends = changes[i + 1]["from"] - 1 if i + 1 < len(changes) else year["weeks"][-1]["week"]
        told = next((a for a in year["alerts"] if a["change"] == "opened" and begins <= a["at"] < ends), None)
        alert = "none" if told is None else f"{told['kind'].replace('_', ' ')}, after {told['at'] - begins:.1f} weeks"
        # Rows from before a change are in what is learnt from soon after it: a model may do better still.
        models = [r for r in year["rollouts"] if r["state"] == "live" and begins <= r["to"] < ends]
        live = ", ".join(f"{r['to'] - begins:.1f}" for r in models) or "none"
        rows.append(f"| {c['words']} | {c['from']} | {alert} | {live} |")
    lines.append("\n| declared change | from week | first alert | models that went live before the next change, weeks after it |\n|---|---:|---|---:|\n" + "\n".join(rows))
    return "\n".join(lines)
