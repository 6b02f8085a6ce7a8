"""Describe a Parquet file with pandas, as many people begin: seconds for the read and for describe(include="all").

Run it beside BenchmarkCompute of internal/profile, which computes far more:

    python bench/peers/profile.py FLIGHTS.parquet
    ESTEIRA_FLIGHTS=FLIGHTS.parquet go test ./internal/profile -run '^$' -bench Compute
"""

import resource
import sys
import time

import pandas as pd


def main(path: str) -> None:
    begun = time.perf_counter()
    frame = pd.read_parquet(path)
    read = time.perf_counter()
    told = frame.describe(include="all")
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"pandas {pd.__version__}: {len(frame)} rows, read {read - begun:.2f} s, describe {done - read:.2f} s, peak {peak:.0f} MB, {told.shape[0]} figures a column")


if __name__ == "__main__":
    main(sys.argv[1])
