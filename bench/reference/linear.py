"""Reference values for internal/model, by scikit-learn and statsmodels.

    pip install -r bench/reference/requirements.txt
    python bench/reference/linear.py

reads the tables in internal/model/testdata and writes reference.json beside
them. Text columns are one-hot encoded with all their categories, sorted.
cars.csv is of StatLib, penguins.csv of the Palmer Station LTER (CC0), weather.csv
(every eighth day of Seattle and New York, 2012-15) of NOAA, flights.csv (every
6000th of three million, 2001) of the US Bureau of Transportation Statistics.
"""

import csv
import json
import pathlib
import warnings

import numpy as np
import statsmodels.api as sm
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, PoissonRegressor, Ridge

HERE = pathlib.Path(__file__).resolve().parents[2] / "internal/model/testdata"


def read(name, target, numbers, texts, first, scaled):
    rows = list(csv.DictReader(open(HERE / f"{name}.csv")))[:first]
    columns = [np.array([float(r[c]) for r in rows]) for c in numbers]
    if scaled:
        columns = [(c - c.mean()) / c.std() for c in columns]
    for c in texts:
        for value in sorted({r[c] for r in rows}):
            columns.append(np.array([float(r[c] == value) for r in rows]))
    return np.column_stack(columns), [r[target] for r in rows]


def learner(kind, params, options):
    if kind == "ols":
        return LinearRegression()
    if kind == "ridge":
        return Ridge(solver="svd", **params)
    if kind == "lasso":
        return Lasso(tol=1e-15, max_iter=1_000_000, **params)
    if kind == "elastic_net":
        return ElasticNet(tol=1e-15, max_iter=1_000_000, **params)
    if kind == "poisson":
        return PoissonRegressor(solver="newton-cholesky", tol=1e-12, max_iter=10_000, **params)
    if options.get("penalty") == "l1":
        return LogisticRegression(penalty="l1", solver="saga", tol=1e-13, max_iter=1_000_000, random_state=0, class_weight=options.get("class_weight"), **params)
    return LogisticRegression(solver="newton-cholesky", tol=1e-14, max_iter=10_000, class_weight=options.get("class_weight"), **params)


def inference(x, y, w):
    """Rows without weight are left out: statsmodels would count them."""
    fit = sm.WLS(y[w > 0], sm.add_constant(x[w > 0]), weights=w[w > 0]).fit()
    out = {
        "degrees_of_freedom": int(fit.df_resid), "residual_standard_error": float(np.sqrt(fit.scale)), "r_squared": fit.rsquared,
        "adjusted_r_squared": fit.rsquared_adj, "f": fit.fvalue, "f_p": fit.f_pvalue,
    }
    if np.linalg.matrix_rank(sm.add_constant(x)) == x.shape[1] + 1:  # else another column may be left out
        out["estimates"] = np.column_stack([fit.params, fit.bse, fit.tvalues, fit.pvalues, fit.conf_int()]).tolist()
    return out


def case(kind, table, target, numbers, texts, weighted=False, first=None, scaled=False, options={}, **params):
    x, y = read(table, target, numbers, texts, first, scaled)
    w = np.arange(len(y)) % 5 / 2 if weighted else np.ones(len(y))
    if kind != "logistic":
        y = np.array([float(v) for v in y])
    model = learner(kind, params, options).fit(x, y, sample_weight=w)
    out = {"kind": kind, "table": table, "target": target, "numbers": numbers, "texts": texts, "params": params, "options": options, "weighted": weighted, "first": first or 0, "scaled": scaled}
    if kind == "logistic":
        intercepts, coefficients, predictions = model.intercept_, model.coef_, model.predict_proba(x)
    else:
        intercepts, coefficients, predictions = [model.intercept_], [model.coef_], model.predict(x)[:, None]
    assert first is None or x.shape[1] > len(y), x.shape
    out["intercepts"] = list(map(float, intercepts))
    out["coefficients"] = [list(map(float, row)) for row in coefficients]
    out["every"] = max(1, len(predictions) // 20)
    out["predictions"] = [list(map(float, row)) for row in predictions[:: out["every"]]]
    if kind == "ols":
        out["inference"] = inference(x, y, w)
    return out


warnings.simplefilter("ignore", ConvergenceWarning)  # a gap of 1e-15 is not always within reach
cars = ["cylinders", "displacement", "horsepower", "weight", "acceleration"]
penguins = ["beak_length", "beak_depth", "flipper_length", "body_mass"]
weather = ["temp_max", "temp_min", "wind"]
cases = [
    case("ols", "cars", "mpg", cars, []),
    case("ols", "cars", "mpg", cars, ["origin"]),
    case("ols", "cars", "mpg", cars, [], weighted=True),
    case("ols", "weather", "temp_max", ["temp_min", "wind", "precipitation"], ["location", "weather"], weighted=True),
    case("ols", "flights", "delay", ["distance", "hour"], []),
    case("logistic", "penguins", "sex", penguins, ["species", "island"], C=1.0),
    case("logistic", "penguins", "sex", penguins, [], C=0.01),
    case("logistic", "penguins", "sex", penguins, ["species"], C=100.0),
    case("logistic", "penguins", "species", penguins, [], C=1.0),
    case("logistic", "penguins", "species", penguins[:2], ["island", "sex"], C=10.0),
    case("logistic", "penguins", "species", [], ["island", "sex"], C=0.5),
    case("logistic", "cars", "origin", cars, [], C=0.1),
    case("logistic", "penguins", "sex", penguins, ["species"], weighted=True, C=1.0),
    case("logistic", "cars", "origin", cars, [], weighted=True, options={"class_weight": "balanced"}, C=1.0),
    case("logistic", "weather", "weather", weather, ["location"], options={"class_weight": "balanced"}, C=1.0),
    case("logistic", "penguins", "sex", penguins, ["species", "island"], scaled=True, options={"penalty": "l1"}, C=0.3),
    case("logistic", "penguins", "species", penguins, ["island"], scaled=True, options={"penalty": "l1"}, C=0.5),
    case("logistic", "cars", "origin", cars, [], scaled=True, weighted=True, options={"penalty": "l1", "class_weight": "balanced"}, C=0.1),
    case("logistic", "weather", "weather", weather, ["location"], scaled=True, options={"penalty": "l1"}, C=0.05),
    case("ridge", "cars", "mpg", cars, ["origin"], alpha=1.0),
    case("ridge", "cars", "mpg", cars + ["weight", "displacement"], ["origin"], weighted=True, scaled=True, alpha=10.0),
    case("ridge", "cars", "mpg", ["cylinders"], ["horsepower", "weight"], first=40, alpha=0.5),
    case("ridge", "flights", "delay", ["distance", "hour"], ["origin"], scaled=True, alpha=3.0),
    case("ridge", "weather", "temp_max", ["temp_min", "wind"], ["location", "weather"], weighted=True, alpha=1e-6),
    case("lasso", "cars", "mpg", cars, ["origin"], scaled=True, alpha=0.1),
    case("lasso", "cars", "mpg", cars, [], weighted=True, alpha=0.5),
    case("lasso", "cars", "mpg", cars[:3] + ["acceleration"], ["weight"], first=40, alpha=0.05),
    case("lasso", "flights", "delay", ["distance", "hour"], ["origin"], scaled=True, weighted=True, alpha=0.1),
    case("lasso", "penguins", "body_mass", penguins[:3], ["species", "sex"], alpha=1000.0),
    case("elastic_net", "cars", "mpg", cars + ["weight"], ["origin"], scaled=True, alpha=0.1, l1_ratio=0.5),
    case("elastic_net", "cars", "mpg", ["cylinders"], ["horsepower", "weight"], weighted=True, first=40, alpha=0.02, l1_ratio=0.3),
    case("elastic_net", "flights", "delay", ["distance", "hour"], ["origin"], scaled=True, alpha=0.05, l1_ratio=0.9),
    case("elastic_net", "weather", "temp_max", ["temp_min", "wind", "precipitation"], ["location", "weather"], weighted=True, alpha=0.1, l1_ratio=0.1),
    case("poisson", "cars", "horsepower", ["cylinders", "acceleration"], ["origin"], alpha=0.1),
    case("poisson", "cars", "horsepower", cars[:2] + ["acceleration"], [], weighted=True, alpha=0.0),
    case("poisson", "weather", "precipitation", weather, ["location", "weather"], alpha=0.01),
    case("poisson", "weather", "precipitation", weather, ["location"], weighted=True, scaled=True, alpha=1.0),
]
(HERE / "reference.json").write_text(json.dumps(cases, indent=1) + "\n")
