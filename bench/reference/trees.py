"""Reference scores and contributions for boosted_trees, by XGBoost and LightGBM.

    pip install -r bench/reference/trees.requirements.txt
    python bench/reference/trees.py tables DIRECTORY   # of vega-datasets: writes the two larger tables
    python bench/reference/trees.py                    # writes reference_trees.json

reads and writes internal/model/testdata. Every fourth row is held out; a hole in
a table is a missing value.
"""

import json
import pathlib
import sys

import lightgbm as lgb
import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.metrics import log_loss, roc_auc_score

HERE = pathlib.Path(__file__).resolve().parents[2] / "internal/model/testdata"
ROUNDS, RATE, DEPTH = 60, 0.1, 5


def tables(data):
    flights = pd.read_parquet(data / "flights-3m.parquet").sample(12_000, random_state=1).sort_values("date")
    flights = pd.DataFrame({
        "delay": flights.delay.astype(int), "late": np.where(flights.delay > 15, "yes", "no"), "distance": flights.distance.astype(int),
        "hour": flights.date.dt.hour, "weekday": flights.date.dt.day_of_week, "day": flights.date.dt.day_of_year, "origin": flights.origin,
    })
    flights.loc[flights.index[::7], "distance"] = np.nan
    flights["distance"] = flights.distance.astype("Int64")
    flights.to_csv(HERE / "flights_trees.csv", index=False)
    weather = pd.read_csv(data / "weather.csv", parse_dates=["date"])
    weather["day"] = weather.date.dt.day_of_year
    weather.loc[weather.index[::7], "wind"] = np.nan
    weather.drop(columns="date").to_csv(HERE / "weather_trees.csv", index=False)


def load(table, target, numbers, texts, task):
    rows = pd.read_csv(HERE / f"{table}.csv", keep_default_na=False, na_values=[""])
    x = rows[numbers].astype(float)
    for c in texts:
        x[c] = pd.Categorical(rows[c], categories=sorted(rows[c].unique())).codes
    y = rows[target].astype(float) if task == "regression" else pd.Categorical(rows[target], categories=sorted(rows[target].unique())).codes
    held = np.arange(len(rows)) % 4 == 3
    return x, np.asarray(y, dtype=float), held


def score(task, y, p):
    if task == "regression":
        return {"rmse": float(np.sqrt(np.mean((y - p) ** 2)))}
    out = {"log_loss": float(log_loss(y, p))}
    if task == "binary":
        out["auc"] = float(roc_auc_score(y, p))
    return out


def case(table, target, numbers, texts, task):
    x, y, held = load(table, target, numbers, texts, task)
    classes = 0 if task == "regression" else int(y.max()) + 1
    out = {"table": table, "target": target, "numbers": numbers, "texts": texts, "classes": classes, "peers": {}}
    frame = x.copy()
    for c in texts:
        frame[c] = frame[c].astype("category")
    if not texts:
        params = {"tree_method": "hist", "max_bin": 255, "eta": RATE, "max_depth": DEPTH, "min_child_weight": 1, "lambda": 1, "nthread": 1}
        params["objective"] = {"regression": "reg:squarederror", "binary": "binary:logistic", "multiclass": "multi:softprob"}[task]
        if task == "multiclass":
            params["num_class"] = classes
        m = xgb.train(params, xgb.DMatrix(x[~held], y[~held]), ROUNDS)
        out["peers"]["xgboost"] = [score(task, y[part], m.predict(xgb.DMatrix(x[part]))) for part in (~held, held)]
        if task != "multiclass" and len(x) < 1000:  # of trees so few and small that both grow the same ones
            params |= {"max_depth": 3}
            m = xgb.train(params, xgb.DMatrix(x[~held], y[~held]), 5)
            out["contributions"] = m.predict(xgb.DMatrix(x[~held][:20]), pred_contribs=True).astype(float).tolist()
    params = {"objective": task, "learning_rate": RATE, "max_depth": DEPTH, "num_leaves": 2**DEPTH, "min_data_in_leaf": 1, "lambda_l2": 1,
              "min_sum_hessian_in_leaf": 1, "num_threads": 1, "verbosity": -1, "max_bin": 255, "min_data_in_bin": 1, "deterministic": True}
    if task == "multiclass":
        params["num_class"] = classes
    m = lgb.train(params, lgb.Dataset(frame[~held], y[~held], params=params), ROUNDS)
    out["peers"]["lightgbm"] = [score(task, y[part], m.predict(frame[part])) for part in (~held, held)]
    print(table, target, out["peers"])
    return out


if len(sys.argv) > 1 and sys.argv[1] == "tables":
    tables(pathlib.Path(sys.argv[2]))
    sys.exit()
cars = ["cylinders", "displacement", "horsepower", "acceleration"]  # each of so few values that all have bins of their own
penguins = ["beak_length", "beak_depth", "flipper_length", "body_mass"]
flights = ["distance", "hour", "weekday", "day"]
weather = ["precipitation", "temp_max", "temp_min", "wind", "day"]
cases = [
    case("cars", "mpg", cars, [], "regression"),
    case("penguins", "sex", penguins, [], "binary"),
    case("penguins", "species", penguins, [], "multiclass"),
    case("weather_trees", "temp_max", ["precipitation", "temp_min", "wind", "day"], [], "regression"),
    case("weather_trees", "weather", weather, [], "multiclass"),
    case("flights_trees", "delay", flights, [], "regression"),
    case("flights_trees", "late", flights, [], "binary"),
    case("flights_trees", "late", flights, ["origin"], "binary"),
]
(HERE / "reference_trees.json").write_text(json.dumps(cases, indent=1) + "\n")
