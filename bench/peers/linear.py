"""Fit linear models by scikit-learn on 3,000,000 rows of 20 numbers like those of
BenchmarkFit3M of internal/model: seconds, the faster of two, and the peak of
memory beyond the data, as one line of JSON a kind. The matrix is given in the
order of rows or columns in which scikit-learn is faster.

    python bench/peers/linear.py
    go test ./internal/model -run '^$' -bench 'Fit3M/(ols|ridge|lasso)/20'
"""

import json
import time
import tracemalloc

import numpy as np
import sklearn
from sklearn.linear_model import Lasso, LinearRegression, Ridge

ROWS, COLUMNS = 3_000_000, 20


def data():
    r = np.random.default_rng(1)
    z = r.standard_normal((ROWS, COLUMNS))
    y = z @ (1 / np.arange(1, COLUMNS + 1)) + r.standard_normal(ROWS)
    z *= np.exp(r.standard_normal(COLUMNS))
    z += 10 * r.standard_normal(COLUMNS)
    return z, y


def timed(model, x, y):
    begun = time.perf_counter()
    model.fit(x, y)
    return time.perf_counter() - begun


def main():
    x, y = data()
    for kind, model in (("ols", LinearRegression()), ("ridge", Ridge()), ("lasso", Lasso())):
        seconds = {}
        for order in "CF":
            given = np.array(x, order=order)
            seconds[order] = min(timed(model, given, y) for _ in range(2))
        tracemalloc.start()
        model.fit(given, y)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        order = min(seconds, key=seconds.get)
        print(json.dumps({"kind": kind, "seconds": round(seconds[order], 3), "order": order, "peak_mb": peak >> 20, "scikit-learn": sklearn.__version__}), flush=True)


if __name__ == "__main__":
    main()
