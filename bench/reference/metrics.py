"""Reference metrics for internal/evaluation, by scikit-learn.

    pip install -r bench/reference/requirements.txt
    python bench/reference/metrics.py

writes internal/evaluation/testdata/reference.json.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn import metrics as m

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/evaluation/testdata/reference.json"
warnings.simplefilter("ignore")
rng = np.random.default_rng(7)


def regression(y, p):
    return {
        "rmse": m.root_mean_squared_error(y, p), "mae": m.mean_absolute_error(y, p), "r2": m.r2_score(y, p),
        "mape": m.mean_absolute_percentage_error(y, p), "median_absolute_error": m.median_absolute_error(y, p),
    }


def binary(y, p):
    hard = np.argmax(p, axis=1)
    return {
        "log_loss": m.log_loss(y, p, labels=[0, 1]), "brier": m.brier_score_loss(y, p[:, 1]),
        "accuracy": m.accuracy_score(y, hard), "precision": m.precision_score(y, hard),
        "recall": m.recall_score(y, hard), "f1": m.f1_score(y, hard),
        "roc_auc": m.roc_auc_score(y, p[:, 1]), "average_precision": m.average_precision_score(y, p[:, 1]),
    }


def multiclass(y, p):
    hard = np.argmax(p, axis=1)
    return {
        "log_loss": m.log_loss(y, p, labels=range(p.shape[1])), "accuracy": m.accuracy_score(y, hard),
        "balanced_accuracy": m.balanced_accuracy_score(y, hard),
        "macro_f1": m.f1_score(y, hard, average="macro"), "weighted_f1": m.f1_score(y, hard, average="weighted"),
    }


def case(task, score, y, p, classes=0):
    p = np.asarray(p, float)
    return {
        "task": task, "classes": classes, "y": list(map(float, y)), "predictions": list(map(float, p.ravel())),
        "scores": {k: float(v) for k, v in score(np.asarray(y), p).items()},
    }


def probabilities(rows, classes, y, skill):
    z = rng.normal(size=(rows, classes))
    z[np.arange(rows), y] += skill
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return p / p.sum(axis=1, keepdims=True)


cases = []
for n in (1 + 1, 37, 200):
    y = rng.normal(size=n) * 30 + 10
    cases.append(case("regression", regression, y, y + rng.normal(size=n) * 8))
y = rng.integers(0, 2, 150)
cases.append(case("binary", binary, y, probabilities(150, 2, y, 1.0), 2))
p1 = np.round(probabilities(150, 2, y, 0.5)[:, 1], 1)  # ties, and 0 and 1
cases.append(case("binary", binary, y, np.column_stack([1 - p1, p1]), 2))
cases.append(case("binary", binary, y, np.tile([0.6, 0.4], (150, 1)), 2))  # no positive predicted
for classes in (3, 6):
    y = rng.integers(0, classes, 180)
    cases.append(case("multiclass", multiclass, y, probabilities(180, classes, y, 1.2), classes))
y = rng.integers(0, 3, 60)  # classes 3 and 4 do not occur; 3 is predicted
cases.append(case("multiclass", multiclass, y, probabilities(60, 5, y, 0.3), 5))
y = np.array([0, 1, 2, 2])
cases.append(case("multiclass", multiclass, y, np.eye(3)[[0, 1, 2, 1]], 3))  # certain and wrong
OUT.write_text(json.dumps(cases) + "\n")
