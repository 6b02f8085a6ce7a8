"""Drift of a window of 1,000,000 rows × 20 columns by Evidently.

    drift.py make DIRECTORY [ROWS]     writes reference.parquet and window.parquet
    drift.py default DIRECTORY         Evidently's preset: one measure a column
    drift.py all DIRECTORY             the measures that bench/drift computes, too

prints seconds (imports left out), peak of memory and figures as a line of JSON.
(pip install -r bench/peers/drift.requirements.txt)
"""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
NUMBERS, TEXTS = [f"n{i:02}" for i in range(14)], [f"s{i}" for i in range(6)]


def rows(rng, n, moved):
    """14 columns of numbers and 6 of texts; in the window, five have moved."""
    out = {}
    for j, name in enumerate(NUMBERS):
        x = rng.normal(size=n) if j % 3 else rng.exponential(size=n)
        if moved and j in (1, 5, 9):
            x = x * 1.2 + 0.5
        if j in (2, 7):
            x = np.round(x, 1)
        out[name] = x
    for j, (name, k) in enumerate(zip(TEXTS, (2, 5, 12, 50, 300, 2000))):
        skew = rng.random(n) * rng.random(n) if not (moved and j in (1, 3)) else rng.random(n)
        out[name] = np.array([f"category {i}" for i in range(k)], dtype=object)[(k * skew).astype(int)]
    return pd.DataFrame(out)


def main():
    what, directory = sys.argv[1:3]
    paths = [f"{directory}/{side}.parquet" for side in ("reference", "window")]
    if what == "make":
        rng = np.random.default_rng(8)
        for moved, path in enumerate(paths):
            rows(rng, int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000, moved).to_parquet(path, index=False)
        return
    import evidently
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset

    begun, used = time.perf_counter(), time.process_time()
    columns = DataDefinition(numerical_columns=NUMBERS, categorical_columns=TEXTS)
    reference, window = (Dataset.from_pandas(pd.read_parquet(path), data_definition=columns) for path in paths)
    if what == "default":
        metrics = [DataDriftPreset()]
    else:
        metrics = [ValueDrift(column=c, method=m) for c in NUMBERS for m in ("psi", "jensenshannon", "wasserstein", "ks")]
        metrics += [ValueDrift(column=c, method=m) for c in TEXTS for m in ("psi", "jensenshannon", "chisquare")]
    found = Report(metrics).run(window, reference).dict()["metrics"]
    seconds, cpu = time.perf_counter() - begun, time.process_time() - used
    drift = [m for m in found if m["metric_name"].startswith("ValueDrift")]
    print(json.dumps({
        "what": what, "evidently": evidently.__version__, "seconds": seconds, "cpu": cpu, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "figures": len(drift),
        "wasserstein": {m["config"]["column"]: float(m["value"]) for m in drift if "wasserstein" in m["config"]["method"].lower()},
    }))


if __name__ == "__main__":
    main()
