"""The steps of examples/flights/flights.yaml as a plain pandas and scikit-learn
script: what a data team would write by hand. Prints seconds per step and the
process's peak memory as JSON. Usage: flights.py FLIGHTS.parquet AIRPORTS.csv"""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

steps, begun = {}, time.perf_counter()


def done(step):
    global begun
    steps[step] = round(time.perf_counter() - begun, 2)
    begun = time.perf_counter()


flights_path, airports_path = sys.argv[1:3]
flights = pd.read_parquet(flights_path)
airports = pd.read_csv(airports_path)[["iata", "state", "latitude", "longitude"]]
data = flights.rename(columns={"date": "departed"})
for end in ("origin", "destination"):
    data = data.merge(airports.add_prefix(end + "_"), how="left", left_on=end, right_on=end + "_iata").drop(columns=end + "_iata")
data = data.sort_values(["departed", "origin", "destination"], kind="stable", ignore_index=True)
done("collect")

data.describe(include="all")
data.isna().mean()
data.select_dtypes("number").corrwith(data["delay"])
done("profile")

data = data[data["delay"].notna() & data["delay"].between(-120, 1440)]
assert len(data) >= 1000 and data["distance"].between(1, 6000).all()
assert data[["origin_state", "destination_state"]].isna().mean().max() <= 0.01
data.duplicated(["departed", "origin", "destination"]).sum()
done("validate")

first, second = data["departed"].quantile([0.7, 0.85], interpolation="higher")
train = data[data["departed"] < first]
validation = data[(data["departed"] >= first) & (data["departed"] < second)]
test = data[data["departed"] >= second]
done("split")


def one_hot(most):
    return OneHotEncoder(max_categories=most, handle_unknown="infrequent_if_exist")


def parts(x):
    when = x["departed"].dt
    return np.column_stack([when.dayofweek, when.hour])


def model(estimator):
    features = ColumnTransformer([
        ("when", make_pipeline(FunctionTransformer(parts), OneHotEncoder(handle_unknown="ignore")), ["departed"]),
        ("distance", make_pipeline(SimpleImputer(strategy="median"), FunctionTransformer(np.log1p), StandardScaler()), ["distance"]),
        ("where", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
         ["origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude"]),
        ("state", make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot(60)), ["origin_state", "destination_state"]),
        ("airport", one_hot(30), ["origin", "destination"]),
    ])
    return make_pipeline(features, estimator)


y = train["delay"].to_numpy(dtype=float)
scores = []
for fit_rows, held in TimeSeriesSplit(3).split(train):
    for estimator in (DummyRegressor(), LinearRegression()):
        m = model(estimator).fit(train.iloc[fit_rows], y[fit_rows])
        scores.append(root_mean_squared_error(y[held], m.predict(train.iloc[held])))
ols, baseline = model(LinearRegression()).fit(train, y), model(DummyRegressor()).fit(train, y)
done("train")

rmse = {}
for name, rows in (("validation", validation), ("test", test)):
    for kind, m in (("ols", ols), ("baseline", baseline)):
        rmse[f"{kind} on {name}"] = root_mean_squared_error(rows["delay"], m.predict(rows))
done("evaluate")

print(json.dumps({
    "rows": len(data), "steps": steps, "total": round(sum(steps.values()), 2),
    "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "rmse": rmse,
}))
