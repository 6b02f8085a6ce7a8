"""Fits boosted trees with XGBoost and LightGBM, one line of JSON each.

    trees.py table DIRECTORY [ROWS]        writes the table that all read
    trees.py fit DIRECTORY PEER [THREADS] [depth|leaf] [squared|logistic]

PEER is xgboost or lightgbm. The settings are the same everywhere: 100 trees,
depth 6 (or 63 leaves), learning rate 0.1, L2 1, 255 bins.
"""

import json
import os
import resource
import sys
import time

import numpy as np

COLUMNS = 18


def table(directory, rows):
    os.makedirs(directory, exist_ok=True)
    r = np.random.default_rng(7)
    columns = []
    for j in range(COLUMNS):
        z = r.standard_normal(rows)
        if j % 4 == 1:
            z = np.exp(z) * 100
        elif j % 4 == 2:
            z = np.floor(np.abs(z) * 12)
        columns.append(z.astype(np.float32))
    x = [c.astype(np.float64) for c in columns]
    y = 10 * np.sin(x[0]) + x[1] ** 0.5 + np.where(x[2] > 8, 4, 1) * x[4] + x[7] ** 2 + np.sqrt(x[6]) * x[8]
    y += x[9] ** 0.3 * x[11] + 3 * (x[12] > 0.3) * (x[15] < 0.7) + 2 * np.abs(x[3]) + r.standard_normal(rows) * 3
    with open(os.path.join(directory, "table.f32"), "wb") as f:
        for c in columns + [y.astype(np.float32)]:
            f.write(c.tobytes())
    with open(os.path.join(directory, "table.json"), "w") as f:
        json.dump({"rows": rows, "columns": COLUMNS + 1}, f)


def read(directory):
    with open(os.path.join(directory, "table.json")) as f:
        shape = json.load(f)
    data = np.fromfile(os.path.join(directory, "table.f32"), dtype=np.float32).reshape(shape["columns"], shape["rows"])
    return np.ascontiguousarray(data[:-1].T), data[-1].astype(np.float64)


def resident(name):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))


def forget_peak():
    """Makes VmHWM begin again at what is resident now: reading the table took more than it holds."""
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")


def fit(directory, peer, threads, growth, loss):
    x, y = read(directory)
    logistic = loss == "logistic"
    if logistic:
        y = (y > y.mean()).astype(np.float64)
    if peer == "xgboost":
        import xgboost as xgb
    else:
        import lightgbm as lgb
    forget_peak()
    before = resident("VmRSS")
    used, start = resource.getrusage(resource.RUSAGE_SELF).ru_utime, time.perf_counter()
    if peer == "xgboost":
        params = {"tree_method": "hist", "max_bin": 255, "eta": 0.1, "lambda": 1, "nthread": threads, "min_child_weight": 1,
                  "objective": "binary:logistic" if logistic else "reg:squarederror"}
        params |= {"max_depth": 6} if growth == "depth" else {"grow_policy": "lossguide", "max_leaves": 63, "max_depth": 0}
        d = xgb.QuantileDMatrix(x, y, max_bin=255, nthread=threads)
        binned = time.perf_counter()
        model = xgb.train(params, d, 100)
    else:
        params = {"objective": "binary" if logistic else "regression", "learning_rate": 0.1, "lambda_l2": 1, "max_bin": 255,
                  "num_threads": threads, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 1, "verbosity": -1}
        params |= {"max_depth": 6, "num_leaves": 64} if growth == "depth" else {"num_leaves": 63}
        d = lgb.Dataset(x, y, params=params)
        d.construct()
        binned = time.perf_counter()
        model = lgb.train(params, d, 100)
    end, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_utime - used
    peak = resident("VmHWM")
    p = model.predict(xgb.DMatrix(x) if peer == "xgboost" else x)
    value = -np.mean(np.log(np.where(y > 0, p, 1 - p))) if logistic else np.mean((p - y) ** 2)
    print(json.dumps({
        "name": peer, "growth": growth, "loss_name": loss, "threads": threads, "bin": binned - start, "fit": end - binned,
        "total": end - start, "user": used, "loss": float(value), "memory_mb": (peak - before) // 1024, "peak_mb": peak // 1024,
    }))


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table(sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 2_000_000)
    else:
        words = sys.argv[4:] + ["2", "depth", "squared"][len(sys.argv[4:]):]
        fit(sys.argv[2], sys.argv[3], int(words[0]), words[1], words[2])
