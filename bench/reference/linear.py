"""Reference coefficients for internal/model, by scikit-learn.

    pip install -r bench/reference/requirements.txt
    python bench/reference/linear.py

reads the tables in internal/model/testdata and writes reference.json beside
them. Text columns are one-hot encoded with all their categories, sorted.
"""

import csv
import json
import pathlib

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression

HERE = pathlib.Path(__file__).resolve().parents[2] / "internal/model/testdata"


def read(name, target, numbers, texts):
    rows = list(csv.DictReader(open(HERE / f"{name}.csv")))
    columns = [np.array([float(r[c]) for r in rows]) for c in numbers]
    for c in texts:
        for value in sorted({r[c] for r in rows}):
            columns.append(np.array([float(r[c] == value) for r in rows]))
    return np.column_stack(columns), [r[target] for r in rows]


def case(kind, table, target, numbers, texts, **params):
    x, y = read(table, target, numbers, texts)
    if kind == "ols":
        y = np.array([float(v) for v in y])
        model = LinearRegression().fit(x, y)
        intercepts, coefficients = [model.intercept_], [model.coef_]
        predictions = model.predict(x)[:, None]
    else:
        model = LogisticRegression(solver="newton-cholesky", tol=1e-14, max_iter=10_000, **params)
        model.fit(x, y)
        intercepts, coefficients = model.intercept_, model.coef_
        predictions = model.predict_proba(x)
    return {
        "kind": kind, "table": table, "target": target, "numbers": numbers, "texts": texts, "params": params,
        "intercepts": list(map(float, intercepts)),
        "coefficients": [list(map(float, row)) for row in coefficients],
        "predictions": [list(map(float, row)) for row in predictions[:: max(1, len(predictions) // 20)]],
        "every": max(1, len(predictions) // 20),
    }


cars = ["cylinders", "displacement", "horsepower", "weight", "acceleration"]
penguins = ["beak_length", "beak_depth", "flipper_length", "body_mass"]
cases = [
    case("ols", "cars", "mpg", cars, []),
    case("ols", "cars", "mpg", cars, ["origin"]),
    case("logistic", "penguins", "sex", penguins, ["species", "island"], C=1.0),
    case("logistic", "penguins", "sex", penguins, [], C=0.01),
    case("logistic", "penguins", "sex", penguins, ["species"], C=100.0),
    case("logistic", "penguins", "species", penguins, [], C=1.0),
    case("logistic", "penguins", "species", penguins[:2], ["island", "sex"], C=10.0),
    case("logistic", "penguins", "species", [], ["island", "sex"], C=0.5),
    case("logistic", "cars", "origin", cars, [], C=0.1),
]
(HERE / "reference.json").write_text(json.dumps(cases, indent=1) + "\n")
