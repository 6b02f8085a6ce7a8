"""Describe Parquet files with pandas, as many people begin: seconds for the read
and for describe(include="all"), the fastest of five each, as one line of JSON a
file.

Run it beside BenchmarkCompute of internal/profile, which computes far more, on
the files that leaves in ESTEIRA_BENCH_DIR:

    ESTEIRA_BENCH_DIR=DIR ESTEIRA_FLIGHTS=FLIGHTS.parquet go test ./internal/profile -run '^$' -bench Compute
    python bench/peers/profile.py DIR/raw.parquet DIR/integrated.parquet
"""

import json
import sys
import time

import pandas as pd


def seconds(call):
    begun = time.perf_counter()
    result = call()
    return time.perf_counter() - begun, result


def main(paths: list[str]) -> None:
    for path in paths:
        reads, describes = [], []
        for _ in range(5):
            read, frame = seconds(lambda: pd.read_parquet(path))
            described, _ = seconds(lambda: frame.describe(include="all"))
            reads.append(read)
            describes.append(described)
        print(json.dumps({"rows": len(frame), "columns": frame.shape[1], "read": round(min(reads), 3), "describe": round(min(describes), 3), "pandas": pd.__version__}))


if __name__ == "__main__":
    main(sys.argv[1:])
