"""The 2,000,000 × 20 table of internal/feature's BenchmarkFitApply2000000x20 and
the same transforms by scikit-learn's ColumnTransformer, as a data team would
write them. Prints the seconds of fit_transform, of transform and of one request,
and the process's peak memory, as JSON. Usage: features.py [ROWS]

    go test ./internal/feature -run xxx -bench 'x20|Mix' -benchtime 3x
    python bench/peers/features.py

(pip install -r bench/reference/requirements.txt, and pandas==3.1.1)
"""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (FunctionTransformer, KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder,
                                   RobustScaler, StandardScaler, TargetEncoder)

warnings.simplefilter("ignore")
rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
rng = np.random.default_rng(1)
columns = {}
for j in range(10):
    x = rng.normal(size=rows)
    if j in (4, 5):
        x = np.exp(x)
    x[rng.integers(20, size=rows) == 0] = np.nan
    columns[f"c{j:02}"] = x
for j, n in enumerate([12, 20, 51, 300, 8, 2000, 50_000, 300], 10):
    names = np.array([f"category {k:05}" for k in range(n)], dtype=object)
    x = names[(n * rng.random(rows) * rng.random(rows)).astype(int)]
    x[rng.integers(50, size=rows) == 0] = None
    columns[f"c{j:02}"] = pd.Series(x, dtype=object)
for j in (18, 19):
    columns[f"c{j:02}"] = pd.to_datetime(1_600_000_000_000_000 + rng.integers(100_000_000_000_000, size=rows), unit="us")
table, y = pd.DataFrame(columns), rng.normal(size=rows)


class Clip(FunctionTransformer):
    """Between two quantiles of the rows it was fitted on."""

    def fit(self, x, y=None):
        super().fit(x)
        self.bounds = np.nanquantile(x, [0.01, 0.99], axis=0)
        return self

    def transform(self, x):
        return np.clip(x, *self.bounds)


class Frequency(FunctionTransformer):
    """The share of the rows it was fitted on."""

    def fit(self, x, y=None):
        super().fit(x)
        self.shares = x.iloc[:, 0].value_counts(normalize=True, dropna=False)
        return self

    def transform(self, x):
        return x.iloc[:, 0].map(self.shares).fillna(0).to_numpy()[:, None]


def parts(*names):
    return FunctionTransformer(lambda x: np.column_stack([getattr(x.iloc[:, 0].dt, n) for n in names]))


def median():
    return SimpleImputer(strategy="median")


def mode():
    return SimpleImputer(strategy="most_frequent", missing_values=None)


def one_hot(most):
    return OneHotEncoder(max_categories=most, handle_unknown="infrequent_if_exist")


day, hour = parts("dayofweek"), parts("hour")
features = ColumnTransformer([
    ("standard", make_pipeline(median(), StandardScaler()), ["c00", "c01", "c02", "c03"]),
    ("log", make_pipeline(median(), FunctionTransformer(np.log1p), StandardScaler()), ["c04", "c05"]),
    ("min_max", make_pipeline(SimpleImputer(add_indicator=True), MinMaxScaler()), ["c06"]),
    ("robust", make_pipeline(median(), RobustScaler()), ["c07"]),
    ("clip", make_pipeline(median(), Clip(), StandardScaler()), ["c08"]),
    ("bin", make_pipeline(median(), KBinsDiscretizer(10, subsample=None)), ["c09"]),
    ("one_hot", make_pipeline(mode(), one_hot(50)), ["c10", "c11", "c12"]),
    ("one_hot_100", make_pipeline(mode(), one_hot(100)), ["c13"]),
    ("ordinal", make_pipeline(mode(), OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)), ["c14"]),
    ("target", make_pipeline(TargetEncoder(target_type="continuous"), StandardScaler()), ["c15", "c16"]),
    ("frequency", Frequency(), ["c17"]),
    ("date", make_pipeline(parts("month", "day"), median(), StandardScaler()), ["c18"]),
    ("weekday", make_pipeline(day, one_hot(7)), ["c18"]),
    ("time", make_pipeline(parts("minute"), median(), StandardScaler()), ["c19"]),
    ("hour", make_pipeline(hour, one_hot(24)), ["c19"]),
])


def seconds(f, times=1):
    begun = time.perf_counter()
    for _ in range(times):
        f()
    return (time.perf_counter() - begun) / times


fit = seconds(lambda: features.fit_transform(table, y))
apply = seconds(lambda: features.transform(table))
one = table.iloc[:1]
request = seconds(lambda: features.transform(one), 20)
print(json.dumps({
    "rows": rows, "fit_transform_s": round(fit, 2), "transform_s": round(apply, 2), "request_us": round(1e6 * request),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
