"""Learns an example's question from the rows a run learned from, as a careful data
team would with scikit-learn and with XGBoost, and prints the scores on the same
test rows, one line of JSON a peer:

    accuracy.py EXAMPLE DIRECTORY [TRIALS]

DIRECTORY holds train.parquet, validation.parquet and test.parquet, and esteira.json,
which names target and metric (see bench/accuracy). Both peers learn from the
training rows alone, search by random draws with cross-validation dealt as the split
was (three folds by time, or five at random), and choose by it; XGBoost stops by the
rows held out, in the end the validation rows, as a run does. The test rows are read
once, at the end. XGBoost gets the raw columns with
its own categories and missing values, scikit-learn what its linear models and its
HistGradientBoosting need.
"""

import json
import os
import sys
import time
import warnings

# Threads that spin while they wait would make both peers slow where cores are few.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import sklearn
import xgboost as xgb
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import KFold, ParameterSampler, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from scipy.stats import loguniform, randint, uniform

warnings.filterwarnings("ignore")
SEED = 1

# What each example's columns are. skewed: logarithms for linear models.
AIRPORTS = ["origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude"]
COLUMNS = {
    "penguins": {"numbers": ["beak_length_mm", "beak_depth_mm", "flipper_length_mm", "body_mass_g"], "texts": ["island", "sex"]},
    "cars": {"numbers": ["model_year"], "skewed": ["displacement", "horsepower", "weight", "acceleration"], "texts": ["cylinders", "origin"]},
    "flights": {"numbers": AIRPORTS, "skewed": ["distance"], "texts": ["origin", "destination", "origin_state", "destination_state"], "time": "departed"},
    "flights-trees": {"numbers": AIRPORTS, "skewed": ["distance"], "texts": ["origin", "destination", "origin_state", "destination_state"], "time": "departed"},
    "flights-late": {"numbers": AIRPORTS, "skewed": ["distance"], "texts": ["origin", "destination", "origin_state", "destination_state"], "time": "departed"},
    "delays": {"numbers": [*AIRPORTS, "rain", "wind", "late_before", "flights_before"], "skewed": ["distance"],
               "texts": ["origin", "destination", "origin_state", "destination_state", "coast"], "time": "departed"},
    "weather": {"numbers": ["temp_max", "temp_min", "wind", "temp_max_before", "temp_min_before", "wind_before", "temp_range", "warmer", "wet"],
                "skewed": ["precipitation", "precipitation_before"], "texts": ["location", "weather_before"], "day": "date"},
}


def derived(example, rows):
    """What both peers make of a row before anything is fitted."""
    rows = rows.copy()
    of = {key: list(value) if isinstance(value, list) else value for key, value in COLUMNS[example].items()}
    of.setdefault("skewed", [])
    if example == "weather":
        rows["temp_range"] = rows["temp_max"] - rows["temp_min"]
        rows["warmer"] = rows["temp_max"] - rows["temp_max_before"]
        rows["wet"] = (rows["precipitation"] > 0).astype(float)
        turn = 2 * np.pi * rows["date"].dt.dayofyear / 365.25
        rows["sin"], rows["cos"] = np.sin(turn), np.cos(turn)
        of["numbers"] += ["sin", "cos"]
    if "time" in of:
        when = rows[of["time"]].dt
        rows["hour"] = when.hour + when.minute / 60
        rows["hour_text"], rows["weekday"] = when.hour.astype(str), when.dayofweek.astype(str)
        of["numbers"] += ["hour"]
        of["texts"] += ["hour_text", "weekday"]
    of["numbers"] += of["skewed"]
    return rows[of["numbers"] + of["texts"]], of


def categories(train, *others, texts):
    """The texts as pandas categories: the training rows say which there are."""
    out = [frame.copy() for frame in (train, *others)]
    for name in texts:
        kind = pd.CategoricalDtype(sorted(train[name].dropna().unique()))
        for frame in out:
            frame[name] = frame[name].astype(kind)
    return out


def linear(estimator, of):
    plain = [n for n in of["numbers"] if n not in of["skewed"]]
    return make_pipeline(ColumnTransformer([
        ("plain", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), plain),
        ("skewed", make_pipeline(SimpleImputer(strategy="median"), FunctionTransformer(np.log1p), StandardScaler()), of["skewed"]),
        ("texts", make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(max_categories=60, handle_unknown="infrequent_if_exist")), of["texts"]),
    ]), estimator)


class Question:
    """One example: its rows, folds and metric."""

    def __init__(self, example, directory):
        with open(os.path.join(directory, "esteira.json")) as f:
            self.said = json.load(f)
        parts = [pd.read_parquet(os.path.join(directory, part + ".parquet")) for part in ("train", "validation", "test")]
        parts[0] = parts[0].sort_values(self.said["row_column"], kind="stable", ignore_index=True)
        self.metric, target = self.said["metric"], self.said["target"]
        self.regression = self.metric == "rmse"
        self.classes = [] if self.regression else sorted(parts[0][target].unique())
        self.y = [p[target].to_numpy(float) if self.regression else p[target].map(self.classes.index).to_numpy() for p in parts]
        made = [derived(example, p) for p in parts]
        self.x, self.of = [m[0] for m in made], made[0][1]
        self.by_time = bool({"time", "day"} & COLUMNS[example].keys())
        splitter = TimeSeriesSplit(3) if self.by_time else KFold(5, shuffle=True, random_state=SEED)
        self.folds = list(splitter.split(self.x[0]))

    def answers(self, model, x):
        if self.regression:
            return model.predict(x)
        got = np.full((len(x), len(self.classes)), 1e-9)  # a fold may not have every class
        got[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(x)
        return got / got.sum(axis=1, keepdims=True)

    def loss(self, y, p):
        return root_mean_squared_error(y, p) if self.regression else log_loss(y, p, labels=range(len(self.classes)))

    def scores(self, y, p):
        if self.regression:
            return {"rmse": self.loss(y, p), "r2": r2_score(y, p)}
        out = {"log_loss": self.loss(y, p), "accuracy": accuracy_score(y, p.argmax(axis=1))}
        if len(self.classes) == 2:
            out["roc_auc"] = roc_auc_score(y, p[:, 1])
        return out

    def search(self, make, space, trials, x, held_out):
        """The best of random draws by cross-validation, fitted on all training rows."""
        best = (np.inf, None)
        for params in ParameterSampler(space, trials, random_state=SEED):
            losses = []
            for train, held in self.folds:
                model = self.fit(make(params), x.iloc[train], self.y[0][train], x.iloc[held], self.y[0][held])
                losses.append(self.loss(self.y[0][held], self.answers(model, x.iloc[held])))
            if np.mean(losses) < best[0]:
                best = (np.mean(losses), params)
        return self.fit(make(best[1]), x, self.y[0], held_out, self.y[1]), best

    @staticmethod
    def fit(model, x, y, held, of_held):
        return model.fit(x, y, held, of_held) if isinstance(model, Boosted) else model.fit(x, y)


def sklearn_peer(q, trials):
    """A linear model and HistGradientBoosting; cross-validation chooses."""
    estimator = (lambda p: linear(Ridge(**p), q.of)) if q.regression else (lambda p: linear(LogisticRegression(max_iter=1000, **p), q.of))
    space = {"alpha": loguniform(1e-3, 1e3)} if q.regression else {"C": loguniform(1e-2, 1e2)}
    yield "linear", *q.search(estimator, space, max(3, trials // 2), q.x[0], q.x[1]), q.x

    x = categories(*q.x, texts=q.of["texts"])
    for name in q.of["texts"]:  # HistGradientBoosting takes 255 categories: rare airports are missing
        if len(x[0][name].cat.categories) > 254:
            keep = x[0][name].value_counts().index[:254]
            for frame in x:
                frame[name] = frame[name].cat.set_categories(sorted(keep))
    kind = HistGradientBoostingRegressor if q.regression else HistGradientBoostingClassifier
    space = {"learning_rate": loguniform(0.02, 0.3), "max_leaf_nodes": randint(4, 40), "min_samples_leaf": randint(5, 60), "l2_regularization": loguniform(0.01, 30), "max_features": uniform(0.3, 0.7), "max_iter": randint(30, 300)}
    make = lambda p: kind(categorical_features="from_dtype", early_stopping=False, random_state=SEED, **p)
    yield "trees", *q.search(make, space, max(3, trials // 2), x[0], x[1]), x


class Boosted:
    """XGBoost whose rounds stop by rows held out."""

    def __init__(self, q, params):
        self.q, self.params = q, params

    def fit(self, x, y, held, of_held):
        settings = dict(tree_method="hist", enable_categorical=True, random_state=SEED, n_jobs=1, **self.params)
        if self.q.regression:
            self.model = xgb.XGBRegressor(n_estimators=600, early_stopping_rounds=20, **settings)
        else:
            self.classes_, y = np.unique(y, return_inverse=True)
            known = np.isin(of_held, self.classes_)  # a fold may not have every class
            held, of_held = held[known], np.searchsorted(self.classes_, of_held[known])
            self.model = xgb.XGBClassifier(n_estimators=600, early_stopping_rounds=20, **settings)
        self.model.fit(x, y, eval_set=[(held, of_held)], verbose=False)
        return self

    def predict(self, x):
        return self.model.predict(x)

    def predict_proba(self, x):
        return self.model.predict_proba(x)


def xgboost_peer(q, trials):
    x = categories(*q.x, texts=q.of["texts"])
    space = {"learning_rate": loguniform(0.02, 0.3), "max_depth": randint(2, 8), "min_child_weight": loguniform(0.5, 30), "reg_lambda": loguniform(0.1, 30),
             "subsample": uniform(0.6, 0.4), "colsample_bynode": uniform(0.3, 0.7)}
    yield "trees", *q.search(lambda p: Boosted(q, p), space, trials, x[0], x[1]), x


def main():
    example, directory = sys.argv[1:3]
    trials = int(sys.argv[3]) if len(sys.argv) > 3 else 20
    q = Question(example, directory)
    if len(q.x[0]) > 20_000:  # as the examples, which try three points there
        trials = max(3, trials // 2)
    for peer, version, contenders in (("scikit-learn", sklearn.__version__, sklearn_peer), ("XGBoost", xgb.__version__, xgboost_peer)):
        begun, best = time.perf_counter(), None
        for kind, model, (cv, params), x in contenders(q, trials):
            chosen = q.loss(q.y[1], q.answers(model, x[1]))
            if best is None or cv < best[3]:
                best = (chosen, kind, model, cv, params, x)
        chosen, kind, model, cv, params, x = best
        print(json.dumps({
            "example": example, "peer": peer, "version": version, "kind": kind, "seconds": round(time.perf_counter() - begun, 1),
            "cv": float(cv), "validation": float(chosen), "test": {k: float(v) for k, v in q.scores(q.y[2], q.answers(model, x[2])).items()},
            "params": {k: round(float(v), 4) for k, v in params.items()},
        }), flush=True)


if __name__ == "__main__":
    main()
